"""What is new for a member in a room: a difference of numbers that every entry carries, so that nothing is counted."""

from __future__ import annotations

from dataclasses import dataclass

from models.logs.base import Head
from models.reads import Position


@dataclass(frozen=True, slots=True)
class Unread:
    """A room's head and a member's read position there, None before they have seen it.

    `deleted` and `mentions` are the seqs of posts beyond the position that were deleted, or that name the member: the
    newest ones. What was deleted before these is counted in the position's `posts`.
    """

    head: Head
    position: Position | None = None
    deleted: tuple[int, ...] = ()
    mentions: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        """How many posts are new."""
        if self.position is None:
            return 0
        return max(0, self.head.posts - self.position.posts - sum(seq <= self.head.seq for seq in self.deleted))

    @property
    def mention_count(self) -> int:
        """How many of the new posts name the member."""
        return min(self.count, sum(seq <= self.head.seq for seq in self.mentions))
