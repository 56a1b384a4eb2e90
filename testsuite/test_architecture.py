"""docs/architecture.rst: its map has every file, its table every import, and a post's way leads through real code."""

from __future__ import annotations

import ast
import re
import subprocess
import unittest
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter

from docutils import nodes  # type: ignore[import-untyped]

from testsuite.documents import FILE_NAME, Document
from testsuite.servers import ROOT
from testsuite.waiting import TIMEOUT_SECONDS

PATH = "docs/architecture.rst"
MAY_USE_EVERYTHING = ("testsuite/", "bench/", "faults/", "docs/", "tests.py")
NOTHING = "nothing of the others"


@cache
def tracked() -> tuple[str, ...]:
    """Return the files that git has, and those that it will have."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=True,
    )
    return tuple(name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file())


def has_code(name: str) -> bool:
    """Tell whether a file is more than the first sentence of a package."""
    return not name.endswith("/__init__.py") or len(ast.parse((ROOT / name).read_text(encoding="utf-8")).body) > 1


class Map(unittest.TestCase):
    def test_it_has_every_file_and_no_other(self) -> None:
        section = Document(PATH).section("The map")
        named = {node.astext() for node in section.findall(nodes.literal)}
        files = {name for name in tracked() if has_code(name)}
        self.assertEqual(sorted(files - named), [], f"write a line for each of these in {PATH}, 'The map'")
        gone = {name for name in named if FILE_NAME.fullmatch(name) and not name.endswith("/")} - {*tracked()}
        self.assertEqual(sorted(gone), [], f"these are gone: take them out of {PATH}, 'The map'")


class Imports(unittest.TestCase):
    def test_they_are_those_of_the_table(self) -> None:
        table = {part: {*re.split(r",\s+", allowed)} - {NOTHING} for part, allowed in Document(PATH).table("Part")}
        found: dict[str, set[str]] = {part: set() for part in table}
        for importer, imported in imports(for_types=True):
            part, other = part_of(importer), part_of(imported)
            if part not in MAY_USE_EVERYTHING and other != part:
                self.assertIn(other, table.get(part, ()), f"{importer} imports {imported}: change that, or {PATH}")
                found[part].add(other)
        self.assertEqual(found, table, f"{PATH} allows more than there is")

    def test_no_two_files_import_each_other_in_a_circle(self) -> None:
        sorter: TopologicalSorter[str] = TopologicalSorter()
        for importer, imported in imports():
            sorter.add(importer, imported)
        sorter.prepare()  # raises CycleError


def part_of(name: str) -> str:
    """Return the part, as the table calls it, that a file belongs to."""
    folders = name.split("/")[:-1]
    if not folders:
        return name
    return f"controllers/{folders[1]}/" if folders[0] == "controllers" and len(folders) > 1 else f"{folders[0]}/"


def imports(for_types: bool = False) -> Iterator[tuple[str, str]]:
    """Yield which of our files import which others, also within functions; those for the type checker if wanted."""
    files = {name.removesuffix(".py").removesuffix("/__init__").replace("/", "."): name for name in tracked()}
    for name in tracked():
        if name.endswith(".py"):
            for module in imported(ast.parse((ROOT / name).read_text(encoding="utf-8")), for_types):
                if files.get(module, name) != name:
                    yield name, files[module]


def imported(node: ast.AST, for_types: bool) -> Iterator[str]:
    """Yield the modules that are imported below `node`, and what could be one."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
    elif for_types or not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
        for child in ast.iter_child_nodes(node):
            yield from imported(child, for_types)


class Way(unittest.TestCase):
    def test_each_function_that_a_post_goes_through_is_where_it_is_said_to_be(self) -> None:
        steps = [where for _, where in Document(PATH).table("What happens")]
        self.assertGreater(len(steps), 10)
        for where in steps:
            for names, file in re.findall(r"((?:\w+,?\s+)+)in\s+([\w./]+)", where):
                text = (ROOT / file).read_text(encoding="utf-8")
                for name in re.findall(r"\w+", names):
                    is_there = re.search(rf"def {name}\(|^  (async )?{name}\(", text, re.MULTILINE)
                    self.assertTrue(is_there, f"{file} has no {name}")

    def test_what_the_drawing_names_is_a_class(self) -> None:
        code = "".join((ROOT / name).read_text(encoding="utf-8") for name in tracked() if name.endswith(".py"))
        (drawing,) = (block.text for block in Document(PATH).blocks() if block.kind == "text")
        names = re.findall(r"\b[A-Z]\w*[a-z]\w*\b", drawing.replace("JavaScript", ""))
        self.assertGreater(len(names), 4)
        for name in names:
            self.assertTrue(re.search(rf"\bclass {name}\b", code), f"there is no class {name}")
