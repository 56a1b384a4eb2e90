"""A member's card, and what the page offers while a name is being typed, as JSON."""

from __future__ import annotations

from controllers.base import BaseHandler
from controllers.rooms import RoomBase
from models.errors.accounts import UnknownMember
from models.members import find_member
from models.models import LOBBY
from models.names import initial, tint
from models.people import find_people


class PeopleFinder(BaseHandler):
    """Finds people of a room."""

    answers_json = True

    async def answer(self, slug: str) -> None:
        """Answer with those of a room whose names begin with the query's `q`, and what stands beside these."""
        typed = self.get_query_argument("q", "", strip=False)
        found = await self.site.read(find_people, self.member.id, slug, typed)
        self.write({"people": [self.described(*one) for one in found]})

    def described(self, name: str, is_bot: bool) -> dict[str, object]:
        """Return a person as the page's scripts show them."""
        note = self.translate("bot") if is_bot else ""
        return {"username": name, "initial": initial(name), "tint": tint(name), "note": note}


class MembersOfSiteHandler(PeopleFinder):
    """Finds members of the site, who are all in the lobby."""

    async def get(self) -> None:
        await self.answer(LOBBY)


class MembersOfRoomHandler(PeopleFinder, RoomBase):
    """Finds people of a room that the member is in."""

    async def get(self, address: str) -> None:
        await self.answer(self.room.slug)


class PersonHandler(BaseHandler):
    """The card of a member, which their name leads to."""

    async def get(self, username: str) -> None:
        found = await self.site.read(find_member, username)
        if found is None:
            raise UnknownMember()
        person, _ = found
        is_online = person.username in self.site.presence.everybody()
        self.render("person.html", person=person, is_online=is_online, **await self.sidebar(""))
