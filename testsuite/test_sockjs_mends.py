"""What is mended in sockjs-tornado (docs/sockjs.rst), seen with ordinary connection classes on a public router."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import select
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path
from urllib.parse import quote

import tornado.httpserver
import tornado.netutil
import tornado.web
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from controllers.realtime.frame import Frame
from controllers.sockjs.router import Connection, Router, Settings
from controllers.sockjs.sessions import RawSession
from testsuite.servers import ROOT
from testsuite.sockjs import UPGRADE, ProtocolTest, SockJSServer
from testsuite.sockjs_server import PUBLIC, Echo
from testsuite.waiting import TIMEOUT_SECONDS, leave_the_core, wait_for

RESTARTING = [1012, "The server is restarting"]
# Starts the server with a clock that can be set forward and back by an hour.
SET_CLOCK = """
import runpy, signal, time
clock, hours = time.time, [0]
time.time = lambda: clock() + 3600 * hours[0]
def turn(number, frame): hours[0] += 1 if number == signal.SIGUSR1 else -1
signal.signal(signal.SIGUSR1, turn)
signal.signal(signal.SIGUSR2, turn)
runpy.run_module("testsuite.sockjs_server", run_name="__main__", alter_sys=True)
"""


class Hooks(ProtocolTest):
    """docs/sockjs.rst 2: a coroutine that hears a message is awaited, one after the other."""

    def test_the_next_message_waits_until_the_last_one_was_heard(self) -> None:
        session = self.session("/slow_echo")
        self.assert_text(self.post(f"{session}/xhr"), "o\n")
        self.assert_sent(self.post(f"{session}/xhr_send", '["1","2","3"]'))
        self.assert_text(self.post(f"{session}/xhr"), 'a["1","2","3"]\n')

    def test_so_it_is_on_websockets(self) -> None:
        socket = self.websocket("/slow_echo/websocket")
        for number in range(5):
            socket.send(str(number))
        self.assertEqual([socket.recv(TIMEOUT_SECONDS) for _ in range(5)], [str(number) for number in range(5)])


class SilentPeers(ProtocolTest):
    """docs/sockjs.rst 14 and 15: a silent peer is closed, and delays no broadcast."""

    is_long = True

    def test_a_peer_that_answers_no_ping_is_gone_and_everybody_else_hears_everything(self) -> None:
        silent = [self.wire() for _ in range(2)]
        for wire, path in zip(silent, ("/broadcast/websocket", f"{self.session('/broadcast')}/websocket"), strict=True):
            self.assertEqual(wire.ask("GET", path, headers=UPGRADE).status, 101)
        speaker, listener = self.websocket("/broadcast/websocket"), self.websocket("/broadcast/websocket")
        number, deadline = 0, time.monotonic() + TIMEOUT_SECONDS
        while silent:
            self.assertLess(time.monotonic(), deadline, "the silent peers are still there")
            number += 1
            speaker.send(str(number))
            self.assertEqual(
                (speaker.recv(TIMEOUT_SECONDS), listener.recv(TIMEOUT_SECONDS)), (str(number), str(number))
            )
            ended, _, _ = select.select([wire.socket for wire in silent], [], [], 0.02)
            silent = [wire for wire in silent if wire.socket not in ended or wire.socket.recv(65536)]
            leave_the_core()
        speaker.send("after them")
        self.assertEqual(listener.recv(TIMEOUT_SECONDS), "after them")


class ReadersThatDoNotRead(ProtocolTest):
    """docs/sockjs.rst 16 and 17: no session's unread messages grow without limit."""

    def test_a_websocket_that_is_never_read_is_ended(self) -> None:
        socket = self.websocket("/echo/websocket", max_queue=1, close_timeout=0.1)
        socket.send("x" * 60_000)
        self.assertEqual(len(socket.recv(TIMEOUT_SECONDS)), 60_000)
        with self.assertRaises(ConnectionClosed):
            for _ in range(2000):  # 120 MB
                socket.send("x" * 60_000)

    def test_a_session_whose_reader_stays_away_is_ended(self) -> None:
        session = self.session("/slow_echo")
        self.assert_text(self.post(f"{session}/xhr"), "o\n")
        statuses = [self.post(f"{session}/xhr_send", json.dumps(["x" * 60_000])).status for _ in range(20)]
        self.assertEqual(statuses, [204] * 18 + [404] * 2)
        frames = [self.post(f"{session}/xhr").text for _ in range(2)]
        self.assertEqual(frames[-1], 'c[1008,"Too much is waiting for you"]\n')


class OwnServerTest(ProtocolTest):
    """A test of a server of its own; `before` are Python's arguments that start it."""

    before: tuple[str, ...] = ()
    server: SockJSServer

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = SockJSServer(*cls.before)
        cls.addClassCleanup(cls.server.stop)
        cls.url = cls.server.url


