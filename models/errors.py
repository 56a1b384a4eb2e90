"""The refusals of the domain. Each has one English sentence, to be translated, that says what was wrong."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType


class Refusal(Exception):
    """Something was not done, and nothing was stored.

    ``code`` is its name in the wire protocol (docs/protocol.rst), ``field`` the form field that it belongs to.
    ``title`` is the heading of its page, if that of its HTTP status would say less.
    """

    code = "refused"
    field = "form"
    title = ""
    sentence = "That can’t be done."
    retry_after: float | None = None  # seconds after which the same may succeed
    more: Mapping[str, object] = MappingProxyType({})  # what a program is told besides

    def __init__(self, sentence: str = "") -> None:
        super().__init__(sentence or self.sentence)
        if sentence:
            self.sentence = sentence


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


class NotYours(Refusal):
    """An action of administrators, or one that they cannot do to themselves."""

    code = "not_yours"
    sentence = "That can’t be done."


class SetupOver(Refusal):
    """There is an administrator already, or the token is wrong."""

    sentence = "This set-up link has been used or is not complete."


class InvitationOver(Refusal):
    """The invitation has ended, has expired, or never existed."""

    title = "Invitation over"
    sentence = "This invitation is over. Ask for a new one."


class BadTokenName(Refusal):
    """A token's name that is empty, too long, or cannot be seen."""

    code = "bad_name"
    field = "name"
    sentence = "A token’s name has 1 to 60 characters that can be seen."


class BadScope(Refusal):
    """A token that is neither for reading nor for writing."""

    field = "scope"
    sentence = "Choose what this token may do."


class BadTokenEnd(Refusal):
    """A token that would end too late, or has ended already."""

    field = "days"
    sentence = "Choose how long this token is good."


class TooManyTokens(Refusal):
    """A member has as many tokens as one may have."""

    code = "too_many_tokens"
    field = "name"
    sentence = "There is no place for another token. End one that is not needed any more."


class UnknownToken(Refusal):
    """No such token, or one that has ended."""

    code = "unknown_token"
    sentence = "There is no such token, or it has ended."


class TooManyBots(Refusal):
    """The site has as many bots as it may have."""

    field = "username"
    sentence = "There is no place for another bot. Remove one that is not needed any more."


class BotHasNoPassword(Refusal):
    """A password for a bot, which signs in nowhere."""

    sentence = "A bot has no password and does not sign in: it asks with a token."


class BadHookName(Refusal):
    """A webhook's name that is empty, too long, or cannot be seen."""

    code = "bad_name"
    field = "name"
    sentence = "A webhook’s name has 1 to 60 characters that can be seen."


class BadHookKind(Refusal):
    """A webhook that leads neither in nor out."""

    field = "kind"
    sentence = "Choose whether this webhook brings messages here or tells another site."


class BadHookEvents(Refusal):
    """What a webhook shall send is neither all posts nor those that name its bot."""

    field = "events"
    sentence = "Choose which messages are sent."


class BadHookUrl(Refusal):
    """A webhook's address that is too long, or not one of the web on its usual ports."""

    code = "bad_url"
    field = "url"
    sentence = "An address begins with http:// or https://, and names no port of its own and no password."


class NotBot(Refusal):
    """No bot has this name."""

    code = "unknown_bot"
    field = "bot"
    sentence = "No bot has this name. Administrators make bots on the page of the members."


class TooManyHooks(Refusal):
    """A room has as many webhooks as one may have."""

    code = "too_many_hooks"
    field = "name"
    sentence = "This room has as many webhooks as it can have. End one that is not needed any more."


class UnknownHook(Refusal):
    """The room has no such webhook, or the secret in an address is not its own."""

    code = "unknown_hook"
    sentence = "There is no such webhook, or it has ended."


class BadPayload(Refusal):
    """What was sent to a webhook is not JSON with a text in it."""

    code = "bad_payload"
    sentence = "A webhook takes JSON with a text in it."


class WrongFields(Refusal):
    """Several fields of a form, each with its own refusal."""

    code = "bad_request"
    field = "several"
    sentence = "Something in these fields is not as it has to be."

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__()
        self.refusals = refusals


class WrongField(Refusal):
    """A field of a request is not as it has to be."""

    code = "bad_request"
    sentence = "This is not as it has to be."

    def __init__(self, field: str) -> None:
        super().__init__()
        self.field = field


