"""What cannot be seen is not taken for text."""

from __future__ import annotations

import unittest

from models.errors.messages import Empty
from models.logs.base import clean_body
from models.visible import is_visible, without_ignorable

UNSEEN = (
    " \t\n\u00a0\u2003\u2028\u3000\x85",  # spaces
    "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f",  # of no width
    "\u3164\u115f\u1160\uffa0",  # fillers of Hangul, which are letters by their category
    "\u2800\U0001d159\U00016fe4",  # a pattern without dots, a note without a head, a filler
    "\u200e\u202e\u2066\u2069\u061c",  # directions
    "\ufe0f\U000e0041\U000e01ef\U000e0fff\ufff0",  # variations, tags, and what is kept free for the like
    "\x01\x1f\x7f\x9f",  # controls
    "",
)
SEEN = ("a", "é", "7", ".", "-", "\u0301", "ツ", "😀", "\u0e01\u0e33", "\ufffd", "\u0600", "\ue000", "\u200b.\u200b")


class VisibleTest(unittest.TestCase):
    """Characters that leave a mark on a page, and those that do not."""

    def test_text_of_characters_that_show_nothing_is_not_visible(self) -> None:
        for text in UNSEEN:
            self.assertFalse(is_visible(text), ascii(text))
            for char in text:
                self.assertFalse(is_visible(char), ascii(char))

    def test_one_character_that_can_be_seen_is_enough(self) -> None:
        for text in SEEN:
            self.assertTrue(is_visible(text), ascii(text))
            self.assertTrue(is_visible("".join(UNSEEN) + text), ascii(text))

    def test_what_unicode_ignores_is_taken_out_and_nothing_else(self) -> None:
        self.assertEqual(without_ignorable("a\u200bn\u00ada\ufe0f \u3164e\u0301"), "ana e\u0301")

    def test_a_message_that_shows_nothing_is_empty(self) -> None:
        for text in UNSEEN:
            with self.assertRaises(Empty, msg=ascii(text)):
                clean_body(text, 8000)
        for text in SEEN:
            self.assertEqual(clean_body(text + "\u2003\n", 8000), text)
