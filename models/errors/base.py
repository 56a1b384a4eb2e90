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


class NotYours(Refusal):
    """An action of administrators, or one that they cannot do to themselves."""

    code = "not_yours"
    sentence = "That can’t be done."


class WrongFields(Refusal):
    """Several fields of a form, each with its own refusal."""

    code = "bad_request"
    field = "several"
    sentence = "Something in these fields is not as it has to be."

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__()
        self.refusals = refusals


class TryLater(Refusal):
    """Too many requests for the same at this moment; `retry_after` in seconds."""

    retry_after: float

    def __init__(self, retry_after: float = 1.0) -> None:
        super().__init__()
        self.retry_after = retry_after
