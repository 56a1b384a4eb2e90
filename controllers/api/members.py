"""The members of the site, and who asks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, with_config
from typing_extensions import TypedDict

from controllers.api.call import Call
from controllers.api.fields import NO_NUL, Fields, InAddress
from controllers.api.message_json import EXACTLY
from controllers.api.operation import Answer, operation
from controllers.web.json_answers import encoded, etag_of
from models.members import members_after
from models.names import MAX_NAME_CHARS
from models.tokens import TokenSignIn

MAX_MEMBERS = 500  # in one answer
DEFAULT_MEMBERS = 100


class MembersQuery(Fields):
    """Which members: those whose names come after one, in the order of the list."""

    after: Annotated[str, StringConstraints(max_length=MAX_NAME_CHARS, pattern=NO_NUL)] = ""
    limit: Annotated[int, Field(ge=1, le=MAX_MEMBERS), InAddress] = DEFAULT_MEMBERS


@with_config(EXACTLY)
class MemberJson(TypedDict):
    """A member; a bot is a program."""

    username: str
    admin: bool
    bot: bool
    online: bool


@with_config(EXACTLY)
class MemberList(TypedDict):
    """Members by name, and whether there are more."""

    members: list[MemberJson]
    more: bool


@with_config(EXACTLY)
class MeJson(TypedDict):
    """Who asks. `scope` is what the request may do: a token may be for reading only."""

    username: str
    admin: bool
    bot: bool
    scope: Literal["read", "write"]


@operation("GET", "me")
async def get_me(call: Call) -> Answer[MeJson]:
    """Return who asks."""
    may_write = not isinstance(call.asker, TokenSignIn) or call.asker.may_write
    member = call.member
    me: MeJson = {
        "username": member.username,
        "admin": member.is_admin,
        "bot": member.is_bot,
        "scope": "write" if may_write else "read",
    }
    return Answer(me)


@operation("GET", "members")
async def list_members(call: Call, query: MembersQuery) -> Answer[MemberList]:
    """List the members of the site."""
    found = await call.site.read(members_after, query.after, query.limit + 1)
    online = call.site.presence.everybody()
    members: list[MemberJson] = [
        {"username": one.username, "admin": one.is_admin, "bot": one.is_bot, "online": one.username in online}
        for one in found[: query.limit]
    ]
    content = encoded({"members": members, "more": len(found) > query.limit})
    return Answer(content, etag=etag_of(content))
