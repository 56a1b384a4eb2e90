"""Cookies: what they look like, and that old, foreign, forged and truncated ones mean "signed out"."""

from __future__ import annotations

import base64
import hashlib
import tempfile
import time
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path

from tornado.web import create_signed_value, decode_signed_value

from testsuite.cases import SiteTest, add_user
from testsuite.clients import PASSWORD, Answer, Client
from testsuite.jar import MARK, short
from testsuite.servers import Server
from testsuite.tables import sql

SECRET = "a secret of this test and of nothing else"
DAY_SECONDS = 86400.0
HTTPS = {"X-Forwarded-Proto": "https"}


def set_cookies(answer: Answer) -> dict[str, dict[str, str]]:
    """Return the attributes of the cookies that an answer sets, those that stand alone as "True"."""
    found: dict[str, dict[str, str]] = {}
    for line in answer.headers.get_all("Set-Cookie") or []:
        for name, morsel in SimpleCookie(line).items():
            found[short(name)] = {key: str(value) for key, value in morsel.items() if value}
    return found


def token_of(client: Client, name: str = "session") -> str:
    """Return the session token in a client's cookie."""
    token = decode_signed_value(SECRET, name, client.cookies[name])
    assert token is not None
    return token.decode()


def altered(cookie: str) -> Iterator[str]:
    """Yield the cookie with one character changed, at places all over it."""
    for place in range(0, len(cookie), 7):
        yield cookie[:place] + ("0" if cookie[place] != "0" else "1") + cookie[place + 1 :]


class SessionCookieTest(SiteTest):
    """docs/security.rst 4: the session's token is random, new at each sign-in and stored hashed."""

    options = (f"--cookie_secret={SECRET}", "--messages_per_second=0")

    def asks_with(self, cookie: str) -> Answer:
        guest = self.client()
        guest.get("/login")
        name = guest.cookies.called("_xsrf").replace("_xsrf", "session")
        return guest.get("/rooms", Cookie=f"{name}={cookie}")

    def assert_signed_out(self, cookie: str) -> None:
        answer = self.asks_with(cookie)
        self.assertEqual((answer.status, answer.location.partition("?")[0]), (302, "/login"))

    def test_the_cookie_signs_in_and_its_value_is_the_signed_token_alone(self) -> None:
        beto = self.client("beto")
        self.assertEqual(self.asks_with(beto.cookies["session"]).status, 200)
        again = create_signed_value(SECRET, "session", token_of(beto)).decode()
        self.assertEqual(self.asks_with(again).status, 200)

    def test_a_forged_cookie_means_signed_out(self) -> None:
        token = token_of(self.client("beto"))
        self.assert_signed_out(create_signed_value("another secret", "session", token).decode())
        self.assert_signed_out(create_signed_value(SECRET, "user", token).decode())
        self.assert_signed_out(create_signed_value(SECRET, "session", token[:-1]).decode())
        self.assert_signed_out(create_signed_value(SECRET, "session", "beto").decode())
        self.assert_signed_out(create_signed_value(SECRET, "session", b"\xff\x00").decode())
        self.assert_signed_out(token)

    def test_a_truncated_or_altered_cookie_means_signed_out(self) -> None:
        cookie = self.client("beto").cookies["session"]
        self.assertEqual(self.asks_with(cookie).status, 200)
        for length in range(0, len(cookie), 7):
            self.assert_signed_out(cookie[:length])
        for wrong in altered(cookie):
            self.assert_signed_out(wrong)

    def test_rubbish_means_signed_out(self) -> None:
        for rubbish in (
            "",
            "2|",
            "2|1:0|",
            "|||||",
            "9" * 4000,
            '"',
            "\\",
            "\xff\xfe",
            "2|99999999999:0|1:1|",
            "a=b=c",
        ):
            with self.subTest(rubbish):
                self.assert_signed_out(rubbish)

    def test_a_cookie_that_was_signed_too_long_ago_means_signed_out(self) -> None:
        token = token_of(self.client("beto"))
        for age, status in ((29 * DAY_SECONDS, 200), (31 * DAY_SECONDS, 302)):
            signed_at = time.time() - age
            old = create_signed_value(SECRET, "session", token, clock=lambda at=signed_at: at).decode()  # type: ignore[misc]
            self.assertEqual(self.asks_with(old).status, status)

    def test_a_session_that_began_too_long_ago_means_signed_out(self) -> None:
        beto = self.client("beto")
        token_hash = hashlib.sha256(token_of(beto).encode()).hexdigest()
        for age, status in ((29 * DAY_SECONDS, 200), (30 * DAY_SECONDS + 60, 302)):
            opened_at = time.time() - age
            sql(self.folder, "UPDATE session SET opened_at = ? WHERE token_hash = ?", opened_at, token_hash)
            self.assertEqual(beto.get("/rooms").status, status)

    def test_the_token_is_256_random_bits_and_new_at_each_sign_in(self) -> None:
        tokens = {token_of(self.client("beto")) for _ in range(3)}
        self.assertEqual(len(tokens), 3)
        for token in tokens:
            self.assertEqual(len(base64.urlsafe_b64decode(token + "=")), 32)

    def test_no_token_chosen_before_the_sign_in_survives_it(self) -> None:
        planted = self.client("carla").cookies["session"]
        victim = self.client()
        victim.cookies["session"] = planted
        victim.sign_in("beto")
        self.assertNotEqual(victim.cookies["session"], planted)
        self.assertIn("beto", victim.get("/rooms").text)
        self.assert_signed_out(planted)

    def test_only_the_hash_of_the_token_is_stored(self) -> None:
        token = token_of(self.client("beto"))
        hashes = [row[0] for row in sql(self.folder, "SELECT token_hash FROM session")]
        self.assertIn(hashlib.sha256(token.encode()).hexdigest(), hashes)
        stored = b"".join(path.read_bytes() for path in Path(self.folder).iterdir())
        self.assertIn(hashlib.sha256(token.encode()).hexdigest().encode(), stored)
        self.assertNotIn(token.encode(), stored)

    def test_a_wrong_xsrf_cookie_is_no_error_either(self) -> None:
        for rubbish in ("x", "2|zz|zz|zz", "9|", '"', "2|" + "a" * 3000, "\xff"):
            with self.subTest(rubbish):
                self.assertEqual(self.client().get("/login", Cookie=f"_xsrf={rubbish}").status, 200)


