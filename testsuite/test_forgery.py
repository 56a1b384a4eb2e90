"""Requests that other sites make in a member's name: refused everywhere, and nothing is changed."""

from __future__ import annotations

import secrets
from unittest import mock
from urllib.parse import urlencode

from testsuite.cases import FolderTest, SiteTest
from testsuite.clients import PASSWORD, Answer, Client
from testsuite.jar import Jar
from testsuite.polling import knock
from testsuite.tables import sql
from testsuite.test_four_processes import FourTest
from testsuite.test_routes import UPGRADE
from testsuite.waiting import wait_for

FORM = "application/x-www-form-urlencoded"
STORED = {
    "user": "*",
    "session": "*",
    "invitation": "*",
    "token": "*",
    "hook": "*",
    "entry": "*",
    "room": "*",
    "membership": "user_id, room_id, notify, is_muted, pinned_at",  # a page that is looked at moves the read position
}

# What a browser says of a request that another site has made.
FOREIGN: tuple[dict[str, str], ...] = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "{url}.evil.example"},
    {"Origin": "{url}0"},
    {"Origin": "http://x{host}"},
    {"Origin": "https://{host}"},
    {"Origin": "http://[{host}"},
    {"Referer": "https://evil.example/{host}"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://sub.{host}"},
)
OWN: tuple[dict[str, str], ...] = ({"Sec-Fetch-Site": "same-origin"}, {"Origin": "{url}"}, {"Sec-Fetch-Site": "none"})


def filled(headers: dict[str, str], url: str) -> dict[str, str]:
    """Return headers with the site's address in its places."""
    host = url.partition("//")[2]
    return {name: value.format(url=url, host=host) for name, value in headers.items()}


