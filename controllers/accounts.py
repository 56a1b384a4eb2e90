"""Accounts: the first set-up, joining by an invitation, and the member's account page."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from controllers.base import BaseHandler
from controllers.web.authenticator import AttemptKeys
from controllers.web.dates import full_date
from controllers.web.token_list import NewToken, shown_feed, shown_tokens
from controllers.web.unique_labels import unique_labels
from models import accounts, failures, invitations, passwords, sessions, settings
from models.errors.accounts import BadPassword, SetupOver
from models.errors.base import Refusal, TryLater, WrongFields
from models.feeds import feed_of
from models.invitations import ValidInvitation
from models.members import Member
from models.models import LOBBY
from models.passwords import PasswordHash
from models.sessions import SignedInDevice, signed_in_devices
from models.tokens import tokens_of

LOBBY_PATH = f"/rooms/{LOBBY}"


@dataclass(frozen=True, slots=True)
class Device:
    """A signed-in device as its member sees it."""

    id: int
    name: str
    label: str  # the name within a sentence, different from all others on the page
    since: str
    is_this: bool


class PasswordsDiffer(BadPassword):
    """The second password is not the first one."""

    field = "again"
    sentence = "The two passwords are not the same."


async def check_all(*checks: Awaitable[Any]) -> list[Any]:
    """Run all checks and return their results. Raise WrongFields with all refusals of fields at once."""
    answers = await asyncio.gather(*checks, return_exceptions=True)
    errors = [answer for answer in answers if isinstance(answer, BaseException)]
    refusals = [error for error in errors if isinstance(error, Refusal) and error.field != "form"]
    for error in errors:
        if error not in refusals:
            raise error
    if refusals:
        raise WrongFields(refusals)
    return answers


class PasswordForm(BaseHandler, ABC):
    """A form in which a password is chosen, after which its member is signed in anew."""

    next_path = LOBBY_PATH  # where the form leads
    first_field = "username"  # which has the focus where nothing is wrong

    async def post(self, token: str = "") -> None:
        try:
            member, password = await self.submit()
        except Refusal as refusal:
            await self.show_form(self.errors_of(refusal))
            return
        await self.begin_session(member, password)
        self.redirect(self.next_path)

    @abstractmethod
    async def submit(self) -> tuple[Member, PasswordHash]:
        """Store what the form says; return the member and the hash of the password. Raise Refusal."""

    @abstractmethod
    async def show_form(self, errors: dict[str, str]) -> None:
        """Show the form with what was filled in, except passwords, and with errors by field."""

    def errors_of(self, refusal: Refusal) -> dict[str, str]:
        """Set the status, and return the sentences by field. Raise the refusal if it belongs to no field."""
        if refusal.field == "form" and not isinstance(refusal, TryLater):
            raise refusal
        self.set_status(400)
        if isinstance(refusal, TryLater):
            self.set_refusal(refusal)
        refusals = refusal.refusals if isinstance(refusal, WrongFields) else [refusal]
        return {one.field: self.translate(one.sentence) for one in refusals}

    def render_form(self, template: str, errors: dict[str, str], **values: object) -> None:
        """Render a page with the form; the first wrong field has the focus."""
        self.render(template, errors=errors, wrong=next(iter(errors), self.first_field), **values)

    async def check_password(self) -> None:
        """Refuse a password that is too short or too long."""
        passwords.check_password_length(self.get_typed("password"))

    async def check_again(self) -> None:
        """Refuse a second password that differs from the first one."""
        if self.get_typed("again") != self.get_typed("password"):
            raise PasswordsDiffer()

    async def hash_password(self) -> PasswordHash:
        """Return the hash of the chosen password. Raise Busy, ClientDisconnected."""
        async with self.site.hashing_queue.turn(failures.address_key(self.request.remote_ip or ""), self.disconnected):
            return await self.site.hashing_queue.run(passwords.hash_password, self.get_typed("password"))


class AccountForm(PasswordForm):
    """The base of the two forms that make an account."""

    needs_member = False

    async def submit(self) -> tuple[Member, PasswordHash]:
        await self.check_token()
        await check_all(*self.checks())
        password = await self.hash_password()
        return await self.make_account(password), password

    @abstractmethod
    async def check_token(self) -> None:
        """Refuse a link that is over, before any work is done for it."""

    @abstractmethod
    async def make_account(self, password: PasswordHash) -> Member:
        """Store the account that the form describes."""

    def checks(self) -> list[Awaitable[None]]:
        """Return the checks of all fields, in their order on the page."""
        return [self.check_username(), self.check_password(), self.check_again()]

    async def check_username(self) -> None:
        """Refuse a name that is not valid, or is taken."""
        await self.site.read(accounts.check_username, self.get_body_argument("username", ""))


class SetupHandler(AccountForm):
    """The first administrator, by the one-time link that is printed at start."""

    async def get(self) -> None:
        await self.check_token()
        await self.show_form({})

    async def check_token(self) -> None:
        if not await self.site.write(settings.can_set_up, self.get_argument("token", "")):
            raise SetupOver()

    async def show_form(self, errors: dict[str, str]) -> None:
        self.render_form(
            "setup.html",
            errors,
            token=self.get_argument("token", ""),
            username=self.get_body_argument("username", ""),
            email=self.get_body_argument("email", ""),
        )

    def checks(self) -> list[Awaitable[None]]:
        username, *rest = super().checks()
        return [username, self.check_email(), *rest]

    async def check_email(self) -> None:
        """Refuse an e-mail address that is not valid."""
        accounts.clean_email(self.get_body_argument("email", ""))

    async def make_account(self, password: PasswordHash) -> Member:
        email = accounts.clean_email(self.get_body_argument("email", ""))
        token, username = self.get_argument("token", ""), self.get_body_argument("username", "")
        return await self.site.write(accounts.set_up, token, username, password, email)


class JoinHandler(AccountForm):
    """An account made with an invitation."""

    async def get(self, token: str) -> None:
        if self.sign_in:
            self.redirect(LOBBY_PATH)
            return
        await self.show_form({})

    async def check_token(self) -> None:
        await self.site.read(invitations.check_invitation, self.path_args[0])

    async def invitation(self) -> ValidInvitation:
        """Return the invitation of this address. Raise InvitationOver."""
        return await self.site.read(invitations.find_invitation, self.path_args[0])

    async def show_form(self, errors: dict[str, str]) -> None:
        invitation = await self.invitation()
        self.render_form(
            "join.html",
            errors,
            token=invitation.token,
            invited_by=invitation.made_by,
            username=self.get_body_argument("username", ""),
        )

    async def make_account(self, password: PasswordHash) -> Member:
        return await self.site.write(
            invitations.join, self.path_args[0], self.get_body_argument("username", ""), password
        )


class AccountHandler(PasswordForm):
    """The member's account page: the password, the devices that are signed in, tokens of programs, and the feed."""

    next_path = "/account?changed"
    first_field = ""
    new_token: NewToken | None = None
    new_feed = ""  # its address
    token_errors: Mapping[str, str] = {}

    async def get(self) -> None:
        await self.show_form({})

    async def submit(self) -> tuple[Member, PasswordHash]:
        """Replace the password of a member who knows the present one."""
        old, *_ = await check_all(self.check_current(), self.check_password(), self.check_again())
        new = await self.hash_password()
        ends_tokens = self.get_body_argument("ends_tokens", "") == "on"
        await self.site.write(accounts.change_password, self.member.id, old, new, ends_tokens)
        return self.member, new

    async def check_current(self) -> PasswordHash:
        """Return the hash of the member's password. Raise WrongPassword, TooManyFailures, TooManySignIns."""
        # Not counted with sign-ins: another person who knows the password must not block its owner from changing it.
        counted = AttemptKeys([f"session {self.require_sign_in().session_id}"], [f"member {self.member.id}"])
        current = self.get_typed("current")
        verified = await self.site.authenticator.verify(self.member.username, current, self.disconnected, counted)
        return verified.stored

    async def show_form(self, errors: dict[str, str]) -> None:
        this = self.require_sign_in().session_id
        devices = await self.site.read(signed_in_devices, self.member.id, this)
        self.render_form(
            "account.html",
            errors,
            changed="changed" in self.request.query_arguments and not errors,
            devices=self.labelled(devices, this),
            tokens=shown_tokens(await self.site.read(tokens_of, self.member.id), self.locale),
            new_token=self.new_token,
            token_errors=self.token_errors,
            feed=shown_feed(await self.site.read(feed_of, self.member.id), self.locale),
            new_feed=self.new_feed,
            **await self.sidebar("/account"),
        )

    def labelled(self, devices: Sequence[SignedInDevice], this: int) -> list[Device]:
        """Return the member's signed-in devices as the page shows them; `this` is the id of the present one."""
        names = [device.device or self.translate("Unknown browser") for device in devices]
        labels = unique_labels([self.in_a_sentence(name) for name in names])
        return [
            Device(device.id, name, label, full_date(device.opened_at, self.locale), device.id == this)
            for device, name, label in zip(devices, names, labels, strict=True)
        ]

    def in_a_sentence(self, device: str) -> str:
        """Return "Firefox on Linux" for "Firefox · Linux"."""
        browser, _, system = device.partition(" · ")
        return (
            self.translate("%(browser)s on %(system)s") % {"browser": browser, "system": system} if system else device
        )


class EndDeviceHandler(BaseHandler):
    """Signs out one of the member's devices."""

    async def post(self, session_id: str) -> None:
        await self.site.write(sessions.end_own_session, self.member.id, int(session_id))
        self.redirect("/account")
