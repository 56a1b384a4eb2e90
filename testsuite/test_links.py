"""Addresses in messages, with and without words of their own."""

from __future__ import annotations

import random
import re
import unittest
from html import unescape
from urllib.parse import urlsplit

from markdown_it import MarkdownIt

from controllers.markdown.html import to_html
from controllers.markdown.references import text_of
from controllers.web import rendering
from testsuite.repetition import MAX_BODY_CHARS
from testsuite.test_markup import RULES, SEED, alike

LINK = re.compile(r'<a(?: class="address")? href="([^"]*)" title="([^"]*)">(.*?)</a>( <span class="place">.*?</span>)?')
LIBRARY = MarkdownIt("zero", {"breaks": True}).enable([*RULES, "link"])
PIECES = [
    "[",
    "]",
    "](http://a.b)",
    "](x)",
    "(",
    ")",
    "*",
    "**",
    "`",
    "a",
    "b ",
    "é",
    "\n",
    "c*",
    "[d",
    "[e](http://a.b)",
]


def links(body: str) -> list[tuple[str, str]]:
    """Return where the links of a message lead, and what is shown for each."""
    found = [[unescape(text) for text in link] for link in LINK.findall(to_html(body))]
    for address, title, _, _ in found:
        assert title == address
    return [(address, text_of(words + place)) for address, _, words, place in found]


