"""What a connection knows of what is new in a room: it only takes what it is told, and reckons."""

from __future__ import annotations

from typing import Any


class Tally:
    """The numbers of one room for one member. `head` is 0 until they are told."""

    def __init__(self, room: str, me: str) -> None:
        self._room = room
        self._me = me
        self.head = self._posts = self._read_posts = 0
        self.read: int | None = None
        self._deleted: set[int] = set()
        self._mentions: set[int] = set()

    @property
    def unread(self) -> int:
        """How many posts are new."""
        return 0 if self.read is None else self._posts - self._read_posts - len(self._deleted)

    @property
    def mentions(self) -> list[int]:
        """The new posts that name the member."""
        return sorted(self._mentions)

    def take(self, message: dict[str, Any]) -> None:
        """Take a message of the server, if it is about the room."""
        if message["type"] == "rooms":
            for room in message["rooms"]:
                if room["room"] == self._room:
                    self._begin(room)
        elif message.get("room") == self._room and message["type"] in ("activity", "read", "mention"):
            {"activity": self._grow, "read": self._move, "mention": self._name}[message["type"]](message)

    def _begin(self, room: dict[str, Any]) -> None:
        self.head, self._posts = room["head"], room["posts"]
        self.read, self._read_posts = room["read"], room["read_posts"] or 0
        self._deleted, self._mentions = set(room["deleted"]), set(room["mentions"])

    def _grow(self, activity: dict[str, Any]) -> None:
        self.head, self._posts = activity["head"], activity["posts"]
        self._deleted |= {seq for seq in activity["deleted"] if seq > (self.read or 0)}
        self._mentions -= set(activity["deleted"])
        for seq, names in activity["edited"].items():
            if self._me not in names and "room" not in names:
                self._mentions.discard(int(seq))

    def _move(self, read: dict[str, Any]) -> None:
        self.read, self._read_posts = read["seq"], read["posts"]
        self._deleted = {seq for seq in self._deleted if seq > read["seq"]}
        self._mentions = {seq for seq in self._mentions if seq > read["seq"]}

    def _name(self, mention: dict[str, Any]) -> None:
        if mention["seq"] > (self.read or 0) and mention["seq"] not in self._deleted:
            self._mentions.add(mention["seq"])
