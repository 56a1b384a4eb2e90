"""Processes of app.py: servers and commands."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from testsuite.preloaded import PreloadedProcess
from testsuite.tables import elsewhere, logs
from testsuite.waiting import TIMEOUT_SECONDS, wait_for

ROOT = Path(__file__).resolve().parent.parent
RUN_TIMEOUT_SECONDS = 60.0  # within which a command has ended

Env = dict[str, str] | None


class Server:
    """One process of the site. `lines` is what it has printed, on either stream.

    It has the limits that are `altered`. Unless it has, or is `fresh`, it is forked from a process that has imported
    the site.
    """

    def __init__(
        self,
        folder: str,
        *options: str,
        port: int = 0,
        env: Env = None,
        altered: Sequence[str] = (),
        fresh: bool = False,
    ) -> None:
        self.lines: list[str] = []
        words, variables = [f"--port={port}", *options], environment(env, folder)
        read, write = os.pipe()
        self.process: subprocess.Popen[bytes] | PreloadedProcess
        if altered or fresh:
            program = [str(ROOT / "testsuite" / "altered.py"), *altered, "--"] if altered else [str(ROOT / "app.py")]
            command = [sys.executable, "-W", "error", *program, *words]
            self.process = subprocess.Popen(command, cwd=folder, env=variables, stdout=write, stderr=write)
        else:
            self.process = PreloadedProcess(words, folder, variables, (0, write, write))
        os.close(write)
        self._listener = threading.Thread(target=self._listen, args=(read,), daemon=True)
        self._listener.start()

    def _listen(self, read: int) -> None:
        with open(read, encoding="utf-8") as output:
            self.lines.extend(output)

    def wait(self) -> Server:
        """Return once it listens."""
        wait_for(lambda: self.url or not self._listener.is_alive(), "the server listens")
        if not self.url:
            raise AssertionError("the server ended:\n" + "".join(self.lines))
        return self

    @property
    def url(self) -> str:
        """Its address, without the slash at the end."""
        return self._find(r"listens on (http://\S+)/")

    @property
    def setup_path(self) -> str:
        """The path of the set-up page, while there is no user."""
        return self._find(r"Set up: http://[^/]+(/\S+)")

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return urlsplit(self.url).port or 0

    def _find(self, pattern: str) -> str:
        match = re.search(pattern, "".join(self.lines))
        return match[1] if match else ""

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it and return its exit code; `lines` is complete then."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            code = self.process.wait(TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError("the server did not stop:\n" + "".join(self.lines)) from None
        finally:
            self._listener.join(TIMEOUT_SECONDS)
        output = "".join(self.lines)
        if re.search(r"^\w+Warning: ", output, re.MULTILINE):  # of what cannot be raised: a socket left open
            raise AssertionError("the server warned:\n" + output)
        return code


def run_app(folder: str, *words: str, stdin: str = "", env: Env = None) -> subprocess.CompletedProcess[str]:
    """Run app.py to its end."""
    with contextlib.ExitStack() as stack:
        given, output, errors = (stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8")) for _ in range(3))
        given.write(stdin)
        given.seek(0)
        streams = given.fileno(), output.fileno(), errors.fileno()
        process = PreloadedProcess(words, folder, environment(env, folder), streams)
        try:
            process.wait(RUN_TIMEOUT_SECONDS)
        finally:
            process.kill()
        for file in (output, errors):
            file.seek(0)
        return subprocess.CompletedProcess(words, process.wait(), output.read(), errors.read())


def environment(more: Env = None, folder: str = "") -> dict[str, str]:
    """Return this process's environment without options of the site, and with `more`.

    If the site in `folder` has its database or its log elsewhere, it learns where.
    """
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PROSA_")}
    for name, addresses in (("PROSA_DATABASE", elsewhere), ("PROSA_MONGO", logs)):
        if folder in addresses:
            ours[name] = addresses[folder]
    return ours | (more or {})
