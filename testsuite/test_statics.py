"""The files of the pages: addresses that name their version, and compression of what is served."""

from __future__ import annotations

import gzip
import hashlib
import logging
import re
import unittest
import zlib
from collections.abc import Callable

from playwright.sync_api import Page, expect

from controllers.serving.compression import MAX_HEADER_CHARS, MIN_BYTES, accepts_gzip
from testsuite.browser import BrowserTest, expect_live
from testsuite.cases import SiteTest
from testsuite.clients import Answer
from testsuite.polling import EventSource, HtmlFile, Jsonp, Xhr, XhrStreaming
from testsuite.servers import ROOT

logger = logging.getLogger(__name__)

STATICS = ROOT / "views" / "statics"
SOCKJS = ROOT / "node_modules" / "sockjs-client" / "dist"
KEPT = "public, max-age=31536000, immutable"
ENCODINGS = {
    "gzip": True,
    "gzip, deflate, br, zstd": True,
    "br;q=1.0, GZIP;q=0.5, *;q=0.1": True,
    "deflate , gzip ; q=0.001": True,
    "": False,
    "br": False,
    "identity": False,
    "*": False,
    "gzip;q=0": False,
    "gzip; Q=0.000": False,
    "x-gzip": False,
    "gzipped": False,
    "," * MAX_HEADER_CHARS + "gzip": False,
}


class AcceptEncoding(unittest.TestCase):
    def test_only_who_asks_for_gzip_gets_it(self) -> None:
        for header, taken in ENCODINGS.items():
            with self.subTest(header[:40]):
                self.assertEqual(accepts_gzip(header), taken)


class FilesTest(SiteTest):
    """A test that knows the addresses of the page's files."""

    def addresses(self, path: str = "/login", client: str = "") -> list[str]:
        """Return the files that a page names."""
        return re.findall(r'(?:src|href)="(/static/[^"]+)"', self.client(client).get(path).text)

    def folder_of_version(self) -> str:
        """Return the folder in which a page finds its files."""
        return next(found for found in self.addresses() if found.endswith("/site.css")).removesuffix("site.css")


class Versions(FilesTest):
    def test_each_file_of_a_page_has_a_version_and_is_kept_for_good(self) -> None:
        found = self.addresses("/rooms/lobby", "ana")
        self.assertGreater(len(found), 12)
        for path in found:
            with self.subTest(path):
                self.assertRegex(path, r"^/static/(vendor/)?v-[0-9a-f]{16}/[a-z.]+$")
                answer = self.client().get(path)
                self.assertEqual((answer.status, answer.headers.get_all("Cache-Control")), (200, [KEPT]))
                self.assertLess(len(str(answer.headers)), 550, "more head than body")

    def test_what_a_module_imports_has_a_version_too(self) -> None:
        folder, pending, seen = self.folder_of_version(), ["chat.js"], set()
        while pending:
            name = pending.pop()
            seen.add(name)
            answer = self.client().get(folder + name)
            self.assertEqual(answer.headers["Cache-Control"], KEPT)
            pending += {found for found in re.findall(r"from '\./([a-z.]+)'", answer.text) if found not in seen}
        named = {path.rpartition("/")[2] for path in self.addresses("/rooms/lobby", "ana")}
        self.assertEqual(seen - named, set(), "asked for one after another, since the page does not name them")

    def test_of_another_version_there_are_the_files_of_this_one_which_nobody_keeps(self) -> None:
        for folder in ("", "v-0123456789abcdef/", "v-0/", f"v-{'0' * 64}/"):
            answer = self.client().get(f"/static/{folder}live.js")
            with self.subTest(folder):
                self.assertEqual(answer.body, (STATICS / "live.js").read_bytes())
                self.assertEqual(answer.headers.get_all("Cache-Control"), ["no-cache"])
                self.assertNotIn("Expires", answer.headers)

    def test_of_what_npm_has_installed_pages_get_three_files(self) -> None:
        for name in ("sockjs.min.js", "angular.min.js", "angular-csp.css"):
            for folder in ("", "v-0123456789abcdef/"):
                self.assertEqual(self.client().get(f"/static/vendor/{folder}{name}").status, 200, name)
        for name in ("sockjs.js", "angular.js", "package.json", "angular.min.js.map", "../package.json", "", "v-0/"):
            self.assertIn(self.client().get(f"/static/vendor/{name}").status, (403, 404), name)

    def test_a_version_is_one_folder_and_no_way_out(self) -> None:
        for path in ("v-0/v-0/live.js", "v-/live.js", "v-xyz/live.js", f"v-{'0' * 65}/live.js", "v-0/", "v-0", "v-0//"):
            with self.subTest(path):
                self.assertIn(self.client().get(f"/static/{path}").status, (403, 404))
        for path in ("v-0/../templates/base.html", "v-0/%2e%2e/templates/base.html", "v-0//etc/passwd", "v-0/%00"):
            with self.subTest(path):
                self.assertIn(self.client().get(f"/static/{path}").status, (403, 404))


