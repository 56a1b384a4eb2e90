"""The room's page as a browser without JavaScript reads it, and posting by its form."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from html.parser import HTMLParser

from testsuite.clients import Answer, Client
from testsuite.tables import sql


@dataclass
class Row:
    """A message on the page: the attributes of its row, the tags in it, and its text."""

    attributes: dict[str, str]
    tags: list[tuple[str, dict[str, str]]]
    text: str = ""

    @property
    def seq(self) -> int:
        return int(self.attributes["data-seq"])


class RowReader(HTMLParser):
    """Reads the rows of a room's page as a browser would."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[Row] = []
        self._depth = 0  # of the list items within the row
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if "data-seq" in attributes:
            self.rows.append(Row(attributes, []))
            self._depth = 1
        elif self._depth:
            self._depth += tag == "li"
            self.rows[-1].tags.append((tag, attributes))

    def handle_endtag(self, tag: str) -> None:
        if self._depth and tag == "li":
            self._depth -= 1

    def handle_data(self, data: str) -> None:
        if self._depth:
            self.rows[-1].text += data


class FormReader(HTMLParser):
    """Reads what a browser would send with the form that posts to `action`."""

    def __init__(self, page: str, action: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self._action = action
        self._is_inside = False
        self._area = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._is_inside = attributes.get("action") == self._action
        elif self._is_inside and tag in ("input", "textarea"):
            self.fields[attributes["name"]] = attributes.get("value", "")
            self._area = attributes["name"] if tag == "textarea" else ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._area:
            self.fields[self._area] = self.fields[self._area].removeprefix("\n")
        self._is_inside &= tag != "form"
        self._area = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self.fields[self._area] += data


def form(page: Answer, action: str) -> dict[str, str]:
    """Return the fields of a page's form, hidden ones too, as they are filled in."""
    fields = FormReader(page.text, action).fields
    assert fields, f"there is no form for {action}"
    return fields


def rows(page: Answer) -> list[Row]:
    """Return the messages on a page."""
    return RowReader(page.text).rows


def older(page: Answer) -> str:
    """Return the path of the page before this one, or nothing."""
    link = re.search(r'href="(\?before=\d+)"', page.text)
    return f"/rooms/lobby{link[1]}" if link else ""


class Posting:
    """Posting by form, as the page without a script does."""

    folder: str

    def post(self, client: Client, body: str, nonce: str = "", room: str = "lobby") -> Answer:
        if not nonce:
            found = re.search(r'name="nonce" value="([^"]+)"', client.get("/rooms/lobby").text)
            assert found is not None
            nonce = found[1]
        return client.post(f"/rooms/{room}", {"body": body, "nonce": nonce})

    def stored(self) -> int:
        """Return how many entries there are, in all rooms."""
        ((count,),) = sql(self.folder, "SELECT count(*) FROM entry")
        assert isinstance(count, int)
        return count


def refusals(page: Answer) -> list[str]:
    """Return why something was not done: what the page's alert says, or the page of an error."""
    if alert := re.search(r'role="alert">(.*?)</(?:div|form)>', page.text, re.DOTALL):
        return [unescape(one) for one in re.findall(r"<p>(.*?)</p>", alert[1]) or [alert[1].partition("</p>")[0]]]
    return [
        unescape(one) for one in re.findall(r'class="status">\d+</p>.*?class="lead">(.*?)</p>', page.text, re.DOTALL)
    ]


def make_room(client: Client, name: str, kind: str = "open", description: str = "") -> str:
    """Make a room by the form; return its path."""
    made = client.post("/rooms", {"name": name, "description": description, "kind": kind})
    assert made.status == 302, f"{made.status}: {refusals(made)}"
    return made.location