class Failures(OwnServerTest):
    """docs/sockjs.rst 20: a connection that fails is logged, and ended."""

    def test_whoever_cannot_open_is_ended_and_whoever_fails_in_closing_is_logged(self) -> None:
        session = self.session("/faulty")
        stream = self.stream("POST", f"{session}/xhr_streaming?open=1")
        frames = list(iter(stream.chunk, ""))
        self.assertEqual(frames[1:], ["o\n", 'c[1011,"The connection could not be opened"]\n'])
        self.assertEqual(self.post(f"{session}/xhr_send", '["x"]').status, 404)
        session = self.session("/faulty")
        self.assert_text(self.post(f"{session}/xhr"), "o\n")
        self.assert_sent(self.post(f"{session}/xhr_send", '["close"]'))
        self.assert_text(self.post(f"{session}/xhr"), 'c[3000,"Go away!"]\n')
        said = self.server.stop()
        self.assertEqual(said.count("RuntimeError: on_open has failed\na connection failed as it was closed"), 1, said)
        self.assertEqual(said.count("RuntimeError: on_close has failed"), 2)


class Reasons(ProtocolTest):
    """docs/sockjs.rst 21: a reason may be any text."""

    def test_it_comes_as_it_is_on_every_transport(self) -> None:
        reason = 'He said "no" \\ \n </script> \u2028 ☃'
        query = f"reason={quote(reason)}"
        for method, name in (("POST", "xhr_streaming?"), ("GET", "eventsource?"), ("GET", "htmlfile?c=x&")):
            stream = self.stream(method, f"{self.session('/close')}/{name}{query}")
            closing = list(iter(stream.chunk, ""))[-1]
            call = re.search(r'p\((".*")\);', closing)
            frame = json.loads(call[1]) if call else closing.removeprefix("data: ")
            self.assertEqual(json.loads(frame[1:]), [3001, reason])
        session = self.session("/close")
        self.assert_text(self.post(f"{session}/xhr?{query}"), "o\n")
        self.assertEqual(json.loads(self.post(f"{session}/xhr").text[1:]), [3001, reason])
        socket = self.websocket(f"{self.session('/close')}/websocket?{query}")
        self.assertEqual(socket.recv(TIMEOUT_SECONDS), "o")
        self.assertEqual(json.loads(str(socket.recv(TIMEOUT_SECONDS))[1:]), [3001, reason])
        raw = self.websocket(f"/close/websocket?{query}")
        with self.assertRaises(ConnectionClosed) as caught:
            raw.recv(TIMEOUT_SECONDS)
        assert caught.exception.rcvd is not None
        self.assertEqual((caught.exception.rcvd.code, caught.exception.rcvd.reason), (3001, reason))


class Clock(OwnServerTest):
    """docs/sockjs.rst 23: sessions live as long as they should, whatever the clock says."""

    before = ("-c", SET_CLOCK)

    def date(self) -> str:
        """Return what the server takes for the time, without minutes and seconds."""
        return self.get("/echo").headers["Date"][:-10]

    def turn(self, how: signal.Signals) -> None:
        """Turn the server's clock."""
        before = self.date()
        self.server.process.send_signal(how)
        wait_for(lambda: self.date() != before, "the clock has been turned")

    def test_a_session_outlives_a_clock_that_goes_forward(self) -> None:
        session = self.session("/slow_echo")  # which keeps a session for half a minute
        self.assert_text(self.post(f"{session}/xhr"), "o\n")
        self.turn(signal.SIGUSR1)
        until = time.monotonic() + 1  # and looks ten times in a second
        while time.monotonic() < until:
            self.assert_sent(self.post(f"{session}/xhr_send", "[]"))

    def test_a_session_does_not_outlive_its_reader_when_the_clock_goes_back(self) -> None:
        session = self.session()
        self.assert_text(self.post(f"{session}/xhr"), "o\n")
        self.assert_sent(self.post(f"{session}/xhr_send", "[]"))
        self.turn(signal.SIGUSR2)
        wait_for(lambda: self.post(f"{session}/xhr_send", "[]").status == 404, "the session has ended")


class Heartbeats(ProtocolTest):
    """docs/sockjs.rst 18: what keeps a silent stream alive ends with it."""

    def test_they_come_for_as_long_as_there_is_a_reader_and_no_longer(self) -> None:
        session = self.session("/lively_echo")
        stream = self.stream("POST", f"{session}/xhr_streaming")
        self.assertEqual([stream.chunk() for _ in range(5)][1:], ["o\n", "h\n", "h\n", "h\n"])
        self.assert_sent(self.post(f"{session}/xhr_send", '["x"]'))
        self.assertEqual(next(frame for frame in iter(stream.chunk, "") if frame != "h\n"), 'a["x"]\n')
        poll = self.session("/lively_echo")
        self.assert_text(self.post(f"{poll}/xhr"), "o\n")
        self.assert_text(self.post(f"{poll}/xhr"), "h\n")
        self.assert_sent(self.post(f"{poll}/xhr_send", '["y"]'))
        self.assert_text(self.post(f"{poll}/xhr"), 'a["y"]\n')


