"""Browsers on a bad day: the process dies, the network goes, the reader is elsewhere."""

from __future__ import annotations

import re
import signal
import time

from playwright.sync_api import Locator, Page, Route, expect

from testsuite.browser import (
    BROKEN_CONNECTION,
    BrowserTest,
    expect_live,
    expect_message,
    heard,
    listen,
    messages,
    open_details,
    write,
)
from testsuite.clients import Chat
from testsuite.servers import Server
from testsuite.tables import locked, sql
from testsuite.waiting import wait_for

# Frames are drawn when the test says so, and the page is hidden when it says so.
HOLD_FRAMES = """
window.framesHeld = [];
window.isAway = false;
window.requestAnimationFrame = (call) => framesHeld.push(call);
Object.defineProperty(document, 'hidden', { get: () => isAway });
"""
NETWORK = f"{BROKEN_CONNECTION}|502|status of 50"
SHORTEN_NEXT_TIMEOUT = """() => {
    const { timeout } = AbortSignal;
    AbortSignal.timeout = () => {
        AbortSignal.timeout = timeout;
        return timeout.call(AbortSignal, 100);
    };
}"""


class Away(BrowserTest):
    """A page loses its process; members at the other one go on."""

    processes = 2

    def setUp(self) -> None:
        super().setUp()
        self.tolerate(NETWORK)

    def restart(self) -> None:
        """Start the first process again, on its port."""
        port = self.servers[0].port
        self.servers[0] = Server(self.folder, *self.options, port=port).wait()

    def test_a_page_whose_process_was_killed_comes_back_without_a_hole_or_a_double(self) -> None:
        ana, beto = self.member("ana"), self.chat("beto", server=1)
        write(ana, "before the fall")
        expect_message(ana, "before the fall")
        self.servers[0].stop(signal.SIGKILL)
        expect(ana.locator("#state")).not_to_have_class("state live")
        listen(ana)
        self.shoot(ana, "room-reconnecting")
        missed = [f"said meanwhile {number}" for number in range(5)]
        say_all(beto, missed)
        self.restart()
        expect_live(ana)
        expect_message(ana, missed[-1])
        self.assertEqual(messages(ana)[-6:], ["before the fall", *missed])
        expect(ana.get_by_text("5 new while you were away")).to_be_visible()
        self.assertEqual(
            [line for line in heard(ana) if line.startswith("beto") or "away" in line],
            [f"beto: {body}" for body in missed],
        )
        self.shoot(ana, "room-back")
        self.check_whole(ana)
        open_details(ana)
        expect(ana.locator("#reconnects")).to_contain_text("1 time")
        say_all(beto, ["and live again"])
        expect_message(ana, "and live again")

    def test_who_is_offline_is_told_when_the_next_attempt_is_and_need_not_wait_for_it(self) -> None:
        ana = self.member("ana")
        ana.clock.install()
        ana.reload()
        expect_live(ana)
        attempt = ana.get_by_role("button", name="Try now")
        expect(attempt).to_be_hidden()
        ana.locator("#connection > summary").click()
        self.servers[0].stop(signal.SIGKILL)
        for _ in range(8):  # each wait is twice as long as the one before, until they are of 15 to 30 s
            expect(ana.locator("#next-try")).to_have_text(re.compile(r"^Trying again in \d+ s\.$"))
            ana.clock.fast_forward(31_000)
        expect(attempt).to_be_visible()
        expect(ana.get_by_text("The site can’t be reached.")).to_be_visible()
        self.shoot(ana, "room-offline-panel")
        for width in (1280, 320):
            ana.set_viewport_size({"width": width, "height": 600})
            words, button = ana.locator("#connection > summary").bounding_box(), attempt.bounding_box()
            assert words is not None and button is not None
            is_beside = words["x"] + words["width"] <= button["x"] or words["y"] + words["height"] <= button["y"]
            self.assertTrue(is_beside, "the button stands on the words")
            self.assertLessEqual(button["x"] + button["width"], width)
        attempt.click()
        expect(ana.locator("#about-state")).to_be_visible()
        self.restart()
        before = time.monotonic()
        attempt.press("Enter")
        expect_live(ana)
        self.assertLess(time.monotonic() - before, 12, "it waited for the next attempt")
        expect(attempt).to_be_hidden()
        expect(ana.get_by_text("You hear new messages at once.")).to_be_visible()
        expect(ana.locator("#connection > summary")).to_be_focused()

    def test_a_page_whose_process_stops_goes_to_another_at_once(self) -> None:
        ana = self.member("ana")
        self.servers[0].stop()
        self.restart()
        expect_live(ana)
        write(ana, "that was quick")
        expect_message(ana, "that was quick")

    def test_what_was_written_while_offline_is_sent_later_just_once(self) -> None:
        ana, beto = self.member("ana"), self.chat("beto", server=1)
        ana.context.set_offline(True)
        expect(ana.locator("#state")).to_have_text("Offline")
        write(ana, "from the tunnel")
        expect(ana.locator("#state")).to_have_text("Offline, 1 message waiting")
        expect(ana.locator("#outbox .row")).to_contain_text("from the tunnel")
        self.shoot(ana, "room-offline")
        ana.get_by_role("button", name="Try now").focus()
        ana.context.set_offline(False)
        expect_live(ana)
        expect(ana.locator("#body")).to_be_focused()
        expect_message(ana, "from the tunnel")
        expect(ana.locator("#outbox .row")).to_have_count(0)
        say_all(beto, ["did it come once?"])
        expect_message(ana, "did it come once?")
        self.assertEqual(self.stored("from the tunnel"), 1)

    def test_what_was_written_while_the_process_was_dead_survives_a_reload(self) -> None:
        ana = self.member("ana")
        self.servers[0].stop(signal.SIGKILL)
        expect(ana.locator("#state")).not_to_have_class("state live")
        for body in ("first letter", "second letter"):
            write(ana, body)
        expect(ana.locator("#outbox .row")).to_have_count(2)
        self.restart()
        ana.reload()
        expect_live(ana)
        expect_message(ana, "second letter")
        expect(ana.locator("#outbox .row")).to_have_count(0)
        self.assertEqual(messages(ana)[-2:], ["first letter", "second letter"])
        self.assertEqual([self.stored("first letter"), self.stored("second letter")], [1, 1])
        self.check_whole(ana)

    def test_an_acknowledgement_that_was_lost_makes_no_second_message(self) -> None:
        ana = self.member("ana")
        with locked(self.folder):
            write(ana, "sent into the dark")
            expect(ana.locator("#outbox .row.pending")).to_have_count(1)
            nonce = ana.locator("#outbox .row").get_attribute("data-nonce") or ""
            self.servers[0].stop(signal.SIGKILL)
        other = self.chat("ana", server=1)
        other.until("ack", nonce=other.post("sent into the dark", nonce=nonce))
        self.restart()
        expect_live(ana)
        expect_message(ana, "sent into the dark")
        expect(ana.locator("#outbox .row")).to_have_count(0)
        self.assertEqual(self.stored("sent into the dark"), 1)

    def test_after_a_long_absence_the_page_begins_anew(self) -> None:
        ana, beto = self.member("ana"), self.chat("beto", server=1)
        self.servers[0].stop(signal.SIGKILL)
        say_all(beto, [f"much was said {number}" for number in range(520)])
        self.restart()
        expect_message(ana, "much was said 519")
        expect_live(ana)
        self.check_whole(ana)
        say_all(beto, ["the end"])
        expect_message(ana, "the end")

    def stored(self, body: str) -> int:
        """Return how often a message is in the log."""
        return int(sql(self.folder, "SELECT count(*) FROM entry WHERE body = ?", body)[0][0])

    def check_whole(self, page: Page) -> None:
        """Fail if an entry is missing or doubled on the page."""
        seqs = page.locator("#rows .row").evaluate_all("rows => rows.map((row) => Number(row.dataset.seq))")
        self.assertEqual(seqs, list(range(seqs[0], seqs[0] + len(seqs))))


