"""The secret that signs the cookies: rotated without ending sessions, and never a published example."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator

from testsuite.cases import FolderTest, add_members
from testsuite.clients import Client
from testsuite.jar import Jar
from testsuite.servers import run_app
from testsuite.tables import sql

OLD, NEW, NEWEST = (secrets.token_urlsafe(32) for _ in range(3))
TUTORIALS = "1d7e5627ed07425aa0d8829628c6a284"
TORNADOS = "__TODO:_GENERATE_YOUR_OWN_RANDOM_VALUE_HERE__"


class Rotation(FolderTest):
    """docs/security.rst 6: an old key's cookies stay valid until it is taken away."""

    def setUp(self) -> None:
        super().setUp()
        add_members(self.folder, ("ana",))

    @contextlib.contextmanager
    def signed_with(self, *given: str) -> Iterator[Client]:
        """Return a client of a site with these secrets; without any it is the one in the database."""
        server = self.start(*([f"--cookie_secret={','.join(given)}"] if given else [])).wait()
        try:
            yield Client(server.url)
        finally:
            server.stop()

    def sign_in(self, *given: str) -> dict[str, str]:
        """Return the cookies after a sign-in at such a site."""
        with self.signed_with(*given) as client:
            return client.sign_in("ana").cookies

    def are_good(self, cookies: dict[str, str], *given: str) -> bool:
        """Tell whether such a site knows whose cookies these are."""
        with self.signed_with(*given) as client:
            client.cookies = Jar(cookies)
            return client.get("/rooms").status == 200

    def test_old_cookies_stay_valid_until_the_old_key_is_taken_away(self) -> None:
        old = self.sign_in(OLD)
        self.assertTrue(self.are_good(old, NEW, OLD))
        self.assertTrue(self.are_good(old, NEWEST, NEW, OLD))
        self.assertFalse(self.are_good(old, NEWEST, NEW))

    def test_new_cookies_are_signed_by_the_first_key_wherever_it_stands_later(self) -> None:
        new = self.sign_in(NEW, OLD)
        self.assertFalse(self.are_good(new, OLD))
        self.assertTrue(self.are_good(new, NEW))
        self.assertTrue(self.are_good(new, NEWEST, NEW))

    def test_the_secret_in_the_database_can_be_exchanged_for_a_given_one(self) -> None:
        old = self.sign_in()
        kept = self.kept()
        self.assertGreaterEqual(len(kept), 43)
        self.assertTrue(self.are_good(old))
        self.assertTrue(self.are_good(old, NEW, kept))
        self.assertFalse(self.are_good(old, NEW))

    def kept(self) -> str:
        ((value,),) = sql(self.folder, "SELECT value FROM setting WHERE name = 'cookie_secret'")
        return str(value)


class Refusal(FolderTest):
    """docs/security.rst 6: a secret that the world has read, or that is short, is refused."""

    def assert_refused(self, given: str, env: dict[str, str] | None = None) -> None:
        options = [f"--cookie_secret={given}"] if given else []
        refused = run_app(self.folder, "--port=0", *options, env=env)
        self.assertEqual((refused.returncode, len(refused.stderr.splitlines())), (2, 1), refused.stderr)
        self.assertIn("cookie_secret", refused.stderr)
        self.assertNotIn(given or "nothing", refused.stderr)

    def test_the_examples_of_the_tutorial_and_of_tornado(self) -> None:
        for example in (TUTORIALS, TORNADOS):
            with self.subTest(example):
                self.assertGreaterEqual(len(example), 32)
                for given in (example, f"{NEW},{example}", f"{example},{NEW}"):
                    self.assert_refused(given)
                self.assert_refused("", env={"PROSA_COOKIE_SECRET": example})
        self.assertTrue(self.start(f"--cookie_secret={NEW}, {OLD}").wait().url)

    def test_short_and_empty_ones(self) -> None:
        for given in ("x" * 31, f"{NEW},short", f"{NEW},", f",{NEW}", f"{NEW},,{OLD}"):
            with self.subTest(given):
                self.assert_refused(given)
        self.assertTrue(self.start(f"--cookie_secret={'x1' * 16}").wait().url)
