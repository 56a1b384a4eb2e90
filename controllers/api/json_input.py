"""JSON as the API takes it (RFC 8259, as strictly as I-JSON, RFC 7493): one object in UTF-8, each name in it once."""

from __future__ import annotations

import json
import math
from typing import Any

from models.errors.base import WrongFields
from models.errors.requests import BadJson, FieldTwice

MAX_NUMBER_CHARS = 32  # of one number; what is longer is none of ours
MAX_NAMES = 32  # of one object
MAX_NAME_CHARS = 64  # of a field's name, as an error repeats it


def read_object(body: bytes) -> dict[str, Any]:
    """Return the object in `body`. Raise BadJson; WrongFields for names that are there twice."""
    try:
        found = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_constant=_no_number,
        )
    except (ValueError, RecursionError) as error:
        raise BadJson() from error
    if not isinstance(found, dict):
        raise BadJson()
    return found


def shown_name(name: object) -> str:
    """Return a field's name as an error repeats it."""
    return str(name)[:MAX_NAME_CHARS].encode("utf-8", "replace").decode("utf-8")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MAX_NAMES:
        raise ValueError("too many names")
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise WrongFields([FieldTwice(shown_name(name)) for name in found if names.count(name) > 1])
    return found


def _integer(digits: str) -> float:
    """Return the number, or one that no field takes: Python needs long for very many digits."""
    return int(digits) if len(digits) <= MAX_NUMBER_CHARS else math.inf


def _no_number(word: str) -> float:
    """Return a number that no field takes in the place of NaN and Infinity, so that the answer names the field."""
    return math.nan