class Reading(BrowserTest):
    """Readers on a page of older messages."""

    def test_older_messages_come_above_and_the_reader_stays_where_they_are(self) -> None:
        beto = self.chat("beto")
        bodies = [f"page {number}" for number in range(120)]
        say_all(beto, bodies)
        ana = self.member("ana")
        self.assertEqual(messages(ana), bodies[70:])
        mark = ana.locator("#rows .row", has_text="page 70")
        held: list[Route] = []
        ana.route("**/rooms/lobby?before=*", lambda route: held.append(route))  # noqa: PLW0108 - wants a function
        ana.locator("#scroller").evaluate("it => it.scrollBy(0, -10000)")
        wait_for_route(ana, held)
        where = height_of(mark)
        held.pop().continue_()
        expect_message(ana, "page 20")
        self.assertEqual(messages(ana), bodies[20:])
        self.assertEqual(height_of(mark), where)
        ana.locator("#scroller").evaluate("it => it.scrollBy(0, -100000)")
        wait_for_route(ana, held)
        held.pop().continue_()
        expect_message(ana, "page 0")
        self.assertEqual(messages(ana), bodies)
        expect(ana.get_by_text("This is where Lobby begins.")).to_have_count(1)
        expect(ana.locator("#rows .day")).to_have_count(1)

    def test_older_messages_that_do_not_come_can_be_asked_for_again(self) -> None:
        say_all(self.chat("beto"), [f"sheet {number}" for number in range(60)])
        ana = self.member("ana")
        ana.evaluate(SHORTEN_NEXT_TIMEOUT)
        ana.route("**/rooms/lobby?before=*", lambda route: None, times=1)  # is never answered
        ana.locator("#scroller").evaluate("it => it.scrollBy(0, -10000)")
        ana.get_by_role("link", name="The older messages could not be loaded. Try again.").click()
        expect_message(ana, "sheet 0")

    def test_without_javascript_older_messages_are_a_page_of_their_own(self) -> None:
        say_all(self.chat("beto"), [f"leaf {number}" for number in range(60)])
        ana = self.member("ana", java_script_enabled=False)
        newest = messages(ana)
        ana.get_by_role("link", name="Older messages").click()
        older = messages(ana)
        self.assertEqual(older[-1], "leaf 9")
        self.assertEqual([body for body in older if body in newest], [])
        ana.get_by_role("link", name="Back to the newest messages").click()
        self.assertEqual(messages(ana), newest)

    def test_who_reads_further_up_is_not_moved_but_told_how_many_are_new(self) -> None:
        beto = self.chat("beto")
        say_all(beto, [f"line {number}" for number in range(60)])
        ana = self.member("ana")
        self.assertTrue(at_bottom(ana))
        say_all(beto, ["seen at once"])
        expect_message(ana, "seen at once")
        self.assertTrue(at_bottom(ana))
        expect(ana.locator("#jump")).to_be_hidden()
        ana.locator("#scroller").hover()
        ana.mouse.wheel(0, -900)
        ana.wait_for_function("() => Math.abs(document.querySelector('#scroller').scrollTop) > 500")
        top = ana.locator("#rows .row", has_text="line 40")
        where = height_of(top)
        say_all(beto, ["not seen 1", "not seen 2"])
        expect(ana.locator("#jump")).to_have_accessible_name("2 new messages")
        self.assertEqual(height_of(top), where)
        self.shoot(ana, "room-new-below")
        ana.locator("#jump").click()
        expect(ana.locator("#jump")).to_be_hidden()
        self.assertTrue(at_bottom(ana))
        expect(ana.locator("#rows").get_by_text("not seen 2")).to_be_in_viewport()

    def test_text_stands_still_while_much_is_said_below_and_loaded_above(self) -> None:
        beto = self.chat("beto")
        say_all(beto, [f"still {number}" for number in range(150)])
        for scale in (1, 1.5, 2):
            with self.subTest(scale=scale):
                ana = self.member("ana", device_scale_factor=scale)
                row = self.read_further_up(ana)
                where = height_of(row)
                for number in range(100):
                    say_all(beto, [f"drop {scale} {number}", f"two lines\n\n> of {number}"])
                expect_message(ana, f"drop {scale} 99")
                self.assertAlmostEqual(height_of(row), where, delta=0.05)
                self.load_older(ana)
                self.assertAlmostEqual(height_of(row), where, delta=0.05)

    def test_text_stands_still_while_what_is_above_is_taken_away(self) -> None:
        beto = self.chat("beto")
        say_all(beto, [f"old {number}" for number in range(350)])
        ana = self.member("ana")
        row = self.read_further_up(ana)
        where = height_of(row)
        for _ in range(4):
            self.load_older(ana)
        oldest = ana.locator("#rows .row").first.get_attribute("data-seq")
        for some in range(0, 3050, 305):  # at a pace that the page keeps: who is too far behind loads it anew
            say_all(beto, [f"new {number}" for number in range(some, some + 305)])
            expect_message(ana, f"new {some + 304}")
        expect(ana.locator(f"#rows [data-seq='{oldest}']")).to_have_count(0)
        self.assertAlmostEqual(height_of(row), where, delta=0.05)
        expect(ana.locator("#rows > :first-child.day + .row:not(.follows)")).to_have_count(1)
        say_all(beto, [f"still newer {number}" for number in range(200)])
        expect_message(ana, "still newer 199")
        self.assertAlmostEqual(height_of(row), where, delta=0.05)

    def test_what_comes_within_a_frame_is_laid_out_once_and_a_hidden_page_waits_for_none(self) -> None:
        ana, beto = self.page(), self.chat("beto")
        ana.add_init_script(HOLD_FRAMES)
        self.enter(ana, "ana")
        expect_live(ana)
        before = len(messages(ana))
        for body in ("one", "two", "three"):
            say_all(beto, [body])  # each comes by itself
        expect_all_came(ana, beto)
        self.assertEqual((messages(ana)[before:], ana.evaluate("framesHeld.length")), ([], 1))
        ana.evaluate("framesHeld.shift()()")
        self.assertEqual(messages(ana)[before:], ["one", "two", "three"])
        say_all(beto, ["before I looked away"])
        expect_all_came(ana, beto)
        ana.evaluate("isAway = true, document.dispatchEvent(new Event('visibilitychange'))")
        self.assertEqual(messages(ana)[before + 3 :], ["before I looked away"])
        say_all(beto, ["meanwhile"])
        expect_message(ana, "meanwhile")
        expect(ana.get_by_text("1 new while you were away")).to_be_attached()
        ana.evaluate("framesHeld.shift()()")  # finds nothing to add
        self.assertEqual(len(messages(ana)), before + 5)

    def read_further_up(self, page: Page) -> Locator:
        """Scroll up by what is no whole number of pixels; return a row that is in sight."""
        page.locator("#scroller").evaluate("it => it.scrollBy(0, -700.4)")
        seen = page.locator("#rows .row").evaluate_all(
            "rows => rows.find((row) => row.getBoundingClientRect().top > 300).dataset.seq"
        )
        return page.locator(f"#rows [data-seq='{seen}']")

    def load_older(self, page: Page) -> None:
        """Load the page before, without scrolling up to its link."""
        count = page.locator("#rows .row").count()
        page.get_by_role("link", name="Older messages").evaluate("it => it.click()")
        page.wait_for_function("count => document.querySelectorAll('#rows .row').length > count", arg=count)

    def test_writing_brings_one_to_the_newest(self) -> None:
        say_all(self.chat("beto"), [f"row {number}" for number in range(60)])
        ana = self.member("ana")
        ana.locator("#scroller").hover()
        ana.mouse.wheel(0, -900)
        ana.wait_for_function("() => Math.abs(document.querySelector('#scroller').scrollTop) > 500")
        write(ana, "down again")
        expect_message(ana, "down again")
        expect(ana.locator("#rows").get_by_text("down again")).to_be_in_viewport()


def say_all(chat: Chat, bodies: list[str]) -> None:
    """Post messages and wait until they are on disk."""
    for body in bodies:
        last = chat.post(body)
    chat.until("ack", nonce=last)


def expect_all_came(page: Page, chat: Chat) -> None:
    """Wait until the page has received what another member has posted, whether it shows it or not."""
    expect(page.locator("#writing")).to_be_empty()
    chat.send("typing", room="lobby")
    expect(page.locator("#writing")).to_contain_text("is writing…")


def wait_for_route(page: Page, held: list[Route]) -> None:
    """Wait until the page has asked for what is held; the browser tells of it only while it is asked something."""
    wait_for(lambda: page.evaluate("true") and held, "the page asks for more")


def height_of(thing: Locator) -> float:
    """Return where on the screen a thing begins."""
    box = thing.bounding_box()
    assert box is not None
    return box["y"]


def at_bottom(page: Page) -> bool:
    """Tell whether the newest message is in sight."""
    ending = page.locator("#newest").evaluate("it => it.getBoundingClientRect().bottom")
    below = page.locator("#scroller").evaluate("it => it.getBoundingClientRect().bottom")
    return bool(ending <= below + 2)
