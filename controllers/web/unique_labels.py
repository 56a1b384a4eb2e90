"""What the things in a list are called, so that whoever hears a page knows them apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence


def unique_labels(names: Sequence[str]) -> list[str]:
    """Return names of which no two are alike: the second "March 3" is "March 3 (2)"."""
    counts: Counter[str] = Counter()
    told = []
    for name in names:
        counts[name] += 1
        told.append(f"{name} ({counts[name]})" if counts[name] > 1 else name)
    return told
