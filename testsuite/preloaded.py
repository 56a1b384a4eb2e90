"""Processes of the site that are forked from one that has imported it, so that they start in a tenth of the time.

Most of a start is imports, and the tests start a thousand processes. `python testsuite/preloaded.py FD` imports app.py
once, and forks for each request that comes by the socket FD. Passwords are hashed as cheaply as Argon2 can, templates
are compiled already, and a process ends at once, or the tests would spend a fourth of their time there. What must not
be spared is tested with servers that are `fresh`.
"""

from __future__ import annotations

import atexit
import functools
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
MAX_REQUEST_BYTES = 200 * 1024  # the words, the folder and the environment of one process
MAX_NUMBER_BYTES = 16  # of the answer to a request, and of an exit code


class PreloadedProcess:
    """`python app.py WORDS`, with as much of subprocess.Popen as the tests use; its streams are these descriptors."""

    def __init__(self, words: Sequence[str], folder: str, env: dict[str, str], streams: tuple[int, int, int]) -> None:
        self.returncode: int | None = None
        self._lock = threading.Lock()
        self._status, theirs = socket.socketpair()
        with theirs:
            self.pid = _parent().fork([list(words), folder, env], [*streams, theirs.fileno()])

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit code once it has ended. Raise subprocess.TimeoutExpired."""
        with self._lock:
            if self.returncode is None:
                if not select.select([self._status], [], [], timeout)[0]:
                    raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
                self.returncode = int(self._status.recv(MAX_NUMBER_BYTES))
                self._status.close()
            return self.returncode

    def poll(self) -> int | None:
        """Return its exit code if it has ended."""
        try:
            return self.wait(0.0)
        except subprocess.TimeoutExpired:
            return None

    def send_signal(self, number: int) -> None:
        """Send it a signal unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it unless it has ended."""
        self.send_signal(signal.SIGKILL)


class Parent:
    """The process that has imported the site, as the tests see it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-W", "error", __file__, str(theirs.fileno())]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()])
        atexit.register(self._close)

    def fork(self, request: list[object], descriptors: list[int]) -> int:
        """Start a process; return its id."""
        with self._lock:
            socket.send_fds(self._requests, [json.dumps(request).encode()], descriptors)
            return int(self._requests.recv(MAX_NUMBER_BYTES))

    def _close(self) -> None:
        self._requests.close()
        self._process.wait()


@functools.cache
def _parent() -> Parent:
    return Parent()


def fork_on_request(requests: socket.socket) -> list[str] | None:
    """Fork for each request; return the words after app.py in each new process, and None once nobody can ask."""
    running: dict[int, tuple[int, int]] = {}  # by the descriptor that tells of its end: its id, where to report that
    while True:
        for ready in select.select([requests.fileno(), *running], [], [])[0]:
            if ready in running:
                pid, status = running.pop(ready)
                _, ended = os.waitpid(pid, 0)
                os.write(status, str(os.waitstatus_to_exitcode(ended)).encode())
                os.close(status)
                os.close(ready)
                continue
            request, descriptors, _, _ = socket.recv_fds(requests, MAX_REQUEST_BYTES, 4)
            if not request:
                return None
            *streams, status = descriptors
            if (pid := os.fork()) == 0:
                requests.close()
                words, folder, env = json.loads(request)
                become(folder, env, streams, [status, *running, *(status for _, status in running.values())])
                return [*words]
            running[os.pidfd_open(pid)] = pid, status
            requests.send(str(pid).encode())
            for stream in streams:
                os.close(stream)


def become(folder: str, env: dict[str, str], streams: list[int], foreign: list[int]) -> None:
    """Take over this folder, environment and streams; close the descriptors that are foreign."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    for descriptor in (*streams, *foreign):
        os.close(descriptor)
    # Those that were made at the start remember whether one can seek there.
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)


def compile_templates(folder: str) -> None:
    """Compile the pages' templates, which every process would do once."""
    from tornado.template import Loader  # noqa: PLC0415
    from tornado.web import RequestHandler  # noqa: PLC0415

    loader = RequestHandler._template_loaders[folder] = Loader(folder)
    for path in Path(folder).rglob("*.html"):
        loader.load(str(path.relative_to(folder)))


def end(code: int) -> NoReturn:
    """End this process. What was left open is warned of if nothing refers to it; the modules are not taken apart."""
    gc.collect()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main() -> None:
    """Import, then fork; in each process that was forked, do what app.py does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of ^C the tests know
    sys.path[0] = str(ROOT)
    gc.disable()
    import app  # noqa: PLC0415 - the tests import this module, and start without
    from models import passwords  # noqa: PLC0415
    from testsuite.tables import CHEAP_HASHER  # noqa: PLC0415

    passwords._hasher = CHEAP_HASHER
    passwords.DUMMY_HASH = passwords._dummy_hash()
    compile_templates(str(app.TEMPLATES_FOLDER))
    with socket.socket(fileno=int(sys.argv[1])) as requests:
        words = fork_on_request(requests)
    if words is None:
        return
    sys.argv = [str(ROOT / "app.py"), *words]
    end(app.main(sys.argv))


if __name__ == "__main__":
    main()
