"""The lobby in a real browser: members read and write, with and without JavaScript."""

from __future__ import annotations

import re
import signal
import tempfile

import tornado.template
from playwright.sync_api import expect

from models.names import initial, tint
from testsuite.browser import (
    ENDED_SESSION,
    BrowserTest,
    expect_listed,
    expect_live,
    expect_message,
    messages,
    sign_in,
    write,
)
from testsuite.cases import add_user
from testsuite.clients import Client
from testsuite.servers import ROOT, Server
from testsuite.tables import sql

NASTY = '<img src=x onerror="hacked=1">'
SCRIPT = "<script>hacked=1</script>"
# The elements of a message, without its text, its times and its state.
MARKUP = """row => {
  const message = row.querySelector('.message').cloneNode(true);
  message.querySelectorAll('.note').forEach((note) => note.remove());
  message.querySelector('.body').replaceChildren();
  message.querySelector('.body').classList.remove('plain');
  message.querySelector('time').replaceWith(document.createElement('time'));
  for (const link of message.querySelectorAll('a')) link.replaceWith(document.createElement('a'));
  return message.outerHTML;
}"""

# How many members the page says are online, and how many it names, at one moment.
COUNTS = """() => [
  Number(document.getElementById('online-count').textContent), document.querySelectorAll('#online .name').length
]"""


