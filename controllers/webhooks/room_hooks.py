"""The hooks of a room as the one who looks after it sees and changes them, for the page and the API alike."""

from __future__ import annotations

from typing import Protocol

from controllers.fetching.fetcher import Fetcher
from models import hooks
from models.engines.base import RunInThread
from models.errors.hooks import BadHookUrl
from models.hooks import FAILING, OUT, HookInfo, HookWish
from models.logs.base import RoomLog
from models.members import Member
from models.reads import Position
from models.rooms import RoomInfo


class HookSite(Protocol):
    """What the site gives for it."""

    read: RunInThread
    write: RunInThread
    log: RoomLog
    hook_fetcher: Fetcher

    async def note(self, room: str, member_id: int, did: str, name: str = "") -> None:
        """Tell in a room's log what a member has done to the room."""


class RoomHooks:
    """The hooks of `room`, for `member`. All raise UnknownRoom, NotYourRoom, Unavailable."""

    def __init__(self, site: HookSite, member: Member, room: RoomInfo) -> None:
        self._site = site
        self._member_id = member.id
        self._room = room

    async def all(self) -> list[HookInfo]:
        """Return the hooks, the oldest first."""
        return await self._site.read(hooks.hooks_of, self._member_id, self._room.address)

    async def make(self, wish: HookWish) -> tuple[HookInfo, str]:
        """Make a hook; return it and its secret. Raise what `hooks.make_hook` does; BadHookUrl."""
        is_long = len(wish.url) > hooks.MAX_URL_CHARS
        if wish.kind == OUT and (is_long or not self._site.hook_fetcher.reach.may_include(wish.url)):
            raise BadHookUrl()
        address, position = self._room.address, await self._end()
        hook, secret, is_new = await self._site.write(hooks.make_hook, self._member_id, address, wish, position)
        await self._note_bot(hook, is_new)
        return hook, secret

    async def end(self, hook_id: int) -> None:
        """End a hook. Raise UnknownHook."""
        await self._site.write(hooks.end_hook, self._member_id, self._room.address, hook_id)

    async def switch_on(self, hook_id: int) -> HookInfo:
        """Let a hook work again, its bot back into the room. Raise what `hooks.switch_on` does."""
        address, position = self._room.address, await self._end()
        hook, is_new = await self._site.write(hooks.switch_on, self._member_id, address, hook_id, position)
        await self._note_bot(hook, is_new)
        return hook

    async def behind(self, hook: HookInfo) -> int:
        """Return how many messages were posted since the last that a hook has sent, 0 unless it fails."""
        if hook.state != FAILING:
            return 0
        last = await self._site.log.before(self._room.slug, hook.cursor + 1, 1)
        return (await self._end()).posts - (last[0].posts if last else 0)

    async def _end(self) -> Position:
        head = await self._site.log.head(self._room.slug)
        return Position(head.seq, head.posts)

    async def _note_bot(self, hook: HookInfo, is_new: bool) -> None:
        if is_new:
            await self._site.note(self._room.slug, self._member_id, "let_in", hook.bot)