class Addresses(unittest.TestCase):
    """docs/security.rst 12: addresses become links, which show the host and the beginning of the path."""

    def test_an_address_ends_where_people_expect_it(self) -> None:
        for body, link in (
            ("see http://a.b/c.", "http://a.b/c"),
            ("(http://a.b/c)", "http://a.b/c"),
            ("http://a.b/c_(d) e", "http://a.b/c_(d)"),
            ("http://a.b/c?d=[e]&f=g#h, i", "http://a.b/c?d=[e]&f=g#h"),
            ("<HTTPS://a.b>", "HTTPS://a.b"),
            ("“http://a.b/é”", "http://a.b/é"),
            ("见http://a.b/c。谢谢", "http://a.b/c"),
            ("http://a.b/it's 'http", "http://a.b/it's"),
            ("http://localhost:8888/x_y_z*", "http://localhost:8888/x_y_z"),
            ("http://[::1]:80/!", "http://[::1]:80/"),
            ("www.example.org/a!", "http://www.example.org/a"),
            ("mailto:ana@example.org?", "mailto:ana@example.org"),
            ("http://a.b/\u202egnp.exe", "http://a.b/"),
            ("[x] (https://a.b)", "https://a.b"),
        ):
            with self.subTest(body):
                self.assertEqual([address for address, _ in links(body)], [link])

    def test_what_is_shown_is_the_host_and_the_beginning_of_the_path(self) -> None:
        for address, shown in (
            ("http://a.b", "a.b"),
            ("https://Example.ORG/", "example.org"),
            ("https://example.org:8443/a/b?c=d#e", "example.org:8443/a/b?c=d#e"),
            ("https://example.org/" + "a" * 28, "example.org/" + "a" * 28),
            ("https://example.org/" + "a" * 29, "example.org/" + "a" * 28 + "…"),
            ("https://example.org?q", "example.org?q"),
            ("https://" + "long." * 12 + "org/path", "long." * 12 + "org/…"),
            ("https://" + "long." * 12 + "org/", "long." * 12 + "org"),
            ("http://[::1]:80/a", "[::1]:80/a"),
            ("mailto:ana@example.org?subject=hello", "ana@example.org"),
        ):
            with self.subTest(address):
                self.assertEqual(links(address), [(address, shown)])

    def test_what_is_shown_never_begins_with_another_host(self) -> None:
        for address, shown in (
            ("https://bank.com@evil.com/a", "evil.com/a"),
            ("https://bank.com:80@evil.com:81/a", "evil.com:81/a"),
            ("https://bank.com%2Flogin@evil.com", "evil.com"),
            ("https://a@bank.com@evil.com", "evil.com"),
            ("https://evil.com/@bank.com", "evil.com/@bank.com"),
            ("https://evil.com?@bank.com", "evil.com?@bank.com"),
            ("https://evil.com#@bank.com", "evil.com#@bank.com"),
            ("https://b\u0430nk.com/a", "xn--bnk-6cd.com/a"),
            ("https://bücher.example/ü", "xn--bcher-kva.example/ü"),
            ("https://\uff25\uff36\uff29\uff2c\uff0ecom/a", "evil.com/a"),
            ("https://evil\u00ad.com", "evil"),  # an invisible character ends an address
            ("https://א.bank.com/ב", "xn--4db.bank.com/ב"),
            ("https://i❤.ws", "xn--i-7iq.ws"),
        ):
            with self.subTest(address):
                found = links(address)
                self.assertEqual([words for _, words in found], [shown])

    def test_what_is_shown_begins_with_the_host_however_an_address_is_made(self) -> None:
        chance, count = random.Random(SEED), 0
        pieces = ["bank.com", "evil.com", "@", ":", ":80", "%40", "/", "?", "#", ".", "a", "%2F", "&", "=", "-", "_"]
        for _ in range(5000):
            for url, shown in links("http://" + "".join(chance.choices(pieces, k=chance.randint(1, 8)))):
                host = urlsplit(url).netloc.rpartition("@")[2].partition(":")[0]
                self.assertEqual(re.split("[:/?#…]", shown)[0], host, url)
                count += 1
        self.assertGreater(count, 500)

    def test_what_browsers_do_not_follow_stays_text(self) -> None:
        for body in (
            "http://a%2eb/",
            "http://bank.com%2f.evil.com/",
            "http://a@/b",
            "http://a^b.c",
            "http://a\u2100b.com/",
            "http://" + "é" * 254,
            "http://" + "é" * 64 + ".com",
            "http://a.\ue000",
            "http://",
            "https:// a",
            "www.",
            "www.a",
            "mailto:a",
            "xhttp://a.b",
            "http:/a.b",
            "http\u017f://a.b",
        ):
            with self.subTest(body):
                self.assertEqual(to_html(body), f"<p>{body}</p>\n")
        for body in ("javascript:alert(1)", "file:///etc/passwd", "data:text/html,x", "a@www.b.org", "`http://a.b`"):
            self.assertNotIn("<a ", to_html(body), body)

    def test_marks_may_stand_around_an_address(self) -> None:
        for marks, tag in (("*", "em"), ("**", "strong"), ("_", "em"), ("~~", "s")):
            html = to_html(f"{marks}http://a.b/c_d{marks}")
            link = '<a class="address" href="http://a.b/c_d" title="http://a.b/c_d">a.b/c_d</a>'
            self.assertEqual(html, f"<p><{tag}>{link}</{tag}></p>\n")

    def test_an_address_is_a_link_up_to_a_length(self) -> None:
        address = "http://a.co/" + "😀" * 1988
        self.assertEqual(links(address), [(address, "a.co/" + "😀" * 35 + "…")])
        self.assertEqual(links(address + "😀"), [])
        self.assertLess(len(to_html("http://a.co/" + "😀" * 7980).encode()), 40_000)