class CookieAttributesTest(SiteTest):
    """docs/security.rst 3: what every cookie is restricted to."""

    options = ("--xheaders", f"--cookie_secret={SECRET}")

    def sign_in(self, **headers: str) -> tuple[Client, dict[str, dict[str, str]]]:
        """Sign in; return the client and all the cookies that it was given on the way."""
        client = self.client()
        client.headers = headers
        cookies = set_cookies(client.get("/login"))
        answer = client.post("/login", {"username": "beto", "password": PASSWORD})
        self.assertEqual(answer.status, 302)
        return client, cookies | set_cookies(answer)

    def test_over_http_they_are_for_this_site_and_no_script(self) -> None:
        client, cookies = self.sign_in()
        self.assertEqual(set(cookies), {"session", "device", "_xsrf"})
        self.assertEqual(len({MARK.findall(name)[0] for name in client.cookies}), 1)
        for name, attributes in cookies.items():
            with self.subTest(name):
                self.assertEqual(attributes.get("httponly"), "True")
                self.assertEqual(attributes.get("samesite", "").lower(), "lax")
                self.assertEqual(attributes.get("path"), "/")
                self.assertNotIn("secure", attributes)
                self.assertNotIn("domain", attributes)
        self.assertEqual(client.get("/rooms").status, 200)

    def test_over_https_they_are_secure_and_the_session_is_tied_to_the_host(self) -> None:
        client, cookies = self.sign_in(**HTTPS)
        self.assertEqual(set(cookies), {"__Host-session", "__Host-device", "__Host-_xsrf"})
        self.assertEqual(len({MARK.findall(name)[0] for name in client.cookies}), 1)
        for name, attributes in cookies.items():
            with self.subTest(name):
                self.assertEqual(attributes.get("secure"), "True")
                self.assertEqual(attributes.get("httponly"), "True")
                self.assertEqual(attributes.get("samesite", "").lower(), "lax")
                self.assertEqual(attributes.get("path"), "/")
                self.assertNotIn("domain", attributes)
        self.assertEqual(client.get("/rooms").status, 200)

    def test_signing_out_over_https_takes_the_cookie_away(self) -> None:
        client, _ = self.sign_in(**HTTPS)
        answer = client.post("/logout")
        self.assertEqual(set_cookies(answer)["__Host-session"].get("secure"), "True")
        self.assertNotIn("__Host-session", client.cookies)
        self.assertEqual(client.get("/").location, "/login")

    def test_a_cookie_from_before_there_were_marks_is_cleared_over_https_too(self) -> None:
        client, _ = self.sign_in(**HTTPS)
        old = {short(name): value for name, value in client.cookies.items() if "xsrf" not in name}
        again = self.client()
        again.headers = HTTPS
        again.cookies.update(old)
        self.assertEqual(again.get("/rooms").status, 200)
        answer = again.post("/login", {"username": "beto", "password": PASSWORD})
        cleared = [line for line in answer.headers.get_all("Set-Cookie") or [] if '="";' in line]
        cleared = [line for line in cleared if not MARK.search(line.partition("=")[0])]
        self.assertEqual({line.partition("=")[0] for line in cleared}, {"__Host-session", "__Host-device"})
        for line in cleared:  # or browsers refuse what has this prefix
            self.assertLess({"Secure", "Path=/", "HttpOnly"}, set(line.split("; ")))

    def test_a_cookie_of_plain_http_means_nothing_over_https(self) -> None:
        plain, _ = self.sign_in()
        cookie = plain.cookies["session"]
        for _ in range(2):  # so that it is known as a good one
            self.assertEqual(plain.get("/rooms").status, 200)
        called = plain.cookies.called("session")
        for name in ("session", "__Host-session", called, f"__Host-{called}"):
            answer = self.client().get("/rooms", Cookie=f"{name}={cookie}", **HTTPS)
            self.assertEqual((answer.status, answer.location.partition("?")[0]), (302, "/login"))


