"""The webhooks of a room, for those who look after it."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import StringConstraints, with_config
from typing_extensions import TypedDict

from controllers.api.call import Call
from controllers.api.fields import NO_NUL, Fields, InRoom, PathId
from controllers.api.message_json import EXACTLY
from controllers.api.operation import Answer, operation
from controllers.webhooks.room_hooks import RoomHooks
from models.errors.hooks import BadHookName, BadHookUrl, TooManyHooks, UnknownHook
from models.errors.rooms import Archived, NotYourRoom, OtherInTooManyRooms, UnknownRoom
from models.errors.tokens import NotBot
from models.hooks import MAX_HOOK_NAME_CHARS, MAX_URL_CHARS, HookInfo, HookWish
from models.names import MAX_NAME_CHARS

Kind = Literal["in", "out"]
Events = Literal["posts", "mentions"]
State = Literal["working", "failing", "off", "away"]
BotName = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME_CHARS, pattern=NO_NUL)]
KEEPING = (UnknownRoom, NotYourRoom)


class OfHook(InRoom):
    """A path of one webhook."""

    id: PathId


class NewHook(Fields):
    """A webhook to be made: `in` for others to post here, `out` to tell `url` of `events`. `bot` is let in with it."""

    kind: Kind
    name: Annotated[str, StringConstraints(min_length=1, max_length=MAX_HOOK_NAME_CHARS, pattern=NO_NUL)]
    bot: BotName
    url: Annotated[str, StringConstraints(max_length=MAX_URL_CHARS, pattern=NO_NUL)] = ""
    events: Events = "posts"


class HookChange(Fields):
    """A webhook is switched on again, and goes on with what is posted from then on."""

    on: Literal[True]


@with_config(EXACTLY)
class HookJson(TypedDict):
    """A webhook. `state` is "away" while its bot is not in the room; `cursor` is the number up to which all was sent.

    `secret` is told when it is made, and never again: the key that signs what goes out, or the last part of the path
    /hooks/ID/SECRET at which others post.
    """

    id: int
    kind: Kind
    name: str
    bot: str
    url: str
    events: Events
    state: State
    cursor: int
    failing_since: float | None
    failures: int
    last_status: str
    off_at: float | None
    secret: NotRequired[str]


@with_config(EXACTLY)
class HookList(TypedDict):
    """The webhooks of a room, the oldest first."""

    hooks: list[HookJson]


@operation("GET", "rooms/{room}/hooks", refusals=KEEPING)
async def list_hooks(call: Call, path: InRoom) -> Answer[HookList]:
    """List the webhooks of a room that the member looks after."""
    return Answer({"hooks": [_json(one) for one in await (await _hooks(call, path)).all()]})


@operation(
    "POST",
    "rooms/{room}/hooks",
    statuses=(201,),
    refusals=(*KEEPING, Archived, BadHookName, BadHookUrl, NotBot, TooManyHooks, OtherInTooManyRooms),
    is_for_tokens=False,
)
async def make_hook(call: Call, path: InRoom, body: NewHook) -> Answer[HookJson]:
    """Make a webhook. It goes on when tokens have ended, so no program makes one with a token."""
    call.pay()
    hook, secret = await (await _hooks(call, path)).make(HookWish(**body.model_dump()))
    return Answer({**_json(hook), "secret": secret}, 201)


@operation(
    "PATCH",
    "rooms/{room}/hooks/{id}",
    refusals=(*KEEPING, UnknownHook, Archived, NotBot, OtherInTooManyRooms),
)
async def switch_hook_on(call: Call, path: OfHook, body: HookChange) -> Answer[HookJson]:
    """Switch a webhook on again, its bot let into the room again."""
    call.pay()
    return Answer(_json(await (await _hooks(call, path)).switch_on(path.id)))


@operation("DELETE", "rooms/{room}/hooks/{id}", refusals=(*KEEPING, UnknownHook))
async def end_hook(call: Call, path: OfHook) -> None:
    """End a webhook."""
    call.pay()
    await (await _hooks(call, path)).end(path.id)


async def _hooks(call: Call, path: InRoom) -> RoomHooks:
    return RoomHooks(call.site, call.member, await call.room(path.room))


def _json(one: HookInfo) -> HookJson:
    return {
        "id": one.id,
        "kind": one.kind,  # type: ignore[typeddict-item]  # one of Kind, as it is stored
        "name": one.name,
        "bot": one.bot,
        "url": one.url,
        "events": one.events,  # type: ignore[typeddict-item]  # one of Events
        "state": one.state,  # type: ignore[typeddict-item]  # one of State
        "cursor": one.cursor,
        "failing_since": one.failing_since,
        "failures": one.failures,
        "last_status": one.last_status,
        "off_at": one.off_at,
    }
