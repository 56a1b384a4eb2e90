"""The servers under test: started on one core, while the load keeps the other for itself."""

import os
import re
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from testsuite.nginx import Nginx

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "bench" / "peers"
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = CORES[0], CORES[-1]
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
SPARE_FILES = 100  # file descriptors that are no member's
START_TIMEOUT_SECONDS = 20.0
STOP_TIMEOUT_SECONDS = 15.0

TUTORIAL_COMMAND = [sys.executable, "-m", "bench.peers.tutorial_chat"]
BARE_COMMAND = [sys.executable, "-m", "bench.peers.bare"]
WS_COMMAND = ["node", str(PEERS / "ws.js")]
SOCKJS_COMMAND = ["node", str(PEERS / "sockjs.js")]


def prosa(home: Sequence[str], secret: str) -> list[str]:
    """Return the command that serves Prosa without its limits for one member; `home` are the options of its stores."""
    return [
        sys.executable,
        "app.py",
        "--port=0",
        *home,
        f"--cookie_secret={secret}",
        "--messages_per_second=0",
        "--connections_per_member=0",
    ]


def prepare() -> None:
    """Take the load's core, and as many file descriptors as we may have."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.sched_setaffinity(0, {LOAD_CORE})


def places(members: int) -> int:
    """Return for how many of `members` a process has file descriptors."""
    return min(members, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - SPARE_FILES)


@contextmanager
def server_core() -> Iterator[None]:
    """Start what is started within on the server's core (a child inherits it)."""
    os.sched_setaffinity(0, {SERVER_CORE})
    try:
        yield
    finally:
        os.sched_setaffinity(0, {LOAD_CORE})


@contextmanager
def both_cores() -> Iterator[None]:
    """Start what is started within where there is room."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, CORES)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Server:
    """A process that prints where it listens; a context manager that stops it."""

    def __init__(self, command: list[str]) -> None:
        self.command = command
        self.began = time.perf_counter()
        # A pipe that nobody reads would stop the server.
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
        with server_core():
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=self.errors)
        try:
            self.port = self._port()
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def memory(self) -> int:
        """Return the resident bytes of the process."""
        rollup = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        found = re.search(r"^Rss:\s+(\d+) kB", rollup, re.MULTILINE)
        if not found:
            raise ValueError("no Rss in smaps_rollup")
        return int(found[1]) * 1024

    def peak(self) -> int:
        """Return the most resident bytes that the process ever had."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
        if not found:
            raise ValueError("no VmHWM in status")
        return int(found[1]) * 1024

    def cpu(self) -> float:
        """Return the seconds of processor time used so far, by all threads."""
        return seconds(self.process.pid)

    def stop(self) -> None:
        """End the process: politely, then by force."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.communicate(timeout=STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
        finally:
            self.errors.close()

    def _port(self) -> int:
        """Wait for the line that names the address."""
        output = self.process.stdout
        assert output is not None
        said = b""
        while (left := self.began + START_TIMEOUT_SECONDS - time.perf_counter()) > 0:
            if not select.select([output], [], [], left)[0]:
                break
            chunk = os.read(output.fileno(), 65536)
            said += chunk
            if found := re.search(rb"listens on http://[^/]*:(\d+)/", said):
                return int(found[1])
            if not chunk:
                raise RuntimeError(f"{self._name()} ended at once: {self.complaints()}")
        raise TimeoutError(f"{self._name()} did not say where it listens: {said!r}")

    def _name(self) -> str:
        return next((Path(word).name for word in self.command if word.endswith((".py", ".js"))), self.command[-1])

    def complaints(self) -> str:
        """Return the end of what the process wrote to its standard error."""
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")[-2000:].strip()


@contextmanager
def nginx(ports: list[int], directory: Path) -> Iterator[int]:
    """Run Nginx with the site's own deploy/nginx.conf before the processes at `ports`; give its port."""
    folder = directory / f"nginx{ports[0]}"
    folder.mkdir()
    with server_core():
        running = Nginx(str(folder), ports)
    try:
        yield running.port
    finally:
        running.stop()


def seconds(pid: int, ended_children: bool = False) -> float:
    """Return the processor time that a process has used so far, with that of its children that have ended if wanted."""
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, stat[11 : 15 if ended_children else 13])) / TICKS_PER_SECOND


def family_seconds(pid: int) -> float:
    """Return the processor time of a process and its children so far. It never falls."""
    used = seconds(pid, ended_children=True)
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with suppress(OSError):  # it has just ended
            used += seconds(int(child))
    return used


def busy_seconds() -> float:
    """Return how long our two cores have been at work so far, for whomever."""
    busy = 0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *ticks = line.split()
        if name in {f"cpu{core}" for core in (SERVER_CORE, LOAD_CORE)}:
            busy += sum(map(int, ticks[:3]))  # user, nice, system
    return busy / TICKS_PER_SECOND