class Compressed(FilesTest):
    def unpacked(self, answer: Answer) -> bytes:
        """Return what is in an answer that must be compressed."""
        self.assertEqual(answer.headers["Content-Encoding"], "gzip")
        self.assertEqual(answer.headers["Content-Length"], str(len(answer.body)))
        return gzip.decompress(answer.body)

    def test_files_are_sent_as_gzip_and_are_the_same(self) -> None:
        for path in (*self.addresses("/rooms/lobby", "ana"), "/static/site.css", "/static/vendor/sockjs.min.js"):
            plain, answer = self.client().get(path), self.client().get(path, Accept_Encoding="gzip")
            with self.subTest(path):
                self.assertNotIn("Content-Encoding", plain.headers)
                for answered in (plain, answer):
                    self.assertEqual(answered.headers.get_all("Vary"), ["Accept-Encoding"])
                if len(plain.body) < MIN_BYTES:
                    self.assertEqual(answer.body, plain.body)
                else:
                    self.assertEqual(self.unpacked(answer), plain.body)
                    self.assertEqual(answer.headers["Etag"], f"W/{plain.headers['Etag']}")
                    best = zlib.compress(plain.body, 9, 31)
                    self.assertEqual(len(answer.body), len(best))

    def test_a_file_that_one_has_is_not_sent_again_in_either_form(self) -> None:
        for packed in ("gzip", "identity"):
            etag = self.client().get("/static/site.css", Accept_Encoding=packed).headers["Etag"]
            for encoding in ("gzip", "identity"):
                again = self.client().get("/static/site.css", Accept_Encoding=encoding, If_None_Match=etag)
                self.assertEqual((again.status, again.body), (304, b""))
                self.assertEqual(again.headers["Vary"], "Accept-Encoding")

    def test_a_part_of_a_file_is_a_part_of_the_file_itself(self) -> None:
        css = (STATICS / "site.css").read_bytes()
        answer = self.client().get("/static/site.css", Accept_Encoding="gzip", Range="bytes=100-9999")
        self.assertEqual((answer.status, answer.body), (206, css[100:10_000]))
        self.assertNotIn("Content-Encoding", answer.headers)
        self.assertEqual(answer.headers["Content-Range"], f"bytes 100-9999/{len(css)}")
        beyond = self.client().get("/static/site.css", Accept_Encoding="gzip", Range="bytes=9999999-")
        self.assertEqual(beyond.status, 416)

    def test_a_head_has_the_headers_of_a_get(self) -> None:
        ana = self.client("ana")
        for path in (
            "/static/site.css",
            "/static/logo.svg",
            "/static/vendor/sockjs.min.js",
            "/rooms/lobby",
            "/members",
        ):
            for encoding in ("gzip", "identity"):
                with self.subTest(path, encoding=encoding):
                    got = ana.request("GET", path, Accept_Encoding=encoding)
                    head = ana.request("HEAD", path, Accept_Encoding=encoding)
                    self.assertEqual((head.status, head.body), (200, b""))
                    for name in ("Content-Encoding", "Content-Type", "Etag", "Vary", "Cache-Control"):
                        self.assertEqual(head.headers[name], got.headers[name])
                    if path.startswith("/static/"):  # a page is another one each time, by a few bytes
                        self.assertEqual(head.headers["Content-Length"], got.headers["Content-Length"])

    def test_pages_are_sent_as_gzip_errors_too(self) -> None:
        ana = self.client("ana")
        for path, status in (("/rooms/lobby", 200), ("/members", 200), ("/login", 302), ("/nothing", 404)):
            plain, answer = ana.get(path), ana.get(path, Accept_Encoding="gzip, br")
            self.assertEqual((plain.status, answer.status), (status, status))
            if status != 302:
                self.assertIn(b"<!doctype html>", self.unpacked(answer))
                self.assertEqual(answer.headers["Vary"], "Accept-Encoding")
                self.assertEqual(plain.headers["Vary"], "Accept-Encoding")
        self.assertLess(
            len(ana.get("/rooms/lobby", Accept_Encoding="gzip").body), len(ana.get("/rooms/lobby").body) / 2
        )

    def test_no_two_answers_show_the_token_in_the_same_bytes(self) -> None:
        ana = self.client("ana")
        pages = [gzip.decompress(ana.get("/members", Accept_Encoding="gzip").body).decode() for _ in range(2)]
        tokens = [set(re.findall(r'name="_xsrf" value="([^"]+)"', page)) for page in pages]
        self.assertTrue(all(tokens))
        self.assertFalse(tokens[0] & tokens[1])

    def test_what_the_chat_says_is_never_compressed(self) -> None:
        beto = self.chat("beto")
        for _ in range(3):
            beto.until("ack", nonce=beto.post("x" * 4000))
        for kind in (Xhr, XhrStreaming, EventSource, HtmlFile, Jsonp):
            with self.subTest(kind.__name__):
                ana = self.client("ana")
                ana.headers["Accept-Encoding"] = "gzip"
                chat = kind(ana)
                self.addCleanup(chat.close)
                chat.join(after=0)
                self.assertEqual([entry["body"] for entry in chat.entries(3)], ["x" * 4000] * 3)
        frame = ana.get("/chat/iframe.html", Accept_Encoding="gzip")
        self.assertNotIn("Content-Encoding", frame.headers)


