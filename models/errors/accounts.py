"""People: their names, passwords, sessions and invitations, and who may what to them."""

from models.errors.base import Refusal, TryLater


class BadUsername(Refusal):
    """A username that is empty, too long, or without a letter or digit."""

    field = "username"
    sentence = "A name has 1 to 40 letters, digits, spaces or signs, and at least one letter or digit."


class InvisibleName(BadUsername):
    """A username with invisible characters, or with more marks on a letter than can be read."""

    sentence = "This name has characters that nobody can see or read. Please choose another one."


class MixedScripts(BadUsername):
    """A username that mixes scripts, and may look like one in a single script."""

    sentence = "A name keeps to one script, so that it cannot be mistaken for another one."


class NameTaken(Refusal):
    """Another member has this name, perhaps with other upper and lower case."""

    field = "username"
    sentence = "Somebody already has this name. Please choose another one."


class NameRemoved(NameTaken):
    """A removed member had this name; their messages are still shown under it."""

    sentence = "Somebody who was removed had this name, and nobody else gets it."


class NameMeansEverybody(NameTaken):
    """The word by which a message names everybody in a room."""

    sentence = "In a message this name means everybody in the room. Please choose another one."


class LooksLikeAnother(NameTaken):
    """Another member has or had a name that looks nearly the same."""

    sentence = "This name looks like the name of another member. Please choose another one."


class BadPassword(Refusal):
    """A password of fewer than 8 or more than 1,000 characters."""

    field = "password"
    sentence = "A password has 8 to 1,000 characters."


class BadEmail(Refusal):
    """A text that cannot be an e-mail address."""

    field = "email"
    sentence = "That does not look like an e-mail address."


class UnknownMember(Refusal):
    """No member has this name."""

    field = "username"
    sentence = "Nobody has this name."


class WrongPassword(Refusal):
    """Not the member's password, or no longer."""

    field = "current"
    sentence = "That is not your password."


class TooManyFailures(Refusal):
    """The password was wrong too often; it may be tried again after `retry_after` seconds."""

    sentence = "That was too often. Please wait a moment."
    retry_after: float

    def __init__(self, retry_after: float) -> None:
        super().__init__()
        self.retry_after = retry_after


class SignedOut(Refusal):
    """A form of a member who is no longer signed in."""

    title = "Signed out"
    sentence = "You are not signed in any more."


class MadeForAnother(Refusal):
    """A form on a page that was rendered for another member than the one who is signed in now."""

    code = "made_for_another"
    title = "Somebody else is signed in"


class SetupOver(Refusal):
    """There is an administrator already, or the token is wrong."""

    sentence = "This set-up link has been used or is not complete."


class InvitationOver(Refusal):
    """The invitation has ended, has expired, or never existed."""

    title = "Invitation over"
    sentence = "This invitation is over. Ask for a new one."


class BotHasNoPassword(Refusal):
    """A password for a bot, which signs in nowhere."""

    sentence = "A bot has no password and does not sign in: it asks with a token."


class NoCookies(Refusal):
    """A form without the cookie that was sent with its page, so the browser stores none."""

    code = "forbidden"
    sentence = "Your browser keeps no cookies for this site, which needs them. Allow them and reload the page."


class Busy(TryLater):
    """Too many passwords are queued to be hashed."""

    sentence = "Many people are at this door right now. Please try again in a moment."


class TooManyJoined(TryLater):
    """Too many accounts were made with one invitation within a few minutes."""

    sentence = "Many people have just joined by this link. Please try again in a few minutes."


class TooManySignIns(TryLater):
    """Too many successful sign-ins within a few minutes."""

    sentence = "There were many sign-ins by this name or from your network. Please try again in a few minutes."
