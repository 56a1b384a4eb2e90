"""The rooms: the list of them, making one, and each room's page of settings."""

from __future__ import annotations

import secrets
from urllib.parse import quote

from controllers.base import BaseHandler
from models import memberships, rooms
from models.addresses import MAX_ADDRESS_CHARS
from models.errors.accounts import UnknownMember
from models.errors.base import Refusal
from models.errors.rooms import UnknownRoom
from models.errors.stores import Unavailable
from models.logs.base import MAX_NONCE_CHARS
from models.members import Member, find_member
from models.reads import Position
from models.rooms import CLOSED, OPEN, RoomInfo, room_of

MAX_SEQ_DIGITS = 15


def path_of(address: str) -> str:
    """Return the path of a room."""
    return f"/rooms/{quote(address)}"


def parse_seq(text: str) -> int | None:
    """Return the number of an entry as a form or an address has it; None if it is none."""
    return int(text) if len(text) <= MAX_SEQ_DIGITS and text.isdecimal() else None


class DeedHandler(BaseHandler):
    """Handles forms that change rooms or memberships; each counts as a message for the rate limit."""

    async def prepare(self) -> None:
        await super().prepare()
        if self.request.method == "POST" and not self._finished:
            self.site.rate_limiter.take(self.member.id)


class RoomBase(BaseHandler):
    """A page or a form of a room that the member is in, by any address that it has or had."""

    room: RoomInfo
    is_unanswered = False  # whether it is unknown if what the form wants was stored

    async def prepare(self) -> None:
        await super().prepare()
        if self._finished:
            return
        address = self.path_args[0]
        if len(address) > MAX_ADDRESS_CHARS:
            raise UnknownRoom()
        self.room = await self.site.query_cache.get(room_of, self.member.id, address)
        if self.room.address != address and self.request.method in ("GET", "HEAD"):
            _, _, _, *rest = self.request.uri.split("/", 3)
            query = f"?{self.request.query}" if self.request.query and not rest else ""
            self.redirect("/".join([self.room_path, *rest]) + query, permanent=True)

    @property
    def room_path(self) -> str:
        """The path of the room's page."""
        return path_of(self.room.address)

    def nonce(self) -> str:
        """Return the nonce of the form; one of our own if it has none."""
        nonce = self.get_body_argument("nonce", "")
        return nonce if 0 < len(nonce) <= MAX_NONCE_CHARS else secrets.token_hex(16)

    def set_refusal(self, refusal: Refusal) -> None:
        super().set_refusal(refusal)
        self.is_unanswered = isinstance(refusal, Unavailable)

    def next_nonce(self) -> str:
        """Return the nonce of the page's forms: the same again where it is unknown whether anything was stored."""
        return self.nonce() if self.is_unanswered else secrets.token_hex(16)


class RoomsHandler(DeedHandler):
    """The member's rooms and those that they may join; makes a room."""

    async def get(self) -> None:
        await self.show()

    async def show(self, refusal: Refusal | None = None) -> None:
        """Show the list, with what was wrong with a room that was to be made."""
        typed = {name: self.get_body_argument(name, "") for name in ("name", "description", "kind")}
        self.render(
            "rooms.html",
            mine=await self.own_places(),
            joinable=await self.site.read(rooms.open_rooms, self.member.id),
            typed=typed,
            errors={refusal.field: self.translate(refusal.sentence)} if refusal else {},
            **await self.sidebar("/rooms"),
        )

    async def post(self) -> None:
        """Make a room."""
        kind = CLOSED if self.get_body_argument("kind", OPEN) == CLOSED else OPEN
        name, description = self.get_body_argument("name", ""), self.get_body_argument("description", "")
        try:
            room = await self.site.rooms.make(self.member.id, name, description, kind)
        except Refusal as refusal:
            self.set_refusal(refusal)
            await self.show(refusal)
            return
        self.redirect(path_of(room.address))


class JoinHandler(DeedHandler):
    """Joins an open room."""

    async def post(self, address: str) -> None:
        room, is_new = await self.site.write(memberships.join, self.member.id, address[: MAX_ADDRESS_CHARS + 1])
        if is_new:
            await self.site.note(room.slug, self.member.id, "joined")
            await self.site.mark_read(self.member.id, room.slug)  # what was said before is not new to them
        self.redirect(path_of(room.address))


