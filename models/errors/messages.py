"""Messages and what changes them."""

from models.errors.base import NotYours, Refusal


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


class SlowDown(Refusal):
    """A member has reached the rate limit for messages; `retry_after` in seconds."""

    code = "slow_down"
    sentence = "That was too fast. Please wait a moment."
    retry_after: float

    def __init__(self, retry_after: float) -> None:
        super().__init__()
        self.retry_after = retry_after
