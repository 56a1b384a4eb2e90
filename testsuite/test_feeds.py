"""Members' Atom feeds over HTTP: what is in one, and that its address is a secret that opens nothing else."""

from __future__ import annotations

import datetime
import hashlib
import html
import re
import time
import unicodedata
from typing import NamedTuple
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from controllers.feeds import MAX_ENTRIES, MAX_TO_ONESELF
from testsuite.api import Api
from testsuite.cases import SiteTest
from testsuite.clients import PASSWORD, Answer, Client
from testsuite.room_case import RoomCase
from testsuite.roompage import make_room, rows
from testsuite.tables import sql
from testsuite.test_account_page import NEW
from testsuite.waiting import wait_for

ADDRESS = re.compile(r'id="new-feed"[^>]* value="http://[^/"]+(/feed/[A-Za-z0-9_-]{43})"')
ATOM = "{http://www.w3.org/2005/Atom}"


class Item(NamedTuple):
    """An entry as a feed reader sees it."""

    id: str
    title: str
    author: str
    updated: str
    link: str
    html: str
    category: str


class Feed:
    """A feed as a strict reader sees it."""

    def __init__(self, answer: Answer) -> None:
        assert answer.status == 200, answer.status
        self.root = ET.fromstring(answer.body)
        assert self.root.tag == f"{ATOM}feed"
        self.items = [self._item(entry) for entry in self.root.findall(f"{ATOM}entry")]

    def text(self, name: str) -> str:
        """Return the text of an element of the feed itself."""
        return self.root.findtext(f"{ATOM}{name}") or ""

    @property
    def titles(self) -> list[str]:
        return [item.title for item in self.items]

    def _item(self, entry: ET.Element) -> Item:
        names = ("id", "title", f"author/{ATOM}name", "updated")
        ident, title, author, updated = (entry.findtext(ATOM + name) or "" for name in names)
        link, content = entry.find(f"{ATOM}link"), entry.find(f"{ATOM}content")
        assert link is not None and content is not None
        assert content.get("type") == "html"
        category = entry.find(f"{ATOM}category")
        term = "" if category is None else category.get("term", "")
        return Item(ident, title, author, updated, link.get("href", ""), content.text or "", term)


def letters(text: str) -> str:
    """Return the letters and marks of a text."""
    return "".join(char for char in text if unicodedata.category(char)[0] in "LM")


def make_feed(client: Client) -> str:
    """Make a feed by the button; return its path."""
    found = ADDRESS.search(client.post("/account/feed").text)
    assert found is not None
    return found[1]


class FeedCase(RoomCase):
    """Carla, who has a feed, in a room of beto's."""

    def setUp(self) -> None:
        super().setUp()
        self.room = make_room(self.beto, f"Room of {self._testMethodName[-40:]}")
        self.name = f"Room of {self._testMethodName[-40:]}"
        self.carla.post(f"{self.room}/join")
        self.path = make_feed(self.carla)
        self.reader = self.client()

    def say(self, body: str, room: str = "", client: Client | None = None, **fields: str) -> int:
        """Let beto write; return the number of the message."""
        writer = client or self.beto
        self.assertEqual(writer.post(room or self.room, {"body": body, **fields}).status, 302)
        return rows(writer.get(room or self.room))[-1].seq

    def feed(self) -> Feed:
        return Feed(self.reader.get(self.path))

    def here(self) -> list[Item]:
        """Return the entries of the room of this test."""
        return [item for item in self.feed().items if urlsplit(item.link).path == self.room]


