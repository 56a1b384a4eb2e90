"""What MongoDB's errors mean here, in words that hold neither a password nor anybody's message."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pymongo
from bson.errors import BSONError
from pymongo.errors import BulkWriteError, ConnectionFailure, DocumentTooLarge, OperationFailure, PyMongoError

from models.errors import Unavailable, Unstorable
from models.refusals import Refusals

LIMIT = 5.0  # seconds that an answer may take
LONGEST = 300  # characters of an error's text

# MongoDB's error codes.
DUPLICATE = 11000
INVALID = 121  # what the collection does not take; of a log that is being moved, nothing (models/moving/mongo_table.py)
OF_THE_DATA = (22, INVALID, 10334, 17280, 17419)  # too large or broken; 2 and 9 a server says that dies, too
NO_REPLICA_SET = 40573  # it has no change streams
WRONG_PASSWORD, NO_PASSWORD = 18, 13

REFUSED = "MongoDB refused"
BAD_URL = (
    "cannot use the URL of the MongoDB: give mongodb://HOST:PORT/DATABASE, and in a name or a password "
    "%3A for a colon, %2F for a slash, %40 for an @ and %25 for a %"
)


@contextlib.contextmanager
def answering(refusals: Refusals) -> Iterator[None]:
    """Limit how long MongoDB may take, and turn what it refuses into Unavailable."""
    try:
        with pymongo.timeout(LIMIT):
            yield
    except PyMongoError as error:
        refusals.warn(REFUSED, words(error))
        raise Unavailable() from error


@contextlib.contextmanager
def storable() -> Iterator[None]:
    """Turn what cannot be written at all, whenever it comes, into Unstorable."""
    try:
        yield
    except (BSONError, DocumentTooLarge, UnicodeError, OverflowError) as error:
        raise Unstorable() from error


def words(error: Exception) -> str:
    """Return what an error says, without what was written and without all that the driver knows of the servers."""
    text = str(error)
    if isinstance(error, BulkWriteError) and error.details:
        refusals = error.details["writeErrors"] or error.details["writeConcernErrors"]
        text = str(refusals[0]["errmsg"]) if refusals else "it did not take all entries"
    for tail in (", full error:", ", Topology Description:", " (configured timeouts:"):
        text = text.partition(tail)[0]
    return (text.splitlines() or [""])[0][:LONGEST]


def why(error: PyMongoError) -> str:
    """Say why a MongoDB cannot be opened."""
    if isinstance(error, OperationFailure) and error.code == WRONG_PASSWORD:
        return "it does not know this name with this password"
    if isinstance(error, OperationFailure) and error.code == NO_PASSWORD:
        return "it wants a name and a password that may read and write there"
    return "it does not answer" if isinstance(error, ConnectionFailure) else words(error)
