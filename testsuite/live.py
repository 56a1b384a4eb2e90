"""Real servers and real clients for the tests: processes of app.py, an HTTP client with cookies, chat clients."""

from __future__ import annotations

import atexit
import contextlib
import functools
import http.client
import http.cookies
import json
import os
import re
import secrets
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from testsuite.jar import Jar
from testsuite.preloaded import PreloadedProcess
from testsuite.tables import add_accounts, address, elsewhere, logs

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "correct horse battery"
TIMEOUT = 20.0  # seconds after which something that should have happened has not
RUN_TIMEOUT = 60.0  # seconds within which a command has ended

T = TypeVar("T")
Env = dict[str, str] | None


def wait_for(what: Callable[[], T], why: str, timeout: float = TIMEOUT) -> T:
    """Return what `what` returns as soon as it is true."""
    deadline = time.monotonic() + timeout
    while not (found := what()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout} s in vain: {why}")
        select.select([], [], [], 0.01)
    return found


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
            code = self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError("the server did not stop:\n" + "".join(self.lines)) from None
        finally:
            self._listener.join(TIMEOUT)
        output = "".join(self.lines)
        if re.search(r"^\w+Warning: ", output, re.MULTILINE):  # of what cannot be raised: a socket left open
            raise AssertionError("the server warned:\n" + output)
        return code


