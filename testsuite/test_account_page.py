"""The account page: a new password, signed-in devices; and members who are removed."""

from __future__ import annotations

import re
import time
from functools import partial

from testsuite.cases import SiteTest
from testsuite.clients import PASSWORD, Answer, Chat, Client
from testsuite.tables import forget_failures, sql
from testsuite.test_accounts import wrong_fields
from testsuite.waiting import together

WRONG = "not my password"
NEW = "a new password of mine"
CLOSE_SECONDS = 2.0  # in which live connections close

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/19.0 Mobile/15E148 Safari/604.1"
)
EDGE = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0"
)


class AccountTest(SiteTest):
    """A test with two processes; each test has a member of its own, made by `newcomer`."""

    processes = 2

    def newcomer(self, name: str) -> Client:
        """Return the client of a new member."""
        self.client("ana").post("/members/invitations")
        ((token,),) = sql(self.folder, "SELECT token FROM invitation ORDER BY id DESC LIMIT 1")
        client = self.client()
        fields = {"username": name, "password": PASSWORD, "again": PASSWORD}
        self.assertEqual(client.post(f"/join/{token}", fields).status, 302)
        return client

    def assert_closed(self, chats: list[Chat], since: float) -> None:
        """Check that live connections close with 4008 in time."""
        deadline = since + CLOSE_SECONDS
        for chat in chats:
            self.assertEqual(chat.until_closed(max(deadline - time.monotonic(), 0)), 4008)

    def assert_alive(self, chat: Chat) -> None:
        chat.send("ping")
        chat.until("pong")


def change(client: Client, current: str = PASSWORD, password: str = NEW, again: str = NEW, **headers: str) -> Answer:
    """Fill in the form of a new password."""
    return client.post("/account", {"current": current, "password": password, "again": again}, **headers)


class Password(AccountTest):
    """docs/security.rst 5: after a password change no old cookie is good at any process."""

    def test_the_new_password_is_good_and_the_old_one_is_not(self) -> None:
        davi = self.newcomer("davi")
        answer = change(davi)
        self.assertEqual((answer.status, answer.location), (302, "/account?changed"))
        self.assertIn("Your password is changed.", davi.get(answer.location).text)
        self.assertEqual(self.client().post("/login", {"username": "davi", "password": PASSWORD}).status, 403)
        self.client(server=1).sign_in("davi", NEW)

    def test_every_old_cookie_is_refused_and_every_live_connection_closes(self) -> None:
        here = self.newcomer("eva")
        there = self.client(server=1).sign_in("eva")
        kept = [self.elsewhere(client, server) for client in (here, there) for server in (0, 1)]
        chats = [self.listen(client) for client in kept]
        beto = self.listen(self.client("beto", server=1))
        self.assertEqual([client.get("/rooms").status for client in kept], [200] * 4)
        begin = time.monotonic()
        self.assertEqual(change(here).status, 302)
        self.assertEqual([client.get("/").location for client in kept], ["/login"] * 4)
        self.assert_closed(chats, begin)
        self.assertEqual([self.elsewhere(here, server).get("/rooms").status for server in (0, 1)], [200, 200])
        self.assert_alive(beto)
        self.assert_alive(self.listen(here))

    def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_changed(self) -> None:
        flora = self.newcomer("flora")
        for fields, wrong in (
            ({"current": WRONG}, "current"),
            ({"password": "short12", "again": "short12"}, "password"),
            ({"password": "x" * 1001, "again": "x" * 1001}, "password"),
            ({"again": NEW + "!"}, "again"),
            ({"current": WRONG, "password": "short12", "again": "other"}, "current password again"),
        ):
            with self.subTest(wrong):
                answer = change(flora, **fields)
                self.assertEqual((answer.status, wrong_fields(answer)), (400, wrong.split()))
                self.assertNotIn(NEW, answer.text)
        self.assertEqual(flora.get("/rooms").status, 200)
        self.client().sign_in("flora")
        self.assertEqual(change(flora).status, 302)

    def test_it_speaks_portuguese(self) -> None:
        gil = self.newcomer("gil")
        answer = change(gil, current=WRONG, Accept_Language="pt-BR")
        self.assertIn("Essa não é a sua senha.", answer.text)
        self.assertIn("Trocar a senha", answer.text)
        self.assertNotIn("password</", answer.text)

    def test_who_holds_a_session_only_cannot_guess_on(self) -> None:
        hugo = self.newcomer("hugo")
        self.assertEqual([change(hugo, current=f"{WRONG} {n}").status for n in range(10)], [400] * 10)
        refused = change(self.elsewhere(hugo, 1), current=PASSWORD)
        self.assertEqual(refused.status, 429)
        self.assertTrue(0 < int(refused.headers["Retry-After"]) <= 180)
        self.client().sign_in("hugo")
        forget_failures(self.folder)
        self.assertEqual(change(hugo).status, 302)

    def test_of_two_changes_at_the_same_moment_one_counts(self) -> None:
        here = self.newcomer("iris")
        there = self.client(server=1).sign_in("iris")
        answers = together(
            partial(change, here, password=NEW + " 1", again=NEW + " 1"),
            partial(change, there, password=NEW + " 2", again=NEW + " 2"),
        )
        self.assertEqual([answer.status for answer in answers].count(302), 1)
        won = [answer.status for answer in answers].index(302) + 1
        self.client().sign_in("iris", f"{NEW} {won}")


