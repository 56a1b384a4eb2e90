"""The domain's refusals. Each says in one sentence, in English and translatable, what was wrong."""

from collections.abc import Sequence


class Refusal(Exception):
    """Something was asked that will not be done; nothing was stored.

    ``code`` names it on the wire (docs: wire protocol), ``field`` the form field that it belongs to. ``title`` stands
    above the sentence where it is a page, if the title of its status would say less.
    """

    code = "refused"
    field = "form"
    title = ""
    sentence = "That can’t be done."

    def __init__(self, sentence: str = "") -> None:
        super().__init__(sentence or self.sentence)
        if sentence:
            self.sentence = sentence


class BadUsername(Refusal):
    """A username that is empty, too long, or has characters that nobody can see."""

    field = "username"
    sentence = "A name has 1 to 40 letters, digits, spaces or signs, and at least one letter or digit."


class InvisibleName(BadUsername):
    """A username with characters that nobody can see, or with more marks on a letter than can be read."""

    sentence = "This name has characters that nobody can see or read. Please choose another one."


class MixedScripts(BadUsername):
    """A username in several scripts, which looks like one in a single script."""

    sentence = "A name keeps to one script, so that it cannot be mistaken for another one."


class NameTaken(Refusal):
    """Somebody else has this name, in this or another spelling of upper and lower case."""

    field = "username"
    sentence = "Somebody already has this name. Please choose another one."


class NameRemoved(NameTaken):
    """Somebody had this name who was removed; what they wrote still stands under it."""

    sentence = "Somebody who was removed had this name, and nobody else gets it."


class LooksLikeAnother(NameTaken):
    """Somebody has, or had, a name that looks the same or nearly so."""

    sentence = "This name looks like the name of another member. Please choose another one."


class BadPassword(Refusal):
    """A password of fewer than 8 or more than 1,000 characters."""

    field = "password"
    sentence = "A password has 8 to 1,000 characters."


class BadEmail(Refusal):
    """Something that cannot be an e-mail address."""

    field = "email"
    sentence = "That does not look like an e-mail address."


class UnknownMember(Refusal):
    """No member has this name."""

    field = "username"
    sentence = "Nobody has this name."


class WrongPassword(Refusal):
    """Not the member's password, or not any more."""

    field = "current"
    sentence = "That is not your password."


class TooManyFailures(Refusal):
    """The password was wrong too often; after `retry_after` seconds it may be tried again."""

    sentence = "That was too often. Please wait a moment."

    def __init__(self, retry_after: float) -> None:
        super().__init__()
        self.retry_after = retry_after


class SignedOut(Refusal):
    """A form whose member is not signed in any more."""

    title = "Signed out"
    sentence = "You are not signed in any more."


class MadeForAnother(Refusal):
    """A form on a page that was made for another member than the one who is signed in now."""

    title = "Somebody else is signed in"


class NotYours(Refusal):
    """Only an administrator may do this, and not to themselves."""

    sentence = "That can’t be done."


class SetupOver(Refusal):
    """The first administrator exists already, or the token is not the right one."""

    sentence = "This set-up link has been used or is not complete."


class InvitationOver(Refusal):
    """The invitation was ended, is older than seven days, or never existed."""

    title = "Invitation over"
    sentence = "This invitation is over. Ask for a new one."


class WrongFields(Refusal):
    """Several fields of a form at once, each refused for a reason of its own."""

    field = "several"

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__()
        self.refusals = refusals


class UnknownRoom(Refusal):
    """There is no such room among the rooms of this member."""

    code = "unknown_room"
    sentence = "There is no such room among yours."


class NotMember(Refusal):
    """The author is not a member of the room."""

    code = "not_member"
    sentence = "You are not a member of this room."


class NoCookies(Refusal):
    """A form without the cookie that came with its page: the browser keeps none."""

    sentence = "Your browser keeps no cookies for this site, which needs them. Allow them and reload the page."


class Empty(Refusal):
    """A message without a visible character."""

    code = "empty"
    field = "body"
    sentence = "There is nothing in this message yet."


class TooLong(Refusal):
    """A message longer than the site allows."""

    code = "too_long"
    field = "body"
    sentence = "This message is too long."


class Unstorable(Refusal):
    """Something in it cannot be stored, now or later, whatever was promised of it before."""

    code = "unstorable"
    field = "body"
    sentence = "The site can’t store this as it is. Please change it and try again."


class Failed(Refusal):
    """The program made a mistake, and would make it again."""

    code = "failed"
    sentence = "Something went wrong on our side."


class SlowDown(Refusal):
    """More messages than the site takes from one member; `retry_after` in seconds."""

    code = "slow_down"
    sentence = "That was too fast. Please wait a moment."

    def __init__(self, retry_after: float) -> None:
        super().__init__()
        self.retry_after = retry_after


class TryLater(Refusal):
    """Too many ask for the same at this moment; after `retry_after` seconds there may be room."""

    def __init__(self, retry_after: float = 1.0) -> None:
        super().__init__()
        self.retry_after = retry_after


class Busy(TryLater):
    """Too many passwords wait to be hashed."""

    sentence = "Many people are at this door right now. Please try again in a moment."


class TooManyJoined(TryLater):
    """One invitation has made many accounts within a few minutes."""

    sentence = "Many people have just joined by this link. Please try again in a few minutes."


class TooManySignIns(TryLater):
    """The right password was given so often within a few minutes that no person did it."""

    sentence = "There were many sign-ins by this name or from your network. Please try again in a few minutes."


class Unavailable(Refusal):
    """The store cannot answer now (locked, disk full); trying again later is right."""

    code = "unavailable"
    retry_after = 1.0  # seconds
    sentence = "The site can’t store anything right now. Please try again in a moment."


class Lost(Unavailable):
    """The store is not where it was: what is written now would be lost. `why` is for whoever runs the site."""

    def __init__(self, why: str) -> None:
        super().__init__()
        self.why = why

    def __str__(self) -> str:
        return self.why


class ReadOnly(Unavailable):
    """The site is being moved: it can be read, and what was typed is kept and sent when that is over."""

    retry_after = 5.0
    sentence = "The site is being moved. Reading goes on; writing comes back in a moment."


class CannotMove(Exception):
    """A site cannot be moved, or was not moved well; the text says why."""


class CannotOpen(Exception):
    """The database cannot be opened; the text says which and why."""


def first_of(error: BaseException) -> BaseException:
    """Return what went wrong first: after "disk is full" the rollback fails too, and would be all that is said."""
    while error.__context__ is not None:
        error = error.__context__
    return error
