"""The option transports: what is on carries the chat, and what is off answers nowhere."""

from __future__ import annotations

import re
import secrets

from controllers.sockjs.router import TRANSPORTS
from testsuite.cases import SiteTest
from testsuite.clients import Client
from testsuite.polling import EventSource, HtmlFile, Jsonp, SockJS, WebSocket, Xhr, XhrStreaming, knock
from testsuite.servers import Server
from testsuite.sockjs import UPGRADE

HEADERS = {name.replace("-", "_"): value for name, value in UPGRADE.items()}
METHODS = {
    "/chat/iframe.html": "GET",
    "/chat/iframe-1.6.1.html": "GET",
    "/chat/websocket": "GET",
    "websocket": "GET",
    "xhr": "POST",
    "xhr_send": "POST",
    "xhr_streaming": "POST",
    "eventsource": "GET",
    "htmlfile?c=x": "GET",
    "jsonp?c=x": "GET",
    "jsonp_send": "POST",
}
IFRAME = {"/chat/iframe.html", "/chat/iframe-1.6.1.html"}
# Who speaks this transport, and what there is when it alone is on.
ALONE: dict[str, tuple[type[SockJS], set[str]]] = {
    "websocket": (WebSocket, {"websocket", "/chat/websocket"}),
    "xhr-streaming": (XhrStreaming, {"xhr_streaming", "xhr_send"}),
    "iframe-eventsource": (EventSource, {"eventsource", "xhr_send", *IFRAME}),
    "iframe-htmlfile": (HtmlFile, {"htmlfile?c=x", "xhr_send", *IFRAME}),
    "xhr-polling": (Xhr, {"xhr", "xhr_send"}),
    "iframe-xhr-polling": (Xhr, {"xhr", "xhr_send", *IFRAME}),
    "jsonp-polling": (Jsonp, {"jsonp?c=x", "jsonp_send"}),
}


class Choice(SiteTest):
    """docs/sockjs.rst 11: a transport that is off answers on none of its URLs."""

    def with_only(self, *names: str) -> Client:
        """Return ana at a process where only these transports are on."""
        server = Server(self.folder, f"--transports={','.join(names)}", "--messages_per_second=0")
        self.addCleanup(server.stop)
        return Client(server.wait().url).sign_in("ana")

    def found(self, ana: Client) -> set[str]:
        """Return which of the URLs there are: PUT is refused there, and not found elsewhere."""
        return {url for url in METHODS if self.status(ana, "PUT", url) == 405}

    def status(self, ana: Client, method: str, url: str) -> int:
        """Return the status of a request, to a session of its own."""
        path = url if url.startswith("/") else f"/chat/000/{secrets.token_hex(8)}/{url}"
        return knock(ana, method, path, **(HEADERS if url.endswith("websocket") else {})).status

    def test_all_are_on_unless_some_are_chosen(self) -> None:
        ana = self.client("ana")
        self.assertEqual(self.found(ana), set(METHODS))
        self.assertEqual(self.offered(ana), list(TRANSPORTS))

    def test_each_alone_carries_the_chat_and_the_others_are_not_found(self) -> None:
        self.assertEqual(set(ALONE), set(TRANSPORTS))
        for name, (kind, urls) in ALONE.items():
            with self.subTest(transport=name):
                ana = self.with_only(name)
                self.assertEqual(self.found(ana), urls)
                off = METHODS.keys() - urls
                self.assertEqual({self.status(ana, METHODS[url], url) for url in off}, {404})
                self.assertIs(ana.get("/chat/info").json()["websocket"], name == "websocket")
                self.assertEqual(self.offered(ana), [name])
                chat = kind(ana)
                self.addCleanup(chat.close)
                self.assertEqual(chat.join().until("entry", nonce=chat.post("alone"))["body"], "alone")

    def test_the_page_offers_what_is_on_in_the_order_in_which_it_is_tried(self) -> None:
        ana = self.with_only("jsonp-polling", "xhr-polling", "xhr-polling")
        self.assertEqual(self.offered(ana), ["xhr-polling", "jsonp-polling"])

    def offered(self, ana: Client) -> list[str]:
        """Return the transports that the room's page lets one choose, and sockjs-client try."""
        return re.findall(r'name="transport" value="([^"]+)"', ana.get("/rooms/lobby").text)
