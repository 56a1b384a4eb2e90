"""The language of the pages: lookup by RFC 4647, in the order of the reader's own wishes."""

from __future__ import annotations

import calendar
import csv
import re
import time
import unittest

import tornado.locale

from app import ROOT
from controllers.web import languages
from controllers.web.http_status import status_text
from controllers.web.languages import DEFAULT_CODE, MAX_HEADER_CHARS, html_tag, language_of
from models.notes import DEEDS
from testsuite.cases import SiteTest

MODELS = [*(ROOT / "models").rglob("*.py")]
LOBBY = "Where everybody is. Be kind."
ENGLISH, PORTUGUESE = "en", "pt-BR"

# What a browser sends, and what its reader gets.
CASES = {
    "": ENGLISH,
    "en": ENGLISH,
    "en-US,en;q=0.5": ENGLISH,
    "EN-gb": ENGLISH,
    "pt": PORTUGUESE,
    "pt-BR": PORTUGUESE,
    "pt-PT": PORTUGUESE,
    "pt-AO": PORTUGUESE,
    "PT-br": PORTUGUESE,
    "pt-Latn-BR": PORTUGUESE,
    "pt-BR-u-ca-gregory": PORTUGUESE,
    "pt-PT,pt;q=0.9,en;q=0.8": PORTUGUESE,
    "en-GB,en;q=0.9,pt-BR;q=0.8": ENGLISH,
    "en-AU,pt": ENGLISH,
    "pt;q=0.8, en;q=0.9": ENGLISH,
    "en;q=0.8,pt-PT;q=0.801": PORTUGUESE,
    "en;q=0.5,pt;q=0.5": ENGLISH,
    "pt;q=0.5,en;q=0.5": PORTUGUESE,
    "de,pt;q=0.5": PORTUGUESE,
    "de-CH,fr;q=0.9,en;q=0.1,pt;q=0.2": PORTUGUESE,
    "de": ENGLISH,
    "ptx": ENGLISH,
    "pt ; Q = 0.9 , en ; q=0.1": PORTUGUESE,
    "\tpt": PORTUGUESE,
    # never what has no quality
    "pt;q=0": ENGLISH,
    "pt;q=0.000,en;q=0.001": ENGLISH,
    "pt-BR;q=0,pt": ENGLISH,
    "pt-PT,pt;q=0": ENGLISH,
    "pt-BR,pt;q=0": PORTUGUESE,
    "pt-PT;q=0,pt": PORTUGUESE,
    "en;q=0": PORTUGUESE,
    "en;q=0,pt": PORTUGUESE,
    "en;q=0,pt;q=0": ENGLISH,
    # whatever there is
    "*": ENGLISH,
    "*,pt;q=0.5": PORTUGUESE,
    "de,*;q=0.5": ENGLISH,
    "en;q=0,*": PORTUGUESE,
    "*;q=0": ENGLISH,
    "pt-*": ENGLISH,
    # nonsense
    "pt;q=1.1": ENGLISH,
    "pt;q=2": ENGLISH,
    "pt;q=-1": ENGLISH,
    "pt;q=nan,en": ENGLISH,
    "pt;q=inf": ENGLISH,
    "pt;q=1e-9": ENGLISH,
    "pt;q=0.1234": ENGLISH,
    "pt;q=,en": ENGLISH,
    "pt;level=1": ENGLISH,
    ";q=x,,=,pt;q=0.7": PORTUGUESE,
    "português": ENGLISH,
    "-pt": ENGLISH,
    "pt-": ENGLISH,
    "x-pt": ENGLISH,
    "../pt_BR": ENGLISH,
    "pt\x00": ENGLISH,
}


