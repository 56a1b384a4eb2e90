"""The acknowledgements that this process owes its authors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from models.logs.base import Draft, Entry

Acknowledge = Callable[[Entry], None]


class Acknowledgements:
    """Which posts of this process are being written to the disk, and what is called once each is there."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[int, str], list[Acknowledge]] = defaultdict(list)  # by author and nonce

    @property
    def any_waiting(self) -> bool:
        """Return whether any post of this process is being written."""
        return bool(self._waiting)

    def add(self, draft: Draft, acknowledge: Acknowledge) -> None:
        """Have `acknowledge` called with the entry of `draft`."""
        self._waiting[draft.author_id, draft.nonce].append(acknowledge)

    def remove(self, draft: Draft, acknowledge: Acknowledge) -> None:
        """Undo `add`, since `draft` could not be appended; it may have been acknowledged all the same."""
        waiting = self._waiting.get((draft.author_id, draft.nonce), [])
        if acknowledge in waiting:
            waiting.remove(acknowledge)
        if not waiting:
            self._waiting.pop((draft.author_id, draft.nonce), None)

    def send(self, entry: Entry) -> bool:
        """Acknowledge an entry that is on disk; return whether its author was waiting for that at this process.

        Called before the entry is delivered: the doorbell may be faster than the thread that has written it.
        """
        waiting = self._waiting.pop((entry.author_id, entry.nonce), ())
        for acknowledge in waiting:
            acknowledge(entry)
        return bool(waiting)
