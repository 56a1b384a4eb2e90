"""Feeds in the Atom syndication format (RFC 4287), made as a tree of elements, so that no text can break one."""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

ATOM_TYPE = "application/atom+xml; charset=utf-8"
NAMESPACE = "http://www.w3.org/2005/Atom"
NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2


@dataclass(frozen=True, slots=True)
class AtomEntry:
    """An entry; `id` is an IRI that never changes, times are in seconds since 1970, `term` is its category, if any."""

    id: str
    title: str
    author: str
    link: str
    published: float
    updated: float
    html: str
    term: str = ""


@dataclass(frozen=True, slots=True)
class AtomFeed:
    """A feed; `link` leads to the page that it is about, `since` is when it was last changed if it has no entry.

    It does not say where it is itself, as RFC 4287 recommends: its address is a secret.
    """

    id: str
    title: str
    link: str
    language: str
    since: float
    entries: Sequence[AtomEntry]

    def to_xml(self) -> bytes:
        """Return the feed as it is sent."""
        feed = ET.Element("feed", {"xmlns": NAMESPACE, "xml:lang": self.language})
        _add(feed, "id", self.id)
        _add(feed, "title", self.title)
        _add(feed, "updated", _moment(max((entry.updated for entry in self.entries), default=self.since)))
        _add(feed, "link", rel="alternate", type="text/html", href=self.link)
        for entry in self.entries:
            _add_entry(feed, entry)
        xml: bytes = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
        return xml


def etag_of(xml: bytes) -> str:
    """Return the ETag of what is sent."""
    return f'"{hashlib.sha256(xml).hexdigest()}"'


def _add_entry(feed: ET.Element, entry: AtomEntry) -> None:
    element = ET.SubElement(feed, "entry")
    _add(element, "id", entry.id)
    _add(element, "title", entry.title)
    _add(ET.SubElement(element, "author"), "name", entry.author)
    _add(element, "published", _moment(entry.published))
    _add(element, "updated", _moment(entry.updated))
    _add(element, "link", rel="alternate", type="text/html", href=entry.link)
    if entry.term:
        _add(element, "category", term=entry.term)
    _add(element, "content", entry.html, type="html")


def _add(parent: ET.Element, name: str, text: str = "", **attributes: str) -> None:
    given = {key: NOT_IN_XML.sub("", value) for key, value in attributes.items()}
    ET.SubElement(parent, name, given).text = NOT_IN_XML.sub("", text)


def _moment(at: float) -> str:
    """Return a time as RFC 3339 has it."""
    return datetime.datetime.fromtimestamp(at, datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
