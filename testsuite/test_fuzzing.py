"""Made-up messages and payloads: the site takes them or refuses them, and nothing breaks."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from controllers.realtime import protocol
from controllers.sockjs.framing import BadPayload, decode_messages
from controllers.sockjs.router import MAX_MESSAGES_PER_SEND
from models.errors.base import Refusal
from testsuite.clients import Answer, Chat
from testsuite.fuzzing import JSON, FuzzedSite, FuzzTest, damaged, dumped, examples
from testsuite.polling import ALL_TRANSPORTS, Jsonp, SockJS, WebSocket, Xhr, knock
from testsuite.tables import sql

PAYLOADS = (
    st.binary()
    | st.text().map(lambda text: text.encode("utf-8", "surrogatepass"))
    | JSON.map(dumped).map(str.encode)
    | damaged(st.lists(st.text(), max_size=20).map(dumped)).map(str.encode)
    | st.lists(st.text(max_size=5), min_size=14, max_size=20).map(dumped).map(str.encode)
)
TYPES = st.sampled_from([*protocol.REQUIRED_FIELDS, "edit", "delete", "react", "read", "hello", "Post", "", "\0"])
FIELDS = st.sampled_from(["room", "body", "nonce", "after", "seq", "emoji", "html", "author", "type"])
KNOWN = st.sampled_from([*protocol.REQUIRED_FIELDS])
ONE_WRONG = st.dictionaries(st.sampled_from(["room", "body", "nonce", "after"]), JSON, min_size=1, max_size=1)
MESSAGES = (
    st.builds(lambda kind, rest: {**rest, "type": kind}, TYPES, st.dictionaries(FIELDS, JSON, max_size=4)).map(dumped)
    | st.builds(lambda kind, wrong: {"type": kind, "room": "lobby", "body": "x", **wrong}, KNOWN, ONE_WRONG).map(dumped)
    | st.dictionaries(st.text(max_size=9) | FIELDS, JSON, max_size=5).map(dumped)
    | damaged(st.just('{"type": "post", "room": "lobby", "body": "hello", "nonce": "n1"}'))
    | st.text(min_size=1)
)


class DecoderTest(FuzzTest):
    """docs/security.rst 15: the decoders give messages, or say that these are none."""

    @given(PAYLOADS)
    @examples(500)
    def test_a_payload_is_a_few_texts_or_is_refused(self, payload: bytes) -> None:
        try:
            messages = decode_messages(payload, MAX_MESSAGES_PER_SEND)
        except BadPayload:
            return
        self.assertLessEqual(len(messages), MAX_MESSAGES_PER_SEND)
        self.assertEqual({str} | {type(message) for message in messages}, {str})

    @given(st.lists(st.text(), max_size=MAX_MESSAGES_PER_SEND))
    @examples(100)
    def test_what_a_client_sends_is_understood(self, messages: list[str]) -> None:
        for payload in (json.dumps(messages), json.dumps(messages, ensure_ascii=False).encode()):
            self.assertEqual(decode_messages(payload, MAX_MESSAGES_PER_SEND), messages)

    @given(MESSAGES)
    @examples(500)
    def test_a_message_is_of_a_known_type_or_is_refused(self, text: str) -> None:
        try:
            message = protocol.read(text, "lobby")
        except Refusal:
            return
        fields: Mapping[str, object] = message
        for name, kind in protocol.REQUIRED_FIELDS[message["type"]].items():
            value = fields[name]
            self.assertIsInstance(value, kind)
            if isinstance(value, str):
                value.encode()  # so that it can be stored


class TransportTest(FuzzedSite):
    """docs/security.rst 15: no message harms its session, and only what was acknowledged is stored."""

    needs = ("quiet",)  # thousands of messages fill a core
    options = ("--messages_per_second=0", "--max_message=50", "--connections_per_member=0")

    def setUp(self) -> None:
        super().setUp()
        ((self.before,),) = sql(self.folder, "SELECT coalesce(max(seq), 0) FROM entry")
        self.ana = self.client("ana")

    def hear_on(self, chat: Chat) -> None:
        """Check that the session goes on."""
        chat.send("ping")
        chat.until("pong")

    def check_stored(self, *chats: Chat) -> None:
        """Check that the room has what these clients heard acknowledged, and nothing else."""
        for chat in chats:
            chat.until("ack", nonce=chat.post("the end"))
        heard = [message for chat in chats for message in chat.heard]
        acknowledged = {message["seq"] for message in heard if message["type"] == "ack"}
        stored = {seq for (seq,) in sql(self.folder, "SELECT seq FROM entry WHERE seq > ?", self.before)}
        self.assertEqual(stored, {seq for seq in acknowledged if seq > self.before})  # nonces may come again
        self.assertIn("bad_message", {message.get("code") for message in heard})

    def test_messages_on_a_plain_websocket(self) -> None:
        chat = self.ana.chat()
        self.addCleanup(chat.close)

        @given(MESSAGES)
        @examples(300)
        def send(text: str) -> None:
            chat.socket.send(text)
            self.hear_on(chat)

        send()
        self.check_stored(chat)

    def test_bytes_on_a_plain_websocket(self) -> None:
        chat = self.ana.chat()
        self.addCleanup(chat.close)

        @given(st.binary(max_size=200))
        @examples(50)
        def send(data: bytes) -> None:
            chat.socket.send(data)
            self.hear_on(chat)

        send()

    def test_messages_on_every_transport(self) -> None:
        chats = [kind(self.ana).join() for kind in ALL_TRANSPORTS]
        for chat in chats:
            self.addCleanup(chat.close)

        @given(st.sampled_from(chats), MESSAGES)
        @examples(300)
        def send(chat: SockJS, text: str) -> None:
            chat.send_texts(text)
            self.hear_on(chat)

        send()
        self.check_stored(*chats)

    def test_payloads_of_the_sending_transports(self) -> None:
        chats = [kind(self.ana).join() for kind in (Xhr, Jsonp)]
        for chat in chats:
            self.addCleanup(chat.close)

        @given(st.sampled_from(chats), PAYLOADS, st.sampled_from(["d=", "", "d=1&d="]))
        @examples(300)
        def send(chat: SockJS, payload: bytes, field: str) -> None:
            self.check_answer(self.send_payload(chat, payload, field))
            self.hear_on(chat)

        send()
        chats[0].send_texts('{"type": 7}')
        self.check_stored(*chats)

    def send_payload(self, chat: SockJS, payload: bytes, field: str) -> Answer:
        """Send a body as it is; as a form, the payload is in a field."""
        kind, body = "text/plain", payload
        if isinstance(chat, Jsonp):
            kind, body = "application/x-www-form-urlencoded", field.encode() + quote(payload).encode()
        return self.ana.request("POST", chat.place + chat.sending, body, Content_Type=kind)

    def check_answer(self, answer: Answer) -> None:
        """Check that a refusal is the protocol's own: SockJS answers what it does not understand with 500 and words."""
        self.assertIn(answer.status, (200, 204, 400, 413, 500))
        if answer.status == 500:
            self.assertIn(answer.text, ("Payload expected.", "Broken JSON encoding.", "Too many messages."))

    def test_payloads_on_a_websocket(self) -> None:
        chats = [WebSocket(self.ana)]

        @given(PAYLOADS.map(lambda payload: payload.decode("utf-8", "replace")))
        @examples(150)
        def send(payload: str) -> None:
            chat = chats[-1]
            chat.socket.send(payload)
            with contextlib.suppress(ConnectionClosed):  # perhaps; what the server said before can still be read
                chat.send("ping")
            with contextlib.suppress(EOFError):
                chat.until("pong")
                return
            self.assertEqual(chat.closed, (1002, "Broken framing"))
            chats.append(WebSocket(self.ana))

        send()
        for chat in chats:
            chat.close()
        self.assertGreater(len(chats), 2)

    def test_addresses_of_the_chat(self) -> None:
        parts = st.text(min_size=1, max_size=9) | st.sampled_from(["000", "abc", "..", "%00", "a" * 65, "info"])
        names = st.sampled_from(["websocket", "xhr", "xhr_send", "eventsource", "htmlfile", "jsonp", "jsonp_send", "x"])
        methods = st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"])
        queries = st.dictionaries(st.sampled_from(["c", "callback", "t", "d"]), st.text(), max_size=2).map(urlencode)

        @given(methods, st.tuples(parts, parts, names), queries)
        @examples(200)
        def ask(method: str, path: tuple[str, ...], query: str) -> None:
            answer = knock(self.ana, method, "/chat/" + "/".join(quote(part, "") for part in path) + "?" + query)
            if answer.status >= 500:  # the protocol's answer to a callback that is missing or no name
                self.assertEqual((answer.status, path[-1] in ("htmlfile", "jsonp")), (500, True))

        ask()
        self.assertEqual(knock(self.ana, "POST", "/chat/000/abcdefgh/xhr").status, 200)
