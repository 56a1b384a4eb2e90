"""All operations of the API, and the routes to them."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from controllers.api import hooks, log, members, messages, reactions, rooms, search, tasks, tokens
from controllers.api.call import Call
from controllers.api.handler import ApiHandler
from controllers.api.openapi import describe
from controllers.api.operation import Answer, Operation, operation
from controllers.web.json_answers import encoded, etag_of

NOUNS: tuple[ModuleType, ...] = (members, rooms, messages, reactions, log, search, tasks, hooks, tokens)


@operation("GET", "openapi.json")
async def get_description(call: Call) -> Answer[dict[str, Any]]:
    """Return this description of the API (OpenAPI 3.1)."""
    content = encoded(describe(OPERATIONS, call.site.name))
    return Answer(content, etag=etag_of(content))


OPERATIONS: tuple[Operation, ...] = (
    get_description,
    *(one for noun in NOUNS for one in vars(noun).values() if isinstance(one, Operation)),
)


def routes() -> list[Any]:
    """Return the addresses of the API, each with its operations by method."""
    found: dict[str, dict[str, Operation]] = {}
    for one in OPERATIONS:
        found.setdefault(one.pattern, {})[one.method] = one
    fewest_fields_first = sorted(found, key=lambda pattern: pattern.count("("))
    return [(pattern, ApiHandler, {"operations": found[pattern]}) for pattern in fewest_fields_first]
