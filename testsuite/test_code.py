"""Code in the colours of its language: nothing of it is lost, and each colour can be read on its ground."""

from __future__ import annotations

import random
import re
import subprocess
import sys
import time
import unittest
from html import unescape

from controllers.markdown import colours
from controllers.markdown.colours import CLASSES, LANGUAGES, Language, coloured, find_language
from controllers.markdown.html import MAX_HTML_CHARS, to_html
from controllers.markdown.references import escape, text_of
from testsuite.repetition import filled
from testsuite.servers import ROOT
from testsuite.test_markup import SEED
from testsuite.waiting import slowness

MAX_SECONDS = 0.1  # 0.03 on a machine that has nothing else to do; at the length of a message it would be up to 5
# What opens or ends something in some language, which its lexer looks for again and again.
SLOW_PIECES = [
    *"a0 \n\"'`\\([{<#&*@$%=:|_/é",
    "/*",
    "//",
    '\\"',
    '"a\\',
    "a ",
    "a.",
    "<a",
    "<!--",
    "${",
    "\n ",
    "\na",
    "a(",
]

# A line of each language, and what of it has which colour.
LINES = {
    "Bash": ("if true; then echo \"a\"; fi # b", {"k": "if", "s": '"a"', "c": "# b"}),
    "C": ('#include "a.h"\nint main(void) { return 1; } // b', {"t": "int", "f": "main", "m": "1", "c": "// b"}),
    "C#": ('public class A { string b = "c"; }', {"k": "public", "f": "A", "s": '"c"'}),
    "C++": ('namespace a { class B : public C { bool d = true; }; }', {"k": "namespace", "t": "bool", "f": "B"}),
    "CSS": ("a { color: #fff } /* b */", {"k": "a", "c": "/* b */", "m": "#fff"}),
    "Dart": ("void main() { var a = 'b'; }", {"t": "void", "k": "var"}),
    "Diff": ("@@ -1 +1 @@\n-old\n+new", {"gd": "-old", "gi": "+new"}),
    "Dockerfile": ('FROM debian\nRUN echo "a"', {"k": "FROM", "s": '"a"'}),
    "Elixir": ('def a(b), do: "c" # d', {"k": "def", "s": '"c"', "c": "# d"}),
    "Go": ('func main() { return "a" }', {"k": "func", "s": '"a"'}),
    "HTML": ('<!-- a --><b class="c">d</b>', {"c": "<!-- a -->", "k": "b", "t": "class", "s": '"c"'}),
    "Haskell": ("module A where\nf :: Int -- b", {"k": "module", "c": "-- b"}),
    "INI": ("; a\n[b]\nc = d", {"c": "; a", "k": "[b]", "t": "c", "s": "d"}),
    "JSON": ('{"a": [1, true, "b"]}', {"k": '"a"', "m": "1", "s": '"b"'}),
    "Java": ('public class A { int b = 1; String c = "d"; }', {"k": "public", "t": "int", "f": "A", "s": '"d"'}),
    "JavaScript": ("const a = `b` // c", {"k": "const", "s": "`b`", "c": "// c"}),
    "JSX": ("const a = <b>c</b>", {"k": "const"}),
    "Kotlin": ('fun main() { val a = "b" } // c', {"k": "fun", "f": "main", "c": "// c"}),
    "Lua": ('local a = "b" -- c', {"k": "local", "s": '"b"', "c": "-- c"}),
    "Makefile": ("a: b\n\techo $(c) # d", {"f": "a"}),
    "Markdown": ("# a\n\n`b`", {"k": "# a", "s": "`b`"}),
    "Nginx": ("server { listen 80; } # a", {"k": "server", "m": "80", "c": "# a"}),
    "PHP": ("function a() { return 'b'; } // c", {"k": "function", "f": "a", "s": "'b'", "c": "// c"}),
    "PowerShell": ('if ($a) { "b" } # c', {"k": "if", "c": "# c"}),
    "Python": ("@a\ndef b(): return 'c' # d", {"t": "@a", "k": "def", "f": "b", "s": "'c'", "c": "# d"}),
    "Ruby": ("def a; 'b'; end # c", {"k": "def", "f": "a", "s": "'b'", "c": "# c"}),
    "Rust": ('fn main() { let a: u8 = 1; } // b', {"k": "fn", "f": "main", "t": "u8", "m": "1", "c": "// b"}),
    "SCSS": ("$a: 1px; // b", {"m": "1", "c": "// b"}),
    "SQL": ("SELECT 1, 'a' -- b", {"k": "SELECT", "m": "1", "s": "'a'", "c": "-- b"}),
    "Swift": ('func a() -> Int { return 1 } // b', {"k": "func", "f": "a", "m": "1", "c": "// b"}),
    "TOML": ('[a]\nb = "c" # d', {"k": "[a]", "s": '"c"', "c": "# d"}),
    "TypeScript": ("interface A { b: string } // c", {"k": "interface", "t": "string", "c": "// c"}),
    "XML": ('<!-- a --><b c="d"/>', {"c": "<!-- a -->", "k": "<b", "t": "c=", "s": '"d"'}),
    "YAML": ("a: 'b' # c", {"k": "a", "s": "'b'", "c": "# c"}),
}  # fmt: skip