class Content(FeedCase):
    def test_an_entry_says_what_where_who_and_when_and_leads_there(self) -> None:
        began = int(time.time())
        seq = self.say("Hello *everybody* & all")
        feed, (item,) = self.feed(), self.here()
        self.assertEqual(item.title, f"{self.name}: Hello everybody & all")
        self.assertEqual((item.author, item.category), ("beto", ""))
        self.assertEqual(item.html, "<p>Hello <em>everybody</em> &amp; all</p>\n")
        self.assertEqual(item.link, f"{self.server.url.rstrip('/')}{self.room}?at={seq}#m{seq}")
        self.assertLessEqual(began, datetime.datetime.fromisoformat(item.updated).timestamp())
        self.assertEqual(feed.text("updated"), max(one.updated for one in feed.items))
        self.assertEqual(feed.text("title"), "Prosa: New · carla")
        self.assertRegex(feed.text("id"), "^urn:uuid:[0-9a-f-]{36}$")
        self.assertEqual(len({feed.text("id"), *(one.id for one in feed.items)}), len(feed.items) + 1)

    def test_what_names_the_member_and_what_answers_them_says_so_in_the_readers_language(self) -> None:
        question = self.say("a question", client=self.carla)
        self.say("an answer", target=str(question))
        self.say("@carla one, too", target=str(question))
        self.say("to @room")
        begins = [f"beto named you in {self.name}: "] * 2 + [f"beto replied to you in {self.name}: "]
        words = ["to @room", "@carla one, too", "an answer"]
        self.assertEqual([item.title for item in self.here()], [a + b for a, b in zip(begins, words, strict=True)])
        self.assertEqual([item.category for item in self.here()], ["mention", "mention", "answer"])
        place = f"{self.server.url.rstrip('/')}{self.room}?at={question}#m{question}"
        quote = f'<blockquote><p><a href="{place}"><bdi>carla</bdi></a>: <bdi>a question</bdi></p></blockquote>'
        self.assertEqual(self.here()[-1].html, f"{quote}\n<p>an answer</p>\n")
        self.reader.headers = {"Accept-Language": "pt-BR"}
        self.assertEqual(self.here()[-1].title, f"beto respondeu a você em {self.name}: an answer")
        self.assertEqual(self.feed().root.get("{http://www.w3.org/XML/1998/namespace}lang"), "pt-BR")
        self.carla.post(f"{self.room}/messages/{question}/delete")
        self.assertIn("</a>: <bdi>Esta mensagem foi apagada<", self.here()[-1].html)

    def test_what_one_has_read_stays_and_ones_own_is_never_there(self) -> None:
        self.say("said to all")
        self.say("said by carla", client=self.carla)
        before = self.here()
        self.assertEqual([item.author for item in before], ["beto"])
        self.carla.post("/read")
        self.assertEqual(self.here(), before)

    def test_an_edited_message_is_the_same_entry_with_another_time_and_a_deleted_one_is_gone(self) -> None:
        edited, deleted = self.say("frist"), self.say("gone soon")
        before, posted = self.here()[-1], int(time.time())
        wait_for(lambda: int(time.time()) > posted, "the next second")
        self.beto.post(f"{self.room}/messages/{edited}/edit", {"body": "first"})
        self.beto.post(f"{self.room}/messages/{deleted}/delete")
        (after,) = self.here()
        self.assertEqual((after.id, after.html), (before.id, "<p>first</p>\n"))
        self.assertGreater(after.updated, before.updated)
        self.assertNotIn("gone soon", self.reader.get(self.path).text)

    def test_of_a_muted_room_only_what_is_said_to_the_member_is_there(self) -> None:
        question = self.say("a question", client=self.carla)
        self.carla.post(f"{self.room}/settings", {"own": "on", "muted": "on"})
        self.say("said to all")
        self.say("an answer", target=str(question))
        self.say("@carla look")
        self.assertEqual([item.category for item in self.here()], ["mention", "answer"])

    def test_all_addresses_are_whole_and_of_the_host_that_was_asked(self) -> None:
        self.say("see #1, https://example.org/a?b and [words](https://example.org/'/x) href='/no' <a href=\"/no\">")
        answer = self.reader.get(self.path, Host="prosa.example:8443")
        (item,) = (one for one in Feed(answer).items if urlsplit(one.link).path == self.room)
        self.assertTrue(item.link.startswith(f"http://prosa.example:8443{self.room}?at="))
        links = re.findall(r"<a[^>]* href=[\"']([^\"']*)[\"']", item.html)
        self.assertEqual(len(links), 3)
        self.assertEqual(links[0].partition("?")[0], f"http://prosa.example:8443{self.room}")
        self.assertTrue(all(link.startswith("https://example.org/") for link in links[1:]), links)
        self.assertIn("href='/no'", html.unescape(item.html))

    def test_who_is_out_of_a_room_gets_nothing_more_of_it(self) -> None:
        self.say("@carla a secret")
        self.assertIn("a secret", self.reader.get(self.path).text)
        self.carla.post(f"{self.room}/leave")
        self.assertNotIn("a secret", self.reader.get(self.path).text)

    def test_a_message_to_the_member_stays_although_much_else_is_said(self) -> None:
        question = self.say("a question", client=self.carla)
        self.say("an answer", target=str(question))
        for number in range(MAX_TO_ONESELF):
            self.say(f"@carla {number}")
        for number in range(MAX_ENTRIES + 3):
            self.say(f"said to all {number}")
        words = [html.unescape(re.sub("<.*?>", "", item.html)).strip() for item in self.feed().items]
        said = MAX_ENTRIES - MAX_TO_ONESELF
        newest = [f"said to all {number}" for number in range(MAX_ENTRIES + 2, MAX_ENTRIES + 2 - said, -1)]
        self.assertEqual(words, newest + [f"@carla {number}" for number in reversed(range(MAX_TO_ONESELF))])

    def test_the_newest_of_all_rooms_are_there_in_their_order(self) -> None:
        other = make_room(self.beto, f"Other {self._testMethodName[-30:]}")
        self.carla.post(f"{other}/join")
        for number in range(4):
            self.say(f"number {number}", (self.room, other)[number % 2])
        titles = [title.partition(": ")[2] for title in self.feed().titles]
        self.assertEqual(titles[:4], [f"number {number}" for number in (3, 2, 1, 0)])

    def test_no_text_breaks_it(self) -> None:
        controls = "".join(map(chr, [*range(1, 32), *range(127, 160), 0xFFFE, 0xFFFF, 0x1FFFE, 0x10FFFF]))
        for body in (
            f"all{controls}controls",
            "\u0301\u0323 begins with combining marks \u0301",
            "]]> <![CDATA[ ]]> <!-- --> &amp; &#0; &#xb; <?xml?> <!DOCTYPE x>",
            "\u202e\u2066 turned \u05e9\u05dc\u05d5\u05dd",
            "long \U0001f642 <&>\"' " * 420,
            "```xml\n<a b='&c;'/>\n```",
        ):
            with self.subTest(body[:20]):
                self.say(body)
                item = self.here()[0]
                shown = html.unescape(re.sub("<.*?>", "", item.html))
                self.assertEqual(letters(shown), letters(body.removeprefix("```xml")))
                self.assertIn(letters(shown)[:20], letters(item.title))
        self.assertNotRegex("".join(self.feed().titles), "[\u202a-\u202e\u2066\u2067]")

    def test_fifty_of_the_longest_messages_are_one_feed(self) -> None:
        for number in range(MAX_ENTRIES):
            self.say(f"{number} " + "& <b> " * 1300)
        self.assertEqual(len(self.feed().items), MAX_ENTRIES)


