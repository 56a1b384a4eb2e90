"""What an error is called on its page: a few words for the title, and a sentence."""

from __future__ import annotations

# A refusal of the site's own has its own sentence, below the same title.
_WORDS = {
    400: ("That did not work", "The site did not understand this request."),
    401: ("Sign in first", "Please sign in first."),
    403: (
        "Not allowed",
        "You may not do this, or the page was open for too long. Go back, reload it and try again.",
    ),
    404: ("Not found", "There is nothing at this address."),
    405: ("Not possible here", "This address does not take such requests."),
    413: ("Too much", "That was too much at once."),
    431: ("Too much", "That was too much at once."),
    429: ("Too often", "That was too often. Please wait a moment."),
    500: ("Something went wrong", "Something went wrong on our side."),
    502: ("No usable answer", "The other site gave no usable answer."),
    503: ("Not just now", "The site can’t do this right now. Please try again in a moment."),
    504: ("Too slow", "The other site took too long to answer."),
}


def status_text(status: int) -> tuple[str, str]:
    """Return the title and the sentence of a status, in English; those of its hundred if it has none of its own."""
    return _WORDS.get(status) or _WORDS[400 if 400 <= status < 500 else 500]
