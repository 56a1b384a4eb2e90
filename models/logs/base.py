"""The log of a room: what an entry is, and what a log promises on every engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from models.errors.messages import Empty, TooLong
from models.search.wanted import Hits, Unindexed, Wanted
from models.visible import is_visible

if TYPE_CHECKING:
    from models.tasks import TaskState

MAX_NONCE_CHARS = 64

POST, NOTE, EDIT, DELETE, REACT, UNREACT = "post", "note", "edit", "delete", "react", "unreact"
LINES = (POST, NOTE)  # the kinds that are drawn, each in a place of its own
CHANGES = (EDIT, DELETE, REACT, UNREACT)  # the kinds that change the post which is their target

TASK_MADE, TASK_CHANGED, TASK_MOVED = "task_made", "task_changed", "task_moved"
TASK_DONE, TASK_UNDONE, TASK_REMOVED = "task_done", "task_undone", "task_removed"
TASK_CHANGES = (TASK_CHANGED, TASK_MOVED, TASK_DONE, TASK_UNDONE, TASK_REMOVED)  # of the task that is their target
TASKS = (TASK_MADE, *TASK_CHANGES)


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be appended. Two drafts with the same author and nonce are one entry.

    `body` is the text of a post or an edit, the emoji of a reaction, what a note tells (models/notes.py) or a task is
    (models/tasks.py), else empty. `target` is the seq of the post or task that is answered or changed, or of the post
    that a task is made from.
    """

    room: str
    author_id: int
    body: str
    nonce: str
    kind: str = POST
    target: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """What is stored. `seq` counts 1, 2, 3 ... in its room, without gaps; `at` is in seconds since 1970.

    `posts` and `lines` are how many entries of these kinds (LINES) there are up to it. Drawn are lines, but for posts
    that were deleted while nobody answered them. `mentions` are those of a post as it is now, or of an edit: names as
    the members spell them, and EVERYBODY. The body of a post that was deleted is empty, and so are those of its edits;
    the same of a task that was removed.
    """

    room: str
    seq: int
    kind: str
    target: int | None
    author_id: int
    author: str
    body: str
    at: float
    nonce: str
    posts: int
    lines: int
    is_drawn: bool
    mentions: tuple[str, ...] = ()
    is_by_bot: bool = False

    @property
    def is_mark(self) -> bool:
        """Whether it deletes or edits a post, or names somebody, so that more is new for some than its place tells."""
        return bool(self.mentions) or self.kind in (EDIT, DELETE)

    @property
    def head(self) -> Head:
        """How far the room's log was with it."""
        return Head(self.seq, self.posts, self.lines)


class Head(NamedTuple):
    """How far a room's log is: the seq of its newest entry, with how many posts and lines there are up to it."""

    seq: int = 0
    posts: int = 0
    lines: int = 0

    def next(self, kind: str) -> Head:
        """Return the head after one more entry of this kind."""
        return Head(self.seq + 1, self.posts + (kind == POST), self.lines + (kind in LINES))


