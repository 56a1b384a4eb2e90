"""Message bodies and usernames are shown as text: no script runs, and no link leads anywhere unsafe."""

from __future__ import annotations

import html
import re
import secrets
import unittest

from testsuite.cases import SiteTest, add_user
from testsuite.clients import PASSWORD
from testsuite.roompage import Posting, Row, rows
from testsuite.servers import ROOT

ALLOWED = {"p", "br", "a", "code", "pre", "blockquote", "em", "strong", "s", "ul", "ol", "li"}
# Drawn by the row around the body, the same for every message.
FRAME = {"article", "span", "b", "time", "div"}


class RawTest(unittest.TestCase):
    """docs/security.rst 12: templates escape everything but a message's own HTML."""

    # What is put into a page as it is, and why it may be.
    RAW = {
        "message.html": "body_html.rstrip()",  # of controllers/web/rendering.py, with the tags that it knows
        "modules/rows.html": "row.html",  # a message as drawn by message.html
        "room.html": "rows",  # the rows as drawn by modules/rows.html
        "modules/texts.html": "json_encode({",  # the site's own words; json_encode leaves no "</" in them
    }

    def test_only_the_html_of_messages_is_not_escaped(self) -> None:
        templates = ROOT / "views" / "templates"
        found = {
            str(path.relative_to(templates)): raw
            for path in templates.rglob("*.html")
            for raw in re.findall(r"{%\s*raw\s+(.+?)\s*(?:%}|$)", path.read_text(encoding="utf-8"), re.MULTILINE)
        }
        self.assertEqual(found, self.RAW)
        self.assertGreater(len(list(templates.rglob("*.html"))), 10)

    def test_no_template_escapes_in_a_way_of_its_own(self) -> None:
        for path in (ROOT / "views" / "templates").rglob("*.html"):
            self.assertNotRegex(path.read_text(encoding="utf-8"), r"{%\s*autoescape")


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
                self.assertEqual({tag for tag, _ in row.tags} - FRAME - {"p", "code", "pre"}, set())
                self.assertIn(body.strip("`\n"), row.text)

    def test_only_the_promised_tags_come_out_of_markdown(self) -> None:
        row = self.shown("**a** *b* ~~c~~ `d`\ne\n\n> f\n\n- g\n\n1. h\n\n```\ni\n```\n\n[j](https://example.org)")
        tags = {tag for tag, _ in row.tags} - FRAME
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
        self.assertLessEqual({tag for tag, _ in row.tags} - FRAME, ALLOWED)
        self.assertEqual(
            [name for _, given in row.tags for name in given if name.startswith("on") or name == "style"], []
        )
        return [given.get("href", "") for tag, given in row.tags if tag == "a"]

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
