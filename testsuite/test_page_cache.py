"""A cached page is filled in for each reader, without another reader's values."""

from __future__ import annotations

import re
import tracemalloc
import unittest
from collections.abc import Mapping
from dataclasses import replace
from unittest import mock

from controllers.realtime import growth, protocol
from controllers.realtime.frame import Frame
from controllers.realtime.growth import GrowthJournal
from controllers.sockjs.framing import sockjs_websocket_frame
from controllers.web import descriptions, page_cache, places
from controllers.web.descriptions import MIN_KEPT_ROOMS, DescriptionCache, Descriptions
from controllers.web.kept_rooms import RoomNews, RoomsSource
from controllers.web.page_cache import PLACEHOLDERS, CachedPage, PageCache, Reader
from controllers.web.places import Sidebar, Sidebars
from models.logs.base import Entry, Head
from models.messages import Reaction, as_posted
from models.names import initial, tint
from models.reads import Position
from models.rooms import RoomInfo
from models.unread import Unread
from testsuite.cases import SiteTest

HEX = re.compile(r"\b[0-9a-f]{32}\b")


def room_with(slug: str, *people: str) -> RoomInfo:
    """Return a room that a member is in; with others it is a direct one."""
    kind = "direct" if people else "open"
    return RoomInfo(slug, slug, "", kind, slug, 1, False, "all", is_muted=False, is_pinned=False, people=people)


def told(rooms: str, tasks: int) -> Frame:
    """Return what tells a member of their rooms."""
    return Frame([protocol.rooms_message(rooms, tasks)])


class OnePageForAll(SiteTest):
    members = ("ana", "beto", "ñandú")

    def test_each_member_sees_their_own_name_picture_messages_and_token(self) -> None:
        for name in self.members:
            chat = self.chat(name)
            chat.until("ack", nonce=chat.post(f"{name} was here"))
        for _ in range(2):
            for name in self.members:
                page = self.client(name).get("/rooms/lobby").text
                self.assertIn(f'data-me="{name}"', page)
                own = re.findall(r'<li data-author="([^"]+)" data-seq="[0-9]+" class="row own', page)
                self.assertEqual(own, [name])
                footer = page[page.index('<footer class="self">') : page.index("</aside>")]
                picture = f'<span class="picture tint-{tint(name)}" aria-hidden="true">{initial(name)}</span>'
                self.assertIn(picture, footer)
                for other in set(self.members) - {name}:
                    self.assertNotIn(other, footer)

    def test_nothing_is_left_blank_and_nonce_and_token_are_new_each_time(self) -> None:
        ana = self.client("ana")
        pages = [ana.get("/rooms/lobby").text for _ in range(3)]
        nonces = [re.findall(r'name="nonce" value="([^"]+)"', page) for page in pages]
        self.assertEqual([len(found) for found in nonces], [1, 1, 1])
        self.assertEqual(len({found[0] for found in nonces}), 3)
        tokens = [re.findall(r'name="_xsrf" value="([^"]+)"', page) for page in pages]
        self.assertEqual(len({token for found in tokens for token in found}), 3)  # masked anew against BREACH
        for page, found, own in zip(pages, tokens, nonces, strict=True):
            self.assertEqual({*HEX.findall(page)}, {*own, *HEX.findall(found[0])})

    def test_what_could_not_be_posted_is_shown_to_its_author_only(self) -> None:
        ana, beto = self.client("ana"), self.client("beto")
        secret = "not for beto " * 1000
        refused = ana.post("/rooms/lobby", {"body": secret, "nonce": "refused"})
        self.assertEqual(refused.status, 400)
        self.assertIn(secret.strip(), refused.text)
        self.assertNotIn("not for beto", beto.get("/rooms/lobby").text)
        self.assertNotIn("not for beto", ana.get("/rooms/lobby").text)


