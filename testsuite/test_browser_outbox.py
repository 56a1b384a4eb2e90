"""Each message is stored or given back: long messages, refusals, and proxies between page and site."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Locator, Page, Route, expect

from controllers.sockjs.router import TRANSPORTS
from testsuite.bodies import BODIES
from testsuite.browser import BROKEN_CONNECTION, BrowserTest, choose_transports, expect_live, expect_message, write
from testsuite.servers import Server
from testsuite.tables import sql

GRIN = "\U0001f600"
NETWORK = f"{BROKEN_CONNECTION}|status of (4[01]|50)"


class OutboxTest(BrowserTest):
    """What the tests of the outbox share."""

    def setUp(self) -> None:
        super().setUp()
        self.tolerate(NETWORK)
        ((self.before,),) = sql(self.folder, "SELECT coalesce(max(seq), 0) FROM entry")

    def stored(self) -> list[str]:
        """Return what this test has stored, in order."""
        return [body for (body,) in sql(self.folder, "SELECT body FROM entry WHERE seq > ? ORDER BY seq", self.before)]

    def restart(self, *options: str) -> None:
        """Start the process anew on its port, with other options."""
        port = self.server.port
        self.server.stop()
        self.servers[0] = Server(self.folder, "--messages_per_second=0", *options, port=port).wait()

    def failed(self, page: Page, body: str) -> Locator:
        """Wait until a message is said not to have been sent; return its row."""
        row = page.locator("#outbox .row.failed", has_text=body)
        expect(row).to_contain_text("not sent")
        return row


class Long(OutboxTest):
    """Whatever the composer takes arrives, once and in order, whichever way it has to go."""

    def test_a_message_that_no_frame_has_room_for_arrives_over_each_transport(self) -> None:
        ana = self.member("ana")
        for name in TRANSPORTS:
            with self.subTest(transport=name):
                choose_transports(ana, name)
                expect(ana.locator("#transport")).to_have_text(name)
                expect_live(ana)
                before = self.stored()
                bodies = [f"before, {name}", GRIN * 5500, GRIN * 4900, f"after, {name}"]
                for body in bodies:
                    write(ana, body)
                expect_message(ana, f"after, {name}")
                expect(ana.locator("#outbox .row")).to_have_count(0)
                self.assertEqual(self.stored(), [*before, *bodies])
                expect_live(ana)
        expect(ana.locator("#reconnects")).to_have_text(f"{len(TRANSPORTS)} times")  # only as it was told to

    def test_so_does_the_longest_of_any_characters(self) -> None:
        ana = self.member("ana")
        bodies = [unit * (8000 // len(unit)) for unit in (GRIN, "\u4e2d", '"', "\\", "\u0301a", "\x07a")]
        for body in bodies:
            write(ana, body)
        expect(ana.locator("#outbox .row")).to_have_count(0)
        self.assertEqual(self.stored(), bodies)
        expect_live(ana)

    def test_no_frame_is_longer_than_it_was_thought_to_be(self) -> None:
        ana = self.member("ana")
        with ana.expect_websocket() as found:
            ana.reload()
        expect_live(ana)
        characters = "".join(chr(code) for code in range(1, 0x10000) if not 0xD800 <= code < 0xE000)
        pieces = [characters[start : start + 4000] for start in range(0, len(characters), 4000)]
        for number, piece in enumerate(pieces):
            with found.value.expect_event("framesent", lambda frame, n=number: f"piece {n} " in str(frame)) as sent:
                write(ana, f"piece {number} {piece}")
            (message,) = json.loads(sent.value)
            most = ana.evaluate(MEASURE_FRAME, json.loads(message))
            self.assertLessEqual(len(str(sent.value).encode()), most)
        expect(ana.locator("#outbox .row")).to_have_count(0)

    def test_the_page_counts_and_trims_as_the_server_does(self) -> None:
        ana = self.member("ana")
        for written, stored in BODIES:
            with self.subTest(ascii(written)):
                body, length, is_visible = ana.evaluate(CLEAN_BODY, written)
                if not is_visible:
                    self.assertEqual(stored, "")
                elif length > 50:
                    self.assertIsNone(stored)
                else:
                    self.assertEqual(body, stored)

    def test_half_a_character_is_sent_as_the_sign_for_one_that_is_missing(self) -> None:
        ana = self.member("ana")
        ana.locator("#body").evaluate(
            "(it) => { it.value = 'half \\ud83d, and \\ude00 half'; it.form.requestSubmit(); }"
        )
        expect_message(ana, "half \ufffd, and \ufffd half")
        expect(ana.locator("#outbox .row")).to_have_count(0)
        self.assertEqual(self.stored(), ["half \ufffd, and \ufffd half"])


class Refused(OutboxTest):
    """A refusal reaches the message that it is about; what is refused for good is given back, and others go on."""

    def test_what_is_refused_for_good_can_be_edited_and_is_not_tried_again(self) -> None:
        ana = self.member("ana")
        self.restart("--max_message=100")
        expect_live(ana)
        for body in ("x" * 150, "short", "y" * 150):
            write(ana, body)
        first, last = self.failed(ana, "x" * 150), self.failed(ana, "y" * 150)
        expect(first).to_contain_text("This message is too long.")
        expect_message(ana, "short")
        for row in (first, last):
            self.assertEqual(row.get_by_role("button").all_inner_texts(), ["edit", "discard"])
        self.shoot(ana, "room-refused")
        ana.reload()
        expect_live(ana)
        self.failed(ana, "x" * 150)
        ana.locator("#body").fill("a draft")
        first.get_by_role("button", name="edit").click()
        expect(ana.locator("#body")).to_have_value("x" * 150 + "\na draft")
        expect(ana.locator("#body")).to_be_focused()
        expect(first).to_have_count(0)
        ana.reload()
        expect(ana.locator("#body")).to_have_value("x" * 150 + "\na draft")
        write(ana, "shortened")
        expect_message(ana, "shortened")
        last.get_by_role("button", name="edit").click()
        expect(ana.locator("#body")).to_have_value("y" * 150)
        self.assertEqual(self.stored(), ["short", "shortened"])
        self.restart()

    def test_who_is_put_out_of_the_room_gets_back_what_waited(self) -> None:
        carla = self.member("carla")
        port = self.server.port
        self.server.stop()
        write(carla, "let me stay")
        where = "WHERE room_id = 'lobby' AND user_id = (SELECT id FROM user WHERE username = 'carla')"
        sql(self.folder, f"DELETE FROM membership {where}")
        self.servers[0] = Server(self.folder, *self.options, port=port).wait()
        row = self.failed(carla, "let me stay")
        expect(row).to_contain_text("There is no such room among yours.")
        expect(carla.locator("#state")).to_have_text("Stopped")
        write(carla, "and this")
        expect(carla.locator("#refusal")).to_have_text("There is no such room among yours.")
        expect(carla.locator("#body")).to_have_value("and this")
        self.assertEqual(self.stored(), [])

    def test_where_the_forms_token_is_of_a_cookie_that_is_gone_another_is_fetched(self) -> None:
        beto = self.member("beto")
        beto.route("**/chat/**", lambda route: route.abort())
        choose_transports(beto, "websocket")
        expect(beto.locator("#state")).to_contain_text("Offline")
        beto.context.clear_cookies(name=re.compile("^_xsrf"))
        write(beto, "with a new token")
        expect_message(beto, "with a new token")
        expect(beto.locator("#outbox .row")).to_have_count(0)
        self.assertEqual(self.stored(), ["with a new token"])

    def test_what_the_form_is_refused_comes_back_with_its_reason_and_others_go_on(self) -> None:
        beto = self.member("beto")
        self.restart("--max_message=100")
        expect_live(beto)
        beto.route("**/chat/**", lambda route: route.abort())
        choose_transports(beto, "websocket")
        expect(beto.locator("#state")).to_contain_text("Offline")
        for body in ("z" * 150, "by the form"):
            write(beto, body)
        row = self.failed(beto, "z" * 150)
        expect(row).to_contain_text("This message is too long.")
        self.assertEqual(row.get_by_role("button").all_inner_texts(), ["edit", "discard"])
        expect_message(beto, "by the form")
        self.assertEqual(self.stored(), ["by the form"])
        self.restart()

    def test_what_a_page_of_the_past_could_not_post_is_still_there(self) -> None:
        beto = self.member("beto")
        beto.goto("/rooms/lobby?before=9")
        beto.locator("#body").fill("into nothing")
        port = self.server.port
        self.server.stop()
        beto.locator("#body").press("Enter")
        beto.wait_for_url("chrome-error://**")
        self.servers[0] = Server(self.folder, *self.options, port=port).wait()
        beto.goto("/rooms/lobby?before=9")
        expect(beto.locator("#body")).to_have_value("into nothing")
        beto.locator("#body").press("Enter")
        expect_message(beto, "into nothing")
        expect(beto.locator("#body")).to_have_value("")
        self.assertEqual(self.stored(), ["into nothing"])

    def test_a_page_of_somebody_on_the_way_stores_nothing_and_is_not_believed(self) -> None:
        beto = self.member("beto")
        beto.route("**/chat/**", lambda route: route.abort())
        portals: list[Route] = []

        def portal(route: Route) -> None:
            if route.request.method != "POST" or portals:
                route.continue_()
                return
            portals.append(route)
            route.fulfill(status=200, content_type="text/html", body="<h1>Welcome to our hotel</h1>")

        beto.route("**/rooms/lobby", portal)
        choose_transports(beto, "websocket")
        expect(beto.locator("#state")).to_contain_text("Offline")
        write(beto, "from the hotel")
        expect_message(beto, "from the hotel")
        self.assertEqual(self.stored(), ["from the hotel"])
        self.assertEqual(len(portals), 1)


class OnTheWay(OutboxTest):
    """A proxy between page and site takes less than the page believes: frames of 3,000 bytes, forms of 9,000."""

    altered = ("controllers.sockjs.framing:MAX_FRAME_BYTES=3000", "controllers.server:MAX_BODY_BYTES=9000")

    def test_a_message_with_which_connections_break_goes_by_the_form_and_fails_with_words(self) -> None:
        ana = self.member("ana")
        write(ana, "before")
        expect_message(ana, "before")
        write(ana, "x" * 4000)
        write(ana, "between")
        expect_message(ana, "between")
        self.assertEqual(self.stored(), ["before", "x" * 4000, "between"])
        expect_live(ana)
        write(ana, GRIN * 4000)
        write(ana, "after")
        row = self.failed(ana, GRIN * 4000)
        expect(row.get_by_role("button")).to_have_text(["edit", "discard"])
        expect_message(ana, "after")
        expect_live(ana)
        self.assertEqual(self.stored(), ["before", "x" * 4000, "between", "after"])


IMPORT_BODY = """const { cleanBody, countCharacters, isVisible, maxFrameBytes } =
    await import(document.querySelector('[href*="/body.js"]').href);"""
MEASURE_FRAME = f"async (message) => {{ {IMPORT_BODY} return maxFrameBytes(message); }}"
CLEAN_BODY = f"""async (written) => {{ {IMPORT_BODY}
  const text = cleanBody(written);
  return [text, countCharacters(text), isVisible(text)]; }}"""
