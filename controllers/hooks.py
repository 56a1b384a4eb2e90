"""Webhooks: the page of a room's, and the address at which other sites post."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

import tornado.web

from controllers.base import BaseHandler
from controllers.rooms import DeedHandler, RoomBase
from controllers.web.dates import full_date
from controllers.web.http_status import status_text
from controllers.webhooks.payloads import MAX_PAYLOAD_BYTES, read_text
from controllers.webhooks.room_hooks import RoomHooks
from models import hooks
from models.bots import list_bots
from models.errors.base import Refusal
from models.errors.hooks import UnknownHook
from models.errors.rooms import NotYourRoom
from models.hooks import IN, HookInfo, HookWish
from models.logs.base import Draft

FORM = "application/x-www-form-urlencoded"
MAX_KEY_CHARS = 255  # of the header Idempotency-Key


@dataclass(frozen=True, slots=True)
class ShownHook:
    """A hook with what its page says of it. Dates are in words, or empty."""

    hook: HookInfo
    failing_since: str
    off_at: str
    behind: int


@dataclass(frozen=True, slots=True)
class MadeHook:
    """A hook that was just made, and its secret, which is not shown again."""

    hook: HookInfo
    secret: str


class HooksHandler(DeedHandler, RoomBase):
    """The hooks of a room, for who looks after it; makes one."""

    async def prepare(self) -> None:
        await super().prepare()
        if not self._finished:
            if not self.room.is_kept_by(self.member):
                raise NotYourRoom()
            self.hooks = RoomHooks(self.site, self.member, self.room)

    async def get(self, address: str) -> None:
        await self.show()

    async def show(self, refusal: Refusal | None = None, made: MadeHook | None = None) -> None:
        """Show the page, with what was wrong, or with a hook that was just made."""
        self.render(
            "hooks.html",
            room=self.room,
            hooks=[await self.shown(hook) for hook in await self.hooks.all()],
            bots=await self.site.read(list_bots),
            made=made,
            here=self.here,
            errors={refusal.field: self.translate(refusal.sentence)} if refusal else {},
            **await self.sidebar(self.room.slug),
        )

    async def shown(self, hook: HookInfo) -> ShownHook:
        """Return a hook as the page shows it."""
        failing_since, off_at = (
            full_date(at, self.locale) if at is not None else "" for at in (hook.failing_since, hook.off_at)
        )
        return ShownHook(hook, failing_since, off_at, await self.hooks.behind(hook))

    async def post(self, address: str) -> None:
        """Make a hook. Only the answer shows its secret."""
        kind = self.get_body_argument("kind", "")
        url = "" if kind == IN else self.get_body_argument("url", "")
        name, bot, events = (self.get_body_argument(field, "") for field in ("name", "bot", "events"))
        try:
            made = await self.hooks.make(HookWish(kind, name, bot, url, events or hooks.POSTS))
        except Refusal as refusal:
            self.set_refusal(refusal)
            await self.show(refusal)
        else:
            await self.show(made=MadeHook(*made))


class EndHookHandler(HooksHandler):
    """Ends a hook."""

    async def post(self, address: str, hook_id: str) -> None:  # type: ignore[override]
        with contextlib.suppress(UnknownHook):  # whose button was pressed twice
            await self.hooks.end(int(hook_id))
        self.redirect(f"{self.room_path}/hooks")


class SwitchHookHandler(HooksHandler):
    """Switches a hook on again."""

    async def post(self, address: str, hook_id: str) -> None:  # type: ignore[override]
        try:
            await self.hooks.switch_on(int(hook_id))
        except Refusal as refusal:
            self.set_refusal(refusal)
            await self.show(refusal)
        else:
            self.redirect(f"{self.room_path}/hooks")


class IncomingHandler(BaseHandler):
    """Takes a text from another site and posts it as the bot of the hook whose secret is in the address.

    No cookie counts here, so a page of another site can do nothing in a member's name.
    """

    needs_member = False
    max_bytes = {"payload": MAX_PAYLOAD_BYTES}

    def check_xsrf_cookie(self) -> None:
        """Check nothing: the secret in the address says who asks."""

    def check_trusted_origin(self, origin: str) -> bool:
        return True

    async def prepare(self) -> None:
        """Look up no sign-in."""
        self.site.request_started(self)

    async def post(self, hook_id: str, secret: str) -> None:
        hook = await self.site.read(hooks.find_incoming, int(hook_id), secret)
        await self.site.post(Draft(hook.room, hook.bot_id, read_text(self.payload()), self.nonce(hook.hook_id)))
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.finish("ok")

    def payload(self) -> bytes:
        """Return the JSON that was sent, as such or in a form's field `payload`. Raise HTTPError 413."""
        if len(self.request.body) > MAX_PAYLOAD_BYTES:
            raise tornado.web.HTTPError(413)
        is_form = self.request.headers.get("Content-Type", "").startswith(FORM)
        field = self.request.body_arguments.get("payload") if is_form else None
        found: bytes = field[-1] if field else self.request.body
        return found

    def nonce(self, hook_id: int) -> str:
        """Return the nonce of the post: the same for the same Idempotency-Key. Raise HTTPError 400."""
        key = self.request.headers.get("Idempotency-Key", "")
        if len(key) > MAX_KEY_CHARS:
            raise tornado.web.HTTPError(400)
        return f"in-{hook_id}-{hashlib.sha256(key.encode()).hexdigest()[:32]}" if key else secrets.token_hex(16)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with a line for the program that asks: a code and a sentence."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        line = f"error: {status_text(status_code)[1]}"
        if isinstance(error, Refusal):
            self.set_refusal(error)
            line = f"{error.code}: {error.sentence}"
        if status_code == 405:
            self.set_header("Allow", "POST")
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.finish(f"{line}\n")
