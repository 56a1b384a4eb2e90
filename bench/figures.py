"""What was measured, round after round, and what it is wanted to be."""

import statistics
from collections import defaultdict
from dataclasses import dataclass


class Figures:
    """The values of each figure for each site, and what has to be said about them."""

    def __init__(self) -> None:
        self.remarks: dict[str, list[str]] = defaultdict(list)
        self._values: dict[tuple[str, str], list[float]] = defaultdict(list)

    def add(self, figure: str, site: str, value: float, fault: str = "") -> None:
        """Note one round's value, and what was wrong with it, if anything was."""
        self._values[figure, site].append(value)
        if fault:
            self.remark(figure, f"{site}: {fault}")

    def remark(self, figure: str, text: str) -> None:
        """Say something about a figure, once."""
        if text not in self.remarks[figure]:
            self.remarks[figure].append(text)

    def values(self, figure: str, site: str) -> list[float]:
        """Return the values of all rounds so far."""
        return self._values.get((figure, site), [])

    def measured(self) -> list[tuple[str, str]]:
        """Return every (figure, site) that has a value."""
        return list(self._values)

    def median(self, figure: str, site: str) -> float | None:
        """Return the median of the rounds, None if there was none."""
        values = self.values(figure, site)
        return statistics.median(values) if values else None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: a figure, beside a peer's or alone.

    `least` and `most` are what is wanted of the ratio to the peer, or of the figure itself where
    there is no peer; without them the peer stands there for comparison only.
    """

    figure: str
    what: str
    unit: str
    peer: str = ""
    least: float | None = None
    most: float | None = None

    def wanted(self) -> str:
        """Return what is wanted, in words."""
        of = "x" if self.peer else self.unit
        if self.least is not None:
            return f">= {self.least:g} {of}"
        return f"<= {self.most:g} {of}" if self.most is not None else ""

    def reached(self, value: float) -> str:
        """Say whether `value`, the ratio or the figure, is what is wanted."""
        if self.least is None and self.most is None:
            return ""
        low = self.least is not None and value < self.least
        high = self.most is not None and value > self.most
        return "no" if low or high else "yes"


WS, SOCKJS, TUTORIAL, BARE = "Node ws", "Node sockjs", "tutorial's chat", "bare handler"
SHORT_LOG = "log of 1,000"
WITHOUT_SILENT = "without them"
POSTS = "a post"
WEBSOCKETS = "in the chat"
FIVE_ROOMS = "in 5 rooms"
EMPTY_SITE = "on an empty site"
PROSA = "Prosa"

ROWS = [
    Row("fanout-1", "fan-out, 1 message in flight", "deliveries/s", WS, least=1.0),
    Row("fanout-1", "", "deliveries/s", TUTORIAL, least=6.0),
    Row("fanout-1", "", "deliveries/s", SOCKJS),
    Row("fanout-16", "fan-out, 16 in flight", "deliveries/s", WS, least=10.0),
    Row("fanout-16", "", "deliveries/s", TUTORIAL),
    Row("fanout-16", "", "deliveries/s", SOCKJS),
    Row("joining", "all members joining at once", "s", most=3.0),
    Row("joining", "", "s", WS),
    Row("joining", "", "s", TUTORIAL),
    Row("joining", "", "s", SOCKJS),
    Row("latency-p50", "from one process to another, p50", "ms", most=10.0),
    Row("latency-p99", "the same, p99", "ms", most=50.0),
    Row("memory", "memory of an idle member", "KiB", most=16.0),
    Row("memory", "", "KiB", WS),
    Row("memory", "", "KiB", TUTORIAL),
    Row("memory", "", "KiB", SOCKJS),
    Row("crowd-p99", "one message to 10,000 members, p99", "ms", most=250.0),
    Row("crowd-p99", "", "ms", WS),
    Row("crowd-memory", "memory of one of them", "KiB", most=16.0),
    Row("crowd-memory", "", "KiB", WS),
    Row("crowd-joining", "all of them joining, 1,000 at once", "s"),
    Row("crowd-joining", "", "s", WS),
    Row("silent-memory", "growth by 100 MB for each of 50 who read nothing", "MB", most=50.0),
    Row("silent-p99", "delivery to others beside them, p99", "ms", WITHOUT_SILENT, most=1.25),
    Row("page", "room page, 50 messages, 10/s arriving", "requests/s", BARE, least=0.5),
    Row("form", "posts by form, durable", "requests/s", BARE, least=0.2),
    Row("start", "start to first answer", "s", most=1.0),
    Row("start", "", "s", BARE),
    Row("million-made", "making a log of 1,000,000", "s", most=60.0),
    Row("million-page", "its room page", "ms", SHORT_LOG, most=1.1),
    Row("million-middle", "its page in the middle", "ms", SHORT_LOG, most=1.1),
    Row("million-join", "joining it 50 entries behind", "ms", SHORT_LOG, most=1.1),
    Row("search-filled", "filling the search index of 1,000,000", "s"),
    Row("search-rare", "its first page of hits: a rare word", "ms", most=50.0),
    Row("search-frequent", "the same, a frequent word", "ms", most=50.0),
    Row("search-beginning", "the same, the beginning of frequent words", "ms", most=50.0),
    Row("search-two", "the same, a frequent word with a rare one", "ms", most=50.0),
    Row("search-apart", "the same, a phrase by one author without a word", "ms", most=50.0),
    Row("append-1-1", "appending, 1 process, 1 entry under way", "entries/s"),
    Row("append-1-64", "the same, 64 under way", "entries/s"),
    Row("append-4-64", "4 processes, 64 each, in one room", "entries/s"),
    Row("append-rooms", "the same, a room each", "entries/s"),
    Row("change-edit", "an edit to all members, p99", "ms", POSTS),
    Row("change-react", "a reaction to all members, p99", "ms", POSTS),
    Row("rooms-again", "connecting until 500 rooms are told", "ms", most=5.0),
    Row("rooms-again", "", "ms", FIVE_ROOMS),
    Row("rooms-first", "the same for the first time", "ms", FIVE_ROOMS),
    Row("rooms-join", "joining one of 500 rooms", "ms", FIVE_ROOMS),
    Row("rooms-read", "marking a message as read", "ms", most=1.0),
    Row("rooms-page", "room page beside 500 rooms, 10/s arriving", "requests/s", FIVE_ROOMS, least=0.67),
    Row("rooms-all", "marking 500 rooms as read, durable", "ms", FIVE_ROOMS),
    Row("presence", "50 of 10,000 online come or go each second", "% of a core", most=5.0),
    Row("beside-append", "appending beside 10,000 rooms", "ms", EMPTY_SITE, most=1.1),
    Row("beside-delivery", "to another process, where 1,000 of them are open", "ms", EMPTY_SITE, most=1.1),
    Row("beside-memory", "growth by opening 10,000 rooms", "MB", most=50.0),
    Row("api-messages", "API: the newest 50 messages", "requests/s", BARE, least=0.4),
    Row("api-tasks", "API: a room's 200 tasks", "requests/s", BARE, least=0.4),
    Row("api-poll", "API: one message to 1,000 that wait, p99", "ms", WEBSOCKETS, most=1.5),
]