class Asking(FeedCase):
    def test_an_answer_is_for_one_reader_and_sent_again_only_if_something_is_new(self) -> None:
        first = self.reader.get(self.path)
        self.assertEqual(first.headers["Content-Type"], "application/atom+xml; charset=utf-8")
        self.assertEqual(first.headers["Cache-Control"], "private, no-cache")
        self.assertIn("default-src 'none'", first.headers["Content-Security-Policy"] or "")
        again = self.reader.get(self.path, If_None_Match=first.headers["Etag"] or "")
        self.assertEqual((again.status, again.body), (304, b""))
        head = self.reader.request("HEAD", self.path)
        self.assertEqual((head.status, head.body, head.headers["Etag"]), (200, b"", first.headers["Etag"]))
        self.say("something new")
        self.assertEqual(self.reader.get(self.path, If_None_Match=first.headers["Etag"] or "").status, 200)

    def test_no_cookie_counts_and_none_is_set(self) -> None:
        for client in (self.ana, self.beto, self.carla):
            answer = client.get(self.path)
            self.assertEqual(Feed(answer).text("title"), "Prosa: New · carla")
            self.assertIsNone(answer.headers["Set-Cookie"])
        self.assertEqual((self.reader.get(self.path).headers["Set-Cookie"], len(self.reader.cookies)), (None, 0))

    def test_one_without_an_entry_is_a_feed_as_well(self) -> None:
        path = make_feed(self.client("Dora Maar"))  # who is in the lobby only, where nobody has said anything
        before = [Feed(self.reader.get(path)) for _ in range(2)]
        self.assertEqual([len(one.items) for one in before], [0, 0])
        self.assertEqual(*(one.text("updated") for one in before))