class LeaveHandler(DeedHandler, RoomBase):
    """Leaves a room."""

    async def post(self, address: str) -> None:
        if self.room.can_be_left:
            await self.site.note(self.room.slug, self.member.id, "left")
        await self.site.write(memberships.leave, self.member.id, address)
        self.redirect("/rooms")


class SettingsHandler(DeedHandler, RoomBase):
    """A room's name, description and people, and what the member wants of it for themselves."""

    async def get(self, address: str) -> None:
        await self.show()

    async def show(self, refusal: Refusal | None = None, field: str = "") -> None:
        """Show the page, with what was wrong, and in which field if that is not the refusal's own."""
        self.render(
            "settings.html",
            room=self.room,
            people=await self.people(),
            count=await self.site.read(rooms.count_people, self.room.slug),
            is_kept=self.room.is_kept_by(self.member),
            errors={field or refusal.field: self.translate(refusal.sentence)} if refusal else {},
            **await self.sidebar(self.room.slug),
        )

    async def people(self) -> list[tuple[Member, bool]]:
        """Return the first people of the room, and whether each is online, in any room."""
        online = self.site.presence.everybody()
        return [(one, one.username in online) for one in await self.site.read(rooms.people_of, self.room.slug)]

    async def post(self, address: str) -> None:
        """Store what a form of the page changes: `own` for oneself, else the name and description."""
        try:
            room = await (self.change_own() if self.get_body_argument("own", "") else self.change_room())
        except Refusal as refusal:
            self.set_refusal(refusal)
            await self.show(refusal)
            return
        self.redirect(f"{path_of(room.address)}/settings")

    async def change_own(self) -> RoomInfo:
        """Store what the member wants of the room for themselves."""
        notify = self.get_body_argument("notify", "")
        notify = notify if notify in memberships.NOTIFY else self.room.notify
        wishes = (self.get_body_argument(name, "") == "on" for name in ("muted", "pinned"))
        await self.site.write(memberships.set_own, self.member.id, self.room.address, notify, *wishes)
        return self.room

    async def change_room(self) -> RoomInfo:
        """Store a name and a description. Raise Refusal."""
        name, description = self.get_body_argument("name", ""), self.get_body_argument("description", "")
        return await self.site.rooms.describe(self.member.id, self.room, name, description)


class ArchiveHandler(DeedHandler, RoomBase):
    """Archives a room, or opens it again."""

    async def post(self, address: str) -> None:
        is_archived = self.get_body_argument("archived", "") == "on"
        await self.site.rooms.archive(self.member.id, self.room, is_archived)
        self.redirect(f"{self.room_path}/settings")


class PeopleHandler(SettingsHandler):
    """Lets somebody into a room, `username`, or removes somebody, `removed`."""

    async def post(self, address: str) -> None:
        removed = self.get_body_argument("removed", None)
        try:
            await (self.let_in(address) if removed is None else self.put_out(removed))
        except Refusal as refusal:
            self.set_refusal(refusal)
            await self.show(refusal, "" if removed is None else "removed")
            return
        self.redirect(f"{self.room_path}/settings")

    async def let_in(self, address: str) -> None:
        """Let somebody in, and tell the room. Raise Refusal."""
        name, head = self.get_body_argument("username", ""), await self.site.log.head(self.room.slug)
        position = Position(head.seq, head.posts)
        member, is_new = await self.site.write(memberships.let_in, self.member.id, address, name, position)
        if is_new:
            await self.site.note(self.room.slug, self.member.id, "let_in", member.username)

    async def put_out(self, name: str) -> None:
        """Remove somebody who may not be in the list, which has an end. Raise Refusal."""
        found = await self.site.read(find_member, name)
        if found is None:
            raise UnknownMember()
        await put_out(self, found[0].id)


class PutOutHandler(DeedHandler, RoomBase):
    """Removes somebody from a room."""

    async def post(self, address: str, member_id: str) -> None:
        await put_out(self, int(member_id))
        self.redirect(f"{self.room_path}/settings")


async def put_out(handler: RoomBase, member_id: int) -> None:
    """Remove somebody from the room of a form, and tell those in it. Raise Refusal."""
    room, own_id = handler.room, handler.member.id
    member = await handler.site.write(memberships.put_out, own_id, room.address, member_id)
    await handler.site.note(room.slug, own_id, "put_out", member.username)