class CachedPages(unittest.TestCase):
    def test_what_is_filled_in_is_text_and_cannot_make_another_blank(self) -> None:
        cached = CachedPage(
            f"<b>{PLACEHOLDERS['username']}</b><i>{PLACEHOLDERS['nonce']}</i>{PLACEHOLDERS['username']}".encode()
        )
        own: dict[str, str | bytes] = {"username": f"<&{PLACEHOLDERS['nonce']}", "nonce": b"n"}
        name = f"&lt;&amp;{PLACEHOLDERS['nonce']}"
        self.assertEqual(cached.fill(Reader(own)).decode(), f"<b>{name}</b><i>n</i>{name}")
        self.assertEqual(CachedPage(b"no blank").fill(Reader(own)), b"no blank")

    def test_rows_of_a_name_are_marked_for_who_has_it_and_nobody_else(self) -> None:
        names = ("ana", "an", "R&amp;D", "ana")
        rows = [f'<li data-author="{name}" data-seq="{seq}" class="row follows">x' for seq, name in enumerate(names)]
        cached = CachedPage("".join(rows).encode())
        for name, marked in (("ana", [0, 3]), ("an", [1]), ("R&D", [2]), ("a", []), ("[^", [])):
            page = cached.fill(Reader({"username": name})).decode()
            self.assertEqual(
                ["row own follows" in row for row in page.split("<li")[1:]], [n in marked for n in range(4)]
            )

    def test_the_line_above_what_is_new_stands_before_the_first_row_after_the_position(self) -> None:
        rows = [f'<li data-author="ana" data-seq="{seq}" class="row">{seq}' for seq in (3, 5, 7, 9)]
        note = as_posted(Entry("lobby", 7, "note", None, 1, "ana", "x", 0.0, "n", 3, 3, is_drawn=True))
        cached = CachedPage("".join(rows).encode(), [note], new_line=b"<new>")
        for read, before in ((2, None), (3, 5), (4, 5), (5, 9), (8, 9), (9, None), (None, None)):
            page = cached.fill(Reader({"username": "beto"}, read)).decode()
            found = re.search(r'<new><li data-author="ana" data-seq="(\d)"', page)
            self.assertEqual(int(found[1]) if found else None, before)

    def test_ones_own_reactions_and_mentions_are_marked(self) -> None:
        entry = Entry("lobby", 1, "post", None, 1, "ana", "x", 0.0, "n", 1, 1, is_drawn=True)
        reactions = (Reaction(("+",), ("ana", "R&D")), Reaction(("-",), ("beto",)))
        message = replace(as_posted(entry), reactions=reactions)
        mentions = "".join(f'<b class="mention" data-name="{name}">' for name in ("R&amp;D", "room"))
        cached = CachedPage(f"<a class='reaction'>+</a><a class='reaction'>-</a>{mentions}".encode(), [message])
        marks = {"ana": (1, 0, 1), "R&D": (1, 0, 2), "beto": (0, 1, 1), "room": (0, 0, 1)}
        for name, (plus, minus, named) in marks.items():
            page = cached.fill(Reader({"username": name})).decode()
            counts = (page.count("own'>+"), page.count("own'>-"), page.count("data-own"))
            self.assertEqual(counts, (plus, minus, named), name)

    def test_of_a_sidebar_only_the_rooms_of_which_something_has_changed_are_looked_at_again(self) -> None:
        journal, sidebar = GrowthJournal(), Sidebar()
        rooms = [room_with(name, name) for name in "abc"]

        def look(source: RoomsSource, newest: Mapping[str, float] | None = None) -> list[str]:
            """Take what is stale; return the slugs of these rooms."""
            stale = sidebar.stale(source, journal.since)
            fresh = [RoomNews(room, Unread(Head(), None), (newest or {}).get(room.slug, 0.0)) for room in stale]
            sidebar.keep_rows(changed := sidebar.update(source, fresh), [f"<{one.slug}>".encode() for one in changed])
            return [room.slug for room in stale]

        def order() -> str:
            return sidebar.rows(sidebar.places(), "", b"").decode()

        source = RoomsSource(rooms, {}, journal.version)
        self.assertEqual((look(source), order()), (["a", "b", "c"], "<a><b><c>"))
        self.assertEqual(look(source._replace(rooms=[*rooms])), [])  # the same, read again
        journal.add("c")
        journal.add("elsewhere")
        source = source._replace(growth=journal.version)
        sidebar.keep_page("c", 2, b"html")
        self.assertEqual((look(source, {"c": 1.0}), order()), (["c"], "<c><a><b>"))
        self.assertIsNone(sidebar.page("c", 2), "the order has changed")
        sidebar.keep_page("c", 2, b"html")
        self.assertEqual((look(source), sidebar.page("c", 2), sidebar.page("c", 3)), ([], b"html", None))
        source = source._replace(positions={"a": Position(1, 1)})
        self.assertEqual(look(source), ["a"])
        source = source._replace(online=sidebar.online(rooms, {"b", "nobody"}))
        self.assertEqual((source.online, look(source)), ({"b"}, ["b"]))
        source = source._replace(rooms=[rooms[0], replace(rooms[1], name="B")])
        self.assertEqual((look(source), order()), (["a", "b"], "<a><b>"))
        for _ in range(growth.MAX_ROOMS + 1):
            journal.add("elsewhere")
        self.assertEqual(look(source._replace(growth=journal.version)), ["a", "b"], "too much to be remembered")

    def test_sidebars_are_kept_up_to_their_bytes(self) -> None:
        kept, sidebar = Sidebars(), Sidebar()
        for size, is_kept in ((1, True), (places.MAX_CACHE_BYTES + 1, False)):
            sidebar.keep_page("c", 1, b"x" * size)
            kept.keep("key", sidebar)
            self.assertEqual(kept.get("key") is sidebar, is_kept)

    def test_what_is_told_of_rooms_is_made_once_until_something_changes(self) -> None:
        described, rooms = Descriptions(told), [room_with("a"), room_with("b")]
        source = RoomsSource(rooms, {}, 7)
        news = [RoomNews(room, Unread(Head(1, 1, 1), None), 1.0) for room in rooms]
        first = described.update(source, news, 0)
        self.assertIs(described.update(source._replace(growth=8), [], 0), first)
        for changed, fresh, tasks in (
            (source, [], 1),
            (source, [RoomNews(rooms[0], Unread(Head(2, 2, 2), None), 2.0)], 1),
            (source._replace(rooms=[rooms[0]]), [RoomNews(rooms[0], Unread(Head(2, 2, 2), None), 2.0)], 1),
        ):
            with self.subTest(changed=changed, tasks=tasks):
                again = described.update(changed, fresh, tasks)
                self.assertNotEqual(again.messages, first.messages)
                first = again

    def test_a_few_descriptions_are_not_kept(self) -> None:
        kept = DescriptionCache(told)
        for room_count, is_kept in ((MIN_KEPT_ROOMS - 1, False), (MIN_KEPT_ROOMS, True)):
            described, rooms = Descriptions(told), [room_with(str(number)) for number in range(room_count)]
            news = [RoomNews(room, Unread(Head(1, 1, 1), None), 1.0) for room in rooms]
            described.update(RoomsSource(rooms, {}, 7), news, 0)
            kept.keep(7, described)
            self.assertEqual(kept.get(7) is described, is_kept)

    def test_of_descriptions_the_objects_count_too(self) -> None:
        for room_count, name in ((MIN_KEPT_ROOMS, ""), (40, ""), (40, "\U0001f600")):
            with self.subTest(room_count, name=name), mock.patch.object(descriptions, "MAX_CACHE_BYTES", 400_000):
                kept, rooms = DescriptionCache(told), [room_with(str(number)) for number in range(room_count)]
                rooms[0] = replace(rooms[0], name=name)
                tracemalloc.start()
                self.addCleanup(tracemalloc.stop)
                for member_id in range(500):
                    described = Descriptions(told)
                    news = [RoomNews(room, Unread(Head(200, 200, 200), None), 1.0) for room in rooms]
                    described.update(RoomsSource([*rooms], {}, member_id), news, 0).encoded(sockjs_websocket_frame)
                    kept.keep(member_id, described)
                self.assertIsNone(kept.get(0).source)
                self.assertLess(tracemalloc.get_traced_memory()[0], 450_000)

    def test_those_used_last_are_kept_up_to_their_bytes(self) -> None:
        drawn: list[int] = []
        cache = PageCache()
        quarter = b"x" * (page_cache.MAX_CACHE_BYTES // 8)  # two bytes are counted for each, as its key is kept too

        def get(key: int, page: bytes = quarter) -> None:
            if cache.get(key) is None:
                drawn.append(key)
                cache.keep(key, CachedPage(page))

        for key in range(4):
            get(key)
        get(0)
        get(4)  # sends away 1, which was not used for longest
        self.assertEqual(drawn, [*range(5)])
        get(0)
        get(1)
        self.assertEqual(drawn, [*range(5), 1])
        get(5, quarter * 5)  # too large to be kept, with anything or alone
        self.assertEqual((cache.bytes, 5 in cache), (0, False))
