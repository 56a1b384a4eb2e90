"""A newcomer: a copy of the project, and a terminal in which to type what the documents say."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
import urllib.request
from pathlib import Path

from testsuite.needs import need
from testsuite.nginx import free_port
from testsuite.servers import ROOT
from testsuite.waiting import TIMEOUT_SECONDS, wait_for

INSTALL_TIMEOUT_SECONDS = 600.0  # for an installation
PORTS = ("8888", "9000", "9001", "9002", "9003")  # the documents'; the tests take free ones
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "node_modules", "*_cache", "__pycache__", "*.db*", "build")

# Commands that keep running and serve; whatever has a word after the options ends.
SERVES = re.compile(r"(?:\w+=\S+ )*(?:make (?:run|dev|demo)|python app\.py(?: --\S+)*)")
# Commands that may install something.
INSTALLS = re.compile(r"pip|npm|make")
# Commands that change what the following ones find.
PREPARES = re.compile(r"(?:\.|cd|export) ")


def copy_project(folder: str) -> Path:
    """Copy the project without what was installed or made in it."""
    return Path(shutil.copytree(ROOT, Path(folder) / "prosa", ignore=LEFT_OUT))


class Serving:
    """A command that keeps running. `lines` is what it has printed."""

    def __init__(self, arguments: list[str], folder: Path, env: dict[str, str]) -> None:
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            arguments,
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            self.lines.extend(output)

    def wait(self) -> str:
        """Return its address once it has answered there; fail if it ends."""
        wait_for(lambda: self._url() or not self._listener.is_alive(), "the site listens", INSTALL_TIMEOUT_SECONDS)
        url = self._url()
        if not url:
            raise AssertionError("it ended:\n" + "".join(self.lines))
        with urllib.request.urlopen(f"{url}healthz", timeout=TIMEOUT_SECONDS) as answer:
            assert answer.status == 200
        return url

    def _url(self) -> str:
        found = re.search(r"listens on (http://\S+)", "".join(self.lines))
        return found[1] if found else ""

    def stop(self) -> None:
        """End it, and what it has started."""
        if self._listener.is_alive():
            os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait(TIMEOUT_SECONDS)
        self._listener.join(TIMEOUT_SECONDS)


class Terminal:
    """Types commands in a folder and compares what is printed with what a document shows."""

    def __init__(self, folder: Path, stdin: str) -> None:
        self._folder = folder
        self._stdin = stdin
        self._prepared: list[str] = []
        self.ports = {port: str(free_port()) for port in PORTS}
        strange = re.compile(r"MAKE|MFLAGS|PROSA_|VIRTUAL_ENV|PYTHON|OPTIONS$")
        kept = {name: value for name, value in os.environ.items() if not strange.match(name)}
        self.env = {**kept, "PORT": self.ports["8888"]}

    def type(self, block: str, instead: dict[str, str]) -> None:
        """Run the commands of a block, those in `instead` as it says; what serves does so until the block's end."""
        serving: list[Serving] = []
        try:
            for typed in re.split(r"^\$ ", self._with_our_ports(block), flags=re.MULTILINE)[1:]:
                command, _, shown = typed.partition("\n")
                if SERVES.fullmatch(command):
                    serving.append(self.serve(command))
                    serving[-1].wait()
                    printed = "".join(serving[-1].lines)
                else:
                    printed = self._run(instead.get(command, command))
                _compare(command, shown, printed)
        finally:
            for one in serving:
                one.stop()

    def serve(self, command: str) -> Serving:
        """Start a command that keeps running."""
        return Serving(self._arguments(command), self._folder, self.env)

    def _with_our_ports(self, text: str) -> str:
        return re.sub("|".join(PORTS), lambda port: self.ports[port[0]], text)

    def _arguments(self, command: str) -> list[str]:
        if INSTALLS.match(command):
            need("registries")
        return ["bash", "-c", "\n".join(["set -e", *self._prepared, command])]

    def _run(self, command: str) -> str:
        done = subprocess.run(
            self._arguments(command),
            cwd=self._folder,
            env=self.env,
            input=self._stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=INSTALL_TIMEOUT_SECONDS,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout}")
        if PREPARES.match(command):
            self._prepared.append(command)
        return done.stdout


def _compare(command: str, shown: str, printed: str) -> None:
    """Fail unless the shown lines were printed, in order; "..." stands for anything."""
    parts = [re.escape(line).replace(r"\.\.\.", ".*") for line in shown.splitlines() if line.strip()]
    if not re.search(r"(?s:.*)".join(f"^{part}$" for part in parts), printed, re.MULTILINE):
        raise AssertionError(f"{command} should print:\n{shown}\nbut printed:\n{printed}")
