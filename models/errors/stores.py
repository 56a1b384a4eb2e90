"""The stores: what they cannot do now, or never."""

from models.errors.base import Refusal


class Unstorable(Refusal):
    """The database cannot store some value, now or later, although it has passed all checks."""

    code = "unstorable"
    field = "body"
    sentence = "The site can’t store this as it is. Please change it and try again."


class Failed(Refusal):
    """An error in the program, which would happen again."""

    code = "failed"
    sentence = "Something went wrong on our side."


class Unavailable(Refusal):
    """The store cannot answer now, for example because it is locked or its disk is full. A later retry may succeed."""

    code = "unavailable"
    retry_after: float = 1.0
    sentence = "The site can’t store anything right now. Please try again in a moment."


class Lost(Unavailable):
    """The store's file was removed or replaced: what is written now would be lost. `why` is for the operator."""

    def __init__(self, why: str) -> None:
        super().__init__()
        self.why = why

    def __str__(self) -> str:
        return self.why


class ReadOnly(Unavailable):
    """The site is being moved: it can be read, and browsers keep messages and send them afterwards."""

    retry_after = 5.0
    sentence = "The site is being moved. Reading goes on; writing comes back in a moment."


class CannotMove(Exception):
    """A site cannot be moved, or its copy is not the same; the text says why."""


class CannotOpen(Exception):
    """The database cannot be opened; the text says which and why."""


def first_of(error: BaseException) -> BaseException:
    """Return the first error of a chain: after "disk is full" the rollback fails too, which would hide the cause."""
    while error.__context__ is not None:
        error = error.__context__
    return error
