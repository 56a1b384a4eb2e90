"""How the members of each chat speak: the same load for Prosa and for its peers."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from bench.frames import client_frame

BODY_PREFIX = "bench-"  # every body begins with it, then comes what makes it unique
BODY_CHARS = 120  # two lines in a chat; all bodies are equally long


def body(token: str, size: int = BODY_CHARS) -> str:
    """Return a message body of `size` characters that begins with `token`."""
    words = "the quick brown fox jumps over the lazy dog and comes back "
    return (token + " " + words * (size // len(words) + 1))[:size]


@dataclass(frozen=True, slots=True)
class Chat:
    """One way to speak.

    `welcome` is the type of the object, or else the text, that says that one is in (empty: the
    handshake is enough); `enter` is sent when the connection opens; `say` makes the text of a post
    from its token; `wrapped` means SockJS frames, else plain WebSocket.
    """

    say: Callable[[str], str]
    wrapped: bool = True
    enter: str = ""
    welcome: str = "o"
    headers: list[dict[str, str]] = field(default_factory=lambda: [{}])

    def path(self, index: int) -> str:
        """Return the URL path of member `index`."""
        return f"/chat/{index % 1000:03d}/{index:08d}benchmark/websocket" if self.wrapped else "/"

    def frame(self, text: str) -> bytes:
        """Return the bytes that send `text`."""
        return client_frame(json.dumps([text]) if self.wrapped else text)

    def messages(self, payload: bytes) -> list[str]:
        """Return the messages within one frame of the server's."""
        if not self.wrapped:
            return [payload.decode()]
        if payload[:1] != b"a":
            return []
        found: list[str] = json.loads(payload[1:])
        return found

    def welcomed(self, payload: bytes) -> bool:
        """Say whether this frame lets a member in."""
        if self.welcome == "o":
            return payload == b"o"
        return any(json.loads(text).get("type") == self.welcome for text in self.messages(payload))


def prosa_post(token: str, size: int = BODY_CHARS) -> str:
    """Return a post to the lobby; the nonce differs from the token, so an acknowledgement
    is never taken for the entry."""
    post = {"type": "post", "room": "lobby", "body": body(token, size), "nonce": token.replace("-", "")}
    return json.dumps(post)


def prosa(cookies: list[str]) -> Chat:
    """Return Prosa's chat for the members with these cookies."""
    join = json.dumps({"type": "join", "room": "lobby"})
    headers = [{"Cookie": cookie} for cookie in cookies]
    return Chat(prosa_post, enter=join, welcome="joined", headers=headers)


def prosa_behind(cookies: list[str], after: int) -> Chat:
    """Return the chat of members whose cursor is `after` and who have joined."""
    join = json.dumps({"type": "join", "room": "lobby", "after": after})
    return replace(prosa(cookies), enter=join, welcome="entry")


def sockjs() -> Chat:
    """Return the chat of the tutorial and of Node's sockjs: what is said is sent to everyone."""
    return Chat(body)


def websocket(size: int) -> Chat:
    """Return a plain WebSocket chat whose messages are `size` bytes long."""
    return Chat(lambda token: body(token, size), wrapped=False, welcome="")
