"""Accounts: the first set-up, what is made of an invitation, and one's own account."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any

from controllers.base import BaseHandler
from controllers.web.authenticator import AttemptKeys
from controllers.web.unique_labels import unique_labels
from models import accounts, failures, invitations, passwords, sessions, settings
from models.errors import BadPassword, Refusal, SetupOver, TryLater, WrongFields
from models.invitations import ValidInvitation
from models.members import Member
from models.passwords import PasswordHash
from models.rooms import LOBBY
from models.sessions import SignedInDevice, signed_in_devices

LOBBY_PATH = f"/rooms/{LOBBY}"


@dataclass(frozen=True, slots=True)
class Device:
    """A signed-in device as its member sees it."""

    id: int
    name: str
    called: str  # the same within a sentence, and as no other one on the page
    since: str
    is_this: bool


class PasswordsDiffer(BadPassword):
    """The second password is not the first one."""

    field = "again"
    sentence = "The two passwords are not the same."


async def check_all(*checks: Awaitable[Any]) -> list[Any]:
    """Return what the checks return; whoever filled in the form hears of everything at once. Raise WrongFields."""
    answers = await asyncio.gather(*checks, return_exceptions=True)
    errors = [answer for answer in answers if isinstance(answer, BaseException)]
    refusals = [error for error in errors if isinstance(error, Refusal) and error.field != "form"]
    for error in errors:
        if error not in refusals:
            raise error
    if refusals:
        raise WrongFields(refusals)
    return answers


class PasswordForm(BaseHandler):
    """A form in which a password is chosen."""

    async def check_password(self) -> None:
        """Refuse a password that is too short or too long."""
        passwords.check_password_length(self.get_typed("password"))

    async def check_again(self) -> None:
        """Refuse a second password that is not the first one."""
        if self.get_typed("again") != self.get_typed("password"):
            raise PasswordsDiffer()

    async def hash_password(self) -> PasswordHash:
        """Return the hash of the password that was chosen. Raise Busy, ClientDisconnected."""
        async with self.site.hashing_queue.turn(failures.address_key(self.request.remote_ip or ""), self.disconnected):
            return await self.site.hashing_queue.run(passwords.hash_password, self.get_typed("password"))

    def errors_of(self, refusal: Refusal) -> dict[str, str]:
        """Set the status, and return what to say beside which field. Raise the refusal if it is of no field."""
        if refusal.field == "form" and not isinstance(refusal, TryLater):
            raise refusal
        self.set_status(400)
        if isinstance(refusal, TryLater):
            self.refuse(refusal)
        refusals = refusal.refusals if isinstance(refusal, WrongFields) else [refusal]
        return {one.field: self.translate(one.sentence) for one in refusals}


class AccountForm(PasswordForm, ABC):
    """What the two forms that make an account share."""

    needs_member = False

    @abstractmethod
    async def make_account(self, password: PasswordHash) -> Member:
        """Store the account that the form describes."""

    async def post(self, token: str = "") -> None:
        try:
            await self.check_token()
            await check_all(*self.checks())
            password = await self.hash_password()
            member = await self.make_account(password)
        except Refusal as refusal:
            errors = self.errors_of(refusal)
            await self.show_form(errors)
            return
        await self.begin_session(member, password)
        self.redirect(LOBBY_PATH)

    def checks(self) -> list[Awaitable[None]]:
        """Return the checks of all fields, in their order on the page."""
        return [self.check_username(), self.check_password(), self.check_again()]

    async def check_username(self) -> None:
        """Refuse a name that cannot be one, or is somebody's."""
        await self.site.read(accounts.check_username, self.get_body_argument("username", ""))

    @abstractmethod
    async def check_token(self) -> None:
        """Refuse a link that is over before any work is done for it."""

    @abstractmethod
    async def show_form(self, errors: dict[str, str]) -> None:
        """Show the form with what was filled in, but for the passwords."""


