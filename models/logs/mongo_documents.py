"""What the log's documents on MongoDB look like."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Required, TypedDict, TypeVar

from models import tasks
from models.logs.base import CHANGES, DELETE, EDIT, POST, TASK_CHANGES, TASK_MADE, Entry
from models.search.wanted import place_of
from models.search.words import words_of
from models.tasks import TaskState

if TYPE_CHECKING:
    from motor.motor_tornado import MotorCollection

    from models.rooms import Writer

    Entries = MotorCollection["EntryDocument"]
    Heads = MotorCollection["HeadDocument"]
    Settings = MotorCollection["SettingDocument"]

Document = TypeVar("Document")
Query = dict[str, Any]  # in MongoDB's language, as its drivers take it

ANY_WORD = ""  # which every post has: what is not narrowed by a word is found by it
# In 1 there were only posts, without the fields from `posts` on; in 2 there were no `words`, in 3 there was no `mark`.
SCHEMA_VERSION = 4

HEAD_FIELDS = {"seq": 1, "posts": 1, "lines": 1}  # of an entry


class TaskFields(TypedDict):
    """A task as it is after its settled changes, in the document of the entry that made it; see TaskState."""

    version: int
    is_done: bool
    rank: str
    to: str
    changed_seq: int


class EntryDocument(TypedDict, total=False):
    """An entry in the collection `entries`.

    Not every server uses an index unless it has all fields of a query: hence a field for each question that is asked.
    """

    _id: object
    room: Required[str]
    seq: Required[int]
    kind: Required[str]
    target: Required[int | None]
    author_id: Required[int]
    body: Required[str]
    at: Required[float]
    nonce: Required[str]
    posts: Required[int]
    lines: Required[int]
    line: int  # the same as `lines`, of what is drawn
    mentions: list[str]  # of a post
    edit_mentions: list[str]  # of an edit
    change_of: int  # the target of a change
    reply_to: int  # the target of a post that was not deleted
    answers: int  # of such a post: the id of the target's author, 0 if the target was purged
    deleted: int  # the target of a deletion
    words: list[str]  # of the text of a post that was not deleted, and ANY_WORD; see words.py
    place: int  # of a post, by which hits are in order
    settled: int  # of a post: the seq of the newest edit whose mentions it has
    is_pending: bool  # of an edit, a deletion or a change of a task that has not taken effect yet (MongoTargets)
    task: TaskFields  # of what has made a task that was not removed
    task_id: int  # the same as `seq`, of such a task
    doer: str  # to whom it is given, while it is open
    task_seq: int  # of what has made a task: the seq of the newest change that has taken effect
    task_change_of: int  # the target of a change of a task
    is_void: bool  # of such a change, if it was made of an older version, and has no effect
    mark: int  # the same as `seq`, of a mark (Entry.is_mark)
    is_followed: bool  # when it was stored, by a newer entry of its room that was stored with it


class NewestFields(TypedDict):
    """An entry that was the newest of its room."""

    seq: int
    at: float


class HeadDocument(TypedDict, total=False):
    """A room in the collection `heads`; see MongoHeads."""

    _id: Required[str]
    head: Required[int]
    posts: Required[int]
    lines: Required[int]
    saved_at: datetime.datetime  # by the server's clock; missing if an earlier version stored it
    newest: NewestFields  # of those that the processes have stored here; missing if none of this version has
    search_from: int  # down to which seq the posts have their words; missing if none was looked at


class SettingDocument(TypedDict, total=False):
    """The SCHEMA_VERSION of all documents ("schema"); when a write was last tried ("check"), in seconds since 1970.

    And which process adds words to older posts ("filler"), and until when.
    """

    _id: str
    version: int
    at: float
    process: str
    until: float


async def all_of(cursor: AsyncIterable[Document]) -> list[Document]:
    """Return all that a query finds. Raise PyMongoError.

    Motor's `to_list` would go on where the caller was cancelled, and nobody would be told how that ended.
    """
    return [document async for document in cursor]


def to_document(entry: Entry, answered_id: int | None = None) -> EntryDocument:
    """Return an entry as it is stored: without the author's name, which is in the people's database.

    `answered_id` is the author of what it answers; what is restored of another log is given it later.
    """
    document: EntryDocument = {
        "room": entry.room,
        "seq": entry.seq,
        "kind": entry.kind,
        "target": entry.target,
        "author_id": entry.author_id,
        "body": entry.body,
        "at": entry.at,
        "nonce": entry.nonce,
        "posts": entry.posts,
        "lines": entry.lines,
    }
    if entry.is_drawn:
        document["line"] = entry.lines
    if entry.mentions:
        document["edit_mentions" if entry.kind == EDIT else "mentions"] = list(entry.mentions)
    if entry.is_mark:
        document["mark"] = entry.seq
    if entry.kind == POST:
        document["settled"] = 0
        document.update(search_fields(entry.room, entry.seq, entry.at, entry.body))
    if entry.target is not None:
        _add_target(document, entry, entry.target, answered_id)
    if entry.kind == TASK_MADE:
        document["task_seq"] = entry.seq
        if entry.body:
            document.update(task_fields(tasks.begin(entry)))
    return document


def _add_target(document: EntryDocument, entry: Entry, target: int, answered_id: int | None) -> None:
    if entry.kind in CHANGES:
        document["change_of"] = target
    elif entry.kind in TASK_CHANGES:
        document["task_change_of"] = target
    elif entry.kind == POST and entry.body:
        document["reply_to"] = target
        if answered_id is not None:
            document["answers"] = answered_id
    if entry.kind == DELETE:
        document["deleted"] = target
    if entry.kind in (DELETE, EDIT, *TASK_CHANGES):
        document["is_pending"] = True


def to_documents(entries: Iterable[Entry], answered: Mapping[tuple[int, str], int]) -> list[EntryDocument]:
    """Return new entries as they are stored together; `answered` has whom they answer, by author and nonce."""
    documents = [to_document(entry, answered.get((entry.author_id, entry.nonce))) for entry in entries]
    last = {document["room"]: document["seq"] for document in documents}
    for document in documents:
        if document["seq"] != last[document["room"]]:
            document["is_followed"] = True
    return documents


def search_fields(room: str, seq: int, at: float, body: str) -> EntryDocument:
    """Return the fields by which a post is found that has this text now."""
    words = sorted({ANY_WORD, *words_of(body)}) if body else []
    fields: Any = {"words": words, "place": place_of(at, room, seq)}
    return fields  # type: ignore[no-any-return]


def task_fields(state: TaskState) -> EntryDocument:
    """Return the fields that tell of a task, in the document of the entry that made it; `doer` only if it is open."""
    task: TaskFields = {
        "version": state.version,
        "is_done": state.is_done,
        "rank": state.rank,
        "to": state.to,
        "changed_seq": state.changed_seq,
    }
    fields: Any = {"task": task, "task_id": state.id}
    if state.to and not state.is_done:
        fields["doer"] = state.to
    return fields  # type: ignore[no-any-return]


def to_task_state(made: EntryDocument) -> TaskState:
    """Return the task in the document of the entry that made it."""
    task = made["task"]
    return TaskState(
        made["room"], made["seq"], task["version"], task["is_done"], task["rank"], task["to"], task["changed_seq"]
    )


def to_entry(document: EntryDocument, writers: dict[int, Writer]) -> Entry:
    """Return the entry of a document; `writers` has the authors by their ids."""
    author, is_by_bot = writers.get(document["author_id"], ("", False))
    return Entry(
        room=document["room"],
        seq=document["seq"],
        kind=document["kind"],
        target=document["target"],
        author_id=document["author_id"],
        author=author,
        body=document["body"],
        at=document["at"],
        nonce=document["nonce"],
        posts=document["posts"],
        lines=document["lines"],
        is_drawn="line" in document,
        mentions=tuple(document.get("mentions") or document.get("edit_mentions") or ()),
        is_by_bot=is_by_bot,
    )
