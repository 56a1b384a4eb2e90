"""Members who talk at two processes, and what is stored of it."""

from __future__ import annotations

import secrets
from typing import Any, NamedTuple

from testsuite.cases import SiteTest
from testsuite.clients import Chat
from testsuite.tables import sql

THUMB, TONED, HEART = "👍", "👍🏽", "❤️"
VERBS: dict[str, dict[str, Any]] = {
    "join": {},
    "post": {"body": "x", "target": None},
    "edit": {"body": "x"},
    "delete": {},
    "react": {"emoji": THUMB},
    "unreact": {"emoji": THUMB},
    "read": {},
    "unread": {},
}


def do(chat: Chat, type: str, target: int, room: str = "lobby", **fields: Any) -> dict[str, Any]:
    """Ask for a change of a message; return the acknowledgement or the refusal."""
    nonce = secrets.token_hex(8)
    chat.send(type, room=room, target=target, nonce=nonce, **fields)
    while True:
        answer = chat.receive()
        if answer["type"] in ("ack", "error") and answer.get("nonce") == nonce:
            return answer


def say(chat: Chat, body: str, **fields: Any) -> int:
    """Post, again while the site cannot store anything, as clients do; return the number of the message."""
    room, nonce = fields.pop("room", "lobby"), secrets.token_hex(8)
    while True:
        chat.send("post", room=room, body=body, nonce=nonce, **fields)
        answer = chat.receive()
        while answer["type"] not in ("ack", "error") or answer.get("nonce") != nonce:
            answer = chat.receive()
        if answer["type"] == "ack":
            return int(answer["seq"])
        if answer["code"] != "unavailable":
            raise AssertionError(f"{body!r} was refused: {answer}")


class Stored(NamedTuple):
    """An entry as it is stored."""

    room: str
    seq: int
    kind: str
    target: int | None
    body: str
    mentions: list[str]


class Talking(SiteTest):
    """Members at two processes."""

    processes = 2

    def setUp(self) -> None:
        self.ana, self.beto, self.carla = self.chat("ana"), self.chat("beto", server=1), self.chat("carla", server=1)

    def entries(self) -> list[Stored]:
        """Return what is stored, in order."""
        rows = sql(self.folder, "SELECT room_id, seq, kind, target, body, mentions FROM entry ORDER BY room_id, seq")
        return [
            Stored(room, seq, kind, target, body, names.split("\n")) for room, seq, kind, target, body, names in rows
        ]

    def assert_no_room(self, chat: Chat, key: str, seq: int) -> None:
        """Expect that every verb of the chat is answered as for a room that does not exist."""
        for verb, fields in VERBS.items():
            refusals = []
            for room in (key, "nowhere"):
                chat.send(verb, room=room, **{"target": seq, "seq": seq, **fields})
                error = chat.until("error")
                refusals.append((error["code"], error["message"]))
            self.assertEqual(refusals[0], refusals[1], verb)

    def stored(self) -> int:
        """Return how many entries there are."""
        return len(self.entries())