class Lobby(BrowserTest):
    """What happens while everything works."""

    # dora is in one test only: who was here a moment ago, in another test, has never left.
    members = (*BrowserTest.members, "dora")

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        added = add_user(cls.folder, NASTY)
        if added.returncode:
            raise AssertionError(added.stderr)

    def test_two_members_chat_both_ways(self) -> None:
        ana, beto = self.member("ana"), self.member("beto")
        write(ana, "Bom dia, **Beto**!")
        expect_message(beto, "Bom dia, Beto!")
        expect(beto.locator("#rows .row strong", has_text="Beto")).to_be_visible()
        write(beto, "Bom dia, Ana!")
        expect_message(ana, "Bom dia, Ana!")
        for page in (ana, beto):
            self.assertEqual(messages(page)[-2:], ["Bom dia, Beto!", "Bom dia, Ana!"])
        expect(ana.locator("#rows .row.own").last).to_contain_text("Bom dia, Beto!")
        self.shoot(ana, "room-two-members")

    def test_an_own_message_is_shown_at_once_and_settled_once(self) -> None:
        ana = self.member("ana")
        self.server.process.send_signal(signal.SIGSTOP)
        try:
            write(ana, "on its way")
            pending = ana.locator("#outbox .row.pending")
            expect(pending).to_contain_text("on its way")
            expect(pending).to_contain_text("sending…")
            expect(ana.locator("#body")).to_have_value("")
            self.shoot(ana, "room-pending")
            markup_while_pending = pending.evaluate(MARKUP)
        finally:
            self.server.process.send_signal(signal.SIGCONT)
        expect_message(ana, "on its way")
        expect(ana.locator("#outbox .row")).to_have_count(0)
        self.assertEqual(markup_while_pending, ana.locator("#rows .row").last.evaluate(MARKUP))
        ana.reload()
        expect_message(ana, "on its way")
        expect_live(ana)

    def test_one_without_javascript_posts_by_form_and_sees_the_page_come_back(self) -> None:
        ana = self.member("ana")
        beto = self.member("beto", java_script_enabled=False)
        beto.locator("#body").fill("no script here")
        beto.get_by_role("button", name="Send").click()
        expect_message(beto, "no script here")
        self.assertEqual(beto.url, f"{self.server.url}/rooms/lobby#newest")
        expect_message(ana, "no script here")
        write(ana, "I hear you")
        expect_message(ana, "I hear you")
        beto.get_by_role("link", name="See what is new").click()
        expect_message(beto, "I hear you")
        self.shoot(beto, "room-without-javascript")

    def test_without_javascript_a_refused_message_comes_back_to_be_mended(self) -> None:
        beto = self.member("beto", java_script_enabled=False)
        self.tolerate("400")
        beto.locator("#body").fill("x" * 8001)
        beto.get_by_role("button", name="Send").click()
        expect(beto.get_by_role("alert")).to_contain_text("too long")
        expect(beto.locator("#body")).to_have_value("x" * 8001)

    def test_who_is_writing_is_told(self) -> None:
        ana, beto = self.member("ana"), self.member("beto")
        beto.locator("#body").press_sequentially("I am thin")
        expect(ana.locator("#writing")).to_have_text("beto is writing…")
        self.shoot(ana, "room-writing")
        expect(beto.locator("#writing")).to_have_text("")
        beto.locator("#body").press("Enter")
        expect_message(ana, "I am thin")
        expect(ana.locator("#writing")).to_have_text("")

    def test_who_comes_and_goes_is_told_in_passing(self) -> None:
        ana = self.member("ana")
        expect_listed(ana, "ana")
        dora = self.chat("dora")
        expect(ana.locator(".presence-line", has_text="dora joined")).to_be_visible()
        expect(ana.locator("#online .name", has_text="dora")).to_be_visible()
        self.assertEqual(*ana.evaluate(COUNTS))
        dora.close()
        expect(ana.locator(".presence-line", has_text="dora left")).to_be_visible()
        expect(ana.locator("#online .name", has_text="dora")).to_have_count(0)
        self.assertEqual(ana.locator(".presence-line", has_text="ana").count(), 0)
        self.shoot(ana, "room-passing-lines")

    def test_a_member_who_comes_has_the_picture_that_the_server_draws(self) -> None:
        ana = self.member("ana")
        template = tornado.template.Loader(str(ROOT / "views" / "templates")).load("modules/picture.html")
        self.chat("carla")
        item = ana.locator("#online li").filter(has=ana.get_by_text("carla", exact=True))
        expect(item).to_be_visible()
        drawn = template.generate(name="carla", present=True, initial=initial, tint=tint).decode().strip()
        self.assertEqual(item.locator(".picture").evaluate("it => it.outerHTML"), drawn)

    def test_an_empty_message_is_not_sent(self) -> None:
        ana = self.member("ana")
        before = messages(ana)
        write(ana, "   \n  ")
        expect(ana.locator("#body")).to_be_focused()
        ana.get_by_role("button", name="Send").click()
        write(ana, "and now a real one")
        expect_message(ana, "and now a real one")
        self.assertEqual(messages(ana), [*before, "and now a real one"])

    def test_a_message_that_is_too_long_is_kept_to_be_shortened(self) -> None:
        ana = self.member("ana")
        write(ana, "y" * 8003)
        expect(ana.locator("#refusal")).to_contain_text("3 characters too many")
        expect(ana.locator("#body")).to_have_value("y" * 8003)
        self.shoot(ana, "room-too-long")
        write(ana, "y" * 8000)
        expect_message(ana, "y" * 8000)
        expect(ana.locator("#refusal")).to_be_hidden()

    def test_shift_enter_makes_a_line_and_enter_sends_both(self) -> None:
        ana = self.member("ana")
        ana.locator("#body").press_sequentially("first")
        ana.locator("#body").press("Shift+Enter")
        ana.locator("#body").press_sequentially("second")
        ana.locator("#body").press("Enter")
        expect_message(ana, "first\nsecond")

    def test_messages_and_names_are_shown_as_text(self) -> None:
        ana = self.member("ana")
        expect_listed(ana, "ana")
        nasty = self.chat(NASTY)
        nasty.send("typing", room="lobby")
        expect(ana.locator("#writing")).to_have_text(f"{NASTY} is writing…")
        expect(ana.locator(".presence-line", has_text=NASTY)).to_be_visible()
        expect(ana.locator("#online .name", has_text=NASTY)).to_be_visible()
        for body in (SCRIPT, NASTY, f"`{SCRIPT}`", f"[x](javascript:hacked=1) {SCRIPT}", "<b>bold</b> &amp; &lt;"):
            nasty.until("ack", nonce=nasty.post(body))
        expect_message(ana, "<b>bold</b> &amp; &lt;")
        write(ana, f"{SCRIPT} {NASTY}")
        expect_message(ana, f"{SCRIPT} {NASTY}")
        self.shoot(ana, "room-nasty")
        for _ in range(2):
            self.assertEqual(ana.locator("#rows img, #rows script, #rows b:not(.author)").count(), 0)
            self.assertEqual(ana.locator("#rows a[href^=javascript]").count(), 0)
            self.assertEqual(ana.evaluate("typeof hacked"), "undefined")
            expect(ana.locator("#rows .author", has_text=NASTY).first).to_be_visible()
            ana.reload()
            expect_message(ana, NASTY)
        ana.goto("/members")
        expect(ana.get_by_text(NASTY).first).to_be_visible()
        self.assertEqual(ana.evaluate("typeof hacked"), "undefined")

    def test_signing_out_ends_the_other_pages_too(self) -> None:
        self.tolerate(ENDED_SESSION)
        ana = self.member("carla")
        other = ana.context.new_page()
        other.goto("/rooms/lobby")
        expect(other.locator("#state")).to_have_class("state live")
        ana.get_by_role("button", name="Sign out").click()
        ana.wait_for_url("**/login")
        expect(other.locator("#state")).to_have_text("Signed out")
        expect(other.get_by_role("link", name="Sign in again")).to_have_attribute("href", re.compile("^/login"))
        write(other, "into the void")
        expect(other.locator("#body")).to_have_value("into the void")
        self.shoot(other, "room-signed-out")
        self.assertEqual(sql(self.folder, "SELECT count(*) FROM entry WHERE body = 'into the void'"), [(0,)])
        sign_in(ana, "carla")


