"""Runs the tests in several processes, and after them, two at a time, the faults and those that need a quiet machine.

`python -m testsuite.runner` runs all that `python -m unittest tests` runs; with `check`, those that need nothing.
A test that did not pass counts as failed: it was skipped, its process died, it took too long, or it did not run at all.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Iterable

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from testsuite.needs import FAULTS, QUIET, TOOLS, find_tests, needs_of

PROCESSES = 5  # on two cores: half of the time a test waits
CHECK_PROCESSES = 6  # of the tests without browsers, more is spent on waiting
QUIET_PROCESSES = 2  # a core for each
LIMIT_SECONDS = 600  # for one test, with the set-up of its class
SLOWEST_CLASSES = 10
REASON_CHARS = 200  # of the beginning of what is told in a line, and of its end
PLACES = ("tests.py", "testsuite")
HOW = ("-p", "no:terminal", "--dist=loadscope", "--no-loadscope-reorder", "-o", "faulthandler_exit_on_timeout=true")
ENDINGS = {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED}


class ClassScheduling(LoadScopeScheduling):
    """Gives a process one class after the other."""

    def remove_node(self, node: WorkerController) -> str | None:
        """Return at which test a process died. That test is not begun again, unlike by LoadScopeScheduling."""
        units = self.assigned_work.pop(node)
        died_at = next((test for unit in units.values() for test, is_done in unit.items() if not is_done), None)
        for name, unit in units.items():
            self.workqueue[name] = {test: is_done or test == died_at for test, is_done in unit.items()}
            if all(self.workqueue[name].values()):
                del self.workqueue[name]
        for other in self.assigned_work:
            self._reschedule(other)
        return died_at


class Outcomes:
    """How each of the expected tests ended, which pytest tells here."""

    def __init__(self, expected: set[str]) -> None:
        self.expected = expected
        self.ended: set[str] = set()
        self.failures: dict[str, list[str]] = {}
        self.seconds: dict[str, float] = defaultdict(float)

    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Producer) -> ClassScheduling:
        """Return what distributes the tests."""
        return ClassScheduling(config, log)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take down how a phase of a test ended, or that its process died."""
        test = report.nodeid.replace(".py::", ".").replace("::", ".").replace("/", ".")
        self.seconds[test.rpartition(".")[0]] += report.duration
        if not report.passed:
            self.failures.setdefault(test, []).append(f"{report.when}: {report.outcome}\n{report.longreprtext}")
        if report.when in ("teardown", "???"):  # the latter is pytest-xdist's, where the process died
            self.ended.add(test)
            say(f"{len(self.ended):5}/{len(self.expected)} {'FAILED' if test in self.failures else 'ok    '} {test}")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Take down that a file cannot be read."""
        if report.failed:
            self.failures.setdefault(report.nodeid, []).append(report.longreprtext)

    def show(self) -> int:
        """Print the slowest classes, each failure at length, then in a line, and the sum as the last line.

        Return the exit code.
        """
        for lost in self.expected - self.ended - self.failures.keys():
            self.failures[lost] = ["did not run"]
        for unknown in self.ended - self.expected:
            self.failures[unknown] = ["ran, but unittest does not find it"]
        say("", "The slowest classes:")
        for name, seconds in sorted(self.seconds.items(), key=lambda item: -item[1])[:SLOWEST_CLASSES]:
            say(f"{seconds:7.1f} s  {name}")
        for test, told in self.failures.items():
            say("", "=" * 70, f"FAILED {test}", *told)
        say("", *(f"FAILED {test}: {_reason(told)}" for test, told in sorted(self.failures.items())))
        say(f"{len(self.expected - self.failures.keys())} passed, {len(self.failures)} failed")
        return 1 if self.failures else 0


def _reason(told: list[str]) -> str:
    """Return in one line what was told of a failure: its beginning and its end."""
    lines = "\n".join(told).splitlines()
    errors = [line.removeprefix("E") for line in lines if line.startswith("E ")]  # so pytest marks them
    reason = " ".join(" ".join(errors or lines).split())
    return reason if len(reason) <= 2 * REASON_CHARS else f"{reason[:REASON_CHARS]} … {reason[-REASON_CHARS:]}"


def say(*lines: str) -> None:
    """Print lines at once."""
    print(*lines, sep="\n", flush=True)  # noqa: T201


def run(marked: str, processes: int, outcomes: Outcomes, places: Iterable[str] = PLACES) -> None:
    """Run the tests with these marks in these files and folders, each of which every process has to read."""
    os.environ["PYTHONWARNINGS"] = "error"  # for the processes that pytest-xdist starts
    command = [f"-n{processes}", "-o", f"faulthandler_timeout={LIMIT_SECONDS}", f"-m={marked}", *HOW, *places]
    code = pytest.main(command, plugins=[outcomes])
    if code not in ENDINGS:
        outcomes.failures[f"pytest -m '{marked}'"] = [f"ended with {code!r}"]


def main(words: list[str]) -> int:
    """Run all tests, or those of the classes that need nothing; return the exit code."""
    is_check = words == ["check"]
    expected = {test.id() for test in find_tests("tests") if not (is_check and needs_of(type(test)))}
    outcomes = Outcomes(expected)
    if is_check:
        files = sorted({"/".join(test.split(".")[:-2]) + ".py" for test in expected})
        run(" and ".join(f"not {need}" for need in (*TOOLS, QUIET)), CHECK_PROCESSES, outcomes, files)
    else:
        run(f"not {QUIET} and not {FAULTS}", PROCESSES, outcomes)
        for marked in (FAULTS, QUIET):
            run(marked, QUIET_PROCESSES, outcomes)
    return outcomes.show()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