class Devices(AccountTest):
    """docs/security.rst 5: a member can sign each of their devices out from any other."""

    def devices(self, client: Client) -> list[tuple[str, int | None]]:
        """Return the names of the devices that the page lists, each with the number of its button."""
        page = client.get("/account").text
        items = re.findall(r"<li>\s*<span class=\"name\"><b>([^<]*)</b>(.*?)</li>", page, re.DOTALL)
        numbers = [re.search(r"/account/devices/(\d+)/end", rest) for _, rest in items]
        return [(name, int(number[1]) if number else None) for (name, _), number in zip(items, numbers, strict=True)]

    def signed_in(self, name: str, user_agent: str, server: int = 0) -> Client:
        client = self.client(server=server)
        client.headers = {"User-Agent": user_agent}
        return client.sign_in(name)

    def test_they_are_listed_by_what_they_call_themselves_and_this_one_has_no_button(self) -> None:
        jorge = self.newcomer("jorge")
        for agent in (FIREFOX, SAFARI, EDGE, '"><script>alert(1)</script>', "x" * 10_000):
            self.signed_in("jorge", agent)
        names = ["Unknown browser", "Unknown browser", "Edge · Windows", "Safari · iPhone", "Firefox · Linux"]
        listed = self.devices(jorge)
        self.assertEqual([name for name, _ in listed], [*names, "Unknown browser"])
        self.assertEqual([number is None for _, number in listed], [False] * 5 + [True])
        self.assertNotIn("<script>alert", jorge.get("/account").text)

    def test_each_button_says_which_device_it_signs_out(self) -> None:
        joana = self.newcomer("joana")
        for agent in (FIREFOX, FIREFOX, SAFARI, "?", FIREFOX):
            self.signed_in("joana", agent)
        for language, names in (
            ("en", ["Sign out Firefox on Linux", "Sign out Safari on iPhone", "Sign out Unknown browser"]),
            ("pt", ["Sair de Firefox no Linux", "Sair de Safari no iPhone", "Sair de Navegador desconhecido"]),
        ):
            page = joana.get("/account", Accept_Language=language).text
            called = re.findall(r'<button class="quiet danger" aria-label="([^"]+)"', page)
            self.assertEqual(sorted(called), sorted([*names, f"{names[0]} (2)", f"{names[0]} (3)"]))

    def test_one_that_is_signed_out_is_out_at_every_process_and_its_live_connection_closes(self) -> None:
        katia = self.newcomer("katia")
        lost = self.signed_in("katia", FIREFOX, server=1)
        chat, staying = self.listen(lost), self.listen(katia)
        self.assertEqual(lost.get("/rooms").status, 200)
        ((_, number),) = [device for device in self.devices(katia) if device[0] == "Firefox · Linux"]
        begin = time.monotonic()
        answer = katia.post(f"/account/devices/{number}/end")
        self.assertEqual((answer.status, answer.location), (302, "/account"))
        self.assertEqual([self.elsewhere(lost, server).get("/").location for server in (0, 1)], ["/login"] * 2)
        self.assert_closed([chat], begin)
        self.assert_alive(staying)
        self.assertEqual(len(self.devices(katia)), 1)

    def test_this_one_is_listed_however_many_newer_ones_there_are(self) -> None:
        lena = self.newcomer("lena")
        insert = """
            INSERT INTO session (token_hash, user_id, opened_at, device)
            SELECT ?, id, ?, 'Edge' FROM user WHERE username = 'lena'
        """
        for number in range(101):
            sql(self.folder, insert, f"nobody's {number}", time.time() + number)
        listed = self.devices(lena)
        self.assertEqual(len(listed), 100)
        self.assertEqual([name for name, number in listed if number is None], ["Unknown browser"])
        self.assertIn("this device", lena.get("/account").text)

    def test_one_more_than_a_member_may_have_ends_the_oldest_and_its_live_connection_only(self) -> None:
        first, second = self.newcomer("marta"), self.signed_in("marta", FIREFOX)
        chat, staying = self.listen(first), self.listen(second)
        insert = """
            INSERT INTO session (token_hash, user_id, opened_at, device)
            SELECT ?, id, ?, 'Edge' FROM user WHERE username = 'marta'
        """
        for number in range(98):
            sql(self.folder, insert, f"marta's {number}", time.time() - 1000)
        self.assertEqual(first.get("/rooms").status, 200)
        begin = time.monotonic()
        newest = self.signed_in("marta", SAFARI, server=1)
        self.assert_closed([chat], begin)
        self.assertEqual([self.elsewhere(first, server).get("/").location for server in (0, 1)], ["/login"] * 2)
        self.assertEqual([client.get("/rooms").status for client in (second, newest)], [200, 200])
        self.assert_alive(staying)
        ((kept,),) = sql(self.folder, "SELECT count(*) FROM session WHERE device = 'Edge'")
        self.assertEqual((kept, len(self.devices(newest))), (98, 100))

    def test_nobody_signs_somebody_elses_device_out(self) -> None:
        luis = self.newcomer("luis")
        second = self.signed_in("luis", SAFARI)
        ((name, number), _) = self.devices(luis)
        self.assertEqual(name, "Safari · iPhone")
        self.client("beto").post(f"/account/devices/{number}/end")
        self.client("ana").post(f"/account/devices/{number}/end")
        self.assertEqual(second.get("/rooms").status, 200)
        luis.post(f"/account/devices/{number}/end")
        self.assertEqual(second.get("/").location, "/login")