class NamedLinks(unittest.TestCase):
    """`[words](address)`."""

    def test_the_html_is_that_of_the_markdown_library(self) -> None:
        LIBRARY.validateLink = lambda url: url.startswith("http:")  # type: ignore[method-assign]
        chance, count = random.Random(SEED), 0
        for _ in range(20_000):
            body = "".join(chance.choices(PIECES, k=chance.randint(1, 12))).strip()
            expected = LIBRARY.render(body)
            if "```" in body or "]()" in body:
                continue
            count += "<a " in expected
            expected = re.sub(r'<a href="http://a.b">(<br>|\n)*</a>', "http://a.b", expected)  # it has no words to show
            html = re.sub(r' title="[^"]*"| <span class="place">.*?</span>', "", to_html(body))
            html = html.replace('<a class="address" href="http://a.b">a.b</a>', "http://a.b")
            self.assertEqual(alike(html), alike(expected), repr(body))
        self.assertGreater(count, 4000)

    def test_words_may_have_emphasis_and_code_but_no_link(self) -> None:
        for body, html in (
            ("[*a* `b` c](http://d.e)", '<a href="http://d.e" title="http://d.e"><em>a</em> <code>b</code> c</a>'),
            ("*[a](http://d.e)*", '<em><a href="http://d.e" title="http://d.e">a</a></em>'),
            ("[a*](http://d.e)*", '<a href="http://d.e" title="http://d.e">a*</a>*'),
            ("[`](http://d.e)`", "[<code>](http://d.e)</code>"),
            ("[a [b] c](http://d.e)", '<a href="http://d.e" title="http://d.e">a [b] c</a>'),
            ("[:tada: \\*a\\*](http://d.e)", '<a href="http://d.e" title="http://d.e">🎉 *a*</a>'),
            ("[a](http://d.e/f_(g))", '<a href="http://d.e/f_(g)" title="http://d.e/f_(g)">a</a>'),
            ("[a](www.d.ee/f.)", '<a href="http://www.d.ee/f." title="http://www.d.ee/f.">a</a>'),
            ("[#1](http://d.e)", '<a href="http://d.e" title="http://d.e">#1</a> <span class="place">(d.e)</span>'),
        ):
            with self.subTest(body):
                self.assertEqual(to_html(body, room="lobby"), f"<p>{html}</p>\n")

    def test_what_is_no_named_link_keeps_its_marks(self) -> None:
        for body in (
            "[a]",
            "[a](b)",
            "[a](/b)",
            "[a]()",
            "[a](javascript:alert(1))",
            "[a](data:text/html,b)",
            "[a](ftp://b.c)",
            "[a] (x)",
            "[a](mailto:b)",
            "[a](http://)",
            "[a](http://b^c)",
            "a](b)",
            "\\[a](b)",
        ):
            with self.subTest(body):
                self.assertEqual(to_html(body), f"<p>{body}</p>\n")
        for body in ("[a](http://b.c d)", "[a](http://b.c 'd')", "[a](http://b.c", "[a](<http://b.c>)"):
            with self.subTest(body):
                self.assertIn("[a](", to_html(body))

    def test_a_backslash_keeps_it_from_being_a_link(self) -> None:
        for body, shown in (
            ("\\[a](http://b.c)", "[a](b.c)"),
            ("\\\\[a](http://b.c)", "\\\\a"),
            ("[a \\[ b](http://b.c)", "a [ b"),
            ("\\[a] \\[", "\\[a] \\["),
        ):
            self.assertEqual(text_of(to_html(body)), shown + "\n", body)

    def test_words_that_look_like_another_address_have_the_real_place_behind_them(self) -> None:
        for words in (
            "bank.com",
            "https://bank.com/login",
            "www.bank.com",
            "see bank.com now",
            "**bank**.com",
            "http://bank.com",
            "bank.com@evil.com",
            "ana@bank.com",
            "bank\u2024com",
            "\uff42\uff41\uff4e\uff4b\uff0e\uff43\uff4f\uff4d",
            "bank\u200b.com",
            "127.0.0.1",
            "http://localhost",
            "\u202emoc.live\u202c",
            "\u202eevil.com/moc.knab\u202c",
            "evil.com.bank.org",
            "http://evil.com http://localhost",
        ):
            with self.subTest(words):
                self.assertTrue(text_of(to_html(f"[{words}](http://evil.com/x)")).endswith(" (evil.com)\n"))
        self.assertNotIn("place", to_html("[Ana@Evil.com](mailto:Ana@Evil.com?subject=x)"))
        self.assertTrue(text_of(to_html("[ana@bank.com](mailto:x@evil.com)")).endswith(" (x@evil.com)\n"))
        for words in (
            "here",
            "Evil.com",
            "evil.com/x",
            "https://evil.com/y",
            "www.evil.com:",
            "(evil.com)",
            "e.g. 3.11",
            "a: b",
        ):
            with self.subTest(words):
                self.assertNotIn("place", to_html(f"[{words}](http://evil.com/x)"))

    def test_a_link_without_words_shows_its_address(self) -> None:
        for words in ("", " ", "\u200b", "*\u200b*", "` `"):
            body = f"[{words}](http://a.b/c)"
            with self.subTest(body):
                self.assertEqual(links(body), [("http://a.b/c", "a.b/c")])
                self.assertEqual(rendering.clean_message(body, MAX_BODY_CHARS), body)