def pieces(html: str) -> dict[str, list[str]]:
    """Return the texts of each colour."""
    found: dict[str, list[str]] = {}
    for css, text in re.findall('<span class="([a-z]+)">([^<]*)</span>', html):
        found.setdefault(css, []).append(unescape(text).strip())
    return found


class Colours(unittest.TestCase):
    """controllers/markdown/colours.py."""

    def test_each_language_is_coloured(self) -> None:
        self.assertEqual({language.name for language in LANGUAGES}, set(LINES))
        for language in LANGUAGES:
            code, expected = LINES[language.name]
            found = pieces(coloured(code + "\n", language))
            for css, text in expected.items():
                with self.subTest(language.name, css=css):
                    self.assertIn(text, found.get(css, []))

    def test_the_language_is_that_which_is_named_and_no_other(self) -> None:
        for typed, name in (("py", "Python"), ("PYTHON", "Python"), ("c++", "C++"), ("sh", "Bash"), ("yml", "YAML")):
            html = to_html(f"```{typed}\n1\n```")
            self.assertTrue(html.startswith(f'<pre data-language="{name}"><code class="language-{typed}">'), html)
        for typed in ("", "text", "brainfuck", "pytho", "a b"):
            html = to_html(f"```{typed}\nif 1: pass\n```")
            self.assertNotIn("data-language", html)
            self.assertNotIn("<span", html)

    def test_nothing_of_the_code_is_lost(self) -> None:
        chance = random.Random(SEED)
        signs = [
            *"a \n\t<>&\"'`\\({}#é😀0$@:-=%\x0c\x1b\u2028",
            "if ",
            "/*",
            "//",
            "<?php ",
            "<b ",
            "${",
            "```a\n",
            "---",
        ]
        for language in LANGUAGES:
            for _ in range(100):
                code = "".join(chance.choices(signs, k=chance.randint(1, 40))) + "\n"
                html = coloured(code, language)
                self.assertEqual(text_of(html), code, language.name)
                self.assertLessEqual(set(pieces(html)), set(CLASSES.values()))

    def test_code_that_a_lexer_cannot_read_stays_as_it_is(self) -> None:
        class Broken:
            def get_tokens_unprocessed(self, code: str) -> list[tuple[int, tuple[str, ...], str]]:
                raise KeyError(code)

        class Forgetful:
            def get_tokens_unprocessed(self, code: str) -> list[tuple[int, tuple[str, ...], str]]:
                return [(0, ("Keyword",), code[:1]), (2, ("Keyword",), code[2:])]

        python, lexer = find_language("python"), colours._lexer
        assert python
        try:
            colours._lexer = lambda language: Broken()  # type: ignore[assignment]
            with self.assertLogs(colours.log, "WARNING") as logged:
                self.assertEqual(coloured("<secret>", python), "&lt;secret&gt;")
            self.assertNotIn("secret", logged.output[0])
            colours._lexer = lambda language: Forgetful()  # type: ignore[assignment]
            self.assertEqual(coloured("a<b", python), '<span class="k">a</span>&lt;b')
        finally:
            colours._lexer = lexer

    def test_code_is_coloured_up_to_a_length_of_all_blocks_together(self) -> None:
        line = "if 1: pass  # a comment\n"
        block = "```python\n" + line * 30 + "```\n"
        self.assertEqual(to_html(block).count('class="c"'), 30)
        self.assertEqual(to_html(block + block).count('class="c"'), 60)
        self.assertEqual(to_html(block * 5).count('class="c"'), 60)
        self.assertEqual(to_html(block * 5).count("data-language"), 5)
        self.assertNotIn("<span", to_html("```python\n" + line * 100 + "```"))

    def test_two_languages_of_a_message_are_coloured(self) -> None:
        html = to_html("".join(f"```{name}\nif 1\n```\n" for name in ("python", "ruby", "lua", "python", "php")))
        self.assertEqual([len(pieces(code)) > 0 for code in html.split("<pre")[1:]], [True, True, False, True, False])

    def test_code_within_markdown_is_read_by_no_other_lexer(self) -> None:
        markdown = find_language("markdown")
        assert markdown
        self.assertEqual(pieces(coloured("```python\ndef a(): pass\n```\n", markdown)).get("k", []), [])

    def test_what_would_be_too_much_html_in_colours_is_shown_without_them(self) -> None:
        code = filled("0 if ", 4000)
        for language in ("bash", "sql"):
            html = to_html(f"```{language}\n{code}\n```\n" + "a\n" * 1000)
            self.assertLess(len(html), MAX_HTML_CHARS)
            self.assertIn(f"{escape(code)}\n</code></pre>", html)

    def test_no_lexer_is_loaded_before_its_language_is_seen(self) -> None:
        program = "import app, sys; sys.exit(bool({'pygments', 'emoji'} & {*sys.modules}))"
        self.assertEqual(run_python(program), 0)


