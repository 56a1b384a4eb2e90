"""The places of tasks in their list: texts in whose order the tasks stand, so that moving one task changes no other.

A rank is a fraction in base 36 without zeros at its end, and so compares as a text. A task that comes to the end or to
the beginning gets its rank from the number of that entry, so these never get longer; one that comes between two others
gets a fraction between theirs.
"""

from __future__ import annotations

import string

FIRST, LAST = "first", "last"  # places of their own; they are no ranks
MAX_RANK_CHARS = 250  # after a thousand moves into ever the same gap

DIGITS = string.digits + string.ascii_lowercase
BASE = len(DIGITS)
SEQ_CHARS = 11  # of the largest seq
MAX_SEQ_RANK = BASE**SEQ_CHARS - 1
FROM_THE_BEGINNING, FROM_THE_END = "1", "5"  # the first digits of ranks that come from a seq: 1 is before 5


def last(seq: int) -> str:
    """Return the rank of a task that comes to the end by the entry `seq`: behind all that came there before."""
    return (FROM_THE_END + _digits(seq)).rstrip("0")


def first(seq: int) -> str:
    """Return the rank of a task that comes to the beginning by the entry `seq`: before all that came there before."""
    return (FROM_THE_BEGINNING + _digits(MAX_SEQ_RANK - seq)).rstrip("0")


def of_move(place: str, seq: int) -> str:
    """Return the rank that a move to `place` gives: a rank, FIRST or LAST. `seq` is that of the move's entry."""
    if place == LAST:
        return last(seq)
    return first(seq) if place == FIRST else place


def between(low: str, high: str) -> str:
    """Return a rank between two others, of which `low` is the smaller one."""
    assert low < high
    rank, is_below_high, place = "", False, 0
    while True:
        least = DIGITS.index(low[place]) if place < len(low) else 0
        most = BASE if is_below_high or place >= len(high) else DIGITS.index(high[place])
        if most - least > 1:
            return rank + DIGITS[(least + most) // 2]
        rank += DIGITS[least]
        is_below_high = is_below_high or most > least
        place += 1


def _digits(number: int) -> str:
    digits = ""
    for _ in range(SEQ_CHARS):
        number, digit = divmod(number, BASE)
        digits = DIGITS[digit] + digits
    return digits
