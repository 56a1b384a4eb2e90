"""A member's Atom feed, by the secret in its address alone; and making and ending it on the account page."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence

import tornado.web

from controllers.accounts import AccountHandler
from controllers.base import BaseHandler
from controllers.rooms import DeedHandler, path_of
from controllers.web.atom import ATOM_TYPE, AtomEntry, AtomFeed, etag_of
from controllers.web.languages import html_tag
from controllers.web.newest import NewestMessages
from controllers.web.rendering import isolated
from models import feeds
from models.errors.tokens import UnknownToken
from models.feeds import FeedSignIn
from models.logs.base import Head
from models.messages import Message
from models.rooms import RoomInfo, rooms_of

MAX_ENTRIES = 50
MAX_TO_ONESELF = 25  # of these: what names or answers the member stays although much else is said
LOOKED_BACK_SEQS = 500  # in each room, for what names or answers the member
COST_READS = 20  # of one look, as requests to the API count: it asks about each room of the member
ANSWER, MENTION = "answer", "mention"  # categories of entries

Terms = dict[str, dict[int, str]]  # the category of messages, by room and seq


class FeedHandler(BaseHandler):
    """The newest messages of others: what names or answers the member in any room, and all in rooms not muted.

    Not what is beyond the read positions: a feed reader comes when it likes, and would never get what its owner has
    read on a page before. So each message stays until enough others have come after it.

    The secret in the address says who asks. No cookie counts, and it opens nothing else.
    """

    needs_member = False
    feed: FeedSignIn
    rooms: Mapping[str, RoomInfo]  # by their slugs

    async def prepare(self) -> None:
        """Find out whose feed it is; look up no sign-in. Raise HTTPError 404, as any unknown address does; SlowDown."""
        self.site.request_started(self)
        self.is_sign_in_known = True
        try:
            self.feed = await self.site.query_cache.get_fresh(feeds.find_feed, self.path_args[0])
        except UnknownToken:
            raise tornado.web.HTTPError(404) from None
        self.site.read_limiter.take(("token", self.feed.token_id), COST_READS)
        self.site.authenticator.token_uses.note(self.feed.token_id)

    async def get(self, secret: str) -> None:
        self.rooms = {room.slug: room for room in await self.site.query_cache.get(rooms_of, self.feed.member.id)}
        terms = await self.terms()
        xml = (await self.atom(await self.messages(terms), terms)).to_xml()
        self.set_header("Content-Type", ATOM_TYPE)
        self.set_header("Cache-Control", "private, no-cache")
        self.set_header("Etag", etag_of(xml))
        if self.check_etag_header():
            self.set_status(304)
        else:
            self.finish(xml)

    async def terms(self) -> Terms:
        """Return which of the newest messages in the member's rooms name or answer them; what does both names them."""
        heads = await self.site.hub.heads()
        beyond = {slug: max(0, heads.get(slug, Head()).seq - LOOKED_BACK_SEQS) for slug in self.rooms}
        answers = await self.site.log.answers_beyond(self.feed.member.id, beyond)
        mentions = await self.site.log.mentions_beyond(self.feed.member.id, beyond)
        terms: Terms = {}
        for term, found in ((ANSWER, answers), (MENTION, mentions)):
            for room, seqs in found.items():
                terms.setdefault(room, {}).update(dict.fromkeys(seqs, term))
        return terms

    async def messages(self, terms: Terms) -> list[Message]:
        """Return the messages in the feed, newest first."""
        newest = NewestMessages(self.site.log, await self.site.hub.newest_at(self.rooms), self.feed.member.id)
        to_oneself = await newest.among(terms, MAX_TO_ONESELF)
        others = await newest.of([room.slug for room in self.rooms.values() if not room.is_muted], MAX_ENTRIES)
        chosen = {(one.entry.room, one.seq): one for one in (*to_oneself, *others)}
        return sorted([*chosen.values()][:MAX_ENTRIES], key=lambda one: one.entry.at, reverse=True)

    # --- as Atom

    async def atom(self, messages: Sequence[Message], terms: Terms) -> AtomFeed:
        """Return the feed with these messages."""
        entries = []
        for message in messages:
            entries.append(self.entry(message, terms.get(message.entry.room, {}).get(message.seq, "")))
            await asyncio.sleep(0)  # a long message takes a while
        return AtomFeed(
            id=self.id_of(f"feed {self.feed.member.id}"),
            title=f"{self.site.name}: {self.translate('New')} · {isolated(self.feed.member.username)}",
            link=f"{self.here}/new",
            language=html_tag(self.locale.code),
            since=self.feed.made_at,
            entries=entries,
        )

    def entry(self, message: Message, term: str) -> AtomEntry:
        """Return the entry of a message."""
        room = self.rooms[message.entry.room]
        return AtomEntry(
            id=self.id_of(f"message {message.seq} of {room.slug}"),
            title=f"{self.reason(message, room, term)}: {isolated(self.site.renderer.plain(message.words))}",
            author=message.entry.author,
            link=f"{self.here}{path_of(room.address)}?at={message.seq}#m{message.seq}",
            published=message.entry.at,
            updated=max(message.entry.at, message.edited_at),
            html=self.site.renderer.content(message, self.here, self.locale),
            term=term,
        )

    def reason(self, message: Message, room: RoomInfo, term: str) -> str:
        """Return in which room a message is, and what it is to the member, as its title begins."""
        who = {"name": isolated(message.entry.author), "room": isolated(room.name)}
        if term == MENTION:
            return self.translate("%(name)s named you in %(room)s") % who
        return self.translate("%(name)s replied to you in %(room)s") % who if term == ANSWER else who["room"]

    def id_of(self, what: str) -> str:
        """Return an identifier that is the same for ever, wherever the site is moved to (RFC 4287, 4.2.6)."""
        return uuid.uuid5(uuid.NAMESPACE_OID, f"prosa {self.settings['cookie_mark']} {what}").urn


class OwnFeedHandler(DeedHandler, AccountHandler):
    """Makes the member's feed; only the page that answers it shows its address."""

    async def post(self, token: str = "") -> None:
        secret = await self.site.write(feeds.make_feed, self.member.id)
        self.new_feed = f"{self.here}/feed/{secret}"
        await self.show_form({})


class EndOwnFeedHandler(BaseHandler):
    """Ends the member's feed."""

    async def post(self) -> None:
        await self.site.write(feeds.end_feed, self.member.id)
        self.redirect("/account#feed")