class RoomLog(ABC):
    """The logs of all rooms. What asks a store raises Unavailable."""

    async def open(self) -> None:  # noqa: B027 - not every engine has something to do
        """Connect to the store. Raise CannotOpen."""

    async def check(self) -> None:  # noqa: B027
        """Return if entries can be read and written now. Raise Unavailable."""

    async def close(self) -> None:  # noqa: B027
        """Close the connections."""

    @abstractmethod
    async def append(self, draft: Draft) -> Entry:
        """Return the entry once it is on disk, under the next number of its room.

        If the author has used the nonce before, return the entry of that time and store nothing. With a deletion, the
        text of the post and of its edits is gone from the store; with a removal, all texts of the task.
        Raise what models/rules.py refuses; Unstorable, Unavailable.
        """

    @abstractmethod
    async def flush(self) -> None:
        """Return when each draft that is being appended is on disk or refused."""

    @abstractmethod
    async def after(self, room: str, seq: int, limit: int) -> list[Entry]:
        """Return at most `limit` entries after `seq`, oldest first."""

    @abstractmethod
    async def before(self, room: str, seq: int | None, limit: int) -> list[Entry]:
        """Return at most `limit` entries before `seq` (None: the newest ones), newest first."""

    @abstractmethod
    async def lines_after(self, room: str, seq: int, limit: int) -> list[Entry]:
        """Return at most `limit` entries after `seq` that are drawn, oldest first."""

    @abstractmethod
    async def lines_before(self, room: str, seq: int | None, limit: int) -> list[Entry]:
        """Return at most `limit` entries before `seq` (None: the newest ones) that are drawn, newest first."""

    @abstractmethod
    async def entries(self, room: str, seqs: Collection[int]) -> list[Entry]:
        """Return the entries with these numbers, in any order; what there is none of is left out."""

    @abstractmethod
    async def changes_of(self, room: str, seqs: Collection[int]) -> list[Entry]:
        """Return all changes of these posts, oldest first; the texts of edits are left out."""

    @abstractmethod
    async def replies(self, room: str, seq: int, limit: int) -> list[Entry]:
        """Return at most `limit` answers to a post, oldest first, without those that were deleted."""

    @abstractmethod
    async def count_replies(self, room: str, seqs: Collection[int]) -> dict[int, int]:
        """Return how many answers these posts have, without those that were deleted; what has none may be left out."""

    async def marked(self, rooms: Collection[str]) -> dict[str, int]:
        """Return the seqs of these rooms' newest marks, 0 for a room without one.

        Nothing where one query finds a member's in all their rooms: there it is no use to know.
        """
        return {}

    @abstractmethod
    async def deleted_beyond(self, positions: Mapping[str, int]) -> dict[str, list[int]]:
        """Return which posts after the positions (seqs) in these rooms were deleted, each once, in any order."""

    @abstractmethod
    async def mentions_beyond(self, member_id: int, positions: Mapping[str, int]) -> dict[str, list[int]]:
        """Return which posts after the positions (seqs) in these rooms name a member, in any order."""

    @abstractmethod
    async def answers_beyond(self, member_id: int, positions: Mapping[str, int]) -> dict[str, list[int]]:
        """Return which posts after the positions (seqs) in these rooms answer a message of a member's, in any order.

        Not those of the member, nor deleted ones; the answered message may be deleted.
        """

    @abstractmethod
    async def task_states(self, room: str, ids: Collection[int] | None = None) -> list[TaskState]:
        """Return the tasks of a room with these ids, or all of them, in any order; removed ones are left out."""

    @abstractmethod
    async def tasks_given_to(self, username: str, rooms: Collection[str], limit: int) -> list[TaskState]:
        """Return at most `limit` open tasks in these rooms that are given to a member, in any order."""

    @abstractmethod
    async def count_tasks_given_to(self, username: str, rooms: Collection[str]) -> int:
        """Return how many open tasks in these rooms are given to a member."""

    @abstractmethod
    async def search(self, wanted: Wanted, limit: int) -> Hits:
        """Return at most `limit` messages that are wanted, the newest; some may not match as they are now."""

    @abstractmethod
    async def fill_search_index(self, process: str) -> bool:
        """Put some older messages into the index that are not there; return whether there may be more.

        One process at a time does so.
        """

    @abstractmethod
    async def count_unindexed(self) -> Unindexed:
        """Return how many entries are still to be looked through for the index."""

    @abstractmethod
    async def head(self, room: str) -> Head:
        """Return how far a room's log is."""

    @abstractmethod
    async def heads(self) -> dict[str, Head]:
        """Return how far the logs of all rooms are; rooms without an entry may be left out."""

    @abstractmethod
    async def newest_at(self, rooms: Collection[str]) -> dict[str, float]:
        """Return when the newest entry of each room was appended; where it was purged, the room is left out."""

    @abstractmethod
    async def look(self, room: str) -> int | None:
        """Return how far the log of `room` is, at less cost than `head`; None if that is not known.

        A log in the people's database tells it as of the last look at that, with which each request begins
        (controllers/web/query_cache.py).
        """

    @abstractmethod
    def changes(self) -> AsyncIterator[tuple[str, Head]]:
        """Yield the rooms to which a process may have appended, with their heads: first all rooms.

        A room may be yielded without need; none that has grown is left out, but what this process has appended itself
        may come a second later.
        """


def clean_body(body: str, max_chars: int) -> str:
    """Return `body` as it is stored: LF line ends, no blanks at the end. Raise TooLong, Empty if nothing is visible."""
    body = body.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").strip("\n").rstrip()
    if not is_visible(body):
        raise Empty()
    if len(body) > max_chars:
        raise TooLong()
    return body