class MissingField(WrongField):
    """A field that has to be there."""

    sentence = "This is missing."


class UnknownField(WrongField):
    """A field that does not belong there."""

    sentence = "There is no such field here."


class FieldTwice(WrongField):
    """A field that is there twice."""

    sentence = "This is there twice."


class NoText(WrongField):
    """A field that is no text, or one with characters that cannot be stored."""

    sentence = "This has to be a text, without the character 0."


class NoNumber(WrongField):
    """A field that is no whole number within its limits."""

    sentence = "This has to be a whole number, neither too small nor too large."


class NoBoolean(WrongField):
    """A field that is neither true nor false."""

    sentence = "This has to be true or false."


class WrongLength(WrongField):
    """A text or a list that is too long or too short."""

    sentence = "This is too long or too short."


class BadJson(Refusal):
    """A body that is not one JSON object in UTF-8."""

    code = "bad_request"
    sentence = "The body has to be one JSON object in UTF-8."


class NoBody(BadJson):
    """A body where none is read."""

    sentence = "There is nothing to be said in the body here."


class NotJson(Refusal):
    """A body of another type than JSON."""

    code = "not_json"
    sentence = "The body has to be of the type application/json."


class NotFound(Refusal):
    """There is nothing at an address of the API."""

    code = "not_found"
    sentence = "There is nothing at this address."


class Unauthorized(Refusal):
    """A request to the API without a valid session or token."""

    code = "unauthorized"
    sentence = "Please sign in first."


class ReadsOnly(Refusal):
    """A token of the scope "read" is to change something."""

    code = "forbidden"
    sentence = "This token may only read."


class NotByToken(Refusal):
    """What only a member does who is signed in, and no program with a token."""

    code = "forbidden"
    sentence = "A token cannot do this."


class UnknownRoom(Refusal):
    """The member does not belong to a room of this name."""

    code = "unknown_room"
    sentence = "There is no such room among yours."


class BadRoomName(Refusal):
    """A room's name that is empty, too long, or cannot be seen."""

    code = "bad_name"
    field = "name"
    sentence = "A room’s name has 1 to 60 characters that can be seen."


class BadDescription(Refusal):
    """A description that is too long."""

    code = "bad_description"
    field = "description"
    sentence = "A description has at most 250 characters."


class AddressTaken(Refusal):
    """Another open room has or had the address that the name makes."""

    code = "name_taken"
    field = "name"
    sentence = "There is or was a room of this name. Please choose another one."


class TooManyRooms(Refusal):
    """The member is in as many rooms as one can be in."""

    code = "too_many_rooms"
    sentence = "You are in so many rooms that there is no place for another one."


class OtherInTooManyRooms(TooManyRooms):
    """The same of another member, who is to be let in or written to."""

    field = "username"
    sentence = "Somebody you chose is in so many rooms that there is no place for another one."


class TooManyNames(Refusal):
    """A room has as many addresses as one may have, since each name made one, and none is given back."""

    code = "too_many_names"
    field = "name"
    sentence = "This room has had so many names that it cannot get another new one."


class StaysInRoom(Refusal):
    """A room that nobody leaves: the lobby, or a conversation with certain people."""

    code = "stays_in_room"
    sentence = "Nobody leaves this room. You can mute it."


class NotYourRoom(NotYours):
    """What only who looks after a room may do: who made it, and administrators."""

    sentence = "Only who made this room, or an administrator, can do that."


class BadPeople(Refusal):
    """Not one to seven other people."""

    field = "username"
    sentence = "Choose one to seven other people."


class NotMember(Refusal):
    """The author is not a member of the room."""

    code = "not_member"
    sentence = "You are not a member of this room."


class Archived(Refusal):
    """The room is archived."""

    code = "archived"
    sentence = "This room is archived: it can be read, and nothing is added to it."


class UnknownTarget(Refusal):
    """There is no such message in the room to be answered or changed."""

    code = "unknown_target"
    sentence = "There is no such message in this room."


class Deleted(UnknownTarget):
    """The message that is to be answered or changed was deleted."""

    sentence = "This message was deleted."


class NotYourMessage(NotYours):
    """A message of another member, which only they can edit, and only they and administrators can delete."""

    sentence = "Only who wrote a message can change it."


