"""The language of a page: the first in the browser's list that the site has (RFC 4647, 3.4, "lookup")."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

import tornado.locale

MAX_HEADER_CHARS = 1000  # a browser with fifty languages sends about half of this
DEFAULT_CODE = "en_US"  # Tornado's code for the language of the sentences in the code

# RFC 9110, 12.5.4 and 12.4.2: a language range, perhaps with its quality. Anything else is ignored.
_WISH = re.compile(
    r"(\*|[a-z]{1,8}(?:-[a-z0-9]{1,8})*)[ \t]*(?:;[ \t]*q[ \t]*=[ \t]*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?"
)


def language_of(header: str) -> tornado.locale.Locale:
    """Return the language for an Accept-Language header; one that is too long is ignored."""
    return _look_up(header if len(header) <= MAX_HEADER_CHARS else "")


@functools.lru_cache(maxsize=256)  # few different headers occur; 0.5 MB, if all are as long as they may be
def _look_up(header: str) -> tornado.locale.Locale:
    return tornado.locale.get(_code_for(header))


def _code_for(header: str) -> str:
    """Return the code of the site's language that the header prefers."""
    wishes = list(_wishes(header))
    refused = {tag for tag, quality in wishes if not quality}
    offered = {tag: code for tag, code in _offered().items() if not {tag, _tag(code)} & refused}
    for wish, quality in sorted(wishes, key=lambda pair: -pair[1]):
        for tag in _shortened(wish) if quality else ():
            if tag in offered:
                return offered[tag]
            if tag in refused:
                break
    return next((code for tag, code in offered.items() if "-" not in tag), DEFAULT_CODE)


@functools.lru_cache(maxsize=1)
def all_languages() -> list[tuple[str, tornado.locale.Locale]]:
    """Return the languages of the site: the tag of each, as HTML spells it, and its locale."""
    codes = dict.fromkeys(_offered().values())
    return [(html_tag(code), tornado.locale.get(code)) for code in codes]


def html_tag(code: str) -> str:
    """Return the tag of a language for the attribute `lang`; DEFAULT_CODE is plain English."""
    return "en" if code == DEFAULT_CODE else code.replace("_", "-")


def _wishes(header: str) -> Iterator[tuple[str, float]]:
    for part in header.lower().split(","):
        if found := _WISH.fullmatch(part.strip(" \t")):
            yield found[1], float(found[2] or 1)


def _shortened(wish: str) -> Iterator[str]:
    """Yield a range and its shorter forms: zh-hant-tw, zh-hant, zh."""
    while wish:
        yield wish
        wish = wish.rpartition("-")[0]
        if wish[-2:-1] == "-":  # a single letter only introduces the part after it
            wish = wish[:-2]


@functools.lru_cache(maxsize=1)
def _offered() -> dict[str, str]:
    """Return the site's languages by each tag that they serve: `pt` is served by `pt-BR`."""
    offered: dict[str, str] = {}
    for code in (DEFAULT_CODE, *sorted(tornado.locale.get_supported_locales())):
        offered.setdefault(_tag(code), code)
        offered.setdefault(_tag(code).partition("-")[0], code)
    return offered


def _tag(code: str) -> str:
    """Return the tag of a language in small letters."""
    return html_tag(code).lower()