class House(BrowserTest):
    """Set-up, invitations and the pages around the lobby."""

    def test_the_first_start_is_done_in_the_browser(self) -> None:
        server = Server(self.enterContext(tempfile.TemporaryDirectory())).wait()
        self.addCleanup(server.stop)
        page = self.page(url=server.url)
        page.goto("/")
        expect(page).to_have_title("Not set up yet · Prosa")
        self.shoot(page, "unset")
        page.goto(server.setup_path)
        self.shoot(page, "setup")
        page.get_by_label("Username").fill("dora")
        page.get_by_label("E-mail").fill("dora@example.org")
        page.get_by_label("Password", exact=True).fill("a good long password")
        page.get_by_label("The password once more").fill("another password")
        self.tolerate("400")
        page.get_by_role("button").click()
        expect(page.locator("#again-error")).to_have_text("The two passwords are not the same.")
        expect(page.get_by_role("alert")).to_have_text("The two passwords are not the same.")
        expect(page.get_by_label("The password once more")).to_be_focused()
        expect(page.get_by_label("Username")).to_have_value("dora")
        self.shoot(page, "setup-error")
        page.get_by_label("Password", exact=True).fill("a good long password")
        page.get_by_label("The password once more").fill("a good long password")
        page.get_by_role("button").click()
        page.wait_for_url("**/rooms/lobby")
        expect(page.locator("#state")).to_have_text("Live")
        self.shoot(page, "room-empty")
        expect(page.get_by_role("button", name="Invite somebody")).to_be_visible()
        write(page, "Hello, new house!")
        expect_message(page, "Hello, new house!")
        self.tolerate("404|400")
        page.goto(server.setup_path)
        expect(page.get_by_text("has been used")).to_be_visible()
        self.shoot(page, "setup-over")

    def test_an_invitation_is_made_copied_and_used(self) -> None:
        ana = self.page(permissions=["clipboard-read", "clipboard-write"])
        sign_in(ana, "ana")
        ana.get_by_role("link", name="Members").click()
        ana.get_by_role("button", name="Make an invitation link").click()
        expect(ana.get_by_label("Invitation link")).to_be_focused()
        ana.get_by_role("button", name="Copy").click()
        expect(ana.get_by_role("button", name="Copied")).to_be_visible()
        self.shoot(ana, "members")
        link = ana.evaluate("navigator.clipboard.readText()")
        self.assertEqual(link, ana.get_by_label("Invitation link").input_value())
        guest = self.page()
        guest.goto(link)
        self.shoot(guest, "join")
        guest.get_by_label("Username").fill("Zoé")
        guest.get_by_label("Password", exact=True).fill("a good long password")
        guest.get_by_label("The password once more").fill("a good long password")
        guest.get_by_role("button", name="Join").click()
        guest.wait_for_url("**/rooms/lobby")
        write(guest, "I am new here")
        expect_message(guest, "I am new here")
        ana.get_by_role("button", name="End the invitation").click()
        expect(ana.get_by_label("Invitation link")).to_have_count(0)
        self.tolerate("40[04]")
        late = self.page()
        late.goto(link)
        expect(late.get_by_text("This invitation is over")).to_be_visible()

    def test_who_may_not_invite_sees_no_button(self) -> None:
        ana, beto = self.page(), self.page()
        for page, name, buttons in ((ana, "ana", 1), (beto, "beto", 0)):
            sign_in(page, name)
            page.goto("/members")
            self.assertEqual(page.get_by_role("button", name="Make an invitation link").count(), buttons)

    def test_a_wrong_password_is_told_without_blame(self) -> None:
        page = self.page()
        self.tolerate("403")
        page.goto("/login")
        self.shoot(page, "login")
        page.get_by_label("Username").fill("ana")
        page.get_by_label("Password").fill("not hers")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_have_text(re.compile("name and password don.t go together"))
        expect(page.get_by_label("Username")).to_have_value("ana")
        self.shoot(page, "login-error")

    def test_an_address_that_does_not_exist_leads_home(self) -> None:
        page = self.page()
        self.tolerate("404")
        sign_in(page, "beto")
        page.goto("/nothing/here")
        expect(page).to_have_title("Not found · Prosa")
        expect(page.get_by_role("heading")).to_have_text("Not found")
        expect(page.get_by_text("There is nothing at this address.")).to_be_visible()
        self.shoot(page, "error")
        page.get_by_role("link", name="Back to the start").click()
        page.wait_for_url("**/rooms/lobby")
        page.get_by_role("link", name="Rooms").click()
        expect(page.get_by_role("heading", name="Rooms", level=1)).to_be_visible()
        self.shoot(page, "rooms")

    def test_signing_in_leads_to_where_one_wanted_to_go(self) -> None:
        page = self.page()
        page.goto("/members")
        page.get_by_label("Username").fill("beto")
        page.get_by_label("Password").fill("correct horse battery")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/members")
        self.assertEqual(Client(self.server.url).get("/members").status, 302)