class Forgery:
    """What all the forms are tried with."""

    folder: str

    def state(self) -> list[object]:
        """Return everything that a form could change."""
        return [sql(self.folder, f"SELECT {columns} FROM {table}") for table, columns in STORED.items()]

    def send(self, client: Client, path: str, fields: dict[str, str], headers: dict[str, str]) -> Answer:
        """POST a form as it is, with no token of its own."""
        return client.request("POST", path, urlencode(fields), **{"Content-Type": FORM, **headers})

    def refusals(self, client: Client, other: Client, path: str, fields: dict[str, str]) -> dict[str, Answer]:
        """Return what each forgery of a form of `client` is answered; `other` is another visitor's browser."""
        good = {"_xsrf": client.cookies["_xsrf"], **fields}
        answers = {
            "no token": self.send(client, path, fields, {}),
            "an empty token": self.send(client, path, {**fields, "_xsrf": ""}, {}),
            "rubbish": self.send(client, path, {**fields, "_xsrf": "2|zz|zz|1"}, {}),
            "another visitor's token, for this member": self.send(
                client, path, {**fields, "_xsrf": f"1:{other.cookies['_xsrf']}"}, {}
            ),
            "another visitor's token": self.send(client, path, {**fields, "_xsrf": other.cookies["_xsrf"]}, {}),
        }
        for headers in FOREIGN:
            answers[str(headers)] = self.send(client, path, good, filled(headers, client.url))
        planted = Client(client.url)
        planted.cookies = Jar(client.cookies)
        planted.cookies["_xsrf"] = other.cookies["_xsrf"]
        doubled = {**fields, "_xsrf": other.cookies["_xsrf"]}
        answers["a planted cookie and its token"] = self.send(
            planted, path, doubled, {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-site"}
        )
        return answers


class MembersFormsTest(Forgery, SiteTest):
    """docs/security.rst 2 and 44: no form is taken from another site, without this visitor's token, or
    from a page that was made for another member."""

    members = (*SiteTest.members, "davi")

    def setUp(self) -> None:
        self.ana = self.client("ana")
        self.other = self.client("beto")

    def assert_protected(self, path: str, fields: dict[str, str], status: int = 302) -> None:
        """Refuse every forgery, then take the same form from this site's own page."""
        before = self.state()
        for how, answer in self.refusals(self.ana, self.other, path, fields).items():
            with self.subTest(how):
                self.assertEqual(answer.status, 403)
                self.assertNotIn("session", (answer.headers.get("Set-Cookie") or "").partition("=")[0])
        self.assertEqual(self.state(), before)
        good = {"_xsrf": self.ana.cookies["_xsrf"], **fields}
        if any("session" in name for name in self.ana.cookies):
            of_a_page_of_carlas = self.send(self.ana, path, {**good, "_xsrf": f"3:{good['_xsrf']}"}, {})
            self.assertEqual(of_a_page_of_carlas.status, 403)
            self.assertIn("this page was made for carla", of_a_page_of_carlas.text)
            self.assertEqual(self.state(), before)
        self.assertEqual(self.send(self.ana, path, good, filled(OWN[0], self.ana.url)).status, status)
        self.assertNotEqual(self.state(), before)

    def test_posting_to_a_room(self) -> None:
        self.assert_protected("/rooms/lobby", {"body": "hello", "nonce": "n1"})

    def test_making_a_room_and_looking_after_it(self) -> None:
        self.assert_protected("/rooms", {"name": "Attic", "kind": "open"})
        self.assert_protected("/rooms/attic/settings", {"name": "Loft"})
        self.assert_protected("/rooms/loft/settings", {"own": "on", "pinned": "on"})
        self.assert_protected("/rooms/loft/members", {"username": "carla"})
        self.assert_protected("/rooms/loft/members/3/remove", {})
        self.assert_protected("/rooms/loft/archive", {"archived": "on"})
        self.assert_protected("/rooms/loft/leave", {})
        self.assert_protected("/direct", {"username": "beto"})

    def test_joining_a_room(self) -> None:
        self.client("beto").post("/rooms", {"name": "Cellar", "kind": "open"})
        self.assert_protected("/rooms/cellar/join", {})

    def test_changing_a_message(self) -> None:
        self.ana.post("/rooms/lobby", {"body": "hello", "nonce": "to change"})
        ((seq,),) = sql(self.folder, "SELECT max(seq) FROM entry WHERE room_id = 'lobby'")
        for verb, fields in (("react", {"emoji": "👍"}), ("edit", {"body": "good day"}), ("delete", {})):
            self.assert_protected(f"/rooms/lobby/messages/{seq}/{verb}", {**fields, "nonce": verb})

    def test_changing_the_tasks_of_a_room(self) -> None:
        self.assert_protected("/rooms/lobby/tasks", {"text": "buy milk", "nonce": "a task"})
        ((seq,),) = sql(self.folder, "SELECT max(seq) FROM entry WHERE room_id = 'lobby'")
        for deed in ("done", "remove"):
            self.assert_protected(f"/rooms/lobby/tasks/{seq}", {"do": deed, "nonce": f"task {deed}"})
        self.ana.post("/rooms/lobby/tasks", {"text": "buy bread"})
        self.assert_protected("/rooms/lobby/tasks/all", {"do": "done", "nonce": "all tasks"})

    def test_moving_the_read_position(self) -> None:
        self.client("beto").post("/rooms/lobby", {"body": "unread", "nonce": "unread"})
        ((seq,),) = sql(self.folder, "SELECT max(seq) FROM entry WHERE room_id = 'lobby'")
        moved = "SELECT user_id FROM membership WHERE room_id = 'lobby' AND read_seq = ?"
        wait_for(lambda: sql(self.folder, moved, seq), "all is written that has moved so far: its author's is the last")
        for path in ("/rooms/lobby/read", f"/rooms/lobby/messages/{seq}/unread", "/read"):
            with mock.patch.dict(STORED, membership="*"):
                self.assert_protected(path, {})

    def test_making_and_ending_an_invitation(self) -> None:
        self.assert_protected("/members/invitations", {})
        ((newest,),) = sql(self.folder, "SELECT max(id) FROM invitation")
        self.assert_protected(f"/members/invitations/{newest}/end", {})

    def test_signing_in(self) -> None:
        self.ana, self.other = self.client(), self.client()
        self.ana.get("/login"), self.other.get("/login")
        self.assert_protected("/login", {"username": "carla", "password": PASSWORD})

    def test_signing_out(self) -> None:
        self.assert_protected("/logout", {})

    def test_changing_the_password(self) -> None:
        self.ana = self.client("beto")
        self.assert_protected("/account", {"current": PASSWORD, "password": PASSWORD, "again": PASSWORD})

    def test_signing_another_device_out(self) -> None:
        self.client("ana")
        ((newest,),) = sql(self.folder, "SELECT max(id) FROM session")
        self.assert_protected(f"/account/devices/{newest}/end", {})

    def test_making_a_bot_and_making_and_ending_tokens(self) -> None:
        self.assert_protected("/members/bots", {"bot": "a bot"})
        ((bot,),) = sql(self.folder, "SELECT max(id) FROM user")
        for whose in ("/account", f"/members/bots/{bot}"):
            wishes = {"name": "a program", "scope": "write", "days": "never"}
            self.assert_protected(f"{whose}/tokens", wishes, 200)  # the page that shows it
            ((newest,),) = sql(self.folder, "SELECT max(id) FROM token")
            self.assert_protected(f"{whose}/tokens/{newest}/end", {})

    def test_making_a_webhook_switching_it_on_and_ending_it(self) -> None:
        sql(self.folder, "UPDATE user SET is_bot = TRUE WHERE username = 'davi'")
        wishes = {"name": "builds", "bot": "davi", "kind": "out", "url": "https://192.0.2.1/"}
        self.assert_protected("/rooms/lobby/hooks", wishes, 200)  # the page that shows its key
        ((newest,),) = sql(self.folder, "UPDATE hook SET off_at = 1 RETURNING id")
        self.assert_protected(f"/rooms/lobby/hooks/{newest}/on", {})
        self.assert_protected(f"/rooms/lobby/hooks/{newest}/end", {})

    def test_removing_a_member(self) -> None:
        ((davi,),) = sql(self.folder, "SELECT id FROM user WHERE username = 'davi'")
        self.assert_protected(f"/members/{davi}/remove", {})

    def test_joining(self) -> None:
        self.ana.post("/members/invitations")
        ((token,),) = sql(self.folder, "SELECT token FROM invitation ORDER BY id DESC LIMIT 1")
        self.ana, self.other = self.client(), self.client()
        self.ana.get("/login"), self.other.get("/login")
        self.assert_protected(f"/join/{token}", {"username": "dora", "password": PASSWORD, "again": PASSWORD})

    def test_every_way_in_which_this_sites_own_pages_post_is_taken(self) -> None:
        for number, headers in enumerate(OWN):
            with self.subTest(headers):
                fields = {"_xsrf": self.ana.cookies["_xsrf"], "body": "hello", "nonce": f"own{number}"}
                answer = self.send(self.ana, "/rooms/lobby", fields, filled(headers, self.ana.url))
                self.assertEqual(answer.status, 302)

    def test_no_form_is_taken_by_another_method_or_from_the_address(self) -> None:
        before = self.state()
        token = urlencode({"_xsrf": self.ana.cookies["_xsrf"], "body": "hello"})
        for method in ("PUT", "DELETE", "PATCH"):
            self.assertIn(self.ana.request(method, "/rooms/lobby", token, Content_Type=FORM).status, (403, 405))
        self.assertEqual(self.ana.get(f"/rooms/lobby?{token}").status, 200)
        self.assertEqual(self.state(), before)

    def test_an_unknown_address_is_not_found_rather_than_forged(self) -> None:
        self.assertEqual(self.send(self.ana, "/nothing", {}, {}).status, 404)


class MembersFormsBehindNginx(MembersFormsTest, FourTest):
    """docs/security.rst 2, by four processes behind Nginx."""

    def client(self, member: str = "", server: int = 0) -> Client:
        return self.through_nginx(member) if member else Client(self.nginx.url)


# By which scheme a page was asked for, at which host, and how its origin is spelt then: the same, and another one.
SAME = (
    ("http", "site.example:80", "http://site.example"),
    ("https", "site.example:443", "https://site.example"),
    ("http", "site.example", "http://site.example:80"),
    ("http", "site.example:", "http://site.example"),
    ("http", "site.example:8080", "http://site.example:8080"),
    ("http", "SITE.example:80", "http://site.EXAMPLE"),
    ("http", "site.example.:80", "http://site.example."),
    ("http", "[::1]:80", "http://[::1]"),
    ("https", "[2001:DB8:0::1]:443", "https://[2001:db8::1]"),
)
OTHER = (
    ("http", "site.example:443", "http://site.example"),
    ("https", "site.example:80", "https://site.example"),
    ("https", "site.example:443", "http://site.example:443"),
    ("http", "site.example:8080", "http://site.example"),
    ("http", "site.example:80", "http://site.example:8"),
    ("http", "site.example.:80", "http://site.example"),
    ("http", "site.example:80", "http://site.example."),
    ("http", "site.example:80", "http://me@site.example"),
    ("http", "site.example:80", "http://site.example:80.evil.example"),
    ("http", "site.example:80", "http://site.example:99999"),
    ("http", "site.example:80", "//site.example"),
    ("http", "site.example:80", "ftp://site.example:80"),
    ("http", "[::1]:80", "http://[::2]"),
    ("http", "[::1]:80", "http://[::1"),
    ("http", ":80", "http://"),
)


class HttpsFormsTest(Forgery, SiteTest):
    """docs/security.rst 14: behind a proxy that speaks HTTPS, a page without it is another site."""

    options = ("--xheaders",)

    def spelt(self, scheme: str, host: str, origin: str) -> Client:
        """Return a browser that names the site and its pages so."""
        client = self.client()
        client.headers = {"X-Forwarded-Proto": scheme, "Host": host, "Origin": origin}
        return client

    def chat_statuses(self, client: Client) -> set[int]:
        """Return what a client's first steps into the chat are answered."""
        session = f"/chat/000/{secrets.token_hex(8)}"
        return {
            knock(client, "GET", "/chat/info", **client.headers).status,
            knock(client, "POST", f"{session}/xhr", **client.headers).status,
            knock(client, "POST", f"{session}/xhr_send", "[]", **client.headers).status,
            knock(client, "GET", "/chat/websocket", **client.headers, **UPGRADE).status,
        }

    def test_two_spellings_of_one_origin_are_this_site(self) -> None:
        for spelling in SAME:
            with self.subTest(spelling):
                ana = self.spelt(*spelling).sign_in("ana")
                self.assertEqual(ana.post("/rooms/lobby", {"body": "hello"}).status, 302)
                self.assertEqual(self.chat_statuses(ana), {101, 200, 204})

    def test_two_origins_that_are_spelt_alike_are_two_sites(self) -> None:
        for spelling in OTHER:
            with self.subTest(spelling):
                visitor = self.spelt(*spelling)
                self.assertEqual(visitor.post("/login", {"username": "ana", "password": PASSWORD}).status, 403)
                self.assertNotIn("session", "".join(visitor.cookies))
                visitor.cookies = self.spelt(spelling[0], "x", f"{spelling[0]}://x").sign_in("ana").cookies
                self.assertEqual(visitor.post("/rooms/lobby", {"body": "hello"}).status, 403)
                self.assertEqual(self.chat_statuses(visitor), {403})

    def test_posting_from_the_same_host_without_https(self) -> None:
        for scheme, other in (("https", "http"), ("http", "https")):
            ana = self.client()
            ana.headers = {"X-Forwarded-Proto": scheme}
            ana.sign_in("ana")
            host = ana.url.partition("//")[2]
            for number, source in enumerate(("Origin", "Referer")):
                with self.subTest(scheme, source=source):
                    fields = {"_xsrf": ana.xsrf, "body": "hello", "nonce": f"{scheme}{number}"}
                    before = self.state()
                    headers = {source: f"{other}://{host}" + "/" * number}
                    self.assertEqual(self.send(ana, "/rooms/lobby", fields, headers).status, 403)
                    self.assertEqual(self.state(), before)
                    headers = {source: f"{scheme}://{host}" + "/" * number}
                    self.assertEqual(self.send(ana, "/rooms/lobby", fields, headers).status, 302)
                    self.assertNotEqual(self.state(), before)


class SetupFormTest(Forgery, FolderTest):
    """docs/security.rst 2, for the form of the first set-up."""

    def test_setting_up(self) -> None:
        server = self.start().wait()
        client, other = Client(server.url), Client(server.url)
        client.get(server.setup_path), other.get(server.setup_path)
        fields = {"username": "ana", "email": "a@example.org", "password": PASSWORD, "again": PASSWORD}
        before = self.state()
        for how, answer in self.refusals(client, other, server.setup_path, fields).items():
            with self.subTest(how):
                self.assertEqual(answer.status, 403)
        self.assertEqual(self.state(), before)
        self.assertEqual(client.post(server.setup_path, fields).status, 302)
