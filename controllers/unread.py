"""What is new in the member's rooms: the page of it, and moving read positions. Without a script this is how."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from controllers.base import BaseHandler
from controllers.messages import MessageBase
from controllers.rooms import DeedHandler, RoomBase, parse_seq
from controllers.web.newest import NewestMessages
from controllers.web.places import Place
from models import messages
from models.logs.base import POST
from models.messages import Message

MAX_TO_ONESELF = 20  # messages that name the member, and as many answers to them
MAX_NEW_ROOMS = 20  # on the page of what is new
FIRST_MESSAGES = 3  # of each of them
LOOKED_AT_LINES = 20  # to find these: notes and what was deleted are no news

Spot = tuple[str, int]  # a room and a seq


class NewRoom(NamedTuple):
    """A room with the HTML of its first new messages that are not shown above; `first` is the first of all.

    `shown_count` is how many new ones are on the page, here or above.
    """

    place: Place
    first: int
    rows: str
    shown_count: int


class NewHandler(BaseHandler):
    """What is new in all rooms: what is said to the member, then the first messages of each room.

    As in the sidebar, of a muted room only what names the member is news.
    """

    async def get(self) -> None:
        mine = [place for place in await self.own_places() if place.unread or place.mentions]
        mentions, answers = await self.to_oneself(mine)
        shown = {_spot(message) for message in (*mentions, *answers)}
        rooms = [await self.first_new(place, shown) for place in mine[:MAX_NEW_ROOMS]]
        names = {place.slug: place.name or self.translate("Only you") for place in mine}
        sections = {"mentions": await self.draw(mentions, names), "answers": await self.draw(answers, names)}
        self.render("new.html", rooms=rooms, more=len(mine) - len(rooms), **sections, **await self.sidebar("/new"))

    async def to_oneself(self, mine: Sequence[Place]) -> tuple[list[Message], list[Message]]:
        """Return what names the member beyond their read positions, and what else answers them there."""
        slugs = [place.slug for place in mine]
        newest = NewestMessages(self.site.log, await self.site.hub.newest_at(slugs), self.member.id)
        unread = await self.site.unread.of_member(self.member.id, slugs)
        mentions = await newest.among({slug: unread[slug].mentions for slug in slugs}, MAX_TO_ONESELF)
        positions = await self.site.reads.positions(self.member.id)
        beyond = {place.slug: positions[place.slug].seq for place in mine if not place.is_muted}
        found = await self.site.log.answers_beyond(self.member.id, beyond)
        shown = set(map(_spot, mentions))
        others = {room: [seq for seq in seqs if (room, seq) not in shown] for room, seqs in found.items()}
        return mentions, await newest.among(others, MAX_TO_ONESELF)

    async def first_new(self, place: Place, shown: Collection[Spot]) -> NewRoom:
        """Return a room with the first messages after the member's read position, without those that are `shown`."""
        position = (await self.site.reads.positions(self.member.id))[place.slug]
        lines = await self.site.log.lines_after(place.slug, position.seq, LOOKED_AT_LINES)
        posts = [line for line in lines if line.kind == POST and line.body]
        first = posts[0].seq if posts else position.seq
        above = sum(room == place.slug for room, _ in shown)
        others = [post for post in posts if (place.slug, post.seq) not in shown and not place.is_muted]
        found = await messages.fold_all(self.site.log, place.slug, others[:FIRST_MESSAGES])
        return NewRoom(place, first, await self.draw(list(found.values())), len(found) + above)

    async def draw(self, shown: Sequence[Message], names: Mapping[str, str] | None = None) -> str:
        """Return messages as HTML, with the names of their rooms where these are given."""
        return await self.site.renderer.draw_rows(shown, self.locale, datetime.date.today(), names)


class ReadAllHandler(DeedHandler):
    """Moves the read positions in all rooms to their ends."""

    async def post(self) -> None:
        await self.site.mark_all_read(self.member.id)
        self.redirect("/new")


class ReadHandler(DeedHandler, RoomBase):
    """Moves the read position forward to a message, or to the end of the room."""

    async def post(self, address: str) -> None:
        seq = parse_seq(self.get_body_argument("seq", ""))
        await self.site.mark_read(self.member.id, self.room.slug, seq)
        self.redirect(self.room_path)


class UnreadHandler(DeedHandler, MessageBase):
    """Sets the read position back, so that this message and all after it are new."""

    async def post(self, address: str, seq: str) -> None:
        message = await self.message()
        await self.site.mark_unread(self.member.id, self.room.slug, message.seq)
        self.redirect("/new")


def _spot(message: Message) -> Spot:
    return message.entry.room, message.seq
