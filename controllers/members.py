"""The list of members, and what administrators do there: invite, end an invitation, remove a member."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import tornado.web

from controllers.base import BaseHandler
from controllers.web.dates import date_without_year, full_date
from controllers.web.unique_labels import unique_labels
from models import accounts, invitations
from models.errors import NotYours
from models.invitations import ValidInvitation
from models.members import get_member, list_members
from models.rooms import LOBBY


@dataclass(frozen=True, slots=True)
class InvitationLink:
    """An invitation as an administrator sees it."""

    id: int
    url: str
    label: str  # the day on which it was made, different from all others on the page
    made_by: str
    ends_on: str


class MembersHandler(BaseHandler):
    """The members of the site; for administrators also the invitations."""

    async def get(self) -> None:
        online = set(self.site.presence.online(LOBBY))
        members = await self.site.read(list_members)
        open_ones = await self.site.read(invitations.valid_invitations) if self.member.is_admin else []
        self.render(
            "members.html",
            members=[(member, member.username in online) for member in members],
            invitations=self.links(open_ones),
            made=self.made(),
            **await self.sidebar(),
        )

    def made(self) -> int | None:
        """Return the id of the invitation that was just made."""
        made = self.get_query_argument("made", "")
        return int(made) if len(made) < 10 and made.isdecimal() else None

    def links(self, open_ones: Sequence[ValidInvitation]) -> list[InvitationLink]:
        """Return invitations, the newest first, as links to the host of this request."""
        here = f"{self.request.protocol}://{self.request.host}/join/"
        days = [date_without_year(invitation.made_at, self.locale) for invitation in reversed(open_ones)]
        labels = unique_labels(days)[::-1]
        return [
            InvitationLink(one.id, here + one.token, label, one.made_by, full_date(one.ends_at, self.locale))
            for one, label in zip(open_ones, labels, strict=True)
        ]


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
