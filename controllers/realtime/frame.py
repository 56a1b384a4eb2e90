"""A frame: messages that leave together, encoded once for each kind of transport."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

Encoded = TypeVar("Encoded", str, bytes)


class Frame:
    """Messages that leave together, encoded once for each kind of transport however many subscribers get them."""

    __slots__ = ("_encoded", "messages")

    def __init__(self, messages: Sequence[str]) -> None:
        self.messages = messages
        self._encoded: dict[object, Any] = {}

    def encoded(self, encode: Callable[[Sequence[str]], Encoded]) -> Encoded:
        """Return what `encode` makes of the messages."""
        try:
            found: Encoded = self._encoded[encode]
        except KeyError:
            found = self._encoded[encode] = encode(self.messages)
        return found
