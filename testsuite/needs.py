"""What a test class needs besides Python and the packages, which it says where it starts it: `needs = ("nginx",)`.

`make check` leaves out the classes that need something; `make test` runs those that need a quiet machine afterwards.
"""

from __future__ import annotations

import sys
import unittest
from collections.abc import Iterator

FAULTS = "faults"  # four processes under load, and a database's servers: they and what runs beside them would be late
# Those whose tests take longest come first: they are begun first.
TOOLS = (FAULTS, "chromium", "registries", "mongodb", "postgres", "nginx", "openssl")
QUIET = "quiet"  # a core for itself: it measures time, or computes so much that others would be late

declared: frozenset[str] | None = None  # what the running class needs; None where no runner says so


def needs_of(test: type) -> frozenset[str]:
    """Return what a test class needs, with what the classes that it inherits from need."""
    return frozenset(need for kind in test.__mro__ for need in vars(kind).get("needs", ()))


def need(tool: str) -> None:
    """Fail if the class whose tests run has not said that it needs this tool."""
    if declared is not None and tool not in declared:
        raise AssertionError(f"this test starts {tool}: let its class say needs = ({tool!r},)")


def find_tests(*names: str) -> list[unittest.TestCase]:
    """Return the tests of modules, classes or methods, as unittest finds them."""
    return list(_each(unittest.defaultTestLoader.loadTestsFromNames(names)))


def _each(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from _each(test)
        else:
            yield test


def main(names: list[str]) -> None:
    """Print what these tests need, for the Makefile."""
    print(*sorted(set().union(*(needs_of(type(test)) for test in find_tests(*names)))))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