class TooManyChanges(Refusal):
    """A message was changed so often, or has so many reactions, that it takes no more."""

    code = "too_many_changes"
    sentence = "This message has been changed too often."


class NotEmoji(Refusal):
    """A reaction that is not one emoji."""

    code = "not_emoji"
    sentence = "That is not an emoji."


class UnknownTask(Refusal):
    """There is no such task in the room, or no longer."""

    code = "unknown_task"
    sentence = "There is no such task in this room."


class NotInRoom(Refusal):
    """Nobody of this name is in the room."""

    code = "not_in_room"
    field = "to"
    sentence = "Nobody in this room has this name."


class Conflict(Refusal):
    """Somebody has changed a task since the version that was to be changed."""

    code = "conflict"
    field = "text"
    sentence = "Somebody has changed this task meanwhile."


class TooManyTasks(Refusal):
    """A room has as many tasks as it can have."""

    code = "too_many_tasks"
    field = "text"
    sentence = "This room has so many tasks that there is no place for another one. Remove some that are done."


class TaskTooLong(Refusal):
    """The text of a task that is longer than one may be."""

    code = "too_long"
    field = "text"
    sentence = "A task has at most 500 characters."


class TaskEmpty(Refusal):
    """A task without a visible character."""

    code = "empty"
    field = "text"
    sentence = "There is nothing in this task yet."


class BadDay(Refusal):
    """A text that is no day."""

    code = "bad_day"
    field = "due"
    sentence = "That is not a day. Write it like 2026-12-31."


class NoCookies(Refusal):
    """A form without the cookie that was sent with its page, so the browser stores none."""

    code = "forbidden"
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
    """The database cannot store some value, now or later, although it has passed all checks."""

    code = "unstorable"
    field = "body"
    sentence = "The site can’t store this as it is. Please change it and try again."


class Failed(Refusal):
    """An error in the program, which would happen again."""

    code = "failed"
    sentence = "Something went wrong on our side."


class SlowDown(Refusal):
    """A member has reached the rate limit for messages; `retry_after` in seconds."""

    code = "slow_down"
    sentence = "That was too fast. Please wait a moment."
    retry_after: float

    def __init__(self, retry_after: float) -> None:
        super().__init__()
        self.retry_after = retry_after


class TooManyWaiting(Refusal):
    """A member has as many connections and waiting requests as one may have at a process."""

    code = "too_many_connections"
    retry_after = 1.0
    sentence = "You have too many connections open."


class TryLater(Refusal):
    """Too many requests for the same at this moment; `retry_after` in seconds."""

    retry_after: float

    def __init__(self, retry_after: float = 1.0) -> None:
        super().__init__()
        self.retry_after = retry_after


class Busy(TryLater):
    """Too many passwords are queued to be hashed."""

    sentence = "Many people are at this door right now. Please try again in a moment."


class TooManyJoined(TryLater):
    """Too many accounts were made with one invitation within a few minutes."""

    sentence = "Many people have just joined by this link. Please try again in a few minutes."


class TooManySignIns(TryLater):
    """Too many successful sign-ins within a few minutes."""

    sentence = "There were many sign-ins by this name or from your network. Please try again in a few minutes."


class Unavailable(Refusal):
    """The store cannot answer now, for example because it is locked or its disk is full. A later retry may succeed."""

    code = "unavailable"
    retry_after: float = 1.0
    sentence = "The site can’t store anything right now. Please try again in a moment."


class Lost(Unavailable):
    """The store's file was removed or replaced: what is written now would be lost. `why` is for the operator."""

    def __init__(self, why: str) -> None:
        super().__init__()
        self.why = why

    def __str__(self) -> str:
        return self.why


class ReadOnly(Unavailable):
    """The site is being moved: it can be read, and browsers keep messages and send them afterwards."""

    retry_after = 5.0
    sentence = "The site is being moved. Reading goes on; writing comes back in a moment."


class CannotMove(Exception):
    """A site cannot be moved, or its copy is not the same; the text says why."""


class CannotOpen(Exception):
    """The database cannot be opened; the text says which and why."""


def first_of(error: BaseException) -> BaseException:
    """Return the first error of a chain: after "disk is full" the rollback fails too, which would hide the cause."""
    while error.__context__ is not None:
        error = error.__context__
    return error