def run_python(program: str) -> int:
    """Return the exit status of a Python program."""
    return subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=ROOT, check=False, timeout=60).returncode


class BoundedWork(unittest.TestCase):
    """docs/security.rst 39: code is coloured up to a length at which its language's slowest code is quick enough."""

    needs = ("quiet",)

    def test_no_code_takes_longer_than_its_language_allows(self) -> None:
        limit = MAX_SECONDS * slowness()
        for language in LANGUAGES:
            with self.subTest(language.name):
                coloured("a", language)  # loads its lexer
                for piece in SLOW_PIECES:
                    code = filled(piece, language.max_chars - 1) + "\n"
                    self.assertLess(self.seconds(code, language), limit, f"seconds for {piece!r}")

    def seconds(self, code: str, language: Language) -> float:
        """Return how long colouring takes on a core; if that is long, at least of three times."""

        def once() -> float:
            began = time.thread_time()
            coloured(code, language)
            return time.thread_time() - began

        return min(once(), *(once() for _ in range(2))) if once() > MAX_SECONDS / 3 else 0.0


class Contrast(unittest.TestCase):
    """views/statics/site.css and messages.css: WCAG 2.2, 1.4.3."""

    def test_each_colour_of_code_can_be_read_on_its_ground(self) -> None:
        files = (ROOT / "views" / "statics" / name for name in ("site.css", "messages.css"))
        css = "\n".join(file.read_text("utf-8") for file in files)
        styles = dict(re.findall(r"\.body code \.([a-z]+) \{ color: var\(--([a-z-]+)\) \}", css))
        self.assertEqual(set(styles), set(CLASSES.values()))
        light, dark = tokens(css)
        for scheme in (light, {**light, **dark}):
            for name in {*styles.values(), "ink"}:
                self.assertGreaterEqual(contrast(scheme, name, "panel"), 4.5, name)
            self.assertGreaterEqual(contrast(scheme, "accent", "accent-soft"), 4.5, "mentions")
            self.assertGreaterEqual(contrast(scheme, "ink-3", "paper"), 4.5, "the place of a link")


def tokens(css: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the custom properties of the light scheme, and those of the dark one."""
    schemes: tuple[dict[str, str], dict[str, str]] = ({}, {})
    for dark, block in re.findall(r"(@media \(prefers-color-scheme: dark\) \{\s*)?:root \{([^}]*)\}", css):
        schemes[bool(dark)].update(re.findall(r"--([a-z0-9-]+): ([^;}]+)", block))
    return schemes


def contrast(scheme: dict[str, str], name: str, ground: str) -> float:
    """Return the contrast ratio of two colours."""
    darker, lighter = sorted(luminance(scheme, one) for one in (name, ground))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(scheme: dict[str, str], name: str) -> float:
    """Return the relative luminance of a colour."""
    value = scheme[name].strip()
    if other := re.fullmatch(r"var\(--([a-z0-9-]+)\)", value):
        return luminance(scheme, other[1])
    parts = (int(value[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
