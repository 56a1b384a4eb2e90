"""The HTTP status of each refusal, and the words that stand for a status on its page."""

from __future__ import annotations

from controllers.fetching.fetcher import FetchFailed, FetchTimedOut
from controllers.web.hashing_queue import ClientDisconnected
from models.errors.accounts import (
    Busy,
    MadeForAnother,
    NoCookies,
    SignedOut,
    TooManyFailures,
    TooManyJoined,
    TooManySignIns,
    UnknownMember,
    WrongPassword,
)
from models.errors.base import Refusal
from models.errors.hooks import UnknownHook
from models.errors.messages import Deleted, NotYourMessage, SlowDown, UnknownTarget
from models.errors.requests import NotByToken, NotFound, NotJson, ReadsOnly, TooManyWaiting, Unauthorized
from models.errors.rooms import Archived, NotMember, NotYourRoom, UnknownRoom
from models.errors.stores import Failed, ReadOnly, Unavailable
from models.errors.tasks import Conflict, UnknownNeighbour, UnknownTask
from models.errors.tokens import UnknownToken

# Every other refusal is a 400.
_STATUSES: dict[type[Refusal], int] = {
    UnknownRoom: 404,
    UnknownMember: 404,
    UnknownTarget: 404,
    UnknownTask: 404,
    UnknownHook: 404,
    UnknownToken: 404,
    NotFound: 404,
    NotJson: 415,
    Unauthorized: 401,
    ReadsOnly: 403,
    NotByToken: 403,
    Deleted: 404,
    Conflict: 409,
    UnknownNeighbour: 409,
    Archived: 403,
    NotYourMessage: 403,
    NotYourRoom: 403,
    NotMember: 403,
    MadeForAnother: 403,
    NoCookies: 403,
    SignedOut: 403,
    WrongPassword: 403,
    Unavailable: 503,
    ReadOnly: 503,
    Failed: 500,
    Busy: 503,
    ClientDisconnected: 499,  # as Nginx writes it to its log
    FetchFailed: 502,
    FetchTimedOut: 504,
    SlowDown: 429,
    TooManyWaiting: 429,
    TooManyFailures: 429,
    TooManyJoined: 429,
    TooManySignIns: 429,
}

# A refusal has its own sentence, below the same title.
_TEXTS = {
    400: ("That did not work", "The site did not understand this request."),
    401: ("Sign in first", "Please sign in first."),
    403: (
        "Not allowed",
        "You may not do this, or the page was open for too long. Go back, reload it and try again.",
    ),
    404: ("Not found", "There is nothing at this address."),
    405: ("Not possible here", "This address does not take such requests."),
    409: ("Changed meanwhile", "Somebody has changed this meanwhile."),
    413: ("Too much", "That was too much at once."),
    431: ("Too much", "That was too much at once."),
    429: ("Too often", "That was too often. Please wait a moment."),
    500: ("Something went wrong", "Something went wrong on our side."),
    502: ("No usable answer", "The other site gave no usable answer."),
    503: ("Not just now", "The site can’t do this right now. Please try again in a moment."),
    504: ("Too slow", "The other site took too long to answer."),
}


# What a program is told of an error that is no refusal.
_CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    431: "too_large",
    503: Unavailable.code,
}


def code_of(error: BaseException | None, status: int) -> str:
    """Return the code of an error, by which programs know it."""
    return error.code if isinstance(error, Refusal) else _CODES.get(status, Failed.code)


def status_of(refusal: Refusal | type[Refusal]) -> int:
    """Return the HTTP status of a refusal, or of a class of them."""
    return _STATUSES.get(refusal if isinstance(refusal, type) else type(refusal), 400)


def status_text(status: int) -> tuple[str, str]:
    """Return the title and the sentence of a status, in English; those of 400 or 500 if it has none of its own."""
    return _TEXTS.get(status) or _TEXTS[400 if 400 <= status < 500 else 500]
