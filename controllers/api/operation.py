"""A call of the API. One definition checks what it is sent, and describes it in /api/openapi.json.

To add one, write a function in the file of its noun and put `operation` in front of it:

    class NewNote(Fields):
        text: Text

    @operation("POST", "rooms/{room}/notes", statuses=(201, 200), refusals=(UnknownRoom, TooLong))
    async def add_note(call: Call, path: InRoom, body: NewNote) -> Answer[NoteJson]:
        '''Add a note. (This line is the summary in the description, what follows it the details.)'''
        room = await call.room(path.room)
        ...
        return Answer(note_json(note), 201)

`path`, `query` and `body` are models of fields.py; a parameter that the function does not have is refused where it is
sent. What is answered is a TypedDict; a function that returns None answers 204. The codes of errors that can occur
besides those of every call are those of `refusals`: a test finds what is missing there. The file of the noun stands in
NOUNS in routes.py, the call in docs/api.rst with a line of curl. What changes something calls `call.pay()` first, or
`call.append()`, which does so.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, get_args, get_type_hints

from pydantic import ValidationError
from tornado.httputil import HTTPServerRequest

from controllers.api.fields import Fields, Nothing
from controllers.api.json_input import read_object, shown_name
from models.errors.base import Refusal, WrongFields
from models.errors.requests import (
    FieldTwice,
    MissingField,
    NoBody,
    NoBoolean,
    NoNumber,
    NoText,
    NotFound,
    NotJson,
    UnknownField,
    WrongField,
    WrongLength,
)

T = TypeVar("T")
Function = Callable[..., Awaitable[Any]]

ROOT = "/api/"
JSON_TYPE = "application/json"
PLACE = re.compile(r"\{(\w+)\}")  # of a field in a path

# What is said of a field, by the beginning of the library's name for what is wrong with it.
WRONG: Mapping[str, type[WrongField]] = {
    "missing": MissingField,
    "string_too": WrongLength,
    "too_": WrongLength,
    "string": NoText,
    "int": NoNumber,
    "greater_than": NoNumber,
    "less_than": NoNumber,
    "bool": NoBoolean,
}


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What is answered: JSON, or bytes that are its encoding. With an `etag` a client may be told 304 instead.

    `is_sent` tells that it has left already (controllers/api/long_poll.py).
    """

    content: T | bytes
    status: int = 200
    etag: str = ""
    is_sent: bool = False


SENT: Answer[Any] = Answer(b"", is_sent=True)


@dataclass(frozen=True, slots=True)
class Operation:
    """A method at a path, what it takes, and what it answers."""

    method: str
    path: str  # after ROOT, with its fields in braces
    statuses: tuple[int, ...]
    refusals: tuple[type[Refusal], ...]
    is_for_tokens: bool
    run: Function
    fields: Mapping[str, type[Fields]]  # of "path", "query" and "body", as far as it has them
    answers: Any  # the type of the JSON; None where there is none

    @property
    def pattern(self) -> str:
        """The path as a regular expression with a group for each of its fields."""
        return PLACE.sub("([^/]+)", ROOT + self.path.replace(".", r"\."))

    @property
    def takes_body(self) -> bool:
        """Whether there is a body to be read."""
        return "body" in self.fields

    def read(self, path: Sequence[str], request: HTTPServerRequest) -> dict[str, Fields]:
        """Return the checked fields of a request. Raise NotFound, NotJson, BadJson, WrongFields."""
        given: dict[str, Fields] = {}
        if "path" in self.fields:
            given["path"] = self._read_path(path)
        if "query" in self.fields or request.query_arguments:
            given["query"] = _checked(self.fields.get("query", Nothing), _query_of(request))
        if self.takes_body:
            given["body"] = self._read_body(request)
        elif request.body:
            raise NoBody()
        return given

    def _read_path(self, path: Sequence[str]) -> Fields:
        """Return the fields of the path; one that cannot be anything is the address of nothing."""
        try:
            return self.fields["path"].model_validate(dict(zip(PLACE.findall(self.path), path, strict=True)))
        except ValidationError as error:
            raise NotFound() from error

    def _read_body(self, request: HTTPServerRequest) -> Fields:
        media_type, _, _ = request.headers.get("Content-Type", "").partition(";")
        if media_type.strip().lower() != JSON_TYPE:
            raise NotJson()
        return _checked(self.fields["body"], read_object(request.body))


def operation(
    method: str,
    path: str,
    *,
    statuses: tuple[int, ...] = (200,),
    refusals: tuple[type[Refusal], ...] = (),
    is_for_tokens: bool = True,
) -> Callable[[Function], Operation]:
    """Make a function one call of the API, as the beginning of this file tells."""

    def decorate(function: Function) -> Operation:
        hints = get_type_hints(function)
        fields: dict[str, type[Fields]] = {name: hints[name] for name in ("path", "query", "body") if name in hints}
        answers = get_args(hints["return"])[0] if get_args(hints["return"]) else None
        codes = statuses if answers else (204,)
        return Operation(method, path, codes, refusals, is_for_tokens, function, fields, answers)

    return decorate


def summary_of(one: Operation) -> tuple[str, str]:
    """Return the first line of what an operation says of itself, and the rest."""
    first, _, rest = (inspect.getdoc(one.run) or "").partition("\n")
    return first, rest.strip()


def _query_of(request: HTTPServerRequest) -> dict[str, str]:
    """Return the fields of the query. Raise WrongFields for those that are there twice, or no UTF-8."""
    wrong: list[Refusal] = []
    found = {}
    for name, values in request.query_arguments.items():
        if len(values) > 1:
            wrong.append(FieldTwice(shown_name(name)))
        try:
            found[name] = values[0].decode("utf-8")
        except UnicodeDecodeError:
            wrong.append(NoText(shown_name(name)))
    if wrong:
        raise WrongFields(wrong)
    return found


def _checked(fields: type[Fields], given: Mapping[str, object]) -> Fields:
    """Return the fields as they are to be. Raise WrongFields with all that are not."""
    known = {field.alias or name for name, field in fields.model_fields.items()}
    wrong: list[Refusal] = [UnknownField(shown_name(name)) for name in given if name not in known]
    try:
        found = fields.model_validate({name: value for name, value in given.items() if name in known})
    except ValidationError as error:
        wrong += [_wrong(one["type"])(str(one["loc"][0])) for one in error.errors(include_url=False)]
    if wrong:
        raise WrongFields(wrong)
    return found


def _wrong(kind: str) -> type[WrongField]:
    return next((refusal for start, refusal in WRONG.items() if kind.startswith(start)), WrongField)
