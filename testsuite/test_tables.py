"""Tables in messages, as GitHub's: the same as by the Markdown library, but that nothing is lost."""

from __future__ import annotations

import random
import re
import unittest

from markdown_it import MarkdownIt

from controllers.markdown.html import to_html
from testsuite.test_markup import RULES, SEED, alike, text

PIECES = ["|", "|", "a", "b ", "\n", "\n", "|-|-|\n", "|a|b|\n", "|-|-|\n|", "-|:-:\n", "c|d\n", "-|-|-", "`", "*"]
PIECES += ["\n\n", " ", "x|y\n-|-\n", ":-|-:\n"]
LIBRARY = MarkdownIt("zero", {"breaks": True}).enable([*RULES, "table"])


def bare_tables(html: str) -> str:
    """Return `html` without what differs: how alignment is written, boxes, and last cells, where all the rest is."""
    html = re.sub(r' style="text-align:(\w+)"', r' class="\1"', html)
    html = re.sub(r'<div class="table"[^>]*>', "", html).replace("</table></div>", "</table>")
    return alike(re.sub(r"<td[^>]*>.*</td>\n</tr>", "</tr>", html))


class Tables(unittest.TestCase):
    """Tables, as GitHub's."""

    def test_the_html_is_that_of_the_markdown_library(self) -> None:
        chance, tables = random.Random(SEED), 0
        for _ in range(20_000):
            body = "".join(chance.choices(PIECES, k=chance.randint(1, 12))).strip()
            # The library takes no row of which nothing is left, and there tables go before lists and code.
            if re.search(r"^[| ]+$|^\* |```", body, re.MULTILINE):
                continue
            expected = LIBRARY.render(body)
            if "language-" in expected:
                continue
            tables += "<table>" in expected
            self.assertEqual(bare_tables(to_html(body)), bare_tables(expected), repr(body))
        self.assertGreater(tables, 4000)

    def test_cells_have_text_with_markup_and_the_alignment_of_their_column(self) -> None:
        self.assertEqual(
            to_html("Who | *What* | How `much`\n:-- | :-: | --:\n**Ana** | a \\| b | `1|2` http://a.b\n\nafter"),
            '<div class="table" role="group" tabindex="0" aria-label="Who, What, How much"><table>\n<thead>\n<tr>\n'
            '<th class="left">Who</th>\n<th class="center"><em>What</em></th>\n'
            '<th class="right">How <code>much</code></th>\n</tr>\n</thead>\n<tbody>\n<tr>\n'
            '<td class="left"><strong>Ana</strong></td>\n<td class="center">a | b</td>\n'
            '<td class="right"><code>1|2</code> <a class="address" href="http://a.b" title="http://a.b">a.b</a></td>\n</tr>\n'
            "</tbody>\n</table></div>\n<p>after</p>\n",
        )

    def test_a_row_with_more_cells_than_the_head_loses_nothing(self) -> None:
        self.assertIn("<td>2 | 3 | 4</td>", to_html("|a|b|\n|-|-|\n|1|2 | 3 | 4|"))
        self.assertIn("<td>1 | 2</td>", to_html("|a|\n|-|\n|1 | 2|"))
        self.assertIn("<td>1</td>\n<td></td>", to_html("|a|b|\n|-|-|\n1"))

    def test_what_is_no_table_stays_text(self) -> None:
        for body in (
            "a\n---",
            "a | b",
            "a | b\n|-|",
            "a\n|-|-|",
            "a | b\n\n-|-",
            "`a | b\n`-|-",
            "a | b\n    -|-",
            "-|-",
            "a | b\n=|=",
            "|a" * 21 + "|\n" + "|-" * 21 + "|",
        ):
            self.assertNotIn("<table", to_html(body), body)
            self.assertEqual(text(to_html(body)).split(), body.replace("`", "").split(), body)

    def test_a_table_ends_at_another_block_and_begins_within_one(self) -> None:
        for body, shape in (
            ("a\nb|c\n-|-\nd", ["p", "table"]),
            ("b|c\n-|-\n> d", ["table", "blockquote", "p"]),
            ("b|c\n-|-\n```\nd", ["table", "pre"]),
            ("b|c\n-|-\n- d", ["table", "ul"]),
            ("b|c\n-|-\n\nd|e", ["table", "p"]),
            ("> b|c\n> -|-\n> d\ne", ["blockquote", "table", "p"]),
            ("- b|c\n  -|-\n  d", ["ul", "table"]),
            ("- a\n  b|c\n  -|-", ["ul", "table"]),
        ):
            self.assertEqual(
                re.findall("<(p|table|blockquote|pre|ul)>", to_html(body).replace("<pre><", "<pre>")), shape
            )

    def test_long_tables_go_on_as_text(self) -> None:
        html = to_html("a|b\n-|-\n" + "1|2\n" * 300)
        self.assertEqual(html.count("<tr>"), 200)
        self.assertEqual(text(html).count("1"), 300)

    def test_rows_count_as_blocks(self) -> None:
        self.assertEqual(to_html(("a|\n-|\n" + "b\n" * 190 + "\n") * 5).count("<table>"), 5)
        self.assertEqual(to_html(("a|\n-|\n" + "b\n" * 190 + "\n") * 6).count("<table>"), 0)
