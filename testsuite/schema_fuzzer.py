"""A program that lets schemathesis try an API by its own description, and prints in lines of JSON what it finds.

It is one of its own, since schemathesis uses the SQLite library that the site keeps away (models/__init__.py).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import schemathesis
from schemathesis.engine import Status, events, from_schema

MAX_MESSAGE_CHARS = 2000


def configured(asked: dict[str, Any]) -> schemathesis.Config:
    """Return what is tried: the same in every run."""
    return schemathesis.Config.from_dict(
        {
            "seed": 1,
            "base-url": asked["url"],
            "headers": asked["headers"],
            "continue-on-failure": True,
            "generation": {
                "max-examples": asked["examples"],
                "deterministic": True,
                "database": "none",
                "no-shrink": True,
                "with-security-parameters": False,
            },
            "phases": {"stateful": {"enabled": False}},
            "checks": asked["checks"],
            "dictionaries": {"rooms": {"values": ["lobby"]}},
            "parameters": {"path.room": {"dictionary": "rooms", "probability": 0.8}},
        }
    )


def findings(asked: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Yield what is found, and last how many requests were made and by which statuses they were answered."""
    schema = schemathesis.openapi.from_dict(asked["description"], config=configured(asked))
    statuses: dict[str, int] = {}
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            for interaction in event.recorder.interactions.values():
                status = str(interaction.response.status_code) if interaction.response else "none"
                statuses[status] = statuses.get(status, 0) + 1
            for checks in event.recorder.checks.values():
                for check in checks:
                    if check.status == Status.FAILURE and check.failure_info:
                        yield _found(event.recorder.label, check.failure_info)
        elif isinstance(event, events.NonFatalError | events.FatalError):
            yield {"where": getattr(event, "label", ""), "what": str(getattr(event, "info", event))}
    yield {"where": "statuses", "what": json.dumps(statuses)}


def _found(label: str, info: Any) -> dict[str, str]:
    failure = info.failure
    return {"where": label, "what": f"{failure.title}: {failure.message[:MAX_MESSAGE_CHARS]}\n{info.code_sample}"}


if __name__ == "__main__":
    for finding in findings(json.load(sys.stdin)):
        print(json.dumps(finding), flush=True)  # noqa: T201 - its reader is another program
