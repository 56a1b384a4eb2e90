"""What MongoDB's errors mean here, in words without passwords and messages."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from contextvars import ContextVar

import pymongo
from bson.errors import BSONError
from pymongo.errors import BulkWriteError, ConnectionFailure, DocumentTooLarge, OperationFailure, PyMongoError

from models.errors.stores import Unavailable, Unstorable
from models.refusals import RefusalLogger

ANSWER_TIMEOUT_SECONDS = 5.0
MOVE_TIMEOUT_SECONDS = 600.0  # for an answer to a move, which touches millions of documents
MAX_ERROR_CHARS = 300

# MongoDB's error codes.
DUPLICATE_KEY = 11000
VALIDATION_FAILED = 121  # of any document while the log is being moved (models/moving/mongo_table.py)
# Of data that is too large or broken. Not 2 and 9: a server that is being stopped answers with them, too.
DATA_ERRORS = (22, 10334, 17280, 17419)
NO_REPLICA_SET = 40573  # it has no change streams
AUTHENTICATION_FAILED, UNAUTHORIZED = 18, 13

REFUSED = "MongoDB refused"
TAILS = (", full error:", ", remaining timeout:", ", Timeout: ", ", Topology Description:", " (configured timeouts:")
BAD_URL = (
    "cannot use the URL of the MongoDB: give mongodb://HOST:PORT/DATABASE, and in a name or a password "
    "%3A for a colon, %2F for a slash, %40 for an @ and %25 for a %"
)

_refusal_logger = RefusalLogger(logging.getLogger(__name__))

is_moving: ContextVar[bool] = ContextVar("is_moving", default=False)


@contextlib.contextmanager
def raising_unavailable(refusal_logger: RefusalLogger) -> Iterator[None]:
    """Limit the block to the time for an answer, and turn errors of MongoDB into Unavailable."""
    try:
        with pymongo.timeout(MOVE_TIMEOUT_SECONDS if is_moving.get() else ANSWER_TIMEOUT_SECONDS):
            yield
    except PyMongoError as error:
        refusal_logger.report(REFUSED, describe(error))
        raise Unavailable() from error


@contextlib.contextmanager
def raising_unstorable() -> Iterator[None]:
    """Turn errors of data that can never be written into Unstorable."""
    try:
        yield
    except (BSONError, DocumentTooLarge, UnicodeError, OverflowError) as error:
        raise Unstorable() from error


def report_in_one_line(record: logging.LogRecord) -> bool:
    """Report what a thread of the driver's own could not do, as all refusals; a filter for the driver's log.

    It tries to tell the server of queries that nobody reads to their end, and logs a traceback if the server is away.
    """
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, PyMongoError):
        _refusal_logger.report(REFUSED, describe(error))
        return False
    return True


logging.getLogger("pymongo.client").addFilter(report_in_one_line)


def describe(error: Exception) -> str:
    """Return the first line of an error, without what was to be written, the driver's description of the servers, and
    the seconds that were left, which differ each time.
    """
    text = str(error)
    if isinstance(error, BulkWriteError) and error.details:
        refusals = error.details["writeErrors"] or error.details["writeConcernErrors"]
        text = str(refusals[0]["errmsg"]) if refusals else "it did not take all entries"
    for tail in TAILS:
        text = text.partition(tail)[0]
    return (text.splitlines() or [""])[0][:MAX_ERROR_CHARS]


def describe_opening(error: PyMongoError) -> str:
    """Return in one line why a MongoDB cannot be opened."""
    if isinstance(error, OperationFailure) and error.code == AUTHENTICATION_FAILED:
        return "it does not know this name with this password"
    if isinstance(error, OperationFailure) and error.code == UNAUTHORIZED:
        return "it wants a name and a password that may read and write there"
    return "it does not answer" if isinstance(error, ConnectionFailure) else describe(error)
