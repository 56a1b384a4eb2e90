"""Messages as HTML: the same as by CommonMark's library, in bounded time, and nothing that was written is lost."""

from __future__ import annotations

import random
import re
import sys
import time
import unittest
from collections import Counter
from collections.abc import Callable
from html import escape, unescape
from types import FrameType

from docutils import nodes  # type: ignore[import-untyped]
from hypothesis import assume, given, target
from markdown_it import MarkdownIt

from controllers.markdown.html import MAX_HTML_CHARS, to_html
from controllers.web import rendering
from models.errors.messages import Empty
from testsuite.documents import Document
from testsuite.fuzzing import FuzzTest, examples
from testsuite.repetition import MAX_BODY_CHARS, draw, filled, known, messages

CHARACTERS = "aé7 .,-+#)('=|?!*_`~<&>\"@:/\\[]\n\r\t\0\u2028\u3000\x85\u2139"
SEED = 20261122
MAX_RENDER_SECONDS = 0.1  # what was slow took 0.2 to 3, or for ever
MAX_CALLS_PER_CHAR = 60

# CommonMark without HTML, images, headings and links: what the library is asked to compare with.
RULES = ["backticks", "blockquote", "emphasis", "escape", "fence", "list", "newline", "strikethrough"]
LIBRARY = MarkdownIt("zero", {"breaks": True}).enable(RULES)
MARKUP = [
    "a",
    "b ",
    " ",
    "\n",
    "\n\n",
    "> ",
    ">",
    "- ",
    "* ",
    "1. ",
    "2) ",
    "\n  ",
    "\n  - ",
    "\n> ",
    "é",
    ".",
    "(",
    "<",
]
MARKUP += ["*", "**", "***", "_", "__", "~~", "~~~", "`", "``", "\n```\n", "€"]


def alike(html: str) -> str:
    """Return `html` without what is invisible: spaces around inline code, the last line end of a code block."""
    html = html.replace("\n</code></pre>", "</code></pre>")
    return re.sub(r"<code>([^<]*)</code>(?!</pre>)", lambda code: f"<code>{' '.join(code[1].split())}</code>", html)


def text(html: str) -> str:
    """Return what can be read of `html`."""
    return unescape(re.sub("<[^>]*>", "", html))


