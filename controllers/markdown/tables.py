"""The lines of a table (GitHub Flavored Markdown, chapter 4.10)."""

from __future__ import annotations

import re

MAX_COLUMNS = 20  # what has more is no table
MAX_ROWS = 200  # with the head; what follows is a paragraph

DELIMITERS = re.compile(r"\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?")
PIPE = re.compile(r"(?<!\\)\|")


def alignments(line: str) -> list[str]:
    """Return how the columns are aligned if `line` may stand below the head of a table, else nothing."""
    if "|" not in line or not DELIMITERS.fullmatch(line):
        return []
    marks = _inside(line).split("|")
    return [_alignment(mark.strip()) for mark in marks] if len(marks) <= MAX_COLUMNS else []


def _alignment(mark: str) -> str:
    if mark.endswith(":"):
        return "center" if mark.startswith(":") else "right"
    return "left" if mark.startswith(":") else ""


def is_header(line: str, columns: int) -> bool:
    """Return whether `line` has so many cells, and a pipe even if that is one."""
    return "|" in line and len(PIPE.findall(_inside(line))) + 1 == columns


def cells(line: str, columns: int) -> list[str]:
    """Return the cells of a row. The last one has all that is left of the line, so that nothing is lost."""
    inside = _inside(line)
    pieces = PIPE.split(inside, columns - 1) if columns > 1 else [inside]  # 0 would be no limit
    found = [piece.strip().replace("\\|", "|") for piece in pieces]
    return found + [""] * (columns - len(found))


def _inside(line: str) -> str:
    """Return a row without the pipes at its ends."""
    line = line.strip(" \t").removeprefix("|")
    return line[:-1] if line.endswith("|") and not line.endswith("\\|") else line
