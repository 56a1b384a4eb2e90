"""A room's page with its messages, and one message with its forms. All of it works without a script."""

from __future__ import annotations

import dataclasses
import datetime
import secrets
from typing import NamedTuple, Self
from urllib.parse import quote

from controllers.base import MAX_SIDEBAR_NAMES
from controllers.rooms import RoomBase, parse_seq
from controllers.web import headers
from controllers.web.cookies import DEVICE_COOKIE_DAYS, LAST_ROOM_COOKIE
from controllers.web.dates import moment
from controllers.web.page_cache import CachedPageHandler, Reader
from controllers.web.rendering import bodies_html
from controllers.web.window import RoomPages, Window, newest_window
from models import messages
from models.errors.base import Refusal
from models.errors.messages import Deleted, NotYourMessage, UnknownTarget
from models.logs.base import DELETE, EDIT, POST, REACT, UNREACT, Draft
from models.members import list_members
from models.messages import Message
from models.reads import Position
from models.rooms import RoomInfo, count_people

PAGE_MESSAGES = 50
MAX_TEXT_BYTES = 256 * 1024  # a text too long for a message is shown again in the composer, up to a request's limit
CHAT_PATH = "/chat/"  # from which jsonp-polling loads its scripts
MAX_ANSWERS = 50  # that the page of a message shows
USUAL_EMOJI = ["👍", "❤️", "😄", "🎉", "😮", "🙏"]


class ShownRoom(NamedTuple):
    """What the page shows of a room, the same for all its members but those of a direct one."""

    slug: str
    address: str
    name: str
    description: str
    is_archived: bool

    @classmethod
    def of(cls, room: RoomInfo) -> Self:
        """Return it without what is a member's own."""
        return cls(room.slug, room.address, room.name, room.description, room.is_archived)


class AppendHandler(RoomBase):
    """Appends what a form asks for; the nonce of the form makes sending it twice the same as once."""

    async def append(self, kind: str, body: str, target: int | None = None) -> None:
        """Append an entry to the room. Raise Refusal."""
        draft = self.site.check_draft(Draft(self.room.slug, self.member.id, body, self.nonce(), kind, target))
        entry = await self.site.append(draft)
        is_another = entry.body not in ("", draft.body)  # than in an earlier try, which was stored after all
        if is_another and kind in (POST, EDIT):
            await self.site.append(dataclasses.replace(draft, nonce=secrets.token_hex(16)))

    def seq_argument(self, name: str) -> int | None:
        """Return a number of a message in the query; None if there is none."""
        return parse_seq(self.get_query_argument(name, ""))


class RoomHandler(CachedPageHandler, AppendHandler):
    """The page of a room that the member is in: the newest messages, or those around or beside a given one."""

    max_bytes = {"body": MAX_TEXT_BYTES}

    async def get(self, address: str) -> None:
        self.remember()
        positions = await self.site.reads.positions(self.member.id)
        if self.room.slug not in positions:  # what was said before is not new to who comes here first
            await self.site.read_up_to(self.member.id, self.room.slug)
        await self.show()

    def remember(self) -> None:
        """Let the home page lead to this room the next time."""
        slug = quote(self.room.slug)  # a cookie has no letters but ASCII's
        if self.get_cookie(LAST_ROOM_COOKIE) != slug:
            self.set_own_cookie(LAST_ROOM_COOKIE, slug, DEVICE_COOKIE_DAYS)

    async def post(self, address: str) -> None:
        """Post without a script."""
        body = self.get_typed("body")
        try:
            await self.append(POST, body, self.target())
        except Refusal as refusal:
            self.set_refusal(refusal)
            await self.show(body, self.translate(refusal.sentence))
            return
        self.redirect(f"{self.room_path}#newest")

    def target(self) -> int | None:
        """Return the number of the message that the form answers."""
        return parse_seq(self.get_body_argument("target", ""))

    async def show(self, body: str = "", error: str | None = None) -> None:
        """Show a page of the room, with a text that could not be posted in its composer."""
        at = self.seq_argument("at")
        window = await self.window(at)
        online = self.site.presence.online(self.room.slug)
        self.set_header("Content-Security-Policy", headers.page_policy(self.request, *self.scripts, CHAT_PATH))
        await self.finish_cached(
            "room.html",
            self.site.page_cache,
            self.site.renderer,
            window,
            await self.reader(window),
            room=ShownRoom.of(self.room),
            at=at,
            older=window.older,
            newer=window.newer,
            lonely=await self.is_lonely(window.messages),
            target=self.target() if error else None,
            body=body,
            error=error,
            online=tuple(online.first(MAX_SIDEBAR_NAMES)),
            online_count=len(online),
            people_count=await self.site.query_cache.get(count_people, self.room.slug),
            max_message=self.site.limits.max_message,
            transports=self.site.limits.transports,
        )

    async def window(self, at: int | None) -> Window:
        """Return the messages that the address asks for."""
        before, after = self.seq_argument("before"), self.seq_argument("after")
        pages = RoomPages(self.site.log, self.room.slug)
        if at is not None:
            return await pages.around(at, PAGE_MESSAGES)
        if after is not None:
            return await pages.after(after, PAGE_MESSAGES)
        if before is not None:
            return await pages.before(before, PAGE_MESSAGES)
        return newest_window(*await self.site.hub.newest(self.room.slug, PAGE_MESSAGES + 1), PAGE_MESSAGES)

    async def reader(self, window: Window) -> Reader:
        """Return what the page shows to this member only."""
        nonce = self.next_nonce()
        values = self.own_values(nonce, window.head, await self.places(self.room.slug))
        positions = await self.site.reads.positions(self.member.id)
        position = positions.get(self.room.slug, Position(0, 0))
        values |= {"read": b"%d" % position.seq, "admin": b"1" if self.member.is_admin else b""}
        return Reader(values, position.seq)

    async def is_lonely(self, shown: list[Message]) -> bool:
        """Tell whether this is an administrator, the only member, in a room without a message."""
        if shown or not self.member.is_admin:
            return False
        return len(await self.site.query_cache.get(list_members)) == 1


