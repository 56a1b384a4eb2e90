"""What pytest is told about the tests: what each class needs, and in which order they are begun."""

from __future__ import annotations

import gc
import itertools
import os
from collections import defaultdict
from collections.abc import Generator
from typing import Any

import pytest

from testsuite import needs


def pytest_configure(config: pytest.Config) -> None:
    """Make a marker of each thing that a class may need; set the environment of the tests right."""
    for need in (*needs.TOOLS, needs.QUIET):
        config.addinivalue_line("markers", f"{need}: see testsuite/needs.py")
    if hasattr(config, "workerinput"):
        # The first is pytest-xdist's, the other the runner's for it: neither is for the programs that the tests start.
        for name in ("PYTHONPATH", "PYTHONWARNINGS"):
            os.environ.pop(name, None)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with what its class needs, and put the classes into an order: what takes longest comes first.

    Those that need a tool take turns with those that need none: five browsers at once would compute, and wait later.
    """
    classes: dict[pytest.Item | pytest.Collector | None, list[pytest.Item]] = defaultdict(list)
    for item in items:
        classes[item.parent].append(item)
        for need in needs_of(item):
            item.add_marker(need)
    queue = sorted(classes.values(), key=lambda tests: (_place(tests[0]), not _is_long(tests[0]), -len(tests)))
    with_tool = [tests for tests in queue if _place(tests[0]) < len(needs.TOOLS)]
    no_tests: list[pytest.Item] = []
    turns = itertools.zip_longest(with_tool, queue[len(with_tool) :], fillvalue=no_tests)
    items[:] = itertools.chain.from_iterable(itertools.chain.from_iterable(turns))


def _place(item: pytest.Item) -> int:
    return min((needs.TOOLS.index(need) for need in needs_of(item) if need in needs.TOOLS), default=len(needs.TOOLS))


def _is_long(item: pytest.Item) -> bool:
    """Return whether the class of a test says `is_long = True`: else the others would be done, and wait for it."""
    return isinstance(item, pytest.Function) and getattr(item.cls, "is_long", False)


def needs_of(item: pytest.Item) -> frozenset[str]:
    """Return what the class of a test needs."""
    return needs.needs_of(item.cls) if isinstance(item, pytest.Function) and item.cls else frozenset()


def pytest_collection_finish() -> None:
    """Keep what was imported out of every further collection of garbage."""
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Return a report as pytest-xdist can send it to the runner, also of a test with halves of surrogate pairs."""
    return _sendable((yield))


def _sendable(told: Any) -> Any:
    if isinstance(told, str):
        return told.encode("utf-8", "backslashreplace").decode()
    if isinstance(told, dict):
        return {_sendable(key): _sendable(value) for key, value in told.items()}
    if isinstance(told, list | tuple):
        return [_sendable(value) for value in told]
    return told


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let nothing be started but what the class has said, its own set-up included."""
    needs.declared = needs_of(item)