def calls(work: Callable[[], object]) -> int:
    """Return how many functions `work` calls, those of the interpreter included."""
    count = 0

    def hear(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(hear)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


class PlainMessages(unittest.TestCase):
    """Messages that are words only."""

    def test_the_short_way_leads_to_the_same_html_as_the_long_one(self) -> None:
        chance, short = random.Random(SEED), 0
        for _ in range(20_000):
            body = "".join(chance.choices(CHARACTERS, [9] * 6 + [1] * (len(CHARACTERS) - 6), k=chance.randint(1, 12)))
            short += rendering._PLAIN.fullmatch(body) is not None
            drawn = rendering.body_html(body, "lobby", ("a", "aa"))
            self.assertEqual(drawn, to_html(body, "lobby", ("a", "aa")), repr(body))
        self.assertGreater(short, 1000)
        for body in ("see #7", "see #7.", "a @aa", "a :+1:", "a [b](www.c.de)", "a www.c.de", "\u2139", "a \u2139"):
            self.assertEqual(rendering.body_html(body, "lobby", ["aa"]), to_html(body, "lobby", ["aa"]), repr(body))


class MarkedMessages(unittest.TestCase):
    """Messages with markup."""

    def test_the_html_is_that_of_the_markdown_library(self) -> None:
        chance = random.Random(SEED)
        for _ in range(20_000):
            body = "".join(chance.choices(MARKUP, k=chance.randint(1, 12))).strip()
            # The library begins a new list behind an empty item, ends a quote for what goes on in it, and makes
            # a list loose for a blank line in code.
            if re.search(r"([-*]|[12][.)]) *\n\s*\n|>.*\n {4,}|(```|~~~)[^`~]*\n\n", body):
                continue
            expected = LIBRARY.render(body)
            if "language-" not in expected:  # it shows nothing of what stands beside the marks of code
                self.assertEqual(alike(to_html(body)), alike(expected), repr(body))

    def test_no_word_vanishes_however_deep_it_lies(self) -> None:
        for deep in (1, 9, 10, 19, 20, 21, 400):
            lists = "".join("  " * level + f"- word{level}\n" for level in range(min(deep, 80)))
            for body in (
                ">" * deep + "word",
                "> " * deep + "- word",
                "- " * deep + "word",
                "1. " * deep + "word",
                lists,
            ):
                with self.subTest(body[:40], deep=deep):
                    html = to_html(body)
                    self.assertEqual(re.findall(r"\w*word\w*", text(html)), re.findall(r"\w*word\w*", body))
                    self.assertLessEqual(
                        html.count("<blockquote>") + 2 * html.count("<ul>") + 2 * html.count("<ol>"), 19
                    )

    def test_no_word_vanishes_beside_the_marks_of_code(self) -> None:
        for body in (
            "```two words",
            "~~~ so was it ~~~",
            "> ```one",
            "- a\n  ~~~(b)\n  c",
            "```b <i>\nc\n```",
            "~~~~a ~~~\nb",
        ):
            with self.subTest(body):
                words = re.findall(r"\w+", body)
                self.assertEqual(re.findall(r"\w+", text(to_html(body))), words)
                self.assertEqual(rendering.clean_message(body, MAX_BODY_CHARS), body)
        self.assertEqual(to_html("```d++ \na\n```"), '<pre><code class="language-d++">a\n</code></pre>\n')

    def test_what_lies_too_deep_is_shown_on_the_deepest_level(self) -> None:
        self.assertEqual(to_html(">" * 30 + "a\n" + ">" * 30 + "b"), to_html(">" * 19 + "a\n" + ">" * 19 + "b"))
        html = to_html("".join("  " * level + f"- {level}\n" for level in range(12)))
        self.assertIn("<li>8</li>\n<li>9</li>\n<li>10</li>\n<li>11</li>", html)

    def test_marks_that_are_nested_too_deep_stay_text(self) -> None:
        html = to_html("*a " * 300 + "b* " * 300)
        self.assertEqual(html.count("<em>"), 20)
        self.assertEqual(html.count("*"), 2 * 280)

    def test_a_backslash_stays_unless_it_keeps_something_from_being_markup(self) -> None:
        for body in (
            "¯\\_(ツ)_/¯",
            "¯\\\\_(ツ)_/¯",
            "C:\\new\\_dir",
            "\\d+\\.\\d+",
            "\\\\server\\share\\",
            "\\(x\\) \\[y\\] a\\|b \\# \\!",
            "snake\\_case\\_name",
            "\\` and \\* and \\_",
            "docker run \\\n-it",
            "a\n2\\. b",
            "\\-x \\>",
            "\\~/home",
            "\\",
        ):
            with self.subTest(body):
                self.assertEqual(text(to_html(body)).strip(), body)
        for body, shown in (
            ("\\*not bold\\*", "*not bold*"),
            ("\\*not bold*", "*not bold*"),
            ("\\_\\_init\\_\\_", "__init__"),
            ("\\**a**", "*<em>a</em>*"),
            ("\\~~a~~", "~~a~~"),
            ("\\`a\\` `b`", "`a` <code>b</code>"),
            ("`\\`", "<code>\\</code>"),
            ("\\- a", "- a"),
            ("\\> a", "&gt; a"),
            ("1\\. a", "1. a"),
            ("\\```\na", "```<br>\na"),
        ):
            with self.subTest(body):
                self.assertEqual(to_html(body), f"<p>{shown}</p>\n")

    def test_what_is_drawn_as_nothing_is_empty(self) -> None:
        for body in (
            ">",
            "> >",
            "-",
            "- -",
            "1.",
            "1. >",
            "```",
            "```\n```",
            "```python\n\n```",
            "~~~a\n~~~",
            "> \u200b",
            "`\u2800`",
            "| |\n|-|",
            "|\u200b|\n|:-:|\n| |",
            "> | |\n> |-|",
        ):
            with self.subTest(body), self.assertRaises(Empty):
                rendering.clean_message(body, MAX_BODY_CHARS)
        for body in (
            "> a",
            "- 1",
            "```\na",
            "```a\nb\n```",
            "***",
            "~~",
            "`",
            "...",
            "😀",
            "1",
            "```a``` ",
            "¿?",
            "1.5",
        ):
            with self.subTest(body):
                self.assertEqual(rendering.clean_message(body, MAX_BODY_CHARS), body.rstrip())


class NothingIsLost(FuzzTest):
    """Whatever is written, each letter of it can be read, be it in the title of a link."""

    @given(messages(300))
    @examples(300)
    def test_each_letter_can_be_read(self, body: str) -> None:
        assume(not re.search(":[^ :\n]*[a-z][^ :\n]*:", body))  # the name of an emoji is replaced
        html = draw(body)
        read = text(html) + " ".join(map(unescape, re.findall('(?:title="|class="language-)([^"]*)"', html)))
        self.assertEqual(letters(body) - letters(read), Counter())


def letters(text: str) -> Counter[str]:
    """Return how often each letter is in a text; hosts are shown in small letters."""
    return Counter(character for character in text.casefold() if character.isalpha())


class Written(unittest.TestCase):
    """docs/writing.rst: what members may type."""

    def test_each_example_becomes_what_is_said(self) -> None:
        rows = [[*row.findall(nodes.entry)] for row in Document("docs/writing.rst").section("Marks").findall(nodes.row)]
        self.assertGreater(len(rows), 12)
        for typed, _, told in rows[1:]:
            examples = [line.astext() for line in typed.findall(nodes.literal)]
            tags = {tag.astext() for tag in told.findall(nodes.literal)}
            for body in ["\n".join(examples)] if [*typed.findall(nodes.line)] else examples:
                with self.subTest(body):
                    html = to_html(body, "lobby", ("Ana", "Ana Maria", "room"))
                    self.assertEqual({*re.findall(r"<([a-z0-9]+)", html)} - {"p"}, tags)


def seconds(body: str) -> float:
    """Return how long drawing takes on a core; it may be held up, by a collection of garbage for one."""
    began = time.thread_time()
    draw(body)
    return time.thread_time() - began


class BoundedWork(FuzzTest):
    """docs/security.rst 39: drawing any message costs milliseconds."""

    needs = ("quiet",)

    def test_what_was_slow_anywhere_and_its_relatives_are_quick(self) -> None:
        for body in known():
            self.assertLess(min(seconds(body) for _ in range(3)), MAX_RENDER_SECONDS, repr(body[:60]))

    @given(messages())
    @examples(300)
    def test_the_work_grows_with_the_length_and_with_nothing_else(self, body: str) -> None:
        work = calls(lambda: draw(body)) / len(body)
        target(work)
        self.assertLess(work, MAX_CALLS_PER_CHAR)

    @given(messages())
    @examples(100)
    def test_the_html_is_bounded(self, body: str) -> None:
        html = draw(body)
        target(float(len(html)))
        self.assertLessEqual(len(html), max(MAX_HTML_CHARS, 6 * MAX_BODY_CHARS + len("<p></p>\n")))

    def test_what_would_be_too_much_html_is_plain_text(self) -> None:
        for body in (filled(">\n-\n"), filled("- a\n"), filled('*""""""""* ', 8998)):
            plain = escape(body).replace("\n", "<br>\n")
            self.assertEqual(to_html(body), f"<p>{plain}</p>\n")