class Lookup(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        tornado.locale.load_translations(str(ROOT / "views" / "locale"))
        for cached in (languages._offered, languages._look_up, languages.all_languages):
            cached.cache_clear()  # another test in this process may have asked before there were any

    def test_a_reader_gets_the_first_language_of_their_list_that_the_site_speaks(self) -> None:
        for header, language in CASES.items():
            with self.subTest(header):
                self.assertEqual(language_of(header).code, {ENGLISH: "en_US", PORTUGUESE: "pt_BR"}[language])

    def test_a_header_that_is_too_long_says_nothing(self) -> None:
        just_fits = ("pt" + "," * MAX_HEADER_CHARS)[:MAX_HEADER_CHARS]
        self.assertEqual(language_of(just_fits).code, "pt_BR")
        self.assertEqual(language_of(just_fits + ",").code, "en_US")

    def test_no_header_takes_long(self) -> None:
        for part in ("a-", "a,", "aa-bb-", "pt-a-", "pt;q=0.000,", "*,", " ", "\t;", "a" * 8 + "-", "pt;q="):
            for length in (MAX_HEADER_CHARS, 60_000):
                header = (part * length)[:length]
                began = time.thread_time()
                language_of(header)
                self.assertLess(time.thread_time() - began, 0.05, part)


class Translation(unittest.TestCase):
    def test_every_sentence_is_translated_and_no_translation_is_left_over(self) -> None:
        with (ROOT / "views" / "locale" / "pt_BR.csv").open(encoding="utf-8", newline="") as file:
            translated = {line[0] for line in csv.reader(file) if line}
        said = self.in_templates() | self.in_code()
        self.assertEqual(said - translated, set())
        self.assertEqual({sentence for sentence in translated - said if not is_of_tornado(sentence)}, set())

    def in_templates(self) -> set[str]:
        """Return what the pages say, each form of it, and the lobby's description."""
        sources = [path.read_text(encoding="utf-8") for path in (ROOT / "views" / "templates").rglob("*.html")]
        calls = re.findall(r"""\b(?:_|both|words)\(((?:\s*,?\s*(?:"[^"]*"|'[^']*'))+)""", "\n".join(sources))
        return {one or other for call in calls for one, other in re.findall(r"""(?:"([^"]*)"|'([^']*)')""", call)}

    def in_code(self) -> set[str]:
        """Return what refusals, handlers and notes say, and the lobby's description."""
        sources = [path.read_text(encoding="utf-8") for path in [*(ROOT / "controllers").rglob("*.py"), *MODELS]]
        code = re.sub(r'"\n\s*"', "", "\n".join(sources))
        found = re.findall(
            r'(?:\.translate\(|sentence = |title = |one = |more = |__init__\(|FetchFailed\()"([^"]+)"', code
        )
        return {*found, *DEEDS.values(), *(words for status in range(400, 600) for words in status_text(status)), LOBBY}

    def test_of_words_in_all_languages_each_page_shows_its_own(self) -> None:
        """Messages hold their words in every language (`words` in rendering.py): site.css must know each of them."""
        styles = (ROOT / "views" / "statics" / "site.css").read_text(encoding="utf-8")
        (shown,) = re.findall(r"^(.*span\[lang=.*) \{ display: inline \}$", styles, re.MULTILINE)
        codes = [DEFAULT_CODE, *sorted(path.stem for path in (ROOT / "views" / "locale").glob("*.csv"))]
        tags = [html_tag(code) for code in codes]
        self.assertEqual(shown, ", ".join(f'html[lang="{tag}"] span[lang="{tag}"]' for tag in tags))


def is_of_tornado(sentence: str) -> bool:
    """Tell whether a sentence is one of Tornado's own: the names of months and days, and dates made of them."""
    return (
        sentence in {*calendar.month_name, *calendar.day_name, "yesterday"}
        or "%(" in sentence
        or sentence.endswith("ago")
    )


class Pages(SiteTest):
    def test_the_page_is_in_the_language_and_says_which(self) -> None:
        words = {ENGLISH: "Your account", PORTUGUESE: "Sua conta"}
        ana = self.client("ana")
        # Back and forth: a page that is drawn once for all who see the same is not seen in another's language.
        for header in ("pt-AO", "en-GB,en;q=0.9,pt-BR;q=0.8", "pt", "de,pt;q=0.5", "pt;q=0", "PT-br,en;q=0.1", ""):
            for path in ("/rooms/lobby", "/account"):
                with self.subTest(header, path=path):
                    page = ana.get(path, Accept_Language=header).text
                    self.assertIn(f'<html lang="{CASES.get(header, PORTUGUESE)}">', page)
                    self.assertIn(words[CASES.get(header, PORTUGUESE)], page)

    def test_several_headers_are_one_list(self) -> None:
        answer = self.client().get("/login", Accept_Language="de", accept_language="pt-AO;q=0.3")
        self.assertIn('lang="pt-BR"', answer.text)
