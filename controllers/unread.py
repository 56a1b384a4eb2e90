"""What is new in the member's rooms: the page of it, and moving read positions. Without a script this is how."""

from __future__ import annotations

import datetime
from typing import NamedTuple

from controllers.base import BaseHandler
from controllers.messages import MessageBase
from controllers.rooms import DeedHandler, RoomBase, parse_seq
from controllers.web.places import Place
from models import messages
from models.logs.base import POST

MAX_NEW_ROOMS = 20  # on the page of what is new
FIRST_MESSAGES = 3  # of each of them
LOOKED_AT_LINES = 20  # to find these: notes and what was deleted are no news


class NewRoom(NamedTuple):
    """A room with the HTML of its first new messages, of which the first is `first`."""

    place: Place
    first: int
    rows: str


class NewHandler(BaseHandler):
    """What is new in all rooms."""

    async def get(self) -> None:
        mine = [place for place in await self.own_places() if place.unread or place.mentions]
        rooms = [await self.first_new(place) for place in mine[:MAX_NEW_ROOMS]]
        self.render("new.html", rooms=rooms, more=len(mine) - len(rooms), **await self.sidebar("/new"))

    async def first_new(self, place: Place) -> NewRoom:
        """Return a room with the first messages after the member's read position."""
        position = (await self.site.reads.positions(self.member.id))[place.slug]
        lines = await self.site.log.lines_after(place.slug, position.seq, LOOKED_AT_LINES)
        lines = [line for line in lines if line.kind == POST and line.body][:FIRST_MESSAGES]
        found = await messages.fold_all(self.site.log, place.slug, lines)
        shown = [found[line.seq] for line in lines]
        rows = await self.site.renderer.draw_rows(shown, self.locale, datetime.date.today())
        return NewRoom(place, lines[0].seq if lines else position.seq, rows)


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