class Removed(AccountTest):
    """docs/security.rst 5: a removed member is signed out at every process at once."""

    def number(self, name: str) -> int:
        ((found,),) = sql(self.folder, "SELECT id FROM user WHERE username = ?", name)
        return int(found)

    def test_an_administrator_is_asked_and_then_the_member_is_gone_but_what_they_wrote_stays(self) -> None:
        maria, ana = self.newcomer("maria"), self.client("ana", server=1)
        self.assertEqual(maria.post("/rooms/lobby", {"body": "I was here"}).status, 302)
        link = f"/members/{self.number('maria')}/remove"
        self.assertIn(link, ana.get("/members").text)
        self.assertIn("Remove maria?", ana.get(link).text)
        self.assertEqual(maria.get("/rooms").status, 200)
        answer = ana.post(link)
        self.assertEqual((answer.status, answer.location), (302, "/members"))
        self.assertNotIn("maria", ana.get("/members").text)
        self.assertIn("I was here", ana.get("/rooms/lobby").text)
        self.assertEqual((ana.get(link).status, ana.post(link).status), (404, 404))

    def test_every_cookie_and_live_connection_of_theirs_is_over_and_the_password_too(self) -> None:
        here = self.newcomer("nina")
        there = self.client(server=1).sign_in("nina")
        kept = [self.elsewhere(client, server) for client in (here, there) for server in (0, 1)]
        chats = [self.listen(client) for client in kept]
        beto = self.listen(self.client("beto", server=1))
        self.assertEqual([client.get("/rooms").status for client in kept], [200] * 4)
        ana = self.client("ana")
        begin = time.monotonic()
        self.assertEqual(ana.post(f"/members/{self.number('nina')}/remove").status, 302)
        self.assertEqual([client.get("/").location for client in kept], ["/login"] * 4)
        self.assert_closed(chats, begin)
        for server in (0, 1):
            answer = self.client(server=server).post("/login", {"username": "nina", "password": PASSWORD})
            self.assertEqual(answer.status, 403)
        self.assert_alive(beto)

    def test_an_invitation_of_theirs_is_over(self) -> None:
        self.newcomer("olga")
        sql(self.folder, "UPDATE user SET is_admin = TRUE WHERE username = 'olga'")
        olga = self.client("olga")
        olga.post("/members/invitations")
        ((token,),) = sql(self.folder, "SELECT token FROM invitation ORDER BY id DESC LIMIT 1")
        self.assertEqual(self.client().get(f"/join/{token}").status, 200)
        self.assertEqual(self.client("ana").post(f"/members/{self.number('olga')}/remove").status, 302)
        self.assertEqual(self.client().get(f"/join/{token}").status, 400)
        self.assertEqual(olga.post("/members/invitations").status, 403)

    def test_only_administrators_remove_and_nobody_themselves(self) -> None:
        self.newcomer("paulo")
        paulo, ana = f"/members/{self.number('paulo')}/remove", f"/members/{self.number('ana')}/remove"
        beto = self.client("beto")
        self.assertNotIn("/remove", beto.get("/members").text)
        self.assertEqual((beto.get(paulo).status, beto.post(paulo).status), (403, 403))
        self.assertEqual((self.client("ana").get(ana).status, self.client("ana").post(ana).status), (400, 400))
        self.assertEqual(self.client("paulo").get("/rooms").status, 200)
        self.assertEqual(self.client("ana").post(paulo).status, 302)
