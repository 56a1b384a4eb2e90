"""Rooms and messages in a browser: without a script, in two languages, with 500 rooms, on wide and narrow screens."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from playwright.sync_api import Locator, Page, expect

from models.database import database, writing
from models.models import Membership, Room, User, create_tables
from testsuite.browser import PHONE, BrowserTest, expect_message, follow, write
from testsuite.roompage import make_room, refusals, rows
from testsuite.tables import address
from testsuite.test_browser_looks import SMALL, style

PLAIN: dict[str, Any] = {"java_script_enabled": False}
WIDE: dict[str, Any] = {"viewport": {"width": 1480, "height": 900}}
PORTUGUESE: dict[str, Any] = {"locale": "pt-BR"}
ROOMS = 500
ODD = "Zoë 50% a/b?c#d"  # what an address has other uses for


def write_plainly(page: Page, body: str) -> None:
    """Send a message without a script."""
    page.locator("#body").fill(body)
    follow(page.locator("#composer .button"))


def row(page: Page, text: str) -> Locator:
    """Return the message with this text."""
    return page.locator(".row", has_text=text)


class WithoutScript(BrowserTest):
    def test_two_people_do_everything_in_a_room_by_forms(self) -> None:
        ana, beto = (self.member(name, **PLAIN) for name in ("ana", "beto"))
        ana.goto("/rooms")
        ana.get_by_label("Name").fill("Saturday hall")
        ana.get_by_label("What it is for").fill("Who brings what")
        follow(ana.get_by_role("button", name="Make the room"))
        write_plainly(ana, "Who has the key?")

        beto.goto("/rooms")
        follow(beto.get_by_role("button", name="Join Saturday hall"))
        row(beto, "Who has the key?").hover()
        follow(row(beto, "Who has the key?").get_by_role("link", name="Actions"))
        follow(beto.get_by_role("button", name="👍"))
        expect(row(beto, "Who has the key?").locator(".reaction.own")).to_contain_text("1")
        follow(row(beto, "Who has the key?").locator(".reaction"))
        beto.get_by_label("Your reply").fill("I have it")
        follow(beto.get_by_role("button", name="Send"))
        expect(row(beto, "I have it").locator(".quote")).to_contain_text("Who has the key?")

        ana.goto("/new")
        expect(ana.locator(".new-room")).to_contain_text("1 new message")
        follow(ana.locator(".new-room h2 a"))
        expect(ana.locator(".row.marked")).to_be_in_viewport()
        follow(row(ana, "Who has the key?").get_by_role("link", name="1 reply"))
        ana.get_by_label("The text of the message").fill("Who has the keys?")
        follow(ana.get_by_role("button", name="Save"))
        expect(row(ana, "Who has the keys?").locator(".edited")).to_be_visible()
        follow(row(ana, "Who has the keys?").get_by_role("link", name="1 reply"))
        follow(ana.get_by_role("button", name="Delete the message"))
        beto.reload()
        expect(beto.locator(".row .deleted")).to_contain_text("This message was deleted")
        expect(beto.locator("main")).not_to_contain_text("the key")

    def test_the_message_of_a_link_is_in_sight(self) -> None:
        ana = self.client("ana")
        for number in range(60):
            ana.post("/rooms/lobby", {"body": f"line {number}"})
        seq = rows(ana.get("/rooms/lobby"))[-30].seq
        page = self.member("ana", **PLAIN)
        page.goto(f"/rooms/lobby?at={seq}#m{seq}")
        expect(page.locator(".row.marked")).to_be_in_viewport()
        self.assertNotEqual(style(page, ".row.marked", "backgroundColor"), "rgba(0, 0, 0, 0)")

    def test_the_way_to_a_messages_page_is_there_where_no_script_runs(self) -> None:
        self.client("ana").post("/rooms/lobby", {"body": "to be touched"})
        for look, opacity in (({}, "0"), (PHONE, "1")):
            page = self.member("ana", **PLAIN, **look)
            more = row(page, "to be touched").last.locator(".more")
            self.assertEqual(more.evaluate("it => getComputedStyle(it).opacity"), opacity)
            more.focus()
            self.assertEqual(more.evaluate("it => getComputedStyle(it).opacity"), "1")
            if look:
                self.assertEqual(page.locator(".more, .when, .reaction").evaluate_all(SMALL), [])
            live = self.member("ana", **look)
            expect(row(live, "to be touched").last.locator(".more")).to_have_css("clip-path", "inset(50%)")


class Languages(BrowserTest):
    def test_each_reader_hears_and_sees_the_words_of_their_own_language_only(self) -> None:
        ana = self.client("ana")
        path = make_room(ana, "In two tongues")
        for body in ("Bom dia", "Goodbye"):
            ana.post(path, {"body": body})
        first, second = (one.seq for one in rows(ana.get(path))[-2:])
        ana.post(f"{path}/messages/{first}/edit", {"body": "Bom dia!"})
        ana.post(f"{path}/messages/{first}/react", {"emoji": "👍"})
        for seq in (first, second):
            ana.post(path, {"body": f"answer to {seq}", "target": str(seq)})
        ana.post(f"{path}/messages/{second}/delete")
        words = {
            "en-US": ["made this room", "edited", "1 reply", "This message was deleted"],
            "pt-BR": ["criou esta sala", "editada", "1 resposta", "Esta mensagem foi apagada"],
        }
        for locale, own in words.items():
            (others,) = [some for other, some in words.items() if other != locale]
            for how in (PLAIN, {}):
                page = self.member("ana", locale=locale, **how)
                for where in (path, f"{path}/messages/{first}", f"{path}/messages/{second}"):
                    page.goto(where)
                    heard, seen = page.locator("main").aria_snapshot(), page.locator("main").inner_text()
                    for text in others:
                        self.assertNotIn(text, heard)
                        self.assertNotIn(text, seen)
                    for text in own if where == path else ():
                        self.assertIn(text, heard)
                        self.assertIn(text, seen)


class Sidebar(BrowserTest):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        create_tables(address(cls.folder))
        with writing():
            user = User.get(User.username == "ana")
            for number in range(ROOMS - 2):  # with the lobby and a room that is made here
                name = "W" * 60 if number % 7 == 3 else f"Room {number}"
                room = Room.create(slug=f"room-number-{number}", name=name)
                Membership.create(room=room, user=user)
        database.close()

    def test_500_rooms_scroll_and_ones_own_card_stays(self) -> None:
        for look in ({}, {**PHONE, **PORTUGUESE, "color_scheme": "dark"}):
            page = self.member("ana", **PLAIN, **look)
            if look:
                page.locator("#menu summary").click()
                small = page.locator("#sidebar a:visible, #sidebar button:visible, #sidebar summary:visible")
                self.assertEqual(small.evaluate_all(SMALL), [], "targets under 44 px")
            expect(page.locator("#places .place")).to_have_count(ROOMS - 1)
            sidebar = page.locator("#sidebar")
            for part in (0, 0.5, 1):
                sidebar.evaluate("(it, part) => { it.scrollTop = part * it.scrollHeight; }", part)
                expect(page.locator(".self")).to_be_in_viewport(ratio=1)
                for x in (20, 100, 200):
                    own = "x => document.elementFromPoint(x, innerHeight - 20).closest('.self') !== null"
                    self.assertTrue(page.evaluate(own, x), f"something shows through at {x}")
            sidebar.evaluate("it => { it.scrollTop = 0; }")
            self.shoot(page, f"sidebar-500-{'phone' if look else 'desk'}")
            self.assertEqual(sidebar.evaluate("it => it.scrollWidth - it.clientWidth"), 0)

    def test_what_is_new_stands_at_the_right_in_words_for_all(self) -> None:
        beto = self.client("beto")
        path = make_room(beto, "Counted")
        ana = self.client("ana")
        ana.post(f"{path}/join")
        ana.get(path)
        beto.post(path, {"body": "one"})
        page = self.member("ana", **PLAIN)
        place = page.locator(".place[data-room=counted]")
        expect(place.get_by_role("link")).to_have_accessible_name("Counted 1 new")
        self.assertEqual(style(page, ".place[data-room=counted] a", "fontWeight"), "650")
        beto.post(path, {"body": "@ana two"})
        page.reload()
        expect(place.get_by_role("link")).to_have_accessible_name("Counted 1 mention")
        marked = style(page, ".place[data-room=counted] .count", "backgroundColor")
        self.assertEqual(marked, "rgb(168, 78, 8)")
        expect(page.get_by_role("link", name=re.compile(r"^New \d+ new$"))).to_be_visible()

    def test_a_direct_rooms_picture_tells_live_whether_the_other_is_online_in_whichever_room(self) -> None:
        path = make_room(self.client("beto"), "Elsewhere")
        self.client("beto").post("/direct", {"username": "carla"})
        page = self.member("carla")
        picture = page.locator("#places [data-kind=people] .picture")
        expect(picture).not_to_have_class(re.compile("present"))
        beto = self.chat("beto")
        beto.send("leave", room="lobby")
        beto.send("join", room=path.rpartition("/")[2])
        expect(picture).to_have_class(re.compile("present"))
        expect(self.member("carla", **PLAIN).locator("#places [data-kind=people] .present")).to_be_visible()
        beto.close()
        expect(picture).not_to_have_class(re.compile("present"))


class Cards(BrowserTest):
    """A name leads to the card of its member."""

    members = (*BrowserTest.members, ODD)

    def test_a_name_beside_a_message_opens_the_card_which_leads_to_the_room_of_both(self) -> None:
        self.client(ODD).post("/rooms/lobby", {"body": "who am I?"})
        ana = self.member("ana")
        name = row(ana, "who am I?").locator(".author")
        expect(name).to_have_attribute("href", f"/people/{quote(ODD, safe='')}")
        name.click()
        card = ana.get_by_role("dialog", name=ODD)
        expect(card).to_contain_text("away")
        self.shoot(ana, "card")
        ana.keyboard.press("Escape")
        expect(card).to_be_hidden()
        expect(name).to_be_focused()
        ana.keyboard.press("Enter")
        follow(card.get_by_role("button", name=f"Write to {ODD}"))
        expect(ana.locator("h1")).to_have_text(ODD)

    def test_who_is_online_has_a_card_too_and_ones_own_leads_to_the_account(self) -> None:
        beto, ana = self.member("beto"), self.member("ana", **PHONE, **PORTUGUESE)
        expect(beto.locator("#online li")).to_have_count(2)
        beto.locator("#online").get_by_role("link", name="ana").click()
        card = beto.get_by_role("dialog", name="ana")
        expect(card).to_contain_text("administrator · online")
        beto.mouse.click(5, 5)
        expect(card).to_be_hidden()
        beto.goto("/members")
        beto.get_by_role("main").get_by_role("link", name="ana", exact=True).click()
        expect(card).to_contain_text("administrator")
        ana.locator("#menu summary").tap()
        ana.locator("#online").get_by_role("link", name="ana").tap()
        own = ana.get_by_role("dialog", name="ana")
        expect(own).to_contain_text("você · administração")
        self.shoot(ana, "card-phone-portuguese")
        follow(own.get_by_role("link", name="Sua conta"))
        expect(ana.locator("h1")).to_have_text("Sua conta")

    def test_who_comes_and_goes_takes_neither_the_focus_nor_a_click_from_the_others(self) -> None:
        carla, ana = self.chat("carla"), self.member("ana")
        expect(ana.locator("#online .name")).to_have_text(["ana", "carla"])
        own = ana.locator("#online").get_by_role("link", name="ana")
        own.focus()
        own.evaluate("it => { it.dataset.kept = ''; }")
        beto = self.chat("beto")
        expect(ana.locator("#online .name")).to_have_text(["ana", "beto", "carla"])
        for chat, left in ((carla, ["ana", "beto"]), (beto, ["ana"])):
            chat.close()
            expect(ana.locator("#online .name")).to_have_text(left)
        expect(own).to_have_attribute("data-kept", "")
        expect(own).to_be_focused()

    def test_an_own_message_that_is_on_its_way_names_its_author_as_any_other(self) -> None:
        page = self.member(ODD)
        write(page, "on its way")
        href = f"/people/{quote(ODD, safe='')}"
        expect(row(page, "on its way").locator(".author")).to_have_attribute("href", href)

    def test_without_a_script_the_card_is_a_page(self) -> None:
        self.client("beto").post("/rooms/lobby", {"body": "plainly"})
        page = self.member("ana", **PLAIN)
        follow(row(page, "plainly").locator(".author"))
        expect(page.locator("h1")).to_have_text("beto")
        follow(page.get_by_role("button", name="Write to beto"))
        write_plainly(page, "between us")
        expect(row(page, "between us")).to_be_visible()

    def test_nobody_has_no_card(self) -> None:
        answer = self.client("ana").get("/people/nobody")
        self.assertEqual((answer.status, refusals(answer)), (404, ["Nobody has this name."]))


class Widths(BrowserTest):
    def test_who_is_online_stands_beside_the_room_where_there_is_space(self) -> None:
        wide, narrow = self.member("ana", **WIDE), self.member("ana")
        expect(wide.locator("#online li")).to_have_count(1)
        expect(wide.locator("#online-title")).to_have_text("People 1 of 3 here", use_inner_text=True)
        expect(narrow.locator("#online-title")).to_have_text("ONLINE — 1", use_inner_text=True)
        self.shoot(wide, "room-wide")
        box, column = (wide.locator(one).bounding_box() for one in ("main", "details.online"))
        assert box and column
        self.assertEqual((column["x"], column["width"]), (box["x"] + box["width"], 288))
        talk = wide.locator(".conversation").bounding_box()
        assert talk
        middle = talk["x"] + talk["width"] / 2
        self.assertAlmostEqual(middle, box["x"] + box["width"] / 2, delta=8)
        wide.locator("details.online summary").click()
        expect(wide.locator("#online")).to_be_hidden()
        inside, sidebar = (narrow.locator(one).bounding_box() for one in ("details.online", "#sidebar"))
        assert inside and sidebar
        self.assertLess(inside["x"] + inside["width"], sidebar["x"] + sidebar["width"])
        wide.goto("/members")
        inside = wide.locator("details.online").bounding_box()
        assert inside
        self.assertLess(inside["x"], 264, "other pages have it in the sidebar")

    def test_the_card_of_buttons_is_whole_and_own_reactions_stand_out(self) -> None:
        ana = self.client("ana")
        for body in ("above", "to be hovered"):
            ana.post("/rooms/lobby", {"body": body})
        ana.post(f"/rooms/lobby/messages/{rows(ana.get('/rooms/lobby'))[-1].seq}/react", {"emoji": "👍"})
        page = self.member("ana")
        expect_message(page, "to be hovered")
        last = page.locator("#rows .row").last
        last.hover()
        card = last.locator(".toolbar")
        expect(card).to_be_visible()
        corners = """it => { const { left, right, top, bottom } = it.getBoundingClientRect();
          return [[left + 4, top + 4], [right - 4, top + 4], [left + 4, bottom - 4], [right - 4, bottom - 4]]
            .every(([x, y]) => it.contains(document.elementFromPoint(x, y))); }"""
        self.assertTrue(card.evaluate(corners), "a corner of the card is cut or covered")
        self.assertEqual(style(page, "#rows .reaction.own", "backgroundColor"), "rgb(224, 239, 233)")

    def test_long_code_fades_where_it_goes_on_and_ends_without_it(self) -> None:
        self.client("ana").post("/rooms/lobby", {"body": "```\n" + "word " * 60 + "END\n```"})
        page = self.member("ana")
        code = page.locator(".code").last
        fade, inner = "it => getComputedStyle(it, '::after').backgroundImage", code.locator("pre")
        self.assertIn("linear-gradient", code.evaluate(fade))
        inner.evaluate("it => { it.scrollLeft = it.scrollWidth; }")
        self.shoot(page, "code-end")
        self.assertTrue(inner.evaluate(BESIDE), "the last word is below the fade")


# Whether the last word of a block of code ends before the fade at the right edge begins.
BESIDE = """it => {
  const last = it.querySelector('code').lastChild;
  const range = document.createRange();
  range.setStart(last, last.length - 'END\\n'.length);
  range.setEnd(last, last.length - 1);
  const fade = parseFloat(getComputedStyle(it.parentElement, '::after').width);
  return range.getBoundingClientRect().right <= it.parentElement.getBoundingClientRect().right - fade;
}"""
