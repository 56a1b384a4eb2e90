"""How people come in: the first set-up, invitations, joining, and the page of members."""

from __future__ import annotations

import re
import time
from functools import partial

from testsuite.cases import FolderTest, SiteTest
from testsuite.clients import PASSWORD, Answer, Client
from testsuite.servers import Server
from testsuite.tables import sql
from testsuite.waiting import together, wait_for

DAY_SECONDS = 86400.0


def account(username: str, **other: str) -> dict[str, str]:
    """Return the fields of a form that makes an account."""
    return {"username": username, "password": PASSWORD, "again": PASSWORD, **other}


def founder(username: str, **other: str) -> dict[str, str]:
    """Return the fields of the set-up form."""
    return account(username, email=f"{username}@example.org", **other)


def wrong_fields(answer: Answer) -> list[str]:
    """Return the names of the fields that a form marks as wrong."""
    inputs = re.findall(r"<input[^>]*>", answer.text)
    return [name[1] for field in inputs if "aria-invalid" in field and (name := re.search(r' name="(\w+)"', field))]


class SetupTest(FolderTest):
    def setUp(self) -> None:
        super().setUp()
        self.server = self.start("--messages_per_second=0").wait()
        self.client = Client(self.server.url)
        self.client.get(self.server.setup_path)  # for the token of its form: there is no other one yet

    def usernames(self) -> list[str]:
        return [name for (name,) in sql(self.folder, "SELECT username FROM user ORDER BY username")]

    def test_the_first_member_is_an_administrator_signed_in_in_the_lobby(self) -> None:
        self.assertIn('name="email"', self.client.get(self.server.setup_path).text)
        answer = self.client.post(self.server.setup_path, founder("ana"))
        self.assertEqual((answer.status, answer.location), (302, "/rooms/lobby"))
        self.assertEqual(self.client.get("/rooms/lobby").status, 200)
        self.assertEqual(
            sql(self.folder, "SELECT username, email, is_admin FROM user"), [("ana", "ana@example.org", 1)]
        )
        self.assertEqual(self.client.post("/members/invitations").status, 302)

    def test_the_token_is_useless_afterwards(self) -> None:
        path = self.server.setup_path
        self.assertEqual(self.client.post(path, founder("ana")).status, 302)
        late = Client(self.server.url)
        self.assertEqual(late.get(path).status, 400)
        self.assertEqual(late.post(path, founder("eva")).status, 400)
        self.assertEqual(self.usernames(), ["ana"])

    def test_the_link_is_printed_while_there_is_no_user_and_not_later(self) -> None:
        second = self.start().wait()
        self.assertEqual(second.setup_path, self.server.setup_path)
        self.assertEqual(self.client.post(self.server.setup_path, founder("ana")).status, 302)
        self.assertEqual(self.start().wait().setup_path, "")

    def test_no_other_token_opens_the_page(self) -> None:
        for path in ("/setup", "/setup?token=", "/setup?token=x", self.server.setup_path[:-1], "/setup?token=%C3%A9"):
            with self.subTest(path):
                self.assertEqual(self.client.get(path).status, 400)
                self.assertEqual(self.client.post(path, founder("eva")).status, 400)
        self.assertEqual(self.usernames(), [])
        self.assertEqual(self.client.get(self.server.setup_path).status, 200)

    def test_exactly_one_of_those_who_race_for_it_wins(self) -> None:
        other = self.start().wait()
        names = ["ana", "beto", "carla", "davi"]
        racers = [self.racer(server) for server in (self.server, other, self.server, other)]
        path = self.server.setup_path
        answers = together(
            *(partial(racer.post, path, founder(name)) for racer, name in zip(racers, names, strict=True))
        )
        self.assertEqual(sorted(answer.status for answer in answers), [302, 400, 400, 400])
        winner = names[[answer.status for answer in answers].index(302)]
        self.assertEqual(self.usernames(), [winner])

    def racer(self, server: Server) -> Client:
        client = Client(server.url)
        self.assertEqual(client.get(server.setup_path).status, 200)
        return client

    def test_a_wrong_field_is_named_and_the_others_are_kept(self) -> None:
        mistakes = {
            "username": {"username": " "},
            "email": {"email": "nowhere"},
            "password": {"password": "short12", "again": "short12"},
            "again": {"again": PASSWORD + "!"},
        }
        for field, mistake in mistakes.items():
            with self.subTest(field):
                answer = self.client.post(self.server.setup_path, founder("ana") | mistake)
                self.assertEqual((answer.status, wrong_fields(answer)), (400, [field]))
                self.assertEqual('value="ana"' in answer.text, field != "username")
                self.assertNotIn(PASSWORD, answer.text)
        self.assertEqual(self.usernames(), [])
        self.assertEqual(self.client.post(self.server.setup_path, founder("ana")).status, 302)

    def test_all_that_is_wrong_is_said_at_once_each_beside_its_field(self) -> None:
        mistakes = {"username": "\u200b", "email": "nowhere", "password": "short12", "again": "other"}
        answer = self.client.post(self.server.setup_path, mistakes, Accept_Language="pt-BR")
        self.assertEqual((answer.status, wrong_fields(answer)), (400, ["username", "email", "password", "again"]))
        self.assertEqual(answer.text.count('role="alert"'), 1)
        for words in ("Este nome tem", "Isso não parece", "A senha tem", "As duas senhas"):
            self.assertEqual(len(re.findall(f">{words}", answer.text)), 2, "above the form, and beside its field")
        self.assertEqual(self.usernames(), [])

    def test_before_it_is_set_up_whoever_comes_is_told_where_the_link_stands(self) -> None:
        token = self.server.setup_path.partition("=")[2]
        for path in ("/", "/login", "/rooms/lobby", "/members"):
            visitor = Client(self.server.url)
            answer = visitor.get(path)
            answer = visitor.get(answer.location) if answer.status == 302 else answer
            self.assertEqual(answer.status, 200)
            self.assertIn("in the line that begins with “Set up:”", answer.text)
            self.assertNotIn(token, answer.text)
            self.assertNotIn("<form", answer.text)
        self.assertEqual(self.client.post(self.server.setup_path, founder("ana")).status, 302)
        self.assertIn('name="password"', Client(self.server.url).get("/login").text)

    def test_an_administrator_alone_in_an_empty_lobby_is_offered_an_invitation(self) -> None:
        self.client.post(self.server.setup_path, founder("ana"))
        lobby = self.client.get("/rooms/lobby").text
        self.assertIn("You are the only one here so far.", lobby)
        self.assertIn('action="/members/invitations"', lobby)
        link = re.search(r'value="[^"]+(/join/[^"]+)"', self.client.get(self.invite()).text)
        assert link is not None
        guest = Client(self.server.url)
        self.assertEqual(guest.post(link[1], account("beto")).status, 302)
        for client in (guest, self.client):
            page = client.get("/rooms/lobby").text
            self.assertNotIn('action="/members/invitations"', page)
            self.assertIn("Write the first message.", page)

    def invite(self) -> str:
        """Make an invitation as the lobby offers it; return where that leads."""
        return self.client.post("/members/invitations").location