class Building(unittest.IsolatedAsyncioTestCase):
    """docs/sockjs.rst 24: a router is built while the loop runs, or not at all."""

    def test_a_router_without_a_loop_is_refused(self) -> None:
        with self.assertRaisesRegex(RuntimeError, "no running event loop"):
            Router(Echo, "/echo", PUBLIC)

    async def test_a_router_with_one_has_routes(self) -> None:
        router = Router(Echo, "/echo", PUBLIC)
        self.assertEqual(len(router.urls), 12)
        router.close()

    async def test_a_router_is_the_sites_or_open_and_nothing_between(self) -> None:
        async def somebody(handler: object) -> None: ...

        Router(Echo, "/echo", {"authenticate": somebody}).close()
        refused: list[Settings] = [{}, {"authenticate": None}, {"allow_origin": "*", "authenticate": somebody}]
        for settings in refused:
            with self.subTest(settings=settings), self.assertRaises(ValueError):
                Router(Echo, "/echo", settings)


class Draining(unittest.IsolatedAsyncioTestCase):
    """docs/sockjs.rst 16: who was refused a frame hears that there is room again, whatever it was that waited."""

    async def test_what_waited_was_a_ping(self) -> None:
        opened, drained = list[RawSession](), asyncio.Event()

        class Noting(Connection):  # type: ignore[misc]  # the library has no types
            """Notes that it is open, and that it has drained."""

            def on_open(self, info: object) -> None:
                opened.append(self.session)

            def on_drain(self) -> None:
                drained.set()

        router = Router(Noting, "/draining", PUBLIC)
        self.addCleanup(router.close)
        server = tornado.httpserver.HTTPServer(tornado.web.Application(router.urls))
        sockets = tornado.netutil.bind_sockets(0, "127.0.0.1")
        server.add_sockets(sockets)
        self.addCleanup(server.stop)
        reader, writer = await asyncio.open_connection(*sockets[0].getsockname())
        self.addCleanup(writer.close)
        headers = "".join(f"{name}: {value}\r\n" for name, value in UPGRADE.items())
        writer.write(f"GET /draining/websocket HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        assert opened[0].handler is not None
        protocol = opened[0].handler.ws_connection  # type: ignore[attr-defined]
        with contextlib.suppress(BlockingIOError):
            while protocol.stream.socket.send(b"." * 65536):
                pass
        drained.clear()
        protocol.ping()
        self.assertFalse(opened[0].try_send(Frame(["later"])))
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while not drained.is_set():
                await reader.read(65536)
        self.assertTrue(opened[0].try_send(Frame(["now"])))


class Stopping(OwnServerTest):
    """docs/sockjs.rst 25: a server that stops ends every session with 1012."""

    def test_everybody_is_told_to_connect_anew(self) -> None:
        asked = (("POST", "xhr_streaming"), ("GET", "eventsource"), ("GET", "htmlfile?c=x"))
        streams = [self.stream(method, f"{self.session()}/{name}") for method, name in asked]
        for stream in streams:
            self.assertIn("o", [stream.chunk(), stream.chunk()][1])
        session = self.session()
        self.assert_text(self.post(f"{session}/xhr"), "o\n")
        poll = self.poll_that_waits(session)
        sockets = [self.websocket(f"{self.session()}/websocket"), self.websocket("/echo/websocket")]
        self.assertEqual(sockets[0].recv(TIMEOUT_SECONDS), "o")
        self.assertEqual(self.server.stop(), "")
        self.assertEqual(self.server.process.returncode, 0)
        ends = [stream.chunk() for stream in streams] + [
            poll.rest().splitlines()[-1],
            str(sockets[0].recv(TIMEOUT_SECONDS)),
        ]
        for end in ends:
            self.assertRegex(end, r'c\[1012,\\?"The server is restarting\\?"\]')
        self.assertEqual(self.close_of(sockets[1]), RESTARTING)

    def close_of(self, socket: ClientConnection) -> list[object]:
        """Return code and reason with which the server has closed a websocket."""
        with self.assertRaises(ConnectionClosed) as caught:
            socket.recv(TIMEOUT_SECONDS)
        assert caught.exception.rcvd is not None
        return [caught.exception.rcvd.code, caught.exception.rcvd.reason]


class Importing(unittest.TestCase):
    """docs/sockjs.rst 26: its warnings are silenced, and no others."""

    def run_python(self, code: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-W", "error", "-c", code]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    def test_it_is_imported_where_warnings_are_errors(self) -> None:
        self.assertIn("Warning", self.run_python("import sockjs.tornado").stderr)
        for module in ("library", "router", "http", "sessions", "websockets"):
            with self.subTest(module=module):
                self.assertEqual(self.run_python(f"import controllers.sockjs.{module}").stderr, "")

    def test_later_warnings_are_errors_still(self) -> None:
        late = self.run_python("import controllers.sockjs.router, warnings; warnings.warn('late', DeprecationWarning)")
        self.assertIn("DeprecationWarning: late", late.stderr)

    def test_nobody_else_imports_it(self) -> None:
        importing = re.compile(r"^\s*(from|import) sockjs", re.MULTILINE)
        files = [file for folder in ("controllers", "models") for file in Path(ROOT, folder).rglob("*.py")]
        found = [file for file in [*files, *Path(ROOT).glob("*.py")] if importing.search(file.read_text())]
        self.assertEqual(found, [Path(ROOT, "controllers", "sockjs", "library.py")])
