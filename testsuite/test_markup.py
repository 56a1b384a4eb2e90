"""The short way for messages without markup leads to the same HTML as the long one."""

from __future__ import annotations

import random
import unittest

from controllers import markup

CHARACTERS = "aé7 .,-+#)('=|?!*_`~<&>\"@:/\\[]\n\r\t\0\u2028\u3000\x85"
SEED = 20261122


class PlainMessages(unittest.TestCase):
    """Messages that are words only."""

    def test_the_html_is_that_of_the_markdown_library(self) -> None:
        chance, short = random.Random(SEED), 0
        for _ in range(20_000):
            body = "".join(chance.choices(CHARACTERS, [9] * 6 + [1] * (len(CHARACTERS) - 6), k=chance.randint(1, 12)))
            short += markup._PLAIN.fullmatch(body) is not None
            self.assertEqual(markup.body_html(body), markup._markdown.render(body), repr(body))
        self.assertGreater(short, 1000)
