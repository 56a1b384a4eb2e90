"""What the tests with made-up input share: the same input in every run, and nothing left behind on disk."""

from __future__ import annotations

import json
import re
import tempfile
import unittest
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

from testsuite.cases import SiteTest
from testsuite.tables import sql
from testsuite.waiting import wait_for

# What the log may say: requests, remarks of Tornado on bad forms; and SockJS refuses nonsense with 500.
ORDINARY = re.compile(r"\[[IW] |\[E \d+ [\d:]+ logs:\d+\] 500 (GET|POST) /chat/|\S+ listens on ")


def examples(count: int) -> settings:
    """Return Hypothesis's settings for this many examples, the same ones everywhere and always."""
    return settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,  # a busy machine is no failure
        suppress_health_check=list(HealthCheck),
    )


class FuzzTest(unittest.TestCase):
    """A test by Hypothesis, which would keep its tables in the current folder."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        set_hypothesis_home_dir(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.addClassCleanup(set_hypothesis_home_dir, None)


class FuzzedSite(FuzzTest, SiteTest):
    """A site that gets made-up input; when a test is over, it still answers and has logged no error."""

    STORED = ("user", "session", "invitation", "entry", "membership", "setting", "room")

    def setUp(self) -> None:
        self.addCleanup(self.check_log)

    def state(self) -> list[int]:
        """Return how much there is of everything that could be stored."""
        return [sql(self.folder, f"SELECT count(*) FROM {table}")[0][0] for table in self.STORED]

    def check_log(self) -> None:
        """Check that nothing went wrong inside."""
        self.client().get("/static/logo.svg?the-end")
        wait_for(lambda: any("GET /static/logo.svg" in line for line in self.server.lines[-3:]), "the log ends")
        troubles = [line for line in self.server.lines if not ORDINARY.match(line)]
        self.assertEqual(troubles, [])


# Any value that JSON has, with numbers and texts that no client would send.
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=2**50, max_value=2**70)
    | st.floats()
    | st.text()
    | st.sampled_from(["", "\0", "\ud800", "\u202e", "lobby", "x" * 9000, "9" * 5000]),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=9), inner, max_size=5),
    max_leaves=9,
)


def dumped(value: Any) -> str:
    """Return a value as JSON, half characters, NaN and all."""
    return json.dumps(value)


def damaged(texts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return texts of which a piece is missing or is something else."""
    return st.builds(
        lambda text, at, length, piece: text[: at % (len(text) + 1)] + piece + text[at % (len(text) + 1) + length :],
        texts,
        st.integers(0, 10_000),
        st.integers(0, 5),
        st.sampled_from(["", "[", "{", '"', "\\", "\\u", ",", ":", "\0", "[" * 3000, "1e999", "é"]),
    )
