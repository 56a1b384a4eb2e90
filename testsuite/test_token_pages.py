"""Tokens and bots by the pages: made, shown once, ended, and marked wherever their names stand."""

from __future__ import annotations

import re
import time

from models.database import database
from models.logs.base import Draft
from models.logs.sql_append import append
from models.models import create_tables
from models.tokens import find_token
from testsuite.cases import SiteTest
from testsuite.clients import PASSWORD, Answer, Client
from testsuite.servers import run_app
from testsuite.tables import address, sql
from testsuite.test_account_page import NEW

TOKEN = re.compile(r'value="(prosa_[A-Za-z0-9_-]{43})"')
WISHES = {"name": "backup <b>script</b>", "scope": "read", "days": "30"}


def shown(answer: Answer) -> str:
    """Return the token that a page shows, or nothing."""
    found = TOKEN.search(answer.text)
    return found[1] if found else ""


def wrong(answer: Answer) -> list[str]:
    """Return the fields beside which a page says that something is wrong."""
    return re.findall(r'class="error-text" id="(\w+)-error"', answer.text)


class TokenPagesTest(SiteTest):
    """docs/security.rst 32: shown once, and good for nothing on pages."""

    def path_of_end(self, client: Client, page: str = "/account") -> str:
        """Return where the button that ends the newest token leads."""
        found = re.search(rf'action="({page}/tokens/\d+/end)"', client.get(page).text)
        assert found is not None
        return found[1]

    def member_of(self, token: str) -> str:
        """Return for whom the site's database has a token."""
        create_tables(address(self.folder))
        try:
            return find_token(token).member.username
        finally:
            database.close()

    def count(self, name: str) -> int:
        """Return how many tokens a member has."""
        counted = sql(
            self.folder, "SELECT count(*) FROM token WHERE user_id = (SELECT id FROM user WHERE username = ?)", name
        )
        return int(counted[0][0])


class OwnTokens(TokenPagesTest):
    def tearDown(self) -> None:
        sql(self.folder, "DELETE FROM token")

    def test_it_is_shown_on_the_page_that_answers_and_on_no_other(self) -> None:
        beto = self.client("beto")
        made = beto.post("/account/tokens", WISHES)
        token = shown(made)
        self.assertEqual((made.status, self.member_of(token)), (200, "beto"))
        self.assertEqual(made.headers["Cache-Control"], "no-store")
        page = beto.get("/account").text
        self.assertNotIn(token, page)
        self.assertIn("backup &lt;b&gt;script&lt;/b&gt;", page)
        for fact in ("reads only", "not used yet", "good until "):
            self.assertIn(fact, page)
        self.assertNotIn(token, "".join(self.server.lines))

    def test_the_button_ends_it_and_pressing_it_twice_is_no_error(self) -> None:
        beto = self.client("beto")
        beto.post("/account/tokens", {**WISHES, "days": "never"})
        self.assertIn("good until you end it", beto.get("/account").text)
        end = self.path_of_end(beto)
        for _ in range(2):
            answer = beto.post(end)
            self.assertEqual((answer.status, answer.location), (302, "/account#tokens"))
        self.assertEqual(self.count("beto"), 0)

    def test_nobody_ends_that_of_another(self) -> None:
        beto = self.client("beto")
        beto.post("/account/tokens", WISHES)
        self.client("ana").post(self.path_of_end(beto))
        self.assertEqual(self.count("beto"), 1)

    def test_what_is_wrong_is_said_beside_its_field_and_what_was_typed_is_kept(self) -> None:
        beto = self.client("beto")
        for fields, field in (
            ({"name": " "}, "name"),
            ({"name": "x" * 61}, "name"),
            ({"scope": "admin"}, "scope"),
            ({"days": "31"}, "days"),
            ({"days": "9" * 5000}, "days"),
        ):
            with self.subTest(fields):
                answer = beto.post("/account/tokens", {**WISHES, **fields})
                self.assertEqual((answer.status, wrong(answer), shown(answer)), (400, [field], ""))
        self.assertIn('value="backup &lt;b&gt;script&lt;/b&gt;"', answer.text)
        self.assertEqual(self.count("beto"), 0)

    def test_one_that_is_over_stays_in_the_list_until_it_is_taken_off(self) -> None:
        beto = self.client("beto")
        beto.post("/account/tokens", WISHES)
        sql(self.folder, "UPDATE token SET ends_at = ?, used_at = ?", time.time() - 1, time.time())
        page = beto.get("/account", Accept_Language="pt-BR").text
        for fact in ("terminou em", "último uso: Hoje, ", "só lê", "Tirar"):
            self.assertIn(fact, page)
        beto.post(self.path_of_end(beto))
        self.assertEqual(self.count("beto"), 0)

    def test_a_new_password_leaves_the_tokens_unless_it_is_to_end_them(self) -> None:
        carla, password = self.client("carla"), PASSWORD
        carla.post("/account/tokens", WISHES)
        for ending, count in ({}, 1), ({"ends_tokens": "on"}, 0):
            fields = {"current": password, "password": NEW + str(count), "again": NEW + str(count), **ending}
            self.assertEqual(carla.post("/account", fields).status, 302)
            self.assertEqual(self.count("carla"), count)
            password = NEW + str(count)

    def test_with_one_no_page_opens_and_no_form_is_taken(self) -> None:
        beto = self.client("beto")
        token = shown(beto.post("/account/tokens", {**WISHES, "scope": "write"}))
        program = self.client()
        program.headers = {"Authorization": f"Bearer {token}"}
        for path in ("/rooms", "/account", "/rooms/lobby"):
            answer = program.get(path)
            self.assertEqual((answer.status, answer.location.partition("?")[0]), (302, "/login"), path)
        self.assertEqual(program.get("/people?q=a").status, 401)
        fields = {"current": PASSWORD, "password": NEW, "again": NEW}
        for path, form in (("/account", fields), ("/account/tokens", WISHES), ("/rooms/lobby", {"body": "x"})):
            self.assertEqual(program.post(path, form).status, 403, path)
        self.assertEqual(self.count("beto"), 1)


