"""Message bodies and usernames are shown as text: no script runs, and no link leads anywhere unsafe."""

from __future__ import annotations

import html
import random
import re
import secrets
import unittest
from html.parser import HTMLParser

from controllers.markdown.html import to_html
from testsuite.cases import SiteTest, add_user
from testsuite.clients import PASSWORD
from testsuite.roompage import Posting, Row, rows
from testsuite.servers import ROOT

ALLOWED = {"p", "br", "a", "code", "pre", "blockquote", "em", "strong", "s", "ul", "ol", "li", "b", "span", "div"}
ALLOWED |= {"table", "thead", "tbody", "tr", "th", "td"}
# What these may have besides, each with what its value may be.
ATTRIBUTES = {
    ("a", "href"): r"(?:https?|mailto|HTTPS?|MAILTO):[^\s\"]+|/rooms/[%\w.~-]+\?at=([1-9]\d{0,14})#m\1",
    ("a", "title"): r"(https?|mailto|HTTPS?|MAILTO):[^\s\"]+",
    ("a", "class"): "address|message-link",
    ("b", "class"): "mention",
    ("b", "data-name"): r".*",
    ("span", "class"): "place|[a-z]{1,2}",
    ("p", "class"): "large-emoji",
    ("code", "class"): r"language-[\w.+#-]{1,30}",
    ("pre", "data-language"): r"[\w+#]{1,10}",
    ("div", "class"): "table",
    ("div", "role"): "group",
    ("div", "tabindex"): "0",
    ("div", "aria-label"): r"(?s:.*)",
    ("th", "class"): "left|center|right",
    ("td", "class"): "left|center|right",
    ("ol", "start"): r"\d{1,9}",
}
# The classes of what is drawn around the text, the same for every message.
FRAME = {"message", "picture", "heading", "author", "when", "visually-hidden", "body", "more"}


def tags_of_text(row: Row) -> list[tuple[str, dict[str, str]]]:
    """Return the tags, with their attributes, that a message's text has become."""
    return [(tag, given) for tag, given in row.tags if tag != "time" and not {*given.get("class", "").split()} & FRAME]


class RawTest(unittest.TestCase):
    """docs/security.rst 12: templates escape everything but a message's own HTML."""

    # What is put into a page as it is, and why it may be.
    RAW = {
        # Of controllers/web/rendering.py: the text, with the tags that it knows, and sentences in all languages.
        "message.html": {"body_html.rstrip()", "words("},
        # Messages as drawn by message.html.
        "modules/rows.html": {"row.html"},
        "room.html": {"rows"},
        "message_page.html": {"message_rows", "answers"},
        "history.html": {"body"},
        "new.html": {"shown", "room.rows"},
        # The member's rooms as drawn by modules/place.html, and all of them by modules/places.html.
        "modules/places.html": {"rooms", "people"},
        "modules/sidebar.html": {"places"},
        # The site's own words; json_encode leaves no "</" in them.
        "modules/texts.html": {"json_encode({"},
        "modules/task_texts.html": {"json_encode({"},
    }

    def test_only_the_html_of_messages_is_not_escaped(self) -> None:
        templates = ROOT / "views" / "templates"
        found: dict[str, set[str]] = {}
        for path in templates.rglob("*.html"):
            for raw in re.findall(
                r"{%\s*raw\s+(words\(|.+?(?=\s*%}|$))", path.read_text(encoding="utf-8"), re.MULTILINE
            ):
                found.setdefault(str(path.relative_to(templates)), set()).add(raw)
        self.assertEqual(found, self.RAW)
        self.assertGreater(len(list(templates.rglob("*.html"))), 10)

    def test_no_template_escapes_in_a_way_of_its_own(self) -> None:
        for path in (ROOT / "views" / "templates").rglob("*.html"):
            self.assertNotRegex(path.read_text(encoding="utf-8"), r"{%\s*autoescape")


