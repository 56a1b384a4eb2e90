"""What writers write: posts, answers, edits, deletions, reactions, each with its nonce."""

from __future__ import annotations

import random
import secrets
from dataclasses import dataclass

from faults.board import Board
from faults.form import CODES_BY_STATUS
from faults.seen import MENDS, SAYS

SHARES = {"post": 60, "edit": 16, "delete": 6, "react": 13, "unreact": 5}  # of each kind, in 100
ANSWER_SHARE = 0.25  # of the posts answer another one
TRESPASS_SHARE = 0.05  # of the edits and deletions are of what another has written
MENTION_SHARE = 0.2  # of the texts name somebody
LONG_SHARE = 0.02  # of the texts are long ones
LONG_CHARS = 6000  # of those, beyond ASCII so that every encoding of them is long
EMOJI = ("👍", "👍🏽", "❤️", "🎉")


@dataclass(frozen=True, slots=True)
class Draft:
    """What a writer wants to be in the log; `body` is a text or an emoji."""

    kind: str
    nonce: str
    body: str
    target: int | None = None

    def message(self, room: str) -> dict[str, object]:
        """Return what is sent to the chat."""
        body = {"emoji" if "react" in self.kind else "body": self.body} if self.body else {}
        target = {} if self.target is None else {"target": self.target}
        return {"type": self.kind, "room": room, "nonce": self.nonce, **body, **target}

    @property
    def kind_by_form(self) -> str:
        """What the form does: one form reacts and takes the reaction back."""
        return "toggle" if "react" in self.kind else self.kind

    @property
    def refusals(self) -> dict[int, str]:
        """What the site says by these statuses when it refuses the form for good."""
        return {} if self.target is None else CODES_BY_STATUS

    def form(self, room: str) -> tuple[str, dict[str, str]]:
        """Return the path and the fields of the form that does the same."""
        if self.kind == "post":
            target = {} if self.target is None else {"target": str(self.target)}
            return f"/rooms/{room}", {"nonce": self.nonce, "body": self.body, **target}
        what = "react" if "react" in self.kind else self.kind
        body = {"emoji" if what == "react" else "body": self.body} if self.body else {}
        return f"/rooms/{room}/messages/{self.target}/{what}", {"nonce": self.nonce, **body}


class Drafter:
    """Draws what a member writes next, from the board of their room; `names` are those whom they may mention."""

    def __init__(self, name: str, dice: random.Random, board: Board, names: list[str]) -> None:
        self._name = name
        self._dice = dice
        self._board = board
        self._names = names
        self._reactions: list[tuple[int, str]] = []  # targets with the emoji, some of which were taken back since

    def post(self) -> Draft:
        """Return a post that answers nothing."""
        return self._text("post", SAYS)

    def draw(self) -> Draft:
        """Return whatever comes next; a post while there is nothing to be changed."""
        kind = self._dice.choices(list(SHARES), list(SHARES.values()))[0]
        if kind == "post":
            answers = self._dice.random() < ANSWER_SHARE
            return self._text("post", SAYS, self._board.pick(self._dice) if answers else None)
        is_any = "react" in kind or self._dice.random() < TRESPASS_SHARE
        target = self._board.pick(self._dice, None if is_any else self._name)
        if target is None:
            return self.post()
        if kind == "edit":
            return self._text(kind, MENDS, target)
        if kind == "delete":
            return Draft(kind, secrets.token_hex(8), "", target)
        return self._reaction(kind, target)

    def _reaction(self, kind: str, target: int) -> Draft:
        """Return a reaction to `target`, or take one back that was made before, if there is one."""
        emoji = self._dice.choice(EMOJI)
        if kind == "react":
            self._reactions.append((target, emoji))
        elif self._reactions:
            target, emoji = self._dice.choice(self._reactions)
        return Draft(kind, secrets.token_hex(8), emoji, target)

    def _text(self, kind: str, verb: str, target: int | None = None) -> Draft:
        nonce = secrets.token_hex(8)
        named = f" @{self._dice.choice(self._names)}" if self._names and self._dice.random() < MENTION_SHARE else ""
        long = " " + "ü€😀 " * (LONG_CHARS // 4) if self._dice.random() < LONG_SHARE else ""
        return Draft(kind, nonce, f"{self._name} {verb} {nonce}{named}{long}".rstrip(), target)
