"""Ranks keep the order in which tasks were put, and stay short."""

from __future__ import annotations

import unittest

from hypothesis import given
from hypothesis import strategies as st

from models import ranks
from models.ranks import DIGITS
from models.rules import MAX_SEQ
from testsuite.fuzzing import FuzzTest, examples

RANKS = st.lists(st.sampled_from(DIGITS), max_size=6).flatmap(
    lambda digits: st.sampled_from(DIGITS[1:]).map(lambda last: "".join(digits) + last)
)
SEQS = st.integers(1, MAX_SEQ)


class Ranks(FuzzTest):
    def assert_is_rank(self, rank: str) -> None:
        self.assertLessEqual(set(rank), set(DIGITS))
        self.assertFalse(rank.endswith("0"))

    @examples(500)
    @given(RANKS, RANKS)
    def test_between_two_ranks_is_a_rank_that_is_hardly_longer(self, one: str, other: str) -> None:
        if one != other:
            low, high = sorted((one, other))
            rank = ranks.between(low, high)
            self.assertLess(low, rank)
            self.assertLess(rank, high)
            self.assert_is_rank(rank)
            self.assertLessEqual(len(rank), max(len(low), len(high)) + 1)

    @examples(300)
    @given(SEQS, SEQS)
    def test_ends_stand_in_the_order_of_their_entries(self, one: int, other: int) -> None:
        if one != other:
            early, late = sorted((one, other))
            self.assertLess(ranks.last(early), ranks.last(late))
            self.assertLess(ranks.first(late), ranks.first(early))
        self.assertLess(ranks.first(one), ranks.last(other))
        for rank in (ranks.first(one), ranks.last(one)):
            self.assert_is_rank(rank)
            self.assertLessEqual(len(rank), 1 + ranks.SEQ_CHARS)

    @examples(300)
    @given(RANKS, RANKS, st.lists(st.booleans(), max_size=100))
    def test_a_rank_gets_longer_by_one_with_five_moves_into_a_gap(self, one: str, other: str, ups: list[bool]) -> None:
        low, high = sorted((one, f"{other}1" if one == other else other))
        longest = max(len(low), len(high))
        for count, is_up in enumerate(ups, 1):
            rank = ranks.between(low, high)
            low, high = (rank, high) if is_up else (low, rank)
            self.assertLessEqual(len(rank), longest + 1 + (count - 1) / 5)

    def test_a_rank_is_no_longer_than_it_has_to_be(self) -> None:
        for low, high, rank in (("1", "5", "3"), ("1", "2", "1i"), ("1a", "21", "1n"), ("1", "11", "10i")):
            self.assertEqual(ranks.between(low, high), rank)

    def test_so_many_moves_into_one_gap_are_promised(self) -> None:
        for is_up in (False, True):
            low, high = ranks.last(MAX_SEQ - 1), ranks.last(MAX_SEQ)
            for _ in range(1000):
                rank = ranks.between(low, high)
                low, high = (rank, high) if is_up else (low, rank)
            self.assertLessEqual(len(rank), ranks.MAX_RANK_CHARS)


if __name__ == "__main__":
    unittest.main()
