"""What the log's documents on MongoDB look like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from models.logs.base import Entry

if TYPE_CHECKING:
    from motor.motor_tornado import MotorCollection

    Entries = MotorCollection["EntryDocument"]
    Heads = MotorCollection["HeadDocument"]
    Settings = MotorCollection["SettingDocument"]

Query = dict[str, Any]  # in MongoDB's language, as its drivers take it

SCHEMA_VERSION = 1


class EntryDocument(TypedDict):
    """An entry in the collection `entries`."""

    room: str
    seq: int
    kind: str
    target: int | None
    author_id: int
    body: str
    at: float
    nonce: str


class HeadDocument(TypedDict):
    """A room in the collection `heads`; see MongoHeads."""

    _id: str
    head: int


class SettingDocument(TypedDict, total=False):
    """The SCHEMA_VERSION of all documents ("schema"); when a write was last tried ("check"), in seconds since 1970."""

    _id: str
    version: int
    at: float


def to_document(entry: Entry) -> EntryDocument:
    """Return an entry as it is stored: without the author's name, which is in the people's database."""
    return {
        "room": entry.room,
        "seq": entry.seq,
        "kind": entry.kind,
        "target": entry.target,
        "author_id": entry.author_id,
        "body": entry.body,
        "at": entry.at,
        "nonce": entry.nonce,
    }


def to_entry(document: EntryDocument, names: dict[int, str]) -> Entry:
    """Return the entry of a document; `names` has the authors' names by their ids."""
    return Entry(
        document["room"],
        document["seq"],
        document["kind"],
        document["target"],
        document["author_id"],
        names.get(document["author_id"], ""),
        document["body"],
        document["at"],
        document["nonce"],
    )
