"""Requests of programs: what is wrong with their fields, and who may not ask."""

from models.errors.base import Refusal


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


class TooManyWaiting(Refusal):
    """A member has as many connections and waiting requests as one may have at a process."""

    code = "too_many_connections"
    retry_after = 1.0
    sentence = "You have too many connections open."
