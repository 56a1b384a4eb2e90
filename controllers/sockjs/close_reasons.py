"""Why sessions are closed: codes of RFC 6455, 7.4 and of IANA's registry, and what clients are told."""

from __future__ import annotations

from typing import NamedTuple

PROTOCOL_ERROR = 1002
INVALID_TEXT = 1007
POLICY_VIOLATION = 1008
INTERNAL_ERROR = 1011
SERVICE_RESTART = 1012


class CloseReason(NamedTuple):
    """A close code and its text."""

    code: int
    text: str


GO_AWAY = CloseReason(3000, "Go away!")  # SockJS's own, if a connection class names no other
BROKEN_FRAMING = CloseReason(PROTOCOL_ERROR, "Broken framing")
TOO_MUCH_QUEUED = CloseReason(POLICY_VIOLATION, "Too much is waiting for you")
OPENING_FAILED = CloseReason(INTERNAL_ERROR, "The connection could not be opened")
RESTARTING = CloseReason(SERVICE_RESTART, "The server is restarting")
