"""What may be appended to a room's log: the one place for the refusals of every verb, on every engine."""

from __future__ import annotations

from dataclasses import dataclass, field

from models import tasks
from models.errors.messages import Deleted, NotYourMessage, TooManyChanges, UnknownTarget
from models.errors.rooms import Archived, NotMember
from models.errors.tasks import Conflict, TooManyTasks, UnknownTask
from models.logs.base import CHANGES, DELETE, EDIT, NOTE, POST, REACT, TASK_CHANGES, TASK_MADE, Draft, Entry
from models.tasks import TaskState

MAX_SEQ = 2**53 - 1  # larger numbers are not exact in JavaScript, and not every engine takes them
MAX_CHANGES = 5000  # of one message: its page reads them all
MAX_CHANGES_BY_MEMBER = 100  # of one message, by everybody but its author's deletion
MAX_EMOJI = 50  # different ones that were ever used on one message
MAX_TASKS = 1000  # of one room: its page has them all


@dataclass(frozen=True, slots=True)
class Author:
    """Who appends, as a member of the room."""

    name: str
    is_admin: bool
    is_room_archived: bool
    is_bot: bool = False


@dataclass(slots=True)
class Target:
    """What a draft answers or changes, as it is when the draft's turn has come."""

    kind: str
    author_id: int
    is_deleted: bool
    at: float
    changes: int = 0
    changes_by: dict[int, int] = field(default_factory=dict)  # by member id
    emoji: set[str] = field(default_factory=set)
    task: TaskState | None = None  # None: it is none, or was removed

    def apply_to_task(self, entry: Entry) -> None:
        """Change the task as an entry does that was accepted."""
        assert self.task is not None
        self.task = tasks.apply(self.task, entry)

    def apply(self, draft: Draft) -> None:
        """Count a draft that was accepted."""
        if draft.kind in CHANGES:
            self.changes += 1
            self.changes_by[draft.author_id] = self.changes_by.get(draft.author_id, 0) + 1
        if draft.kind == REACT:
            self.emoji.add(draft.body)
        self.is_deleted |= draft.kind == DELETE


def may_be_target(draft: Draft) -> bool:
    """Return whether `draft` names a number that some entry may have."""
    return draft.target is not None and 0 < draft.target <= MAX_SEQ


def check(draft: Draft, author: Author | None, target: Target | None, task_count: int = 0) -> Author:
    """Return the author if they may append `draft` now; `task_count` is how many tasks the room has.

    Raise NotMember, Archived, UnknownTarget, Deleted, NotYourMessage, TooManyChanges, UnknownTask, Conflict,
    TooManyTasks.
    """
    if author is None:
        raise NotMember()
    if author.is_room_archived and draft.kind != NOTE:
        raise Archived()
    if draft.kind == TASK_MADE and task_count >= MAX_TASKS:
        raise TooManyTasks()
    if draft.kind in TASK_CHANGES:
        _check_task(draft, target)
    elif draft.target is not None:
        _check_target(draft, author, target)
    return author


def _check_task(draft: Draft, target: Target | None) -> None:
    if target is None or target.task is None:
        raise UnknownTask()
    if tasks.is_outdated(target.task, draft.body):
        raise Conflict()


def _check_target(draft: Draft, author: Author, target: Target | None) -> None:
    if target is None or target.kind != POST:
        raise UnknownTarget()
    if target.is_deleted:
        raise Deleted()
    is_own = target.author_id == draft.author_id
    if (draft.kind == EDIT and not is_own) or (draft.kind == DELETE and not (is_own or author.is_admin)):
        raise NotYourMessage()
    if draft.kind in CHANGES and draft.kind != DELETE:
        by_author = target.changes_by.get(draft.author_id, 0)
        is_new_emoji = draft.kind == REACT and draft.body not in target.emoji
        if (
            target.changes >= MAX_CHANGES
            or by_author >= MAX_CHANGES_BY_MEMBER
            or (is_new_emoji and len(target.emoji) >= MAX_EMOJI)
        ):
            raise TooManyChanges()
