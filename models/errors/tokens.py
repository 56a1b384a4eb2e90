"""Tokens and bots."""

from models.errors.base import Refusal


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


class NotBot(Refusal):
    """No bot has this name."""

    code = "unknown_bot"
    field = "bot"
    sentence = "No bot has this name. Administrators make bots on the page of the members."