class Answer:
    """An HTTP answer, read to its end."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()
        self.text = self.body.decode("utf-8", "replace")

    @property
    def location(self) -> str:
        """Where it redirects to, or nothing."""
        return self.headers.get("Location", "")

    def json(self) -> Any:
        """Return the JSON in the body."""
        return json.loads(self.body)


class Client:
    """A browser without a screen: cookies, forms with their `_xsrf`, no redirects unless asked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.cookies = Jar()
        self.headers: dict[str, str] = {}
        self.source = ""  # the address of this machine that it comes from, if not any

    def request(self, method: str, path: str, body: str | bytes | None = None, **headers: str) -> Answer:
        """Send one request on a connection of its own."""
        parts = urlsplit(self.url)
        source = (self.source, 0) if self.source else None
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, TIMEOUT, source)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            given.setdefault("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        with contextlib.closing(connection):
            connection.request(
                method, path, body.encode() if isinstance(body, str) else body, {**self.headers, **given}
            )
            answer = Answer(connection.getresponse())
        self._keep_cookies(answer)
        return answer

    def _keep_cookies(self, answer: Answer) -> None:
        for line in answer.headers.get_all("Set-Cookie") or []:
            for name, morsel in http.cookies.SimpleCookie(line).items():
                dict.pop(self.cookies, name, None)
                if morsel.value:
                    dict.__setitem__(self.cookies, name, morsel.value)

    @property
    def xsrf(self) -> str:
        """The token that its forms carry."""
        return str(self.cookies.get("_xsrf") or self.cookies.get("__Host-_xsrf", ""))

    def get(self, path: str, **headers: str) -> Answer:
        """GET a page."""
        return self.request("GET", path, **headers)

    def post(self, path: str, fields: dict[str, str] | None = None, **headers: str) -> Answer:
        """POST a form, with the token of the page that shows such forms."""
        for page in ("/login", "/rooms", path):
            if not self.xsrf:
                self.get(page)
        form = urlencode({"_xsrf": self.xsrf, **(fields or {})})
        return self.request("POST", path, form, Content_Type="application/x-www-form-urlencoded", **headers)

    def sign_in(self, username: str, password: str = PASSWORD) -> Client:
        """Sign in by the form; fail if that fails."""
        answer = self.post("/login", {"username": username, "password": password})
        if answer.status != 302:
            raise AssertionError(f"{username} could not sign in: {answer.status}")
        return self

    def chat(self, after: int | None = None, room: str = "lobby", join: bool = True) -> Chat:
        """Open a chat connection over a plain websocket, and join the room."""
        chat = Chat(self)
        chat.until("hello")
        if join:
            chat.send("join", room=room, **({} if after is None else {"after": after}))
            chat.head = chat.until("joined")["head"]
        return chat


class Chat:
    """A chat client on the plain websocket. `heard` is every message that came, in order."""

    def __init__(self, client: Client, path: str = "/chat/websocket", **headers: str) -> None:
        parts = urlsplit(client.url)
        cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        self.heard: list[dict[str, Any]] = []
        self.head = 0
        self._open = contextlib.ExitStack()
        self.socket: ClientConnection = self._open.enter_context(
            connect(
                f"ws://{parts.netloc}{path}",
                additional_headers={"Cookie": cookies, **headers},
                open_timeout=TIMEOUT,
                compression=None,
                max_queue=None,  # else a client that does not read could not even hang up
                ping_interval=None,  # the server asks for itself
            )
        )

    def send(self, type: str, **fields: Any) -> None:
        """Send one message."""
        self.socket.send(json.dumps({"type": type, **fields}))

    def post(self, body: str, room: str = "lobby", nonce: str = "") -> str:
        """Post, without waiting; return the nonce."""
        nonce = nonce or secrets.token_hex(8)
        self.send("post", room=room, body=body, nonce=nonce)
        return nonce

    def receive(self, timeout: float = TIMEOUT) -> dict[str, Any]:
        """Return the next message."""
        message: dict[str, Any] = json.loads(self.socket.recv(timeout))
        self.heard.append(message)
        return message

    def until(self, type: str, **fields: Any) -> dict[str, Any]:
        """Return the next message of this type with these fields."""
        while True:
            message = self.receive()
            if message["type"] == type and all(message.get(name) == value for name, value in fields.items()):
                return message

    def entries(self, count: int) -> list[dict[str, Any]]:
        """Return the next `count` entries."""
        return [self.until("entry") for _ in range(count)]

    def until_closed(self, timeout: float = TIMEOUT) -> int:
        """Return the code with which the server closes the connection within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        try:
            while True:
                self.receive(max(deadline - time.monotonic(), 0.0))
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006

    def close(self) -> None:
        """Hang up."""
        self._open.close()


def add_user(folder: str, name: str, *options: str, password: str = PASSWORD) -> subprocess.CompletedProcess[str]:
    """Run `app.py adduser`; options that begin with --database go before the command."""
    before = [option for option in options if option.startswith("--database")]
    after = [option for option in options if option not in before]
    return run_app(folder, *before, "adduser", name, "somebody@example.org", *after, stdin=password)


def add_members(folder: str, members: tuple[str, ...]) -> None:
    """Make the accounts of the site in `folder`, of which ana is the administrator's."""
    if folder in elsewhere:
        add_accounts(elsewhere[folder], members, PASSWORD)
    else:
        shutil.copytree(_site_with(members), folder, dirs_exist_ok=True)


@functools.cache
def _site_with(members: tuple[str, ...]) -> str:
    """Return a folder with a database that has these members, for copies."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    add_accounts(address(folder.name), members, PASSWORD)
    return folder.name


def environment(more: Env = None, folder: str = "") -> dict[str, str]:
    """Return this process's environment without options of the site, and with `more`.

    If the site in `folder` has its database or its log elsewhere, it learns where.
    """
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PROSA_")}
    for name, addresses in (("PROSA_DATABASE", elsewhere), ("PROSA_MONGO", logs)):
        if folder in addresses:
            ours[name] = addresses[folder]
    return ours | (more or {})


def run_app(folder: str, *words: str, stdin: str = "", env: Env = None) -> subprocess.CompletedProcess[str]:
    """Run app.py to its end."""
    with contextlib.ExitStack() as stack:
        given, output, errors = (stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8")) for _ in range(3))
        given.write(stdin)
        given.seek(0)
        streams = given.fileno(), output.fileno(), errors.fileno()
        process = PreloadedProcess(words, folder, environment(env, folder), streams)
        try:
            process.wait(RUN_TIMEOUT)
        finally:
            process.kill()
        for file in (output, errors):
            file.seek(0)
        return subprocess.CompletedProcess(words, process.wait(), output.read(), errors.read())


def together(*calls: Callable[[], T]) -> list[T]:
    """Call all of them at the same moment, each in a thread; return their results in order."""
    ready = threading.Barrier(len(calls))

    def call(one: Callable[[], T]) -> T:
        ready.wait(TIMEOUT)
        return one()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(call, calls))


class FolderTest(unittest.TestCase):
    """A test in an empty folder, that starts the servers it wants; they stop at its end."""

    fresh = False  # whether they import the site themselves, as `python app.py` does
    folder: str

    def setUp(self) -> None:
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.enterContext(self.database(self.folder))

    @classmethod
    def database(cls, folder: str) -> contextlib.AbstractContextManager[None]:
        """Make the database of the site in `folder`, if it is not a file there."""
        return contextlib.nullcontext()

    def start(self, *options: str, env: Env = None, altered: Sequence[str] = ()) -> Server:
        """Start a process, without waiting until it listens."""
        server = Server(self.folder, *options, env=env, altered=altered, fresh=self.fresh)
        self.addCleanup(server.stop)
        return server


class SiteTest(unittest.TestCase):
    """A test with a running site of its own: members ana (administrator), beto and carla in the lobby.

    `options` are the server's, `altered` are limits of its own that it shall have (testsuite/altered.py);
    `processes` says how many of it run on the one database.
    """

    options: tuple[str, ...] = ("--messages_per_second=0",)
    altered: tuple[str, ...] = ()
    processes = 1
    members: tuple[str, ...] = ("ana", "beto", "carla")

    folder: str
    servers: list[Server]

    @classmethod
    def setUpClass(cls) -> None:
        cls.enterClassContext(running(cls))

    @classmethod
    def database(cls, folder: str) -> contextlib.AbstractContextManager[None]:
        """Make the database of the site in `folder`, if it is not a file there."""
        return contextlib.nullcontext()

    @property
    def server(self) -> Server:
        """The first process."""
        return self.servers[0]

    def client(self, member: str = "", server: int = 0) -> Client:
        """Return a client, signed in if a member is named."""
        client = Client(self.servers[server].url)
        return client.sign_in(member) if member else client

    def chat(self, member: str, server: int = 0, **how: Any) -> Chat:
        """Return a chat client of `member`, closed at the end of the test."""
        return self.listen(self.client(member, server), **how)

    def listen(self, client: Client, **how: Any) -> Chat:
        """Return a chat client with a client's cookies, closed at the end of the test."""
        chat = client.chat(**how)
        self.addCleanup(chat.close)
        return chat

    def elsewhere(self, client: Client, server: int) -> Client:
        """Return a client of another process with the same cookies."""
        other = self.client(server=server)
        other.cookies = Jar(client.cookies)
        return other


@contextlib.contextmanager
def running(test: type[SiteTest]) -> Iterator[None]:
    """Run the servers of a test class, with its members."""
    with tempfile.TemporaryDirectory() as folder, test.database(folder):
        test.folder = folder
        add_members(folder, test.members)
        test.servers = [Server(folder, *test.options, altered=test.altered) for _ in range(test.processes)]
        try:
            for server in test.servers:
                server.wait()
            yield
        finally:
            for server in test.servers:
                server.stop()
