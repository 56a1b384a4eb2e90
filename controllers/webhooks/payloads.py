"""What webhooks carry: a message as JSON, its signature, and the text that another site wants to be posted."""

from __future__ import annotations

import hashlib
import hmac
import json
from urllib.parse import quote

from models.deliveries import Outgoing
from models.errors.hooks import BadPayload
from models.errors.messages import TooLong
from models.messages import Message

MAX_PAYLOAD_BYTES = 64 * 1024  # that come from another site: the longest message in the most wasteful JSON
MAX_ATTACHMENTS = 20  # of Slack's, of which the texts are taken


def write_message(hook: Outgoing, message: Message) -> bytes:
    """Return a message as a hook sends it: JSON in ASCII (docs/webhooks.rst)."""
    entry = message.entry
    said = {
        "type": "message",
        "room": hook.address,
        "room_name": hook.room_name,
        "seq": entry.seq,
        "author": entry.author,
        "bot": hook.bot,
        "text": message.body,
        "at": entry.at,
    }
    return json.dumps(said).encode("ascii")


def headers_of(hook: Outgoing, message: Message, body: bytes, now: float) -> dict[str, str]:
    """Return the headers with which a hook sends `body` at `now`, in seconds since 1970.

    The key is the same whenever the message is sent, also if its room has another address by then.
    """
    timestamp = str(int(now))
    return {
        "Content-Type": "application/json",
        "Prosa-Key": f"{quote(hook.room)}/{message.seq}",
        "Prosa-Timestamp": timestamp,
        "Prosa-Signature": f"v1={sign(hook.secret, timestamp, body)}",
    }


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Return the signature of a body that is sent at a time: HMAC-SHA256 in hexadecimal digits."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def read_text(body: bytes) -> str:
    """Return the text in what another site has sent, JSON as Slack takes it. Raise BadPayload, TooLong.

    Texts of attachments follow in lines of their own; what else there is means nothing here.
    """
    if len(body) > MAX_PAYLOAD_BYTES:
        raise TooLong()
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadPayload() from error
    if not isinstance(found, dict):
        raise BadPayload()
    texts = [found.get("text"), *_attached(found.get("attachments"))]
    said = [text for text in texts if isinstance(text, str) and text]
    if not said:
        raise BadPayload()
    return "\n\n".join(said)


def _attached(attachments: object) -> list[object]:
    """Return the texts of Slack's attachments."""
    if not isinstance(attachments, list):
        return []
    some = [one for one in attachments[:MAX_ATTACHMENTS] if isinstance(one, dict)]
    return [one.get("text") or one.get("fallback") for one in some]
