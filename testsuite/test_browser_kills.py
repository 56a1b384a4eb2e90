"""A real browser behind the real Nginx: over each transport, the process that it talks to is killed."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

from playwright.sync_api import Page, Route, expect

from controllers.sockjs.router import TRANSPORTS
from testsuite.browser import (
    BROKEN_CONNECTION,
    BrowserTest,
    choose_transports,
    expect_live,
    expect_message,
    messages,
    sign_in,
    write,
)
from testsuite.clients import Chat, Client
from testsuite.nginx import Nginx
from testsuite.servers import Server

# sockjs-client takes these two as well where page and chat are of one origin, if they are named.
WITHOUT_IFRAME = ("eventsource", "htmlfile")
INFO = "**/chat/info**"  # what sockjs-client asks first, whichever way it will take

# What Chromium says of a process that dies (another one does not know the session), of what stands in the protocol's
# own pages, and of a poll by a script that sockjs-client has given up: its answer still runs.
NOISE = (
    rf"{BROKEN_CONNECTION}|status of (404|50\d)"
    r"|document\.domain mutation is ignored|_jp\.\w+ is not a function"
)


class Kills(BrowserTest):
    """Four processes behind Nginx; the one in use dies without a word, and its member goes on at another.

    The panel offers the tutorial's seven transports; the test puts eventsource and htmlfile beside them.
    """

    needs = ("nginx",)
    processes = 4
    options = ("--messages_per_second=0", "--xheaders")
    nginx: Nginx

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.nginx = Nginx(cls.folder, [server.port for server in cls.servers])
        cls.addClassCleanup(cls.nginx.stop)

    def test_over_each_transport_a_conversation_goes_on_without_a_hole_or_a_double(self) -> None:
        self.tolerate(NOISE)
        ana = self.page(self.nginx.url)
        sign_in(ana, "ana")
        ana.goto("/rooms/lobby")
        expect_live(ana)
        ana.locator("#transports").evaluate(OFFER, WITHOUT_IFRAME)
        for name in (*TRANSPORTS, *WITHOUT_IFRAME):
            with self.subTest(transport=name):
                self.survive(ana, name)
            self.revive()

    def survive(self, ana: Page, name: str) -> None:
        """Chat over a transport, lose the process, and chat on."""
        choose_transports(ana, name)
        expect(ana.locator("#transport")).to_have_text(name)
        expect_live(ana)
        used = ana.locator("#process").inner_text()
        number = self.number_of(used)
        beto = self.chat("beto", server=number - 1)
        said = talk(ana, beto, f"over {name}")
        ana.keyboard.press("Escape")  # while the panel is open, its pings would notice as well
        meanwhile = [f"{name}: said meanwhile {count}" for count in range(3)]
        with self.killed(ana, number):
            for body in meanwhile:
                beto.until("ack", nonce=beto.post(body))
        expect_message(ana, meanwhile[-1])
        expect(ana.locator("#transport")).to_have_text(name)
        expect(ana.locator("#process")).not_to_have_text(used)
        said += meanwhile + talk(ana, beto, f"again over {name}")
        self.assertEqual(messages(ana)[-len(said) :], said)
        beto.close()

    def number_of(self, process: str) -> int:
        """Return which of the servers has this name."""
        return [Client(server.url).get("/healthz").json()["process"] for server in self.servers].index(process)

    @contextlib.contextmanager
    def killed(self, page: Page, number: int) -> Iterator[None]:
        """Kill a process; the page, which uses it, does not connect again before the end."""
        held: list[Route] = []

        def hold(route: Route) -> None:
            held.append(route)

        page.route(INFO, hold)
        with page.expect_request(INFO):
            self.servers[number].stop(signal.SIGKILL)
        yield
        for route in held:
            route.continue_()
        page.unroute(INFO)

    def revive(self) -> None:
        """Start what was killed again, on its port."""
        for number, server in enumerate(self.servers):
            if server.process.poll() is not None:
                self.servers[number] = Server(self.folder, *self.options, port=server.port).wait()


def talk(page: Page, other: Chat, about: str) -> list[str]:
    """Say something both ways, and return what was said."""
    there, back = f"{about}, there", f"{about}, and back"
    write(page, there)
    other.until("entry", body=there)
    other.post(back)
    expect_message(page, there)
    expect_message(page, back)
    return [there, back]


OFFER = """(it, names) => {
  for (const name of names) it.insertAdjacentHTML('beforeend', `<input type="checkbox" value="${name}">`);
}"""
