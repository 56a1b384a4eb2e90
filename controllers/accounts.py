"""Accounts: the first set-up, invitations and what is made of them, one's own account, the list of members."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import tornado.web

from controllers.base import BaseHandler
from models import accounts, invitations, passwords
from models.accounts import Member, OpenSession
from models.errors import BadPassword, NotYours, Refusal, SetupOver
from models.invitations import OpenInvitation
from models.passwords import PasswordHash
from models.rooms import LOBBY

LOBBY_PATH = f"/rooms/{LOBBY}"


@dataclass(frozen=True, slots=True)
class Device:
    """A signed-in device as its member sees it."""

    id: int
    name: str
    since: str
    is_this: bool


@dataclass(frozen=True, slots=True)
class InvitationLink:
    """An invitation as an administrator sees it."""

    id: int
    url: str
    made_by: str
    ends_on: str


class PasswordsDiffer(BadPassword):
    """The second password is not the first one."""

    field = "again"
    sentence = "The two passwords are not the same."


class PasswordForm(BaseHandler):
    """A form in which a password is chosen."""

    async def chosen_password(self) -> PasswordHash:
        """Return the hash of the password that was typed twice. Raise BadPassword, PasswordsDiffer."""
        password = self.get_typed("password")
        passwords.check_password_length(password)
        if password != self.get_typed("again"):
            raise PasswordsDiffer()
        return await self.site.hash(passwords.hash_password, password)


class AccountForm(PasswordForm, ABC):
    """What the two forms that make an account share."""

    needs_member = False

    @abstractmethod
    async def make_account(self, password: PasswordHash) -> Member:
        """Store the account that the form describes."""

    async def post(self, token: str = "") -> None:
        try:
            await self.check_token()
            password = await self.chosen_password()
            member = await self.make_account(password)
        except Refusal as refusal:
            if refusal.field == "form":
                raise
            self.set_status(400)
            await self.show_form({refusal.field: self.translate(refusal.sentence)})
            return
        await self.begin_session(member, password)
        self.redirect(LOBBY_PATH)

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
        if not await self.site.write(accounts.can_set_up, self.get_argument("token", "")):
            raise SetupOver()

    async def show_form(self, errors: dict[str, str]) -> None:
        self.render(
            "setup.html",
            token=self.get_argument("token", ""),
            username=self.get_body_argument("username", ""),
            email=self.get_body_argument("email", ""),
            errors=errors,
        )

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
        await self.invitation()

    async def invitation(self) -> OpenInvitation:
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
            if refusal.field == "form":
                raise
            self.set_status(400)
            await self.show({refusal.field: self.translate(refusal.sentence)})
            return
        await self.begin_session(self.member, password)
        self.redirect("/account?changed")

    async def change_password(self) -> PasswordHash:
        """Replace the password of somebody who knows it; return the hash of the new one. Raise Refusal."""
        session = self.signed_in.session_id
        current = self.get_typed("current")
        _, old = await self.site.authenticator.find(self.member.username, current, f"session {session}")
        new = await self.chosen_password()
        await self.site.write(accounts.change_password, self.member.id, old, new)
        return new

    async def show(self, errors: dict[str, str], changed: bool = False) -> None:
        """Show the page."""
        sessions = await self.site.read(accounts.open_sessions, self.member.id)
        self.render(
            "account.html",
            errors=errors,
            changed=changed,
            devices=[self.device(session) for session in sessions],
            **await self.sidebar(),
        )

    def device(self, session: OpenSession) -> Device:
        """Return a session as its member sees it."""
        name = session.device or self.translate("Unknown browser")
        return Device(session.id, name, self.day(session.opened_at), session.id == self.signed_in.session_id)


class EndDeviceHandler(BaseHandler):
    """Signs one of the member's devices out."""

    async def post(self, session_id: str) -> None:
        await self.site.write(accounts.end_own_session, self.member.id, int(session_id))
        self.redirect("/account")


class MembersHandler(BaseHandler):
    """Who belongs to the site; for administrators also the invitations."""

    async def get(self) -> None:
        online = set(self.site.presence.online(LOBBY))
        members = await self.site.read(accounts.members)
        open_ones = await self.site.read(invitations.open_invitations) if self.member.is_admin else []
        self.render(
            "members.html",
            members=[(member, member.username in online) for member in members],
            invitations=[self.link(invitation) for invitation in open_ones],
            made=self.made(),
            **await self.sidebar(),
        )

    def made(self) -> int | None:
        """Return the id of the invitation that was just made."""
        made = self.get_query_argument("made", "")
        return int(made) if made.isdecimal() and len(made) < 10 else None

    def link(self, invitation: OpenInvitation) -> InvitationLink:
        """Return the invitation as a link to this very host."""
        url = f"{self.request.protocol}://{self.request.host}/join/{invitation.token}"
        return InvitationLink(invitation.id, url, invitation.made_by, self.day(invitation.ends_at))


class AdminHandler(BaseHandler):
    """What only administrators may do."""

    async def prepare(self) -> None:
        await super().prepare()
        if not self._finished and not self.member.is_admin:
            raise tornado.web.HTTPError(403)


class RemoveMemberHandler(AdminHandler):
    """Removes a member, who is asked about first: that cannot be undone."""

    async def get(self, member_id: str) -> None:
        member = await self.site.read(accounts.get_member, int(member_id))
        if member.id == self.member.id:
            raise NotYours()
        self.render("remove.html", member=member)

    async def post(self, member_id: str) -> None:
        await self.site.write(accounts.remove_member, self.member.id, int(member_id))
        self.redirect("/members")


class InvitationsHandler(AdminHandler):
    """Makes an invitation."""

    async def post(self) -> None:
        made = await self.site.write(invitations.invite, self.member.id)
        self.redirect(f"/members?made={made}")


class EndInvitationHandler(AdminHandler):
    """Ends an invitation."""

    async def post(self, invitation_id: str) -> None:
        await self.site.write(invitations.end_invitation, int(invitation_id))
        self.redirect("/members")
