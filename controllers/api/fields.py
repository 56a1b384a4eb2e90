"""What the API is sent, as types that check it: numbers, names and texts, each with its limit."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from models.addresses import MAX_ADDRESS_CHARS
from models.logs.base import MAX_NONCE_CHARS
from models.rules import MAX_SEQ

MAX_ID = 2**31 - 1  # of a row in the database
MAX_DIGITS = 16  # of a number in an address
NO_NUL = r"^[^\x00]*$"  # not every engine stores the character 0


class Fields(BaseModel):
    """The fields of one part of a request: each of its own type, and none besides these."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


class Nothing(Fields):
    """No fields."""


def _number(typed: object) -> object:
    """Return the number that a part of an address spells; what spells none as it is, which is no number then."""
    is_number = isinstance(typed, str) and len(typed) <= MAX_DIGITS and typed.isascii() and typed.isdecimal()
    return int(str(typed)) if is_number else typed


Text = Annotated[str, StringConstraints(pattern=NO_NUL)]
Nonce = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NONCE_CHARS, pattern=NO_NUL)]
Address = Annotated[str, StringConstraints(min_length=1, max_length=MAX_ADDRESS_CHARS, pattern=NO_NUL)]
Seq = Annotated[int, Field(ge=1, le=MAX_SEQ)]
Cursor = Annotated[int, Field(ge=0, le=MAX_SEQ)]

# The same in a path or a query, where everything is a text.
InAddress = BeforeValidator(_number)
PathId = Annotated[int, Field(ge=1, le=MAX_ID), InAddress]
PathSeq = Annotated[Seq, InAddress]
QueryCursor = Annotated[Cursor, InAddress]


class InRoom(Fields):
    """A path in a room of the member's, by any address that it has or had."""

    room: Address


class OfMessage(InRoom):
    """A path of one message in a room."""

    seq: PathSeq
