"""A member's tokens and feed as their page shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tornado.locale import Locale

from controllers.web.dates import full_date, moment
from controllers.web.rendering import isolated
from controllers.web.unique_labels import unique_labels
from models.feeds import OwnFeed
from models.tokens import READ, OwnToken

NEVER = "never"
DAYS = {"7": 7, "30": 30, "90": 90, "365": 365, NEVER: None}  # for which a token is good, as the form spells them
USUAL_DAYS = "90"


@dataclass(frozen=True, slots=True)
class ShownToken:
    """A token in the list; `label` is its name within a sentence, different from all others on the page."""

    id: int
    name: str
    label: str
    facts: str
    is_over: bool


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was just made, with its text, which is shown this once."""

    name: str
    text: str


def shown_tokens(tokens: Sequence[OwnToken], locale: Locale) -> list[ShownToken]:
    """Return tokens as the page lists them."""
    labels = unique_labels([isolated(token.name) for token in tokens])
    return [
        ShownToken(token.id, token.name, label, " · ".join(_facts(token, locale)), token.is_over)
        for token, label in zip(tokens, labels, strict=True)
    ]


def shown_feed(feed: OwnFeed | None, locale: Locale) -> str:
    """Return what is to be known of a member's feed; "" if they have none."""
    if feed is None:
        return ""
    made = locale.translate("made on %(day)s") % {"day": full_date(feed.made_at, locale)}
    return f"{made} · {_last_use(feed.used_at, locale)}"


def _facts(token: OwnToken, locale: Locale) -> list[str]:
    """Return what is to be known of a token: what it may do, when it was used last, and when it ends."""
    may = locale.translate("reads only") if token.scope == READ else locale.translate("reads and writes")
    used = _last_use(token.used_at, locale)
    if token.ends_at is None:
        return [may, used, locale.translate("good until you end it")]
    end = locale.translate("ended on %(day)s") if token.is_over else locale.translate("good until %(day)s")
    return [may, used, end % {"day": full_date(token.ends_at, locale)}]


def _last_use(used_at: float | None, locale: Locale) -> str:
    if used_at is None:
        return locale.translate("not used yet")
    return locale.translate("last used: %(moment)s") % {"moment": moment(used_at, locale)}
