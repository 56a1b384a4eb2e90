"""Labels for the items of a list, all different, so that a screen reader's user can tell them apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence


def unique_labels(names: Sequence[str]) -> list[str]:
    """Return names with a number added to repeated ones: the second "March 3" is "March 3 (2)"."""
    counts: Counter[str] = Counter()
    labels = []
    for name in names:
        counts[name] += 1
        labels.append(f"{name} ({counts[name]})" if counts[name] > 1 else name)
    return labels
