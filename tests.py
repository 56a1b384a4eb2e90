"""The tutorial's tests, against a live server; and, by the load_tests protocol, all the others in testsuite/.

`python -m unittest tests` starts a server on a free port. With PROSA_TEST_URL the three tests ask that site instead,
and sign in there as PROSA_TEST_USERNAME with PROSA_TEST_PASSWORD.
"""

from __future__ import annotations

import http.cookiejar
import os
import re
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from testsuite.cases import add_user
from testsuite.clients import PASSWORD
from testsuite.servers import Server, environment
from testsuite.waiting import TIMEOUT_SECONDS

ROOT = Path(__file__).resolve().parent

# What the tutorial types at the Python prompt, and what Python answers: the number of rows saved, and so on.
SESSION = """\
from models.models import create_tables, User
from datetime import datetime
create_tables()
user = User(username='Bob', password='1234', email='bob@bob.com')
user.save()
user.username
bob = User.get(User.username == 'Bob')
bob.check_password('1234')
isinstance(bob.join_date, datetime)
len(User.select())
query = User.select().where(User.username == 'Bob')
for user in query:
    print(user.email)

"""
ANSWERS = ["1", "'Bob'", "True", "True", "1", "bob@bob.com"]


class TestTornadoHandlers(unittest.TestCase):
    url = os.environ.get("PROSA_TEST_URL", "").rstrip("/")
    username = os.environ.get("PROSA_TEST_USERNAME", "test")
    password = os.environ.get("PROSA_TEST_PASSWORD", PASSWORD)

    @classmethod
    def setUpClass(cls) -> None:
        if cls.url:
            return
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        added = add_user(folder, cls.username, password=cls.password)
        assert added.returncode == 0, added.stderr
        server = Server(folder)
        cls.addClassCleanup(server.stop)
        cls.url = server.wait().url

    def setUp(self) -> None:
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.browser = urllib.request.build_opener(cookies)

    def post_login(self, username: str, password: str) -> http.client.HTTPResponse:
        """Fill in the form of the login page and send it."""
        with self.browser.open(f"{self.url}/login") as page:
            token = re.search(r'name="_xsrf" value="([^"]+)"', page.read().decode())
        assert token is not None
        fields = {"_xsrf": token[1], "username": username, "password": password}
        request = urllib.request.Request(f"{self.url}/login", urllib.parse.urlencode(fields).encode())
        request.add_header("Content-Type", "application/x-www-form-urlencoded;charset=utf-8")
        answer: http.client.HTTPResponse = self.browser.open(request)
        self.addCleanup(answer.close)
        return answer

    def test_home(self) -> None:
        with self.browser.open(self.url) as page:
            self.assertEqual(page.status, 200)
            self.assertEqual(page.url, f"{self.url}/login")

    def test_login_get(self) -> None:
        with self.browser.open(f"{self.url}/login") as page:
            self.assertEqual(page.status, 200)
            self.assertIn('name="password"', page.read().decode())

    def test_login_post(self) -> None:
        page = self.post_login(self.username, self.password)
        self.assertEqual(page.status, 200)
        self.assertEqual(page.url, f"{self.url}/rooms/lobby")
        self.assertIn(self.username, page.read().decode())
        with self.browser.open(self.url) as home:
            self.assertEqual(home.url, page.url)

    def test_login_post_with_a_wrong_password(self) -> None:
        with self.assertRaises(urllib.error.HTTPError) as refused:
            self.post_login(self.username, self.password + "!")
        self.addCleanup(refused.exception.close)
        self.assertEqual(refused.exception.code, 403)

    def test_login_post_without_the_token(self) -> None:
        data = urllib.parse.urlencode({"username": self.username, "password": self.password}).encode()
        with self.assertRaises(urllib.error.HTTPError) as refused:
            self.browser.open(f"{self.url}/login", data)
        self.addCleanup(refused.exception.close)
        self.assertEqual(refused.exception.code, 403)


class TestPrompt(unittest.TestCase):
    def test_the_tutorials_session_at_the_python_prompt(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            prompt = subprocess.run(
                [sys.executable, "-W", "error", "-q", "-i"],
                cwd=folder,
                env=environment({"PYTHONPATH": str(ROOT)}),
                input=SESSION,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
            self.assertEqual(prompt.stdout.splitlines(), ANSWERS, prompt.stderr)
            self.assertEqual(prompt.stderr.replace(">>> ", "").replace("... ", "").strip(), "")
            self.assertTrue((Path(folder) / "people.db").exists())


def load_tests(loader: unittest.TestLoader, tests: unittest.TestSuite, pattern: str | None) -> unittest.TestSuite:
    """Add everything in testsuite/ to the tests of this module."""
    tests.addTests(loader.discover(str(ROOT / "testsuite"), pattern or "test_*.py", str(ROOT)))
    return tests


if __name__ == "__main__":
    unittest.main()