class Address(FeedCase):
    """docs/security.rst 32: 256 bits, stored hashed, shown once, refused at once everywhere, good for nothing else."""

    processes = 2

    def setUp(self) -> None:
        super().setUp()
        self.readers = [self.client(server=number) for number in (0, 1)]

    def statuses(self, path: str = "") -> list[int]:
        return [reader.get(path or self.path).status for reader in self.readers]

    def test_it_is_shown_on_the_page_that_answers_and_nowhere_else(self) -> None:
        made = self.carla.post("/account/feed")
        (path,) = ADDRESS.findall(made.text)
        secret = path.rpartition("/")[2]
        self.assertEqual((made.status, made.headers["Cache-Control"]), (200, "no-store"))
        self.assertEqual(self.statuses(path), [200, 200])
        page = self.carla.get("/account").text
        self.assertNotIn(secret, page)
        self.assertIn("made on ", page)
        self.assertNotIn(secret, self.readers[0].get(path).text)
        self.assertNotIn(secret, str(sql(self.folder, "SELECT * FROM token")))
        self.assertNotIn(secret, "".join(line for server in self.servers for line in server.lines))
        self.assertIn("200 GET /feed/... ", "".join(self.server.lines))

    def test_the_account_page_says_when_it_was_read_last(self) -> None:
        self.assertIn("not used yet", self.carla.get("/account").text)
        self.assertEqual(self.statuses(), [200, 200])
        wait_for(lambda: "last used: Today" in self.carla.get("/account").text, "the use is noted")

    def test_a_member_has_one_and_an_earlier_one_ends(self) -> None:
        earlier, self.path = self.path, make_feed(self.carla)
        self.assertEqual((self.statuses(earlier), self.statuses()), ([404, 404], [200, 200]))
        self.assertEqual(sql(self.folder, "SELECT count(*) FROM token WHERE user_id = 3"), [(1,)])

    def test_the_button_ends_it_at_once_everywhere_and_nobody_ends_that_of_another(self) -> None:
        self.assertEqual(self.beto.post("/account/feed/end").location, "/account#feed")
        self.assertEqual(self.statuses(), [200, 200])
        for _ in range(2):
            self.assertEqual(self.carla.post("/account/feed/end").location, "/account#feed")
            self.assertEqual(self.statuses(), [404, 404])

    def test_so_does_a_new_password_if_it_ends_all_tokens(self) -> None:
        fields = {"current": PASSWORD, "password": NEW, "again": NEW}
        self.assertEqual(self.carla.post("/account", fields).status, 302)
        self.assertEqual(self.statuses(), [200, 200])
        again = {"current": NEW, "password": PASSWORD, "again": PASSWORD, "ends_tokens": "on"}
        self.assertIn('name="ends_tokens"', self.carla.get("/account").text)
        self.assertEqual(self.carla.post("/account", again).status, 302)
        self.assertEqual(self.statuses(), [404, 404])

    def test_so_does_the_removal_of_its_member_and_a_sign_out_does_not(self) -> None:
        self.carla.post("/logout")
        self.assertEqual(self.statuses(), [200, 200])
        self.addCleanup(sql, self.folder, "UPDATE user SET removed_at = NULL")
        sql(self.folder, "UPDATE user SET removed_at = 1 WHERE username = 'carla'")
        self.assertEqual(self.statuses(), [404, 404])

    def test_an_unknown_one_is_answered_as_any_unknown_address(self) -> None:
        self.carla.post("/account/feed/end")
        unknown = self.readers[0].get("/feed/nothing-at-all")
        for path in (self.path, self.path[:-1], self.path + "x", self.path.swapcase(), f"/feed/{'é' * 43}", "/feed/"):
            answer = self.readers[0].get(path.replace("é", "%C3%A9"))
            self.assertEqual((answer.status, answer.text), (404, unknown.text), path)
            self.assertEqual({*answer.headers.keys()}, {*unknown.headers.keys()})

    def test_it_is_no_token_and_a_token_is_no_feed(self) -> None:
        secret = self.path.rpartition("/")[2]
        token = Api(self.carla).token("write")
        self.assertEqual(Api(self.client(), token).call("GET", "me").status, 200)
        for credentials in (secret, f"prosa_{secret}"):
            self.assertEqual(Api(self.client(), credentials).call("GET", "me").status, 401)
        for other in (token, token.removeprefix("prosa_")):
            self.assertEqual(self.readers[0].get(f"/feed/{other}").status, 404)
        with_cookie = self.client()
        dict.update(with_cookie.cookies, {name: secret for name in self.carla.cookies if "session" in name})
        self.assertEqual(with_cookie.get("/rooms").status, 302)

    def test_one_that_is_stored_as_long_as_a_token_is_none_all_the_same(self) -> None:
        text = f"prosa_{'x' * 43}"
        stored = hashlib.sha256(text.encode()).hexdigest()
        sql(self.folder, "UPDATE token SET token_hash = ? WHERE scope = 'feed' AND user_id = 3", stored)
        self.assertEqual(Api(self.client(), text).call("GET", "me").status, 401)

    def test_it_stands_in_no_list_of_tokens_and_takes_the_place_of_none(self) -> None:
        ((number,),) = sql(self.folder, "SELECT max(id) FROM token WHERE scope = 'feed'")
        api = Api(self.carla)
        before = api.get("tokens")["tokens"]
        self.assertNotIn(number, [one["id"] for one in before])
        self.assertNotIn(f"/account/tokens/{number}/end", self.carla.get("/account").text)
        self.assertEqual(api.call("DELETE", f"tokens/{number}").status, 404)
        self.carla.post(f"/account/tokens/{number}/end")
        self.assertEqual(self.carla.post("/account/tokens", {"name": "x", "scope": "feed", "days": "7"}).status, 400)
        self.assertEqual(api.call("POST", "tokens", {"name": "x", "scope": "feed", "days": 7}).status, 400)
        self.assertEqual((api.get("tokens")["tokens"], self.statuses()), (before, [200, 200]))


class Rate(SiteTest):
    """docs/security.rst 37: who looks too often has to wait."""

    options = ()

    def test_looking_too_often_is_refused_for_that_feed_alone(self) -> None:
        paths = [make_feed(self.client(name)) for name in ("beto", "carla")]
        statuses: list[int] = []
        while 429 not in statuses and len(statuses) < 100:
            answer = self.client().get(paths[0])
            statuses.append(answer.status)
        self.assertEqual((set(statuses[:5]), statuses[-1]), ({200}, 429))
        self.assertGreater(int(answer.headers["Retry-After"] or 0), 0)
        self.assertEqual(self.client().get(paths[1]).status, 200)
