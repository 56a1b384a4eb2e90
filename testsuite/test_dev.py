"""dev.py: the site while it is being changed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

from testsuite.cases import add_user
from testsuite.clients import Client
from testsuite.newcomer import copy_project
from testsuite.nginx import free_port
from testsuite.servers import environment
from testsuite.waiting import TIMEOUT_SECONDS, wait_for

CHANGES = (
    ("models/settings.py", 'else "ok"', 'else "very well"', "/healthz"),
    ("views/templates/login.html", "<form", "<hr><form", "/login"),
    ("views/statics/site.css", "/* What", "/* Anew. What", "/static/site.css"),
    ("views/locale/pt_BR.csv", '"Sign in","Entrar"', '"Sign in","Entre já"', "/login"),
)
# ^C arrives while a folder is open.
STRUCK = """
import os, signal, sys
import dev
scandir = os.scandir
def struck(folder):
    found = scandir(folder)
    os.kill(os.getpid(), signal.SIGINT)
    return found
os.scandir = struck
sys.exit(dev.main(sys.argv[1:]))
"""
LISTENS = re.compile(r"listens on http://127\.0\.0\.1:(\d+)/")


class Developing(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="açaí and more ")
        self.addCleanup(folder.cleanup)
        self.assertEqual(add_user(folder.name, "ana").returncode, 0)
        self.project = copy_project(folder.name)
        self.port = free_port()
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", str(self.project / "dev.py"), f"--port={self.port}"],
            cwd=folder.name,
            env=environment(None, folder.name),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        listener = threading.Thread(target=self.listen)
        listener.start()
        self.addCleanup(listener.join, TIMEOUT_SECONDS)
        self.addCleanup(self.end)
        self.wait_for_start(1)

    def listen(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            self.lines.extend(output)

    def end(self) -> int:
        """Send what ^C sends: SIGINT to every process of the terminal's group; return the exit code."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(TIMEOUT_SECONDS)

    @property
    def output(self) -> str:
        return "".join(self.lines)

    @property
    def starts(self) -> list[str]:
        """The ports on which the site has been started, one after the other."""
        return LISTENS.findall(self.output)

    def wait_for_start(self, times: int) -> None:
        """Return once the site has been started so often, always on the same port."""
        wait_for(lambda: len(self.starts) >= times, "the site is started")
        self.assertEqual(self.starts, [str(self.port)] * times)

    def change(self, path: str, old: str, new: str) -> None:
        """Change a file of the project."""
        file = self.project / path
        text = file.read_text(encoding="utf-8")
        self.assertIn(old, text)
        file.write_text(text.replace(old, new), encoding="utf-8")

    def get(self, path: str) -> str:
        """Return a page."""
        return Client(f"http://127.0.0.1:{self.port}").get(path, Accept_Language="pt-BR").text

    def test_each_kind_of_file_is_served_anew_once_it_was_changed(self) -> None:
        (self.project / "views" / "statics" / "new.js").write_text("// new")
        self.wait_for_start(2)
        self.assertEqual(self.get("/static/new.js"), "// new")
        for path, old, new, page in CHANGES:
            with self.subTest(path):
                shown = new.split('"')[-2] if '"' in new else new
                self.assertNotIn(shown, self.get(page))
                before = len(self.starts)
                self.change(path, old, new)
                self.wait_for_start(before + 1)
                self.assertIn(f"Changed: {path}\n", self.output)
                self.assertIn(shown, self.get(page))
        self.assertEqual(self.end(), 0)
        self.assertNotIn("Traceback", self.output)

    def test_an_end_in_the_middle_of_a_look_at_the_files_is_an_end_like_any_other(self) -> None:
        ran = subprocess.run(
            [sys.executable, "-W", "error", "-c", STRUCK, f"--port={free_port()}"],
            cwd=self.project,
            env=environment(),
            stderr=subprocess.PIPE,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        self.assertEqual(ran.returncode, 0)
        self.assertNotRegex(ran.stderr, "Traceback|Exception ignored")

    def test_a_mistake_ends_the_site_until_it_is_mended(self) -> None:
        self.change("controllers/handlers.py", "class MainHandler(", "class MainHandler((")
        wait_for(lambda: "it starts again when a file changes" in self.output, "the site ends")
        self.assertIn("SyntaxError", self.output)
        self.change("controllers/handlers.py", "class MainHandler((", "class MainHandler(")
        self.wait_for_start(2)
        self.assertIn("<form", self.get("/login"))

    def test_it_is_the_debug_mode_and_sigterm_ends_it_and_the_site(self) -> None:
        (self.project / "views" / "templates" / "login.html").write_text("{{ 1 / 0 }}")
        self.wait_for_start(2)
        self.assertIn("ZeroDivisionError", self.get("/login"))
        self.process.terminate()
        self.assertEqual(self.process.wait(TIMEOUT_SECONDS), 0)
        with self.assertRaises(ConnectionRefusedError):
            self.get("/login")
