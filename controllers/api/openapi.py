"""The description of the API (OpenAPI 3.1), made of the operations that check what is sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any, NotRequired

from pydantic import TypeAdapter, with_config
from typing_extensions import TypedDict

from controllers.api.message_json import EXACTLY
from controllers.api.operation import JSON_TYPE, PLACE, ROOT, Operation, summary_of
from controllers.api.tasks import TaskJson
from controllers.web.forms import XSRF_HEADER
from controllers.web.http_status import code_of, status_of, status_text
from models.errors.accounts import MadeForAnother
from models.errors.base import Refusal, WrongFields
from models.errors.messages import SlowDown
from models.errors.requests import BadJson, NotByToken, NotFound, NotJson, ReadsOnly, Unauthorized
from models.errors.stores import Unavailable

VERSION = "1"
REFERENCE = "#/components/schemas/{model}"
READING = ("GET",)
ABOUT = (
    "What members do on the pages, for programs: docs/api.rst tells more. A request has the session's cookie, and then "
    "for every method but GET and HEAD the header X-Xsrftoken, or a token."
)
Schema = dict[str, Any]


@with_config(EXACTLY)
class ErrorDetails(TypedDict):
    """Why a request was refused: `code` for programs, `message` for people, `fields` with what is wrong in each."""

    code: str
    status: int
    message: str
    fields: NotRequired[dict[str, str]]
    retry_after: NotRequired[float]


@with_config(EXACTLY)
class Error(TypedDict):
    """What is answered where a request was refused; in a conflict with the task as it is now, and what was sent."""

    error: ErrorDetails
    task: NotRequired[TaskJson]
    yours: NotRequired[dict[str, Any]]


def describe(operations: Sequence[Operation], site_name: str) -> Schema:
    """Return the description of these operations."""
    answers = [one for one in operations if one.answers]
    bodies = [one for one in operations if one.takes_body]
    schemas, parts = TypeAdapter.json_schemas(
        [
            *((one.run, "serialization", TypeAdapter(one.answers)) for one in answers),
            *((one.fields["body"], "validation", TypeAdapter(one.fields["body"])) for one in bodies),
            (Error, "serialization", TypeAdapter(Error)),
        ],
        ref_template=REFERENCE,
    )
    paths: dict[str, Schema] = {}
    for one in operations:
        paths.setdefault(ROOT + one.path, {})[one.method.lower()] = _described(one, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": site_name, "version": VERSION, "description": ABOUT},
        "paths": paths,
        "components": {"schemas": parts["$defs"], "securitySchemes": SECURITY},
    }


SECURITY: Schema = {
    "session": {"type": "apiKey", "in": "cookie", "name": "session", "description": "of a member who is signed in"},
    "forgery": {
        "type": "apiKey",
        "in": "header",
        "name": XSRF_HEADER,
        "description": "the token in the pages of the same session, for every method but GET and HEAD",
    },
    "token": {"type": "http", "scheme": "bearer", "description": "made on the page of the account"},
}


def _described(one: Operation, schemas: Any) -> Schema:
    summary, description = summary_of(one)
    session: Schema = {"session": []} if one.method in READING else {"session": [], "forgery": []}
    found: Schema = {
        "operationId": one.run.__name__,
        "tags": [one.path.split("/")[2 if one.path.count("/") > 1 else 0]],
        "summary": summary,
        "security": [session, {"token": []}] if one.is_for_tokens else [session],
        "parameters": [*_parameters(one, "path"), *_parameters(one, "query")],
        "responses": dict(_responses(one, schemas)),
    }
    if description:
        found["description"] = description
    if one.takes_body:
        schema = schemas[one.fields["body"], "validation"]
        found["requestBody"] = {"required": True, "content": {JSON_TYPE: {"schema": schema}}}
    return found


def _parameters(one: Operation, place: str) -> Iterable[Schema]:
    """Yield the fields of the path or of the query."""
    if place not in one.fields:
        return
    schema = one.fields[place].model_json_schema(ref_template=REFERENCE)
    names = PLACE.findall(one.path) if place == "path" else schema["properties"]
    for name in names:
        is_needed = name in schema.get("required", ())
        yield {"name": name, "in": place, "required": is_needed, "schema": _of_one(schema["properties"][name])}


def _of_one(schema: Schema) -> Schema:
    """Return the schema of a parameter: one that may be left out cannot be null, since an address has only texts."""
    others = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    return others[0] if len(others) == 1 else schema


def _responses(one: Operation, schemas: Any) -> Iterable[tuple[str, Schema]]:
    """Yield what is answered, by status."""
    for status in one.statuses:
        answer: Schema = {"description": HTTPStatus(status).phrase}
        if one.answers:
            answer["content"] = {JSON_TYPE: {"schema": schemas[one.run, "serialization"]}}
        yield str(status), answer
    if one.method in READING:
        yield "304", {"description": "Nothing has changed since the answer with the Etag of If-None-Match."}
    for status, codes in sorted(errors_of(one).items()):
        yield str(status), _error(status, codes, schemas[Error, "serialization"])


def _error(status: int, codes: dict[str, str], schema: Schema) -> Schema:
    narrow = {"properties": {"error": {"properties": {"code": {"enum": sorted(codes)}}}}}
    answer: Schema = {
        "description": " ".join(f"{code}: {sentence}" for code, sentence in sorted(codes.items())),
        "content": {JSON_TYPE: {"schema": {"allOf": [schema, narrow]}}},
    }
    if status == 429:
        answer["headers"] = {"Retry-After": {"description": "in seconds", "schema": {"type": "integer"}}}
    return answer


def errors_of(one: Operation) -> dict[int, dict[str, str]]:
    """Return the sentences of the errors of an operation, by status and code."""
    usual: list[type[Refusal]] = [WrongFields, BadJson, Unauthorized, SlowDown, Unavailable]
    usual += [NotFound] if "path" in one.fields else []
    usual += [NotJson] if one.takes_body else []
    usual += [] if one.is_for_tokens else [NotByToken]
    usual += [] if one.method in READING else [ReadsOnly, MadeForAnother]
    found: dict[int, dict[str, str]] = {}
    for refusal in (*usual, *one.refusals):
        found.setdefault(status_of(refusal), {}).setdefault(refusal.code, refusal.sentence)
    for status in (413, 431, 500) if one.takes_body else (431, 500):
        found.setdefault(status, {})[code_of(None, status)] = status_text(status)[1]
    return found