class Bots(TokenPagesTest):
    members = (*SiteTest.members, "davi")

    def make(self, name: str) -> str:
        """Make a bot; return the path of its page."""
        return self.client("ana").post("/members/bots", {"bot": name}).location

    def test_an_administrator_makes_one_with_tokens_and_removes_it(self) -> None:
        ana, bot = self.client("ana"), self.make("Deploy")
        token = shown(ana.post(f"{bot}/tokens", {**WISHES, "scope": "write"}))
        self.assertEqual(self.member_of(token), "Deploy")
        page = ana.get(bot).text
        self.assertIn("reads and writes", page)
        self.assertNotIn(token, page)
        answer = ana.post(self.path_of_end(ana, bot))
        self.assertEqual((answer.location, self.count("Deploy")), (bot, 0))
        ana.post(f"{bot}/tokens", WISHES)
        self.assertIn(f'href="{bot}"', ana.get("/members").text)
        self.assertEqual(ana.post(f"/members/{bot.rpartition('/')[2]}/remove").location, "/members")
        self.assertEqual((ana.get(bot).status, self.count("Deploy")), (404, 0))
        self.assertEqual(wrong(ana.post("/members/bots", {"bot": "deploy"})), ["bot"])

    def test_a_name_that_cannot_be_is_refused_beside_its_field(self) -> None:
        for name in ("", "BETO", "x" * 41, "\u200b"):
            answer = self.client("ana").post("/members/bots", {"bot": name})
            self.assertEqual((answer.status, wrong(answer)), (400, ["bot"]))
        self.assertNotIn("checked", answer.text)

    def test_members_make_none_and_see_no_tokens(self) -> None:
        beto, bot = self.client("beto"), self.make("Secret bot")
        self.client("ana").post(f"{bot}/tokens", WISHES)
        ((number,),) = sql(self.folder, "SELECT max(id) FROM token")
        self.assertEqual(beto.get(bot).status, 403)
        for path in ("/members/bots", f"{bot}/tokens", f"{bot}/tokens/{number}/end"):
            self.assertEqual(beto.post(path, {"bot": "another", **WISHES}).status, 403)
        self.assertNotIn("/members/bots", beto.get("/members").text)
        self.assertEqual(self.count("Secret bot"), 1)

    def test_the_page_of_a_bot_is_no_page_of_a_member(self) -> None:
        ana = self.client("ana")
        ((beto,),) = sql(self.folder, "SELECT id FROM user WHERE username = 'beto'")
        self.assertEqual(ana.get(f"/members/bots/{beto}").status, 404)
        self.assertEqual(ana.post(f"/members/bots/{beto}/tokens", WISHES).status, 404)
        self.assertEqual(self.count("beto"), 0)

    def test_it_signs_in_nowhere_and_a_command_says_why(self) -> None:
        self.make("sleeper")
        answer = self.client().post("/login", {"username": "sleeper", "password": PASSWORD})
        self.assertEqual(answer.status, 403)
        done = run_app(self.folder, "passwd", "sleeper", stdin=PASSWORD)
        self.assertEqual(done.returncode, 2)
        self.assertIn("A bot has no password and does not sign in", done.stderr)
        self.assertEqual(self.client().post("/login", {"username": "sleeper", "password": PASSWORD}).status, 403)

    def test_it_is_marked_wherever_people_are_listed_in_both_languages(self) -> None:
        self.make("marked bot")
        beto = self.client("beto")
        room = beto.post("/rooms", {"name": "Machines", "kind": "closed"}).location
        self.assertEqual(beto.post(f"{room}/members", {"username": "marked bot"}).status, 302)
        for language in ("en", "pt-BR"):
            for path in ("/members", "/people/marked%20bot", f"{room}/settings"):
                page = beto.get(path, Accept_Language=language).text
                self.assertRegex(page, r"(?s)<bdi>marked bot</bdi>.{0,60}<(small|p)>bot</", path)
        for path in ("/people?q=marked", f"{room}/people?q=bot"):
            ((found),) = beto.get(path).json()["people"]
            self.assertEqual((found["username"], found["note"]), ("marked bot", "bot"))

    def test_its_messages_are_marked_for_who_reads_the_page_and_for_who_is_there(self) -> None:
        bot = int(self.make("speaker").rpartition("/")[2])
        davi = self.client("davi")
        listening = self.listen(davi)
        create_tables(address(self.folder))
        append([Draft("lobby", bot, "by a machine", "n1")], time.monotonic())
        database.close()
        listening.post("by a human")
        live = {entry["body"]: entry["html"] for entry in listening.entries(2)}
        page = davi.get("/rooms/lobby").text
        mark = "<span class='bot'><span lang='en'>bot</span><span lang='pt-BR'>bot</span></span>"
        self.assertIn(f">speaker</a> {mark} <a class='when'", page)
        self.assertIn(mark, live["by a machine"])
        self.assertNotIn(mark, live["by a human"])
        self.assertEqual(page.count(mark), 1)

    def test_it_is_written_to_like_everybody(self) -> None:
        self.make("listener")
        answer = self.client("beto").post("/direct", {"username": "listener"})
        self.assertRegex(answer.location, "^/rooms/d-")