class NoProxyTest(SiteTest):
    def beside(self) -> Client:
        """Return a client of another site on this host."""
        folder = self.enterContext(tempfile.TemporaryDirectory())
        add_user(folder, "dora")
        server = Server(folder)
        self.addCleanup(server.stop)
        return Client(server.wait().url)

    def test_two_sites_on_one_host_sign_nobody_out_of_each_other(self) -> None:
        here, there = self.client(), self.beside()
        there.cookies = here.cookies  # browsers keep the cookies of all ports together
        for client, name in ((here, "beto"), (there, "dora")):
            page = client.get("/login").text
            token = page.partition('name="_xsrf" value="')[2].partition('"')[0]
            form = {"_xsrf": token, "username": name, "password": PASSWORD}
            self.assertEqual(client.post("/login", form).status, 302)
        for _ in range(2):
            for client, name in ((here, "beto"), (there, "dora")):
                self.assertIn(name, client.get("/rooms/lobby").text)
        page = there.get("/rooms").text
        token = page.partition('name="_xsrf" value="')[2].partition('"')[0]
        self.assertEqual(there.post("/logout", {"_xsrf": token}).status, 302)
        self.assertEqual([client.get("/rooms").status for client in (here, there)], [200, 302])

    def test_the_cookies_of_other_programs_do_no_harm_and_stay(self) -> None:
        signed = create_signed_value("another secret", "session", "x" * 43).decode()
        for value in ("1", signed, "2|1:0|", "\xff"):
            with self.subTest(value):
                beto = self.client()
                for name in ("session", "device", "_xsrf", "room"):
                    dict.__setitem__(beto.cookies, name, value)
                beto.get("/login")
                beto.sign_in("beto")
                self.assertIn("beto", beto.get("/rooms/lobby").text)
                self.assertEqual(beto.post("/logout").status, 302)
                self.assertEqual(beto.get("/rooms").status, 302)
                left = {name: it for name, it in beto.cookies.items() if not MARK.search(name)}
                self.assertEqual(left, dict.fromkeys(("session", "device", "_xsrf", "room"), value))

    def test_a_cookie_from_before_there_were_marks_signs_in_until_the_next_sign_in_or_out(self) -> None:
        for way in ("/login", "/logout"):
            with self.subTest(way):
                beto = self.client()
                old = {short(name): value for name, value in self.client("beto").cookies.items() if "xsrf" not in name}
                beto.cookies.update(old)
                self.assertIn("beto", beto.get("/rooms").text)
                self.assertEqual(beto.post(way, {"username": "carla", "password": PASSWORD}).status, 302)
                self.assertNotIn("session", [*beto.cookies])
                self.assertEqual(beto.get("/rooms").status, 200 if way == "/login" else 302)
                self.assertEqual(self.client().get("/rooms", Cookie=f"session={old['session']}").status, 302)

    def test_without_xheaders_nobody_can_say_that_it_was_https(self) -> None:
        client = self.client()
        client.headers = HTTPS
        client.sign_in("beto")
        self.assertIn("session", client.cookies)

    def test_the_secret_is_made_at_the_first_start_and_has_256_bits(self) -> None:
        ((secret,),) = sql(self.folder, "SELECT value FROM setting WHERE name = 'cookie_secret'")
        self.assertGreaterEqual(len(base64.urlsafe_b64decode(secret + "=")), 32)
        token = decode_signed_value(secret, "session", self.client("beto").cookies["session"])
        self.assertIsNotNone(token)
