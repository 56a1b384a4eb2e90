"""What a message consists of: the kinds of blocks, and the tree that they make."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

ESCAPED = "\0"  # replaces a backslash in a paragraph that kept the next character from being markup


@dataclass(slots=True)
class Paragraph:
    """Lines of text."""

    lines: list[str]


@dataclass(slots=True)
class Fence:
    """Lines of code, which end at a line of at least `length` times `mark`."""

    mark: str
    length: int
    indent: int
    info: str
    lines: list[str] = field(default_factory=list)
    is_closed: bool = False


@dataclass(slots=True)
class Table:
    """Rows of cells, the head first; `aligns` has "left", "center", "right" or "" for each column."""

    aligns: list[str]
    rows: list[list[str]]


@dataclass(slots=True)
class Quote:
    """The blocks behind `>`."""

    level: int
    children: list[Block] = field(default_factory=list)


@dataclass(slots=True)
class List:
    """Items with the same kind of marker; loose if there are blank lines between them or in them."""

    mark: str
    start: int | None
    items: list[Item] = field(default_factory=list)
    is_loose: bool = False


@dataclass(slots=True)
class Item:
    """An item of a list, with the blocks below it that are indented by at least `indent` columns."""

    level: int
    siblings: List
    indent: int
    children: list[Block] = field(default_factory=list)


Block: TypeAlias = Paragraph | Fence | Table | Quote | List
Container: TypeAlias = Quote | Item
