"""Members and messages that a message names."""

from __future__ import annotations

import random
import re
import unittest
from html import unescape

from controllers.markdown.html import to_html
from controllers.markdown.references import text_of
from models import mentions
from models.names import fold
from testsuite.test_markup import SEED


class Messages(unittest.TestCase):
    """`#123` leads to that message of the room."""

    def test_a_number_leads_to_that_message_of_the_room(self) -> None:
        for body, html in (
            ("#1", "<#1>"),
            ("see #12, #345: (#6) *#7*", "see <#12>, <#345>: (<#6>) *<#7>*"),
            ("a #999999999999999 b", "a <#999999999999999> b"),
        ):
            found = re.sub(
                r'<a class="message-link" href="/rooms/club%2Fa%26b\?at=(\d+)#m\1">#\1</a>',
                r"<#\1>",
                to_html(body, "club/a&b"),
            )
            self.assertEqual(found.replace("<em>", "*").replace("</em>", "*"), f"<p>{html}</p>\n")

    def test_what_is_no_number_of_a_message_stays_text(self) -> None:
        for body in (
            "#0",
            "#01",
            "#1a",
            "a#1",
            "##1",
            "&#1",
            "&#1;",
            "#1000000000000000",
            "#",
            "# 1",
            "#a",
            "#1_2",
            "#\u0661",
        ):
            self.assertNotIn("<a", to_html(body, "lobby"), body)
        self.assertEqual(to_html("see #1"), "<p>see #1</p>\n")
        self.assertEqual(to_html("`#1` \\#1", "lobby"), "<p><code>#1</code> #1</p>\n")
        self.assertEqual(to_html("\\#1 \\#a"), "<p>\\#1 \\#a</p>\n")
        self.assertNotIn("at=", to_html("http://a.b/#1 http://a.b#1", "lobby"))


class Mentions(unittest.TestCase):
    """`@name` names a member."""

    NAMES = ("Ana", "Ana Maria", "josé", "room", "O'Neil", "ñ_x")

    def found(self, body: str) -> list[tuple[str, str]]:
        html = to_html(body, mentions=self.NAMES)
        self.assertEqual(text_of(html).split(), re.sub("[*`\\n]", " ", body).split())
        return [
            (unescape(name), unescape(text))
            for name, text in re.findall('<b class="mention" data-name="([^"]*)">(.*?)</b>', html)
        ]

    def test_the_longest_name_is_taken_and_shown_as_typed(self) -> None:
        for body, expected in (
            ("@Ana", [("Ana", "@Ana")]),
            ("hi @ANA, @ana maria!", [("Ana", "@ANA"), ("Ana Maria", "@ana maria")]),
            ("@Ana Mari", [("Ana", "@Ana")]),
            ("@jose\u0301 @\uff4aosé", [("josé", "@jose\u0301"), ("josé", "@\uff4aosé")]),
            ("(@room) @Room.", [("room", "@room"), ("room", "@Room")]),
            ("@O'Neil's", [("O'Neil", "@O'Neil")]),
            ("*@Ana* and @ñ_x_", [("Ana", "@Ana"), ("ñ_x", "@ñ_x")]),
        ):
            with self.subTest(body):
                self.assertEqual(self.found(body), expected)

    def test_what_mentions_nobody_stays_text(self) -> None:
        for body in ("@Anabel", "@bob", "a@Ana", "@@Ana", "@ Ana", "@", "_@Ana", "`@Ana`", "```\n@Ana\n```"):
            with self.subTest(body):
                self.assertEqual(self.found(body), [])
        self.assertNotIn("mention", to_html("mailto:x@Ana http://a.b/@Ana", mentions=self.NAMES))
        self.assertNotIn("mention", to_html("@Ana"))

    def test_as_many_are_drawn_as_are_stored(self) -> None:
        body = "@x " * 15 + "@Ana " * 10
        self.assertEqual(len(mentions.candidates(body)), 20)
        self.assertEqual(len(self.found(body)), 5)
        self.assertEqual(len(self.found(body.replace(" ", "\n\n"))), 5)

    def test_what_is_stored_is_what_is_drawn(self) -> None:
        members = {fold(name): (number, name) for number, name in enumerate(self.NAMES, 1)}
        chance = random.Random(SEED)
        pieces = [
            "@",
            "Ana",
            "ana maria",
            " ",
            "\n",
            "room",
            "é",
            "*",
            ".",
            "José",
            "'",
            "_",
            "> ",
            "- ",
            "(",
            "`a`",
            "``@Ana``",
            "`@Ana`",
            "www.a.bc/@Ana ",
            "http://a.b/",
        ]
        for _ in range(5000):
            body = "".join(chance.choices(pieces, k=chance.randint(1, 12)))
            stored = set(mentions.choose(mentions.candidates(body), members).values())
            html = to_html(body, mentions=stored)
            drawn = {unescape(name) for name in re.findall('data-name="([^"]*)"', html)}
            self.assertEqual(drawn, stored, repr(body))
