"""The member's tokens: only who is signed in makes and ends them, and no program with a token."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import Field, StringConstraints, with_config
from typing_extensions import TypedDict

from controllers.api.call import Call
from controllers.api.fields import NO_NUL, Fields, PathId
from controllers.api.message_json import EXACTLY
from controllers.api.operation import Answer, operation
from models.errors.tokens import BadTokenName, TooManyTokens, UnknownToken
from models.tokens import MAX_TOKEN_DAYS, MAX_TOKEN_NAME_CHARS, OwnToken, end_token, make_token, tokens_of

Scope = Literal["read", "write"]


class OfToken(Fields):
    """A path of one token."""

    id: PathId


class NewToken(Fields):
    """A token to be made: `days` for which it is good, null for ever."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=MAX_TOKEN_NAME_CHARS, pattern=NO_NUL)]
    scope: Scope
    days: Annotated[int, Field(ge=1, le=MAX_TOKEN_DAYS)] | None


@with_config(EXACTLY)
class TokenJson(TypedDict):
    """A token. Its text, `token`, is told when it is made, and never again."""

    id: int
    name: str
    scope: Scope
    made_at: float
    ends_at: float | None
    used_at: float | None
    token: NotRequired[str]


@with_config(EXACTLY)
class TokenList(TypedDict):
    """The member's tokens, the newest first."""

    tokens: list[TokenJson]


@operation("GET", "tokens", is_for_tokens=False)
async def list_tokens(call: Call) -> Answer[TokenList]:
    """List the member's tokens."""
    return Answer({"tokens": [_json(one) for one in await call.site.read(tokens_of, call.member.id)]})


@operation("POST", "tokens", statuses=(201,), refusals=(BadTokenName, TooManyTokens), is_for_tokens=False)
async def add_token(call: Call, body: NewToken) -> Answer[TokenJson]:
    """Make a token."""
    call.pay()
    made, text = await call.site.write(make_token, call.member.id, body.name, body.scope, body.days)
    return Answer({**_json(made), "token": text}, 201)


@operation("DELETE", "tokens/{id}", refusals=(UnknownToken,), is_for_tokens=False)
async def delete_token(call: Call, path: OfToken) -> None:
    """End a token: nobody gets in with it any more."""
    call.pay()
    await call.site.write(end_token, call.member.id, path.id)


def _json(one: OwnToken) -> TokenJson:
    return {
        "id": one.id,
        "name": one.name,
        "scope": one.scope,  # type: ignore[typeddict-item]  # one of Scope, as it is stored
        "made_at": one.made_at,
        "ends_at": one.ends_at,
        "used_at": one.used_at,
    }
