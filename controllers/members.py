"""The list of members, and what administrators do there: invite, end an invitation, remove a member."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import tornado.web

from controllers.base import BaseHandler
from controllers.rooms import DeedHandler, path_of
from controllers.web.dates import date_without_year, full_date
from controllers.web.unique_labels import unique_labels
from models import accounts, invitations, memberships
from models.bots import list_bots
from models.errors.base import NotYours, Refusal
from models.invitations import ValidInvitation
from models.members import get_member, list_members


@dataclass(frozen=True, slots=True)
class InvitationLink:
    """An invitation as an administrator sees it."""

    id: int
    url: str
    label: str  # the day on which it was made, different from all others on the page
    made_by: str
    ends_on: str


class MembersBase(BaseHandler):
    """Shows the members of the site; to administrators also the invitations and the bots."""

    async def show(self, refusal: Refusal | None = None, bot_refusal: Refusal | None = None) -> None:
        """Show the page, with why the chosen people could not be written to, or a bot not be made."""
        online = self.site.presence.everybody()
        members = await self.site.read(list_members)
        open_ones = await self.site.read(invitations.valid_invitations) if self.member.is_admin else []
        bots = await self.site.read(list_bots) if self.member.is_admin else []
        self.render(
            "members.html",
            members=[(member, member.username in online) for member in members],
            invitations=self.links(open_ones),
            made=self.made(),
            chosen=self.get_body_arguments("username"),
            error=self.translate(refusal.sentence) if refusal else None,
            bots=bots,
            bot_error=self.translate(bot_refusal.sentence) if bot_refusal else None,
            **await self.sidebar("/members"),
        )

    def made(self) -> int | None:
        """Return the id of the invitation that was just made."""
        made = self.get_query_argument("made", "")
        return int(made) if len(made) < 10 and made.isdecimal() else None

    def links(self, open_ones: Sequence[ValidInvitation]) -> list[InvitationLink]:
        """Return invitations, the newest first, as links to the host of this request."""
        here = f"{self.here}/join/"
        days = [date_without_year(invitation.made_at, self.locale) for invitation in reversed(open_ones)]
        labels = unique_labels(days)[::-1]
        return [
            InvitationLink(one.id, here + one.token, label, one.made_by, full_date(one.ends_at, self.locale))
            for one, label in zip(open_ones, labels, strict=True)
        ]


class MembersHandler(MembersBase):
    """The page of the members."""

    async def get(self) -> None:
        await self.show()


class DirectHandler(DeedHandler, MembersBase):
    """Opens the room of certain people."""

    async def post(self) -> None:
        names = self.get_body_arguments("username")[: memberships.MAX_DIRECT_PEOPLE + 1]  # one more is refused
        try:
            room = await self.site.write(memberships.open_direct, self.member.id, names)
        except Refusal as refusal:
            self.set_refusal(refusal)
            await self.show(refusal)
        else:
            self.redirect(path_of(room.address))


class AdminHandler(BaseHandler):
    """What only administrators may do."""

    async def prepare(self) -> None:
        await super().prepare()
        if not self._finished and not self.member.is_admin:
            raise tornado.web.HTTPError(403)


class RemoveMemberHandler(AdminHandler):
    """Removes a member, after a page that asks for confirmation, since this cannot be undone."""

    async def get(self, member_id: str) -> None:
        member = await self.site.read(get_member, int(member_id))
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
