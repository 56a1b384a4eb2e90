"""Emoji: what is one, what they are called, and how messages show them."""

from __future__ import annotations

import unittest

from controllers.markdown.html import to_html
from models import emojis
from models.emojis import MAX_EMOJI_CHARS, MAX_NAME_CHARS, by_name, is_emoji, split_emoji

TWO_KISS = "👩🏻\u200d❤\ufe0f\u200d💋\u200d👩🏼"


class Emojis(unittest.TestCase):
    """models/emojis.py."""

    def test_exactly_one_emoji_of_any_skin_tone_is_one(self) -> None:
        for text in (
            "👍",
            "👍🏽",
            "❤️",
            "❤",
            "🇧🇷",
            "1️⃣",
            "#⃣",
            "☕",
            "©️",
            "\u2139\ufe0f",
            "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
            TWO_KISS,
        ):
            self.assertTrue(is_emoji(text), text)
        for text in (
            "",
            "a",
            "1",
            "#",
            "👍👍",
            "👍 ",
            "🏽",
            "🇧",
            "\ufe0f",
            "\ufe0f👍",
            "❤\ufe0f\ufe0f",
            "👍\u200d👍",
            "\u200d",
            ":+1:",
            "<b>",
            "👍" * 10_000,
            TWO_KISS + "\u200d",
        ):
            self.assertFalse(is_emoji(text), text[:20])

    def test_none_is_longer_than_is_looked_at(self) -> None:
        self.assertEqual(len(TWO_KISS), MAX_EMOJI_CHARS)
        self.assertEqual(max(map(len, emojis._read("emoji.json"))), MAX_EMOJI_CHARS)
        self.assertLess(max(map(len, emojis._by_name())), MAX_NAME_CHARS)

    def test_names_are_english_portuguese_or_those_of_github(self) -> None:
        for name, emoji in (
            ("thumbs_up", "👍"),
            ("+1", "👍"),
            ("tada", "🎉"),
            ("smile", "😄"),
            ("Brazil", "🇧🇷"),
            ("brazil", "🇧🇷"),
            ("polegar_para_cima", "👍"),
            ("coração_vermelho", "❤️"),
            ("coracao_vermelho", "❤️"),
            ("cat", "🐱"),
            ("thumbs_up_dark_skin_tone", "👍🏿"),
        ):
            self.assertEqual(by_name(name), emoji, name)
        for name in ("", "no_such_name", ":+1:", "+1" * 50_000):
            self.assertIsNone(by_name(name), name[:20])

    def test_the_list_has_each_once_and_the_most_used_first(self) -> None:
        listed = emojis.names()
        self.assertEqual([one.emoji for one in listed[:3]], ["👍", "❤️", "😂"])
        self.assertGreater(len(listed), 1800)
        self.assertEqual(len({one.emoji for one in listed}), len(listed))
        for emoji, english, portuguese in listed:
            self.assertTrue(is_emoji(emoji), emoji)
            self.assertFalse(set(emojis.TONES) & set(emoji), emoji)
            self.assertTrue(all(by_name(name) for name in (*english, *portuguese)), emoji)
        self.assertIn(("🎉", ("tada", "party_popper"), ("cone_de_festa",)), listed)

    def test_a_text_is_split_into_its_emoji(self) -> None:
        self.assertEqual(split_emoji(f"👍 👍🏽❤️  {TWO_KISS}🇧🇷🇧🇷"), ["👍", "👍🏽", "❤️", TWO_KISS, "🇧🇷", "🇧🇷"])
        for text in ("", "  ", "👍a", "👍\n👍", "1 2"):
            self.assertEqual(split_emoji(text) or [], [], text)


class EmojiInMessages(unittest.TestCase):
    """controllers/markdown/."""

    def test_names_between_colons_are_shown_as_emoji(self) -> None:
        for body, shown in (
            ("hi :wave:!", "hi 👋!"),
            (":coração_vermelho: sim", "❤️ sim"),
            ("a :tada::smile: b", "a 🎉😄 b"),
            ("**:white_check_mark:** (:x:)", "<strong>✅</strong> (❌)"),
            ("日本:smile:です", "日本😄です"),
            ("a :tada::nope: b", "a 🎉:nope: b"),
            ("a \\:tada: b", "a :tada: b"),
            ("a \\\\:tada: b", "a \\\\🎉 b"),
        ):
            self.assertEqual(to_html(body), f"<p>{shown}</p>\n", body)

    def test_other_colons_stay(self) -> None:
        for body in (
            "10:100:30",
            "std::100::x",
            "a:100:b",
            ":nope: x",
            ":no*pe: x",
            "at 9: and 10:",
            ":: :::",
            "\\:nope: \\: a",
            ":" + "a" * 200 + ":",
            "f: :",
        ):
            self.assertEqual(to_html(body), f"<p>{body}</p>\n", body[:20])

    def test_code_and_addresses_keep_their_colons(self) -> None:
        self.assertEqual(to_html("`:tada:`"), "<p><code>:tada:</code></p>\n")
        self.assertEqual(to_html("```\n:tada:\n```"), "<pre><code>:tada:\n</code></pre>\n")
        self.assertNotIn("🎉", to_html("http://a.b/:tada: mailto::tada:@a.b"))

    def test_a_few_emoji_alone_are_large(self) -> None:
        for body in ("👍", ":tada:", "👍🏽 :smile:", " ".join("😀😁😂🤣😃😄"), TWO_KISS * 6, "\u2139\ufe0f", "1️⃣"):
            self.assertTrue(to_html(body).startswith('<p class="large-emoji">'), body)
        for body in (
            "👍 a",
            "😀" * 7,
            "👍\n👍",
            "> 👍",
            "*👍*",
            "1",
            "...",
            "`👍`",
            "👍 :nope:",
            "",
            "[👍](http://a.b)",
        ):
            self.assertNotIn("large-emoji", to_html(body), body)