class InvitationTest(SiteTest):
    processes = 2

    def invite(self) -> tuple[int, str]:
        """Make an invitation as ana; return its id and the path of its link."""
        ana = self.client("ana")
        answer = ana.post("/members/invitations")
        self.assertEqual(answer.status, 302)
        made = int(re.findall(r"made=(\d+)", answer.location)[0])
        page = ana.get(answer.location.partition("#")[0]).text
        link = re.search(rf'id="invitation-{made}"[^>]*value="{re.escape(ana.url)}(/join/[^"]+)"', page)
        assert link is not None, page
        return made, link[1]

    def usernames(self) -> set[str]:
        return {name for (name,) in sql(self.folder, "SELECT username FROM user")}

    def test_an_administrator_invites_and_whoever_opens_the_link_joins(self) -> None:
        _, path = self.invite()
        for name, server in (("davi", 0), ("Éva 田", 1)):
            guest = self.client(server=server)
            self.assertIn("ana", guest.get(path).text)
            answer = guest.post(path, account(name))
            self.assertEqual((answer.status, answer.location), (302, "/rooms/lobby"))
            self.assertIn(name, guest.get("/rooms/lobby").text)
            self.assertEqual(guest.post("/members/invitations").status, 403)
            self.client(name)

    def test_each_invitation_and_its_buttons_say_of_which_day_it_is(self) -> None:
        sql(self.folder, "UPDATE invitation SET ended_at = made_at")
        made = [self.invite()[0] for _ in range(3)]
        for number, at in zip(made, (1_800_000_000, 1_800_000_100, time.time()), strict=True):
            sql(self.folder, "UPDATE invitation SET made_at = ? WHERE id = ?", at, number)
        page = self.client("ana").get("/members", Accept_Language="pt").text
        for words in ("Copiar o link de", "Encerrar o convite de"):
            called = re.findall(rf'aria-label="{words} ([^"]+)"', page)
            self.assertEqual(called[:2], ["15 de janeiro (2)", "15 de janeiro"])
            self.assertEqual(len(set(called)), 3)
        self.assertEqual(len(set(re.findall(r">Link do convite de ([^<]+)</label>", page))), 3)

    def test_an_ended_invitation_is_over(self) -> None:
        made, path = self.invite()
        guest = self.client(server=1)
        self.assertEqual(guest.get(path).status, 200)
        self.assertEqual(self.client("ana").post(f"/members/invitations/{made}/end").status, 302)
        self.assertEqual(guest.get(path).status, 400)
        self.assertEqual(guest.post(path, account("latecomer")).status, 400)
        self.assertNotIn("latecomer", self.usernames())
        self.assertNotIn(path, self.client("ana").get("/members").text)

    def test_an_invitation_is_over_after_seven_days(self) -> None:
        made, path = self.invite()
        for age, status in ((7 * DAY_SECONDS - 60, 200), (7 * DAY_SECONDS + 1, 400)):
            sql(self.folder, "UPDATE invitation SET made_at = ? WHERE id = ?", time.time() - age, made)
            self.assertEqual(self.client().get(path).status, status)
        self.assertEqual(self.client().post(path, account("latecomer")).status, 400)
        self.assertNotIn("latecomer", self.usernames())

    def test_nobody_signs_up_without_an_invitation(self) -> None:
        for path in ("/join/x", "/join/" + "A" * 32, "/join/", "/join"):
            with self.subTest(path):
                self.assertIn(self.client().get(path).status, (400, 404))
                self.assertIn(self.client().post(path, account("intruder")).status, (400, 404))
        self.assertNotIn("intruder", self.usernames())

    def test_only_administrators_see_make_and_end_invitations(self) -> None:
        made, path = self.invite()
        beto = self.client("beto")
        self.assertNotIn("/join/", beto.get("/members").text)
        before = sql(self.folder, "SELECT id, ended_at FROM invitation")
        self.assertEqual(beto.post("/members/invitations").status, 403)
        self.assertEqual(beto.post(f"/members/invitations/{made}/end").status, 403)
        self.assertEqual(sql(self.folder, "SELECT id, ended_at FROM invitation"), before)
        self.assertEqual(self.client().get(path).status, 200)

    def test_of_two_who_take_one_name_at_the_same_moment_one_gets_it_and_the_other_is_told(self) -> None:
        _, path = self.invite()
        for first, second in (("Flora", "Flora"), ("gil", "GIL"), ("Straße", "STRASSE")):
            with self.subTest(first):
                one, other = self.client(server=0), self.client(server=1)
                answers = together(partial(one.post, path, account(first)), partial(other.post, path, account(second)))
                won, lost = sorted(answers, key=lambda answer: answer.status)
                self.assertEqual((won.status, lost.status), (302, 400))
                self.assertEqual(wrong_fields(lost), ["username"])
                self.assertIn("Somebody already has this name", lost.text)
                self.assertEqual(len({first, second} & self.usernames()), 1)

    def test_one_link_makes_30_accounts_in_3_minutes_at_whichever_process(self) -> None:
        made, path = self.invite()
        sql(self.folder, "DELETE FROM failure")
        rows = [(f"invitation {made}", time.time() - age) for age in range(28)]
        for row in rows:
            sql(self.folder, "INSERT INTO failure (key, at) VALUES (?, ?)", *row)
        guests = [self.client(server=number % 2) for number in range(6)]
        answers = together(
            *(partial(guest.post, path, account(f"pupil {number}")) for number, guest in enumerate(guests))
        )
        self.assertEqual(sorted(answer.status for answer in answers), [302, 302, 429, 429, 429, 429])
        refused = next(answer for answer in answers if answer.status == 429)
        self.assertTrue(0 < int(refused.headers["Retry-After"]) <= 180)
        self.assertIn("Many people have just joined by this link.", refused.text)
        self.assertRegex(refused.text, 'value="pupil [0-5]"')
        self.assertEqual(self.client().post(self.invite()[1], account("elsewhere")).status, 302)
        sql(self.folder, "UPDATE failure SET at = at - 180")
        self.assertEqual(self.client().post(path, account("later")).status, 302)

    def test_a_refused_account_is_not_counted(self) -> None:
        made, path = self.invite()
        for _ in range(3):
            self.assertEqual(self.client().post(path, account("BETO")).status, 400)
        self.assertEqual(sql(self.folder, "SELECT * FROM failure WHERE key = ?", f"invitation {made}"), [])

    def test_a_guest_too_hears_at_once_of_all_that_is_wrong(self) -> None:
        _, path = self.invite()
        answer = self.client().post(path, {"username": "BETO", "password": "short12", "again": "other"})
        self.assertEqual((answer.status, wrong_fields(answer)), (400, ["username", "password", "again"]))
        self.assertIn("Somebody already has this name", answer.text)

    def test_names_that_nobody_could_read_are_refused(self) -> None:
        _, path = self.invite()
        before = self.usernames()
        hidden = (
            "",
            "   ",
            "...",
            "\u200b",
            "a\u202eb",
            "a\ufefeb\ufeff",
            "\ud7ff\ue000",
            "x" * 41,
            "\U000e0041",
        )
        for name in hidden:
            with self.subTest(name):
                answer = self.client().post(path, account(name))
                self.assertEqual((answer.status, wrong_fields(answer)), (400, ["username"]))
        self.assertEqual(self.usernames(), before)
        self.assertEqual(self.client().post(path, account("x" * 40)).status, 302)

    def test_spaces_around_and_within_a_name_are_made_one(self) -> None:
        _, path = self.invite()
        self.assertEqual(self.client().post(path, account("  Rosa   Luz ")).status, 302)
        self.assertIn("Rosa Luz", self.usernames())
        for typed in ("  Rosa   Luz ", "rosa luz", "ROSA\u00a0LUZ"):
            self.client().sign_in(typed)

    def test_a_password_has_8_to_1000_characters_and_is_typed_twice(self) -> None:
        _, path = self.invite()
        for number, password in enumerate(("ñ" * 8, "x" * 1000, " a b c d ")):
            guest = self.client()
            self.assertEqual(guest.post(path, account(f"good {number}", password=password, again=password)).status, 302)
            self.client().sign_in(f"good {number}", password)
        for field, password, again in (
            ("password", "ñ" * 7, "ñ" * 7),
            ("password", "x" * 1001, "x" * 1001),
            ("again", PASSWORD, ""),
        ):
            answer = self.client().post(path, account("bad", password=password, again=again))
            self.assertEqual((answer.status, wrong_fields(answer)), (400, [field]))
        self.assertNotIn("bad", self.usernames())

    def test_no_character_of_a_long_password_is_cut_off(self) -> None:
        _, path = self.invite()
        self.assertEqual(self.client().post(path, account("long", password="x" * 1000, again="x" * 1000)).status, 302)
        answer = self.client().post("/login", {"username": "long", "password": "x" * 999 + "y"})
        self.assertEqual(answer.status, 403)

    def test_a_member_who_opens_an_invitation_is_sent_to_the_lobby(self) -> None:
        _, path = self.invite()
        answer = self.client("beto").get(path)
        self.assertEqual((answer.status, answer.location), (302, "/rooms/lobby"))


class MembersPageTest(SiteTest):
    processes = 2

    def marks(self, client: Client) -> dict[str, str]:
        """Return what the page says beneath each name."""
        page = client.get("/members").text
        return dict(
            re.findall(r'<span class="name"><a[^>]*><b[^>]*><bdi>([^<]*)</bdi></b></a>\s*<small>([^<]*)</small>', page)
        )

    def test_all_members_are_listed_with_who_is_online_at_whatever_process(self) -> None:
        beto = self.client("beto")
        self.assertEqual(self.marks(beto), {"ana": "administrator · away", "beto": "you", "carla": "away"})
        self.chat("carla", server=1)
        wait_for(lambda: self.marks(beto)["carla"] == "online", "carla is online")
        self.assertEqual(self.marks(beto), {"ana": "administrator · away", "beto": "you", "carla": "online"})

    def test_it_is_for_members(self) -> None:
        self.assertEqual(self.client("carla").get("/members").status, 200)
        answer = self.client().get("/members")
        self.assertEqual((answer.status, answer.location), (302, "/login?next=%2Fmembers"))