class MessageBase(AppendHandler):
    """A page or a form of one message of a room; the address ends in its number."""

    max_bytes = {"body": MAX_TEXT_BYTES}

    @property
    def seq(self) -> int:
        """The number of the message."""
        return int(self.path_args[1])

    async def message(self) -> Message:
        """Return the message. Raise UnknownTarget, Deleted if it was deleted and nobody answers it."""
        message = (await messages.load(self.site.log, self.room.slug, [self.seq])).get(self.seq)
        if message is None or message.entry.kind != POST:
            raise UnknownTarget()
        if not message.is_drawn:
            raise Deleted()
        return message

    def may_change(self, message: Message) -> bool:
        """Return whether the member may see the message's history and delete it."""
        return self.member.is_admin or message.entry.author_id == self.member.id

    async def show(self, body: str | None = None, error: str | None = None) -> None:
        """Show the message with its forms, and with a text that could not be stored in that for editing it."""
        message = await self.message()
        answers = await self.site.log.replies(self.room.slug, self.seq, MAX_ANSWERS)
        found = await messages.fold_all(self.site.log, self.room.slug, answers)
        self.render(
            "message_page.html",
            message=message,
            message_rows=await self.rows([message]),
            answers=await self.rows([found[answer.seq] for answer in answers]),
            room=self.room,
            nonce=self.next_nonce(),
            body=message.body if body is None else body,
            error=error,
            is_own=message.entry.author_id == self.member.id,
            may_change=self.may_change(message),
            usual=USUAL_EMOJI,
            **await self.sidebar(self.room.slug),
        )

    async def rows(self, shown: list[Message]) -> str:
        """Return messages as HTML."""
        return await self.site.renderer.draw_rows(shown, self.locale, datetime.date.today())

    async def change(self, kind: str, body: str = "") -> None:
        """Append a change of the message and go back to it, or show its page with the reason why not."""
        try:
            await self.append(kind, body, self.seq)
        except Refusal as refusal:
            await self.refuse(refusal, body if kind == EDIT else None)
        else:
            self.redirect(f"{self.room_path}?at={self.seq}#m{self.seq}")

    async def refuse(self, refusal: Refusal, body: str | None) -> None:
        """Show the page of the message, if there is one, with the reason and the text that was not stored."""
        self.set_refusal(refusal)
        try:
            await self.show(body, self.translate(refusal.sentence))
        except UnknownTarget:
            raise refusal from None


class MessageHandler(MessageBase):
    """One message with the forms for all that can be done with it."""

    async def get(self, address: str, seq: str) -> None:
        await self.show()


class EditHandler(MessageBase):
    """Replaces the text of one's own message."""

    async def post(self, address: str, seq: str) -> None:
        await self.change(EDIT, self.get_typed("body"))


class DeleteHandler(MessageBase):
    """Deletes one's own message; administrators delete any."""

    async def post(self, address: str, seq: str) -> None:
        await self.change(DELETE)


class ReactHandler(MessageBase):
    """Adds a reaction to a message, or takes it back if the member has reacted with this emoji already."""

    async def post(self, address: str, seq: str) -> None:
        emoji = self.get_body_argument("emoji", "")
        reactions = (await self.message()).reactions
        has_reacted = any(one.is_of(emoji) and self.member.username in one.names for one in reactions)
        await self.change(UNREACT if has_reacted else REACT, emoji)


class HistoryHandler(MessageBase):
    """The earlier texts of a message, for its author and for administrators."""

    async def get(self, address: str, seq: str) -> None:
        message = await self.message()
        if not self.may_change(message):
            raise NotYourMessage()
        changes = await self.site.log.changes_of(self.room.slug, [self.seq])
        edits = await self.site.log.entries(self.room.slug, [one.seq for one in changes if one.kind == EDIT])
        texts = sorted([message.entry, *edits], key=lambda entry: entry.seq)
        self.render(
            "history.html",
            message=message,
            texts=zip([moment(text.at, self.locale) for text in texts], await bodies_html(texts), strict=True),
            room=self.room,
            **await self.sidebar(self.room.slug),
        )
