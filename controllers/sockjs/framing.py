"""How messages are framed for SockJS and for a plain WebSocket."""

from __future__ import annotations

import json
from collections.abc import Sequence

MAX_FRAME_BYTES = 64 * 1024  # of a WebSocket message, and of the body of a request that sends
MAX_MESSAGE_CHARS = 9_000  # of a post: it fits into a frame even if each of its characters takes seven bytes there


class BadPayload(ValueError):
    """What arrived is not what SockJS sends; the text is the protocol's."""


def decode_messages(payload: str | bytes, max_messages: int) -> list[str]:
    """Return the messages in a SockJS payload, a JSON list of at most `max_messages` strings. Raise BadPayload."""
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
    if len(messages) > max_messages:
        raise BadPayload("Too many messages.")
    return messages


def websocket_frame(text: str) -> bytes:
    """Return `text` as one unmasked text frame (RFC 6455, section 5.2)."""
    payload = text.encode(errors="replace")  # a lone surrogate has no place in UTF-8
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


_encode = json.JSONEncoder(separators=(",", ":")).encode  # json.dumps would make an encoder for each call


def sockjs_array(messages: Sequence[str]) -> str:
    """Return the SockJS frame that carries `messages`."""
    return f"a{_encode(messages)}"


def sockjs_websocket_frame(messages: Sequence[str]) -> bytes:
    """Return the bytes that carry `messages` over a SockJS WebSocket."""
    return websocket_frame(sockjs_array(messages))


def raw_websocket_frames(messages: Sequence[str]) -> bytes:
    """Return the bytes that carry `messages` over a plain WebSocket, one frame each."""
    return b"".join(map(websocket_frame, messages))
