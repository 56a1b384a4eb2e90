"""How messages look on the wire of SockJS and of a plain websocket."""

from __future__ import annotations

import json
from collections.abc import Sequence

MAX_MESSAGE = 64 * 1024  # bytes of one frame or one body
LONGEST_BODY = 9_000  # characters: a control character takes seven bytes in a frame, and all of them still fit


class BadPayload(ValueError):
    """What arrived is not what SockJS sends; the text is the protocol's."""


def decode_messages(payload: str | bytes, most: int) -> list[str]:
    """Return the messages in a SockJS payload, a JSON list of at most `most` strings. Raise BadPayload."""
    if not payload:
        raise BadPayload("Payload expected.")
    try:
        messages = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise BadPayload("Broken JSON encoding.") from error
    if isinstance(messages, str):
        messages = [messages]
    if not isinstance(messages, list) or not all(isinstance(message, str) for message in messages):
        raise BadPayload("Broken JSON encoding.")
    if len(messages) > most:
        raise BadPayload("Too many messages.")
    return messages


def websocket_frame(text: str) -> bytes:
    """Return `text` as one unmasked text frame (RFC 6455, section 5.2)."""
    payload = text.encode(errors="replace")  # half a character is none on a websocket
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


_encode = json.JSONEncoder(separators=(",", ":")).encode  # json.dumps would make one each time


def sockjs_array(messages: Sequence[str]) -> str:
    """Return the SockJS frame that carries `messages`."""
    return f"a{_encode(messages)}"


def sockjs_websocket_frame(messages: Sequence[str]) -> bytes:
    """Return the bytes that carry `messages` over a SockJS websocket."""
    return websocket_frame(sockjs_array(messages))


def raw_websocket_frames(messages: Sequence[str]) -> bytes:
    """Return the bytes that carry `messages` over a plain websocket, one frame each."""
    return b"".join(map(websocket_frame, messages))
