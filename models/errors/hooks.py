"""Webhooks."""

from models.errors.base import Refusal


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
