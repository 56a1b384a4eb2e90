"""Made-up forms and addresses: the site takes them or refuses them, and nothing breaks."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from hypothesis import given
from hypothesis import strategies as st

from testsuite.clients import Answer, Client
from testsuite.fuzzing import FuzzedSite, examples
from testsuite.tables import sql


class FormTest(FuzzedSite):
    """docs/security.rst 15: no form breaks the site, and one that is refused changes nothing."""

    TEXTS = st.text() | st.sampled_from(["\0", "\r\n", "\u202e", "a" * 20_000, "%00", "<script>", "' OR 1=1 --", "ana"])
    NAMES = st.sampled_from(["username", "password", "again", "email", "next", "nonce", "token", "_xsrf", "x"])
    TYPES = st.sampled_from(
        [
            "application/x-www-form-urlencoded",
            "application/x-www-form-urlencoded; charset=x",
            "multipart/form-data; boundary=b",
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "application/json",
            "text/plain",
            "",
        ]
    )
    PIECES = st.lists(
        st.binary(max_size=20)
        | st.sampled_from(
            [
                b"--b",
                b"--b--",
                b"\r\n",
                b"\r\n\r\n",
                b'Content-Disposition: form-data; name="body"',
                b'Content-Disposition: form-data; name="username"; filename="x"',
                b"Content-Disposition: form-data; name*=utf-8''%ff",
                b"Content-Type: text/html",
                b"username=",
                b"&",
                b"=",
                b"%",
                b"%ff",
                b"+",
            ]
        ),
        max_size=12,
    ).map(b"".join)

    ana: Client
    visitor: Client

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()  # once, and before there were many who failed to sign in
        cls.ana, cls.visitor = Client(cls.servers[0].url).sign_in("ana"), Client(cls.servers[0].url)
        cls.visitor.get("/login")

    def setUp(self) -> None:
        super().setUp()
        self.ana.post("/members/invitations")
        ((self.invitation,),) = sql(self.folder, "SELECT token FROM invitation ORDER BY id DESC LIMIT 1")
        self.before = self.state()

    def send(self, who: Client, path: str, body: str | bytes, kind: str) -> Answer:
        """POST something, with a good token."""
        return who.request("POST", path, body, Content_Type=kind, X_Xsrftoken=who.xsrf)

    def check(self, answer: Answer) -> None:
        """Check that something was refused, and nothing stored."""
        self.assertIn(answer.status, (400, 403, 404, 405, 413, 429))
        self.assertNotIn("Traceback", answer.text)

    def forms(self) -> list[tuple[Client, str, dict[str, str]]]:
        """Return a sender, a path, and a change that makes a form one to be refused."""
        return [
            (self.visitor, "/login", {"password": "wrong"}),
            (self.visitor, "/setup", {}),
            (
                self.visitor,
                f"/join/{self.invitation}",
                {"username": "dora", "password": "one of them", "again": "another"},
            ),
            (self.visitor, "/join/nobody-invited-me", {}),
            (self.visitor, "/rooms/lobby", {"body": "hello"}),
            (self.ana, "/rooms/lobby", {"body": " "}),
            (self.ana, "/rooms/lobby", {"body": "x" * 8001}),
            (self.ana, "/rooms/elsewhere", {"body": "hello"}),
            (self.ana, "/members", {}),
            (self.ana, "/nothing", {}),
        ]

    def test_fields(self) -> None:
        @given(st.sampled_from(self.forms()), st.dictionaries(self.NAMES, self.TEXTS))
        @examples(150)
        def send(form: tuple[Client, str, dict[str, str]], fields: dict[str, str]) -> None:
            who, path, last = form
            self.check(self.send(who, path, urlencode(fields | last), "application/x-www-form-urlencoded"))

        send()
        self.assertEqual(self.state(), self.before)
        good = urlencode({"body": "hello"})
        self.assertEqual(self.send(self.ana, "/rooms/lobby", good, "application/x-www-form-urlencoded").status, 302)
        self.assertNotEqual(self.state(), self.before)

    def test_bodies(self) -> None:
        @given(st.sampled_from(self.forms()), self.PIECES, self.TYPES)
        @examples(150)
        def send(form: tuple[Client, str, dict[str, str]], body: bytes, kind: str) -> None:
            self.check(self.send(form[0], form[1], body, kind))

        send()
        self.assertEqual(self.state(), self.before)

    def test_addresses(self) -> None:
        parts = st.text(max_size=9) | st.sampled_from(["rooms", "join", "static", "..", "%2e%2e", "\0"])
        known = st.sampled_from([["rooms", "lobby"], ["members"], ["login"], ["setup"], ["join", self.invitation]])
        fields = st.sampled_from(["before", "next", "token", "made", "v"])
        numbers = st.integers().map(str) | st.sampled_from(["²", "٣", "1e9", "9" * 30])

        @given(known | st.lists(parts, max_size=5), st.dictionaries(fields, self.TEXTS | numbers, max_size=1))
        @examples(150)
        def ask(path: list[str], query: dict[str, str]) -> None:
            answer = self.ana.get("/" + "/".join(quote(part, "%.") for part in path) + "?" + urlencode(query))
            self.assertLess(answer.status, 500)

        ask()
        self.assertEqual(self.state(), self.before)