class SetupHandler(AccountForm):
    """The first administrator, by the one-time link that is printed at start."""

    async def get(self) -> None:
        await self.check_token()
        await self.show_form({})

    async def check_token(self) -> None:
        if not await self.site.write(settings.can_set_up, self.get_argument("token", "")):
            raise SetupOver()

    async def show_form(self, errors: dict[str, str]) -> None:
        self.render(
            "setup.html",
            token=self.get_argument("token", ""),
            username=self.get_body_argument("username", ""),
            email=self.get_body_argument("email", ""),
            errors=errors,
        )

    def checks(self) -> list[Awaitable[None]]:
        username, *rest = super().checks()
        return [username, self.check_email(), *rest]

    async def check_email(self) -> None:
        """Refuse what cannot be an address."""
        accounts.clean_email(self.get_body_argument("email", ""))

    async def make_account(self, password: PasswordHash) -> Member:
        email = accounts.clean_email(self.get_body_argument("email", ""))
        token, username = self.get_argument("token", ""), self.get_body_argument("username", "")
        return await self.site.write(accounts.set_up, token, username, password, email)


class JoinHandler(AccountForm):
    """An account for whoever holds an invitation."""

    async def get(self, token: str) -> None:
        if self.current_user:
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
        self.render(
            "join.html",
            token=invitation.token,
            invited_by=invitation.made_by,
            username=self.get_body_argument("username", ""),
            errors=errors,
        )

    async def make_account(self, password: PasswordHash) -> Member:
        return await self.site.write(
            invitations.join, self.path_args[0], self.get_body_argument("username", ""), password
        )


class AccountHandler(PasswordForm):
    """One's own account: the password, and the devices that are signed in."""

    async def get(self) -> None:
        await self.show({}, changed="changed" in self.request.query_arguments)

    async def post(self) -> None:
        try:
            password = await self.change_password()
        except Refusal as refusal:
            errors = self.errors_of(refusal)
            await self.show(errors)
            return
        await self.begin_session(self.member, password)
        self.redirect("/account?changed")

    async def change_password(self) -> PasswordHash:
        """Replace the password of somebody who knows it; return the hash of the new one. Raise Refusal."""
        old, *_ = await check_all(self.check_current(), self.check_password(), self.check_again())
        new = await self.hash_password()
        await self.site.write(accounts.change_password, self.member.id, old, new)
        return new

    async def check_current(self) -> PasswordHash:
        """Return the hash of the member's password. Raise WrongPassword, TooManyFailures, TooManySignIns."""
        # Apart from sign-ins: somebody else who has the password must not keep its owner from changing it.
        counted = AttemptKeys([f"session {self.signed_in.session_id}"], [f"member {self.member.id}"])
        current = self.get_typed("current")
        verified = await self.site.authenticator.verify(self.member.username, current, self.disconnected, counted)
        return verified.stored

    async def show(self, errors: dict[str, str], changed: bool = False) -> None:
        """Show the page."""
        devices = await self.site.read(signed_in_devices, self.member.id, self.signed_in.session_id)
        self.render(
            "account.html",
            errors=errors,
            changed=changed,
            devices=self.labelled(devices),
            **await self.sidebar(),
        )

    def labelled(self, devices: Sequence[SignedInDevice]) -> list[Device]:
        """Return the member's signed-in devices as the page shows them."""
        names = [device.device or self.translate("Unknown browser") for device in devices]
        called = unique_labels([self.in_a_sentence(name) for name in names])
        this = self.signed_in.session_id
        return [
            Device(device.id, name, call, self.day(device.opened_at), device.id == this)
            for device, name, call in zip(devices, names, called, strict=True)
        ]

    def in_a_sentence(self, device: str) -> str:
        """Return "Firefox on Linux" for "Firefox · Linux"."""
        browser, _, system = device.partition(" · ")
        return (
            self.translate("%(browser)s on %(system)s") % {"browser": browser, "system": system} if system else device
        )


class EndDeviceHandler(BaseHandler):
    """Signs one of the member's devices out."""

    async def post(self, session_id: str) -> None:
        await self.site.write(sessions.end_own_session, self.member.id, int(session_id))
        self.redirect("/account")
