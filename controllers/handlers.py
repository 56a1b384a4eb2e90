"""The tutorial's handlers: the home page, sign-in and sign-out, three styles of fetching."""

from __future__ import annotations

import asyncio
import math
from typing import Any
from urllib.parse import quote

import tornado.gen
import tornado.web

from controllers.base import MAX_NEXT_BYTES, BaseHandler
from controllers.web.authenticator import AttemptKeys
from controllers.web.cookies import DEVICE_COOKIE, DEVICE_COOKIE_DAYS, LAST_ROOM_COOKIE, read_signed_cookie
from models import failures, settings
from models.errors.accounts import TooManyFailures, WrongPassword
from models.errors.base import TryLater
from models.models import LOBBY
from models.rooms import rooms_of


def local_path(target: str) -> str:
    """Return `target` if every browser reads it as a path of this site, and it is not too long; else "/"."""
    if len(target) > MAX_NEXT_BYTES or len(target.encode()) > MAX_NEXT_BYTES:
        return "/"
    if not target.startswith("/") or target.startswith("//") or "\\" in target or not target.isprintable():
        return "/"
    return target


class NotFoundHandler(BaseHandler):
    """Answers 404 at every address that is not in the table of routes."""

    needs_member = False

    def check_xsrf_cookie(self) -> None:
        """Raise 404 before the token is checked: there is nothing here that a forged request could do."""
        raise tornado.web.HTTPError(404)

    async def prepare(self) -> None:
        await super().prepare()
        raise tornado.web.HTTPError(404)


class MainHandler(BaseHandler):
    """The home page: the room that the member was last in on this device, else the lobby."""

    async def get(self) -> None:
        mine = [quote(room.slug) for room in await self.site.query_cache.get(rooms_of, self.member.id)]
        wanted = (self.get_cookie(LAST_ROOM_COOKIE), LOBBY, *mine)
        self.redirect(next((f"/rooms/{room}" for room in wanted if room in mine), "/rooms"))


class LoginHandler(BaseHandler):
    """Sign-in by name and password."""

    needs_member = False

    async def get(self) -> None:
        next_path = local_path(self.get_query_argument("next", "/"))
        if self.sign_in:
            self.redirect(next_path)
        elif not await self.site.query_cache.get_fresh(settings.is_set_up):
            self.render("unset.html")
        else:
            self.render("login.html", next_path=next_path, username="", error=None)

    async def post(self) -> None:
        username = self.get_body_argument("username", "")
        password = self.get_typed("password")
        authenticator = self.site.authenticator
        try:
            verified = await authenticator.verify(username, password, self.disconnected, self.attempt_keys(username))
            await self.begin_session(verified.member, verified.stored)
        except (WrongPassword, TooManyFailures, TryLater) as refusal:
            self.ask_again(username, refusal)
            return
        await authenticator.rehash_if_outdated(verified, password, self.disconnected)
        self.redirect(local_path(self.get_body_argument("next", "/")))

    def attempt_keys(self, username: str) -> AttemptKeys:
        """Return the keys under which an attempt is counted.

        A failure on a device where this account was used before counts for that device alone, so that guesses made
        elsewhere cannot lock the account's owner out (OWASP: Slow Down Online Guessing Attacks with Device Cookies). A
        right password always counts for its account, since each new sign-in makes such a device.
        """
        account = failures.account_key(username)
        known = read_signed_cookie(self, DEVICE_COOKIE, DEVICE_COOKIE_DAYS)
        if known.startswith(f"{account} "):
            return AttemptKeys([f"device {known}"], [account])
        both = account, failures.address_key(self.request.remote_ip or "")
        return AttemptKeys(both, both)

    def ask_again(self, username: str, refusal: WrongPassword | TooManyFailures | TryLater) -> None:
        """Show the form again and say why."""
        self.set_refusal(refusal)
        error = self.translate("That name and password don’t go together.")
        if isinstance(refusal, TooManyFailures):
            error = self.wait_in_words(refusal.retry_after)
        elif isinstance(refusal, TryLater):
            error = self.translate(refusal.sentence)
        next_path = local_path(self.get_body_argument("next", "/"))
        self.render("login.html", next_path=next_path, username=username, error=error)

    def wait_in_words(self, seconds: float) -> str:
        """Return the sentence that says how long to wait after too many wrong passwords."""
        minutes = math.ceil(seconds / 60)
        one = "That was wrong too often. Please wait {n} minute, then try again."
        more = "That was wrong too often. Please wait {n} minutes, then try again."
        return self.locale.translate(one, more, minutes).replace("{n}", str(minutes))


class LogoutHandler(BaseHandler):
    """Sign-out: a GET shows a button, since a link or an image must not sign out; the POST does it."""

    needs_member = False

    async def get(self) -> None:
        if self.sign_in:
            self.render("logout.html")
        else:
            self.redirect("/login")

    async def post(self) -> None:
        if self.sign_in:
            await self.end_session(self.sign_in)
        self.redirect("/login")


class HealthHandler(BaseHandler):
    """Tells whether this process can read and write its stores, or is read-only while they are moved."""

    needs_member = False
    answers_json = True

    async def prepare(self) -> None:
        """Look up no sign-in: a load balancer is no member."""

    async def get(self) -> None:
        self.write({"status": await self.site.check_health(), "process": self.site.process})


class AsyncHandler(BaseHandler):
    """Waits with a callback on the future, as all of Tornado was once written."""

    answers_json = True

    def get(self) -> asyncio.Future[None]:
        self.answered: asyncio.Future[None] = asyncio.Future()
        self.site.fetcher.fetch().add_done_callback(self.on_fetch)
        return self.answered

    def on_fetch(self, fetched: asyncio.Future[Any]) -> None:
        """Called by the loop once the future is done, well or not."""
        try:
            self.write({"do_something_with_response": fetched.result()})
            self.answered.set_result(None)
        except Exception as error:
            self.answered.set_exception(error)


class GenAsyncHandler(BaseHandler):
    """Waits with `yield` in a generator: reads from top to bottom, and errors are exceptions again."""

    answers_json = True

    @tornado.gen.coroutine
    def get(self) -> Any:
        fetched = yield self.site.fetcher.fetch()
        self.write(fetched)


class FutureHandler(BaseHandler):
    """Has two fetches under way at once and waits for both with `await`: as long as the slower one takes."""

    answers_json = True

    async def get(self) -> None:
        first, second = self.site.fetcher.fetch(), self.site.fetcher.fetch()
        k1, k2 = await asyncio.gather(first, second)
        self.write({"k1": k1, "k2": k2})
