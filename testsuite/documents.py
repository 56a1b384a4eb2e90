"""The documents, taken apart: their blocks of code, their tables, what they name and link."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docutils.core  # type: ignore[import-untyped]
from docutils import nodes

from testsuite.servers import ROOT

DOCUMENTS = (
    "README.rst",
    "README.pt-BR.rst",
    "CONTRIBUTING.rst",
    "CHANGES.rst",
    "docs/rooms.rst",
    "docs/writing.rst",
    "docs/bots.rst",
    "docs/tutorial.rst",
    "docs/architecture.rst",
    "docs/protocol.rst",
    "docs/api.rst",
    "docs/webhooks.rst",
    "docs/deploy.rst",
    "docs/scale.rst",
    "docs/security.rst",
    "docs/sockjs.rst",
    "bench/RESULTS.rst",
)

# What a snippet of a file begins with: the file's name, in a comment of its language.
FILE_COMMENT = re.compile(r"(?:# (\S+)|// (\S+)|\{# (\S+) #\}|<!-- (\S+) -->)")

# What looks like a file or a folder of the project where it stands as ``literal``.
FILE_NAME = re.compile(
    r"[\w.@-][\w.@/-]*(?:/|\.(?:py|rst|html|js|css|conf|csv|txt|lock|json|service|yaml|env))|Makefile|LICENSE"
)


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code: `kind` is its language, "figures" between the marks where measured figures stand."""

    document: str
    kind: str
    text: str

    @property
    def name(self) -> str:
        """What it is called when it fails."""
        return f"{self.document}: {self.text.splitlines()[0]}"


class Document:
    """One document. Reading it raises docutils.utils.SystemMessage for the first remark that docutils makes."""

    def __init__(self, path: str) -> None:
        self.path = path
        settings = {"syntax_highlight": "none", "halt_level": 1, "report_level": 5, "file_insertion_enabled": False}
        self._tree = docutils.core.publish_doctree(
            (ROOT / path).read_text(encoding="utf-8"), source_path=path, settings_overrides=settings
        )

    def blocks(self) -> list[Block]:
        """Return the blocks of code in their order."""
        return list(self._blocks())

    def _blocks(self) -> Iterator[Block]:
        is_measured = False
        for node in self._tree.findall():
            if isinstance(node, nodes.comment):
                is_measured = node.astext() == "figures-begin" or (is_measured and node.astext() != "figures-end")
            if isinstance(node, nodes.literal_block | nodes.doctest_block):
                languages = [name for name in node["classes"] if name != "code"]
                kind = "figures" if is_measured else (languages or ["none"])[0]
                yield Block(self.path, kind, node.astext())

    def files(self) -> list[Path]:
        """Return what is linked, shown, or named as a file of the project."""
        here = (ROOT / self.path).parent
        links = [node["refuri"] for node in self._tree.findall(nodes.reference) if "refuri" in node]  # not within it
        links += self.pictures()
        literals = [node.astext() for node in self._tree.findall(nodes.literal)]
        local = [link for link in links if "://" not in link]
        return [here / link for link in local] + [ROOT / name for name in literals if FILE_NAME.fullmatch(name)]

    def pictures(self) -> list[str]:
        """Return the pictures that it shows."""
        return [node["uri"] for node in self._tree.findall(nodes.image)]

    def section(self, title: str) -> nodes.Element:
        """Return the section with this title."""
        for section in self._tree.findall(nodes.section):
            if section[0].astext() == title:
                return section
        raise AssertionError(f"{self.path} has no section {title}")

    def tables(self) -> list[list[list[str]]]:
        """Return the tables, each a list of rows, the first of which has the titles."""
        return [
            [[cell.astext() for cell in row.findall(nodes.entry)] for row in table.findall(nodes.row)]
            for table in self._tree.findall(nodes.table)
        ]

    def table(self, *titles: str) -> list[list[str]]:
        """Return the rows of the table whose first columns have these titles."""
        for rows in self.tables():
            if tuple(rows[0][: len(titles)]) == titles:
                return rows[1:]
        raise AssertionError(f"{self.path} has no table {titles}")


def find_excerpt(block: Block) -> str:
    """Return what keeps a snippet from standing in the file that its first line names; "" if nothing does.

    Its pieces, between lines of ``...``, must be there word for word and in order; only their indentation may differ.
    """
    first, _, rest = block.text.partition("\n")
    match = FILE_COMMENT.fullmatch(first)
    if not match:
        return "its first line names no file"
    path = ROOT / next(name for name in match.groups() if name)
    if not path.is_file():
        return f"there is no {path.name}"
    lines = path.read_text(encoding="utf-8").splitlines()
    for piece in re.split(r"^ *\.\.\.$", rest, flags=re.MULTILINE):
        end = _end_of(textwrap.dedent(piece).strip("\n").splitlines(), lines)
        if end is None:
            return f"this is not in {path.name}, or not there:\n{piece}"
        lines = lines[end:]
    return ""


def _end_of(piece: list[str], lines: list[str]) -> int | None:
    """Return the number of the line after the first place where `piece` stands."""
    for begin in range(len(lines) - len(piece) + 1):
        there = textwrap.dedent("\n".join(lines[begin : begin + len(piece)])).splitlines()
        if there == piece:
            return begin + len(piece)
    return None
