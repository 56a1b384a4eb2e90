"""Every pattern and library call that meets text from outside, in one table, each searched for time.

Whoever adds one to controllers/ or models/ adds its row here; a test says so.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import re
import time
import unittest
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import tornado.locale

from controllers import server
from controllers.api import json_input
from controllers.fetching import fetcher, reach
from controllers.fetching.fetcher import MAX_BODY_BYTES
from controllers.markdown import links
from controllers.markdown.addresses import MAX_ADDRESS_CHARS
from controllers.realtime import protocol
from controllers.serving import connection_limits
from controllers.serving.request_heads import MAX_READ_BYTES
from controllers.sockjs import framing
from controllers.sockjs.framing import MAX_FRAME_BYTES, MAX_MESSAGE_CHARS
from controllers.web import headers, languages
from controllers.webhooks import payloads
from models import accounts, addresses, failures, lookalikes, names, passwords
from models.search import query, words
from testsuite.servers import ROOT
from testsuite.waiting import slowness

MAX_SECONDS = 0.05  # for the worst text at its full length
SHORT_CHARS = 3000  # at which the worst is looked for
MAX_SHORT_SECONDS = 0.01  # what takes longer is quadratic, if a part of the text takes less than its part of the time
PART = 10  # of the short text, to tell the two apart
COMMON = ["a", "0", " ", "\n", "\u0301", "\u0316"]  # letters, digits, blanks, and marks that have an order
SIGNS = [*'[{",:.%@-', "\u200d", "\ufdfa"]  # what the libraries parse
ENDS = ("", "\0", "!", "\n")

# Every pattern, with how many characters a text has at most where it meets it.
PATTERNS = {
    "controllers.serving.compression._ZERO_QUALITY": MAX_READ_BYTES,
    "controllers.sockjs.handler.JSESSIONID": MAX_READ_BYTES,
    "controllers.sockjs.handler.PRINTABLE": MAX_READ_BYTES,
    "controllers.sockjs.http.CALLBACK": MAX_READ_BYTES,
    "controllers.sockjs.library.MATCHES_NOTHING": 128,  # as long as a callback may be
    "controllers.web.atom.NOT_IN_XML": MAX_MESSAGE_CHARS,
    "controllers.web.languages._WISH": MAX_READ_BYTES,
    "controllers.web.logs.QUOTED": MAX_READ_BYTES,
    "controllers.markdown.addresses._ADDRESS": MAX_MESSAGE_CHARS,
    "controllers.markdown.addresses._HOST": MAX_MESSAGE_CHARS,
    "controllers.markdown.addresses._PREFIX": MAX_MESSAGE_CHARS,
    "controllers.markdown.addresses._WEB": MAX_MESSAGE_CHARS,
    "controllers.markdown.blocks.ESCAPED_MARKER": MAX_MESSAGE_CHARS,
    "controllers.markdown.blocks.FENCE": MAX_MESSAGE_CHARS,
    "controllers.markdown.blocks.MARKER": MAX_MESSAGE_CHARS,
    "controllers.markdown.blocks.PREFIX": MAX_MESSAGE_CHARS,
    "controllers.markdown.blocks.SPACES": MAX_MESSAGE_CHARS,
    "controllers.markdown.html.LANGUAGE": MAX_MESSAGE_CHARS,
    "controllers.markdown.html.SIGNS": MAX_MESSAGE_CHARS,
    "controllers.markdown.inlines.MARKS": MAX_MESSAGE_CHARS,
    "controllers.markdown.inlines.TOKEN": MAX_MESSAGE_CHARS,
    "controllers.markdown.links.ALIKE": MAX_MESSAGE_CHARS,
    "controllers.markdown.links.NO_HOST": MAX_ADDRESS_CHARS,
    "controllers.markdown.links.PATH": MAX_ADDRESS_CHARS,
    "controllers.markdown.links.PORT": MAX_ADDRESS_CHARS,
    "controllers.markdown.links.SCHEME": MAX_MESSAGE_CHARS,
    "controllers.markdown.links.TURNS": MAX_MESSAGE_CHARS,
    "controllers.markdown.tables.DELIMITERS": MAX_MESSAGE_CHARS,
    "controllers.markdown.tables.PIPE": MAX_MESSAGE_CHARS,
    "controllers.markdown.ticks.TICKS": MAX_MESSAGE_CHARS,
    "controllers.web.rendering._FENCE": MAX_MESSAGE_CHARS,
    "controllers.web.rendering._LETTER": MAX_MESSAGE_CHARS,
    "controllers.web.rendering._PLAIN": MAX_MESSAGE_CHARS,
    "controllers.web.headers.NAMED_HOST": headers.MAX_HOST_CHARS,
    "controllers.serving.request_heads.ABSOLUTE_URL": MAX_READ_BYTES,
    "controllers.statics._IS_VERSION": MAX_READ_BYTES,
    "models.accounts.EMAIL_PATTERN": accounts.MAX_EMAIL_CHARS,
    "models.lookalikes.DOT_ABOVE": 18 * names.MAX_TYPED_CHARS,
    "models.mentions.AT": MAX_MESSAGE_CHARS,
    "models.mentions.UNREAD": MAX_MESSAGE_CHARS,
    "models.messages.TONES": MAX_MESSAGE_CHARS,
    "models.names.KEYCAP": names.MAX_TYPED_CHARS,
    "models.search.query.PART": query.MAX_QUERY_CHARS,
    "models.search.words.ASCII_WORD": MAX_MESSAGE_CHARS,
    "models.search.words.HAS_SPACELESS": 18 * MAX_MESSAGE_CHARS,  # of a folded text; one character may become eighteen
    "models.search.words.PARTS": MAX_MESSAGE_CHARS,
    "models.search.words.RUN": 18 * MAX_MESSAGE_CHARS,
    "models.visible.IGNORABLE": MAX_MESSAGE_CHARS,
    "models.visible.VISIBLE": MAX_MESSAGE_CHARS,
}

# Every other call whose cost may grow faster than its text: what is done with the text there, and its longest.
CALLS: dict[str, tuple[Callable[[str], object], int]] = {
    "controllers.api.json_input: json.loads": (
        lambda text: json_input.read_object(text.encode()),
        server.MAX_BODY_BYTES // 4,
    ),
    "controllers.fetching.fetcher: json.loads": (lambda text: fetcher._json_object(text.encode()), MAX_BODY_BYTES // 4),
    "controllers.fetching.fetcher: urljoin": (reach.is_web_url, MAX_READ_BYTES),
    "controllers.webhooks.payloads: json.loads": (
        lambda text: payloads.read_text(text.encode()),
        payloads.MAX_PAYLOAD_BYTES // 4,
    ),
    "controllers.sockjs.framing: json.loads": (lambda text: framing.decode_messages(text, 16), MAX_FRAME_BYTES),
    "controllers.serving.connection_limits: ip_address": (connection_limits.client_key, MAX_READ_BYTES),
    "controllers.web.headers: ipaddress.ip_address": (headers.origin_of, MAX_READ_BYTES),
    "controllers.web.headers: urlsplit": (headers.origin_of, MAX_READ_BYTES),
    "controllers.fetching.reach: ip_address": (reach.is_web_url, MAX_READ_BYTES),
    "controllers.fetching.reach: urlsplit": (reach.is_web_url, MAX_READ_BYTES),
    "controllers.markdown.links: idna.uts46_remap": (links.place, MAX_ADDRESS_CHARS),
    "controllers.realtime.protocol: json.loads": (lambda text: protocol.read("{" + text, "lobby"), MAX_FRAME_BYTES),
    "models.failures: ipaddress.ip_address": (failures.address_key, MAX_READ_BYTES),
    "models.addresses: unicodedata.normalize": (addresses.clean_room_name, 4 * addresses.MAX_ROOM_NAME_CHARS),
    "models.lookalikes: unicodedata.normalize": (lookalikes.skeletons, names.MAX_TYPED_CHARS),
    "models.names: unicodedata.normalize": (names.clean_username, names.MAX_TYPED_CHARS),
    "models.search.words: unicodedata.normalize": (words.words_of, MAX_MESSAGE_CHARS),
    "models.passwords: unicodedata.normalize": (passwords.check_password_length, passwords.MAX_TYPED_CHARS),
}
# The same, where there is a limit within: the text is a hundred times as long as it may be.
REFUSED: dict[str, Callable[[str], object]] = {
    "names.fold": names.fold,
    "names.normalized": names.normalized,
    "names.clean_username": names.clean_username,
    "accounts.clean_email": accounts.clean_email,
    "passwords.check_password_length": passwords.check_password_length,
    "failures.account_key": failures.account_key,
    "query.parse": query.parse,
    "languages.language_of": languages.language_of,
}
# These read what only the person who runs the site has written, or the program itself: its own HTML, a package's table.
OWN = {
    "controllers.api.log: json.loads",
    "controllers.api.operation.PLACE",
    "controllers.markdown.references.LINK_TAGS",
    "controllers.markdown.references.TAGS",
    "controllers.web.page_cache.PIECES",
    "controllers.web.rendering.LOCAL_LINK",
    "terminal: re.sub",
    "models.database.URL_SCHEME",
    "models.emojis: json.loads",
    "models.emojis: unicodedata.normalize",
    "models.notes: json.loads",
    "models.tasks: json.loads",
    "models.lookalikes: json.loads",
    "models.engines.postgresql: re.sub",
    "models.engines.sqlite.NOT_A_PATH",
}
LEXERS = "controllers.markdown.colours: lexer.get_tokens_unprocessed"  # testsuite/test_code.py
LIBRARIES = {"json.loads", "urlsplit", "urljoin", "unicodedata.normalize", "ip_address", "ipaddress.ip_address"}
LIBRARIES |= {"idna.uts46_remap", "lexer.get_tokens_unprocessed"}


def sources() -> Iterator[tuple[str, ast.Module]]:
    """Yield the modules that meet text from outside, parsed."""
    for file in (ROOT / "terminal.py", *(ROOT / "controllers").rglob("*.py"), *(ROOT / "models").rglob("*.py")):
        yield ".".join(file.relative_to(ROOT).with_suffix("").parts), ast.parse(file.read_text("utf-8"))


def found_patterns() -> set[str]:
    """Return the names of all compiled patterns."""
    return {
        f"{module}.{ast.unparse(node.targets[0])}"
        for module, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("re.compile(")
    }


def found_calls() -> set[str]:
    """Return all calls of the libraries whose cost may grow, and of `re` without a compiled pattern."""
    called = [
        (module, ast.unparse(node.func))
        for module, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    ]
    return {
        f"{module}: {name}"
        for module, name in called
        if name in LIBRARIES or (re.match(r"re\.[a-z]+$", name) and name not in ("re.compile", "re.escape"))
    }


def methods(pattern: str) -> set[str]:
    """Return by which methods a pattern is used, wherever that is."""
    name = pattern.rpartition(".")[2]
    used = {
        node.attr
        for _, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value).rpartition(".")[2] == name
    }
    return used & {"match", "fullmatch", "search", "sub", "split", "finditer", "findall"} or {"match"}


def uses(pattern: str) -> list[Callable[[str], object]]:
    """Return what is done with a pattern, each as a function of a text."""
    module, _, name = pattern.rpartition(".")
    compiled: Any = getattr(importlib.import_module(module), name)
    encode: Callable[[str], Any] = (lambda text: text.encode()) if isinstance(compiled.pattern, bytes) else str

    def use(method: str) -> Callable[[str], object]:
        if method == "sub":
            return lambda text: compiled.sub(encode(""), encode(text))
        if method == "finditer":
            return lambda text: list(compiled.finditer(encode(text)))
        return lambda text: getattr(compiled, method)(encode(text))

    return [use(method) for method in sorted(methods(pattern))]


def seconds(use: Callable[[str], object], text: str) -> float:
    """Return how long it takes, at least of three times, or 0.0 for next to nothing."""
    return least_seconds(use, text) if _seconds(use, text) > MAX_SHORT_SECONDS / 10 else 0.0


def least_seconds(use: Callable[[str], object], text: str) -> float:
    """Return how long it takes, at least of three times; that it may be refused is no matter."""
    return min(_seconds(use, text) for _ in range(3))


def _seconds(use: Callable[[str], object], text: str) -> float:
    begin = time.process_time()
    with contextlib.suppress(Exception):
        use(text)
    return time.process_time() - begin


def signs_of(pattern: str) -> list[str]:
    """Return the characters that a pattern names, and some others."""
    compiled: Any = getattr(importlib.import_module(pattern.rpartition(".")[0]), pattern.rpartition(".")[2])
    text = compiled.pattern if isinstance(compiled.pattern, str) else compiled.pattern.decode()
    return [*COMMON, *sorted({c for c in text if c.isascii() and not c.isalnum() and c not in COMMON})]


def texts(length: int, signs: list[str]) -> Iterator[str]:
    """Yield texts of this length that make a search go back: one or two signs over and over, and an end."""
    for first, second in product(signs, ["", *signs]):
        unit = first + second
        for end in ENDS:
            yield (unit * (length // len(unit)))[: length - len(end)] + end
    for first, second in product(signs, signs):
        yield first * (length // 2) + second * (length - length // 2)


class Table(unittest.TestCase):
    def test_each_pattern_and_call_has_its_row(self) -> None:
        self.assertEqual(found_patterns() - OWN, set(PATTERNS))
        self.assertEqual(found_calls() - OWN, {*CALLS, LEXERS})
        self.assertLessEqual(OWN, found_patterns() | found_calls())


class WorstInput(unittest.TestCase):
    """docs/security.rst 38: what is done with text from outside takes as long as the text allows."""

    needs = ("quiet",)

    slowness: float  # of the machine

    @classmethod
    def setUpClass(cls) -> None:
        cls.slowness = slowness()
        tornado.locale.load_translations(str(ROOT / "views" / "locale"))  # or no language is looked up, now and later

    def test_no_pattern_takes_longer_than_its_text_allows(self) -> None:
        for pattern, longest in PATTERNS.items():
            with self.subTest(pattern):
                for use in uses(pattern):
                    self.check(use, longest, signs_of(pattern))

    def test_no_call_takes_longer_than_its_text_allows(self) -> None:
        for call, (use, longest) in CALLS.items():
            with self.subTest(call):
                self.check(use, longest, [*COMMON, *SIGNS])

    def test_what_is_too_long_is_refused_before_anything_else(self) -> None:
        for call, use in REFUSED.items():
            with self.subTest(call):
                for text in (
                    "a" + "\u0301" * 40_000 + "\u0316" * 40_000,
                    "x@" * 40_000,
                    " " * 200_000 + "x",
                    "a," * 80_000,
                ):
                    self.assertLess(seconds(use, text), MAX_SECONDS * self.slowness)

    def test_this_test_finds_what_is_quadratic(self) -> None:
        with self.assertRaises(AssertionError):
            self.check(lambda text: re.search(r"\s+$", text), MAX_READ_BYTES, COMMON)

    def check(self, use: Callable[[str], object], longest: int, signs: list[str]) -> None:
        """Look for the worst text of a few thousand characters, and try the kind of it at full length."""
        length = min(SHORT_CHARS, longest)
        slowest, worst = 0.0, signs[0] * length
        for text in texts(length, signs):
            took = seconds(use, text)
            if took > MAX_SHORT_SECONDS:
                part = least_seconds(use, text[: length // PART - 1] + text[-1])
                self.assertLess(took, part * PART * 3, f"seconds for {text[:20]!r} ... {text[-3:]!r}")
            slowest, worst = max((slowest, worst), (took, text))
        self.assertLess(
            seconds(use, (worst[:-1] * (longest // length + 1))[: longest - 1] + worst[-1]), MAX_SECONDS * self.slowness
        )
