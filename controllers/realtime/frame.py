"""A frame: messages that are sent together, encoded once for each kind of transport."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

Encoded = TypeVar("Encoded", str, bytes)


class Frame:
    """Messages that are sent together; however many subscribers get them, each transport encodes them once."""

    __slots__ = ("_encoded", "messages")

    def __init__(self, messages: Sequence[str]) -> None:
        self.messages = messages
        self._encoded: dict[object, Any] = {}  # by the function that encodes: what it returned

    def encoded(self, encode: Callable[[Sequence[str]], Encoded]) -> Encoded:
        """Return what `encode` returns for the messages; it is called the first time only."""
        try:
            found: Encoded = self._encoded[encode]
        except KeyError:
            found = self._encoded[encode] = encode(self.messages)
        return found