class Outline(HTMLParser):
    """Reads the HTML of a message: what is in it that may not be there, and which of its tags are not closed."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.open: list[str] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        wrong = [name for name, value in attrs if not re.fullmatch(ATTRIBUTES.get((tag, name), "(?!)"), value or "")]
        self.wrong += [f"{tag} {name}" for name in wrong] if tag in ALLOWED else [tag]
        if len({name for name, _ in attrs}) < len(attrs):
            self.wrong.append(f"{tag}: one attribute twice")
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"/{tag}")

    def handle_comment(self, data: str) -> None:
        self.wrong.append("a comment")


class SafeMarkup(unittest.TestCase):
    """docs/security.rst 12: whatever is typed, there are only tags and attributes that we know."""

    # Each is made to break out of where it stands.
    BREAKOUTS = (
        '"',
        "'",
        '" onclick="x',
        "' onclick='x",
        ">",
        "<script>",
        "</code></pre><script>",
        "&quot;",
        "&#34;",
        "\\",
        "`",
        "<!--",
        "]]>",
        "{{ 7 }}",
        "javascript:alert(1)",
        "\u202e",
        "\0",
        "\n",
    )
    MARKUP = (
        "[a](http://b.c/%s)",
        "[%s](http://b.c)",
        "[a](%s)",
        "http://%s",
        "http://a.b/%s",
        "www.a.bc/%s",
        "mailto:%s@b",
        "https://%s@b.c",
        "@%s",
        "@Ana%s",
        "#1%s",
        "%s#1",
        ":%s:",
        ":+1:%s",
        "```%s\na\n```",
        "```python\n%s\n```",
        '```html\n<b a="%s">\n```',
        "```diff\n-%s\n```",
        "%s|a\n-|-\nb|%s",
        "|%s|\n|:-|\n|a|",
        "`%s`",
        "**%s**",
        "> %s",
        "- %s",
        "%s",
    )

    def test_nothing_breaks_out_of_where_it_stands(self) -> None:
        names = ["Ana", *self.BREAKOUTS]
        for breakout in self.BREAKOUTS:
            for markup in self.MARKUP:
                body = markup.replace("%s", breakout)
                with self.subTest(body):
                    outline = Outline(to_html(body, room=breakout, mentions=names))
                    self.assertEqual((outline.wrong, outline.open), ([], []))

    def test_nor_do_many_together(self) -> None:
        chance = random.Random(20261126)
        pieces = [*self.BREAKOUTS, *self.MARKUP, " ", "\n", "*", "_", "[", "](http://a.b)", "@Ana", "|", "-|-\n"]
        for _ in range(3000):
            body = "".join(chance.choices(pieces, k=chance.randint(2, 12)))
            outline = Outline(to_html(body, "lobby", ("Ana", *self.BREAKOUTS)))
            self.assertEqual((outline.wrong, outline.open), ([], []), repr(body))

    def test_names_and_addresses_are_whole_in_their_attributes(self) -> None:
        name = "O'Neil \"<b>&amp;"
        self.assertIn(
            f'<b class="mention" data-name="{html.escape(name).replace("&#x27;", chr(39))}">@',
            to_html(f"@{name}", "", [name]),
        )
        self.assertIn('href="http://a.b/?c=d&amp;e=é"', to_html("[x](http://a.b/?c=d&e=é)"))
        self.assertIn('href="/rooms/a%2F%22%3Cb%3E?at=1#m1"', to_html("#1", room='a/"<b>'))


class SafeTextTest(Posting, SiteTest):
    """docs/security.rst 12: scripts in messages and names are shown as text."""

    hostile_name = '<b onclick="x">\'&amp;'

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        add_user(cls.folder, cls.hostile_name)

    def setUp(self) -> None:
        self.carla = self.client("carla")

    def shown(self, body: str) -> Row:
        """Post `body` and return how the page shows it."""
        self.assertEqual(self.post(self.carla, body, nonce=secrets.token_hex(8)).status, 302)
        return rows(self.carla.get("/rooms/lobby"))[-1]

    def test_html_in_a_message_is_shown_as_text(self) -> None:
        hostile = (
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "<b>bold</b>",
            "</div></article></li><script>alert(1)</script>",
            "<!-- comment",
            "<![CDATA[x]]>",
            "<svg/onload=alert(1)>",
            "&lt;script&gt;",
            "{{ 7 * 7 }} {% raw x %}",
            "`<i>`",
            "```\n<script>alert(1)</script>\n```",
            "<a href='javascript:alert(1)'>x</a>",
        )
        for body in hostile:
            with self.subTest(body):
                row = self.shown(body)
                self.assertEqual({tag for tag, _ in tags_of_text(row)} - {"p", "code", "pre"}, set())
                self.assertIn(body.strip("`\n"), row.text)

    def test_only_the_promised_tags_come_out_of_markdown(self) -> None:
        row = self.shown("**a** *b* ~~c~~ `d`\ne\n\n> f\n\n- g\n\n1. h\n\n```\ni\n```\n\n[j](https://example.org)")
        tags = {tag for tag, _ in tags_of_text(row)}
        self.assertEqual(
            tags, {"p", "strong", "em", "s", "code", "br", "blockquote", "ul", "ol", "li", "pre", "a"} & tags
        )
        self.assertLessEqual({"strong", "em", "s", "code", "blockquote", "ul", "li", "pre"}, tags)
        self.assertLessEqual(tags, ALLOWED)

    def test_links_lead_to_the_web_only(self) -> None:
        self.assertIn("https://example.org/", self.links("see https://example.org/ there"))
        for target in (
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "java&#115;cript:alert(1)",
            "javascript&colon;alert(1)",
            "&#x6a;avascript:alert(1)",
            "\x01javascript:alert(1)",
            "vbscript:x",
            "data:text/html,<script>alert(1)</script>",
            "data:text/html;base64,PHNjcmlwdD4=",
            "file:///etc/passwd",
        ):
            for body in (
                f"[x]({target})",
                f"<{target}>",
                f"[x](<{target}>)",
                f"[x]\n\n[x]: {target}",
                f"![x]({target})",
            ):
                with self.subTest(body):
                    self.assertEqual(
                        [link for link in self.links(body) if not link.startswith(("http:", "https:"))], []
                    )

    def links(self, body: str) -> list[str]:
        row = self.shown(body)
        self.assertLessEqual({tag for tag, _ in tags_of_text(row)}, ALLOWED)
        self.assertEqual(
            [name for _, given in row.tags for name in given if name.startswith("on") or name == "style"], []
        )
        return [given.get("href", "") for tag, given in tags_of_text(row) if tag == "a"]

    def test_what_once_stopped_the_site_is_shown_at_once(self) -> None:
        for body in ("xn--a." * 40 + "x", ("|www." * 2000)[:8000], (">>*\né\n>" * 2000)[:8000], "://" * 2660):
            self.assertIn(body[:20].strip(">*|\n").partition("\n")[0], self.shown(body).text)

    def test_an_image_is_not_loaded(self) -> None:
        row = self.shown("![x](https://example.org/x.png)")
        self.assertNotIn("img", {tag for tag, _ in row.tags})

    def test_html_in_a_username_is_shown_as_text(self) -> None:
        hostile = self.client().sign_in(self.hostile_name, PASSWORD)
        self.assertEqual(self.post(hostile, "my name").status, 302)
        row = rows(self.client("ana").get("/rooms/lobby"))[-1]
        self.assertEqual(row.attributes["data-author"], self.hostile_name)
        self.assertIn(self.hostile_name, row.text)
        for page in ("/rooms", "/rooms/lobby", "/members"):
            text = hostile.get(page).text
            self.assertIn(html.escape(self.hostile_name), text)
            self.assertNotIn("<b onclick", text)

    def test_html_in_a_username_that_was_typed_wrong_is_shown_as_text(self) -> None:
        answer = self.client().post("/login", {"username": '"><script>alert(1)</script>', "password": "x"})
        self.assertEqual(answer.status, 403)
        self.assertIn("&lt;script&gt;", answer.text)
        self.assertNotIn("<script>", answer.text)

    def test_html_in_an_address_is_not_repeated(self) -> None:
        self.assertNotIn("<script>", self.client().get("/%3Cscript%3E?<script>").text)