class BehindProxy(FilesTest):
    options = (*FilesTest.options, "--xheaders")

    def test_pages_are_left_to_the_proxy_and_files_are_not(self) -> None:
        ana = self.client("ana")
        self.assertNotIn("Content-Encoding", ana.get("/rooms/lobby", Accept_Encoding="gzip").headers)
        self.assertEqual(ana.get("/static/site.css", Accept_Encoding="gzip").headers["Content-Encoding"], "gzip")


class Visits(BrowserTest):
    """What a browser fetches for the room page, of a process without an Nginx before it."""

    def fetch(self, page: Page, visit: Callable[[], object]) -> dict[str, int]:
        """Return the bytes that came over the wire for each address, while one goes to the room."""
        addresses: dict[str, str] = {}
        fetched: dict[str, int] = {}
        network = page.context.new_cdp_session(page)
        network.on("Network.requestWillBeSent", lambda it: addresses.update({it["requestId"]: it["request"]["url"]}))
        network.on(
            "Network.loadingFinished",
            lambda it: fetched.update({addresses.get(it["requestId"], ""): int(it["encodedDataLength"])}),
        )
        network.send("Network.enable")
        visit()
        expect_live(page)
        page.wait_for_load_state("networkidle")
        network.detach()
        return {address.removeprefix(self.server.url): size for address, size in fetched.items() if size}

    def test_the_room_weighs_less_than_100_kb_and_afterwards_only_what_is_new_is_fetched(self) -> None:
        beto = self.client("beto")
        for number in range(50):
            words = " ".join(
                hashlib.sha256(f"{number} {word}".encode()).hexdigest()[: word % 7 + 2] for word in range(12)
            )
            self.assertEqual(beto.post("/rooms/lobby", {"body": words}).status, 302)
        page = self.page()
        cookies = self.client("ana").cookies
        page.context.add_cookies([{"name": name, "value": it, "url": self.server.url} for name, it in cookies.items()])
        first = self.fetch(page, lambda: page.goto("/rooms/lobby"))
        self.assertEqual(page.locator("#rows .row").count(), 50)
        again = self.fetch(page, page.reload)
        for name, fetched in (("first", first), ("second", again)):
            logger.info("%s visit: %d requests, %d bytes", name, len(fetched), sum(fetched.values()))
        self.assertGreater(sum(first.values()), 20_000, first)
        self.assertLess(sum(first.values()), 100_000, first)
        self.assertEqual([path for path in again if path.startswith("/static/")], [])
        self.assertLess(sum(again.values()), 20_000, again)

    def test_what_completes_finds_and_shows_a_card_is_fetched_when_it_is_used(self) -> None:
        page = self.member("ana")
        name = page.locator("#online").get_by_role("link", name="ana")
        uses: dict[str, Callable[[], object]] = {
            "completion.js": lambda: page.locator("#body").press("a"),
            "person.js": name.click,
            "finder.js": lambda: page.keyboard.press("Control+K"),
        }
        fetched: list[str] = []
        page.on("requestfinished", lambda request: fetched.append(request.url.rpartition("/")[2]))
        page.reload()
        expect_live(page)
        self.assertEqual(set(uses) & set(fetched), set())
        for file, use in uses.items():
            with page.expect_response(f"**/{file}"):
                use()
            if file == "person.js":
                expect(page.get_by_role("dialog")).to_be_visible()
                page.keyboard.press("Escape")
