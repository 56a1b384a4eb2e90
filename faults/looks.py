"""The checks about messages: each reader sees the same fold of the log, and nothing that was replaced or deleted."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

from faults import task_folding
from faults.folding import Course, endings, fold, values_since
from faults.history import PERHAPS_NOTHING, Gap, Heard, History, Page
from faults.seen import GONE, NOTE, look, parts

PART_NAMES = ("author", "text", "edited", "reactions", "replies", "quote")
TEXT_PARTS = (1, 5)  # the text and the quote are never older than what was sent before


def missing(courses: Mapping[int, Course], above: int, below: int) -> list[int]:
    """Return the messages between two numbers that were never deleted."""
    return [seq for seq, course in courses.items() if above < seq < below and not course.deleted]


def content(history: History) -> Iterator[str]:
    """Every reader sees the same of one text."""
    first: dict[str, str] = {}
    for _, _, shows in _shown(history):
        for shown in shows.values():
            text, digest = (parts(shown)[1], parts(shown)[6]) if shown else ("", "")
            if text not in ("", NOTE) and first.setdefault(text, digest) != digest:
                yield f"the text {text} was seen differently"


def pages(history: History) -> Iterator[str]:
    """On a page are all messages from where it begins to its head, in order, but for those that were deleted."""
    courses = fold(history.table)
    for page in history.heard:
        if isinstance(page, Page):
            numbers = [page.reach - 1, *page.rows, page.head + 1]
            for above, below in pairwise(numbers):
                if below <= above or (left_out := missing(courses, above, below)):
                    yield f"{page.reader} saw {below} after {above} on pages up to {page.head}: without {left_out}"


def old_texts(history: History) -> Iterator[str]:
    """A text that was replaced or deleted is in nothing that is sent by whom that is known."""
    ended = {**dict(endings(fold(history.table).values())), **dict(task_folding.endings(history))}
    for who, known, heard in with_knowledge(history):
        for nonce in heard.texts:
            if ended.get(nonce, math.inf) <= known:
                what = f"page up to {heard.head}" if isinstance(heard, Page) else f"entry {heard.seq}"
                yield f"{who} got the text {nonce} with {what}, although {ended[nonce]} ended it, and {known} was known"


def states(history: History) -> Iterator[str]:
    """Each message looks as the log says it did at the entry that brings it, or later."""
    courses = fold(history.table)
    for who, known, heard in with_knowledge(history):
        since = heard.head if isinstance(heard, Page) else heard.seq
        for seq, shown in heard.shows.items():
            course = courses.get(int(seq))
            wrong = f"as {shown}" if course is None else _wrong(course, shown, since, known)
            if wrong:
                yield f"{who} saw {seq} {wrong}, at {since}, when {known} was known"


def _wrong(course: Course, shown: str, since: int, known: int) -> str:
    if shown == GONE:
        return "" if course.may_be_gone(since) else "as gone"
    for number, (name, timeline, value) in enumerate(zip(PART_NAMES, course.parts(), parts(shown), strict=False)):
        first = max(since, known) if number in TEXT_PARTS else since
        if value not in values_since(timeline, first):
            return f"with {name} {value} instead of {values_since(timeline, first)}"
    return ""


def last_looks(history: History) -> Iterator[str]:
    """At the end each reader sees each message as the log says."""
    courses = fold(history.table)
    for reader, shown in _last_shown(history).items():
        for seq, seen in shown.items():
            expected = courses[seq].look_at_end() if seq in courses else GONE
            if (look(*parts(seen)[:6]) if seen else GONE) != expected:
                yield f"{reader} sees {seq} in the end as {seen or 'gone'}, which is {expected or 'gone'}"


def _last_shown(history: History) -> dict[str, dict[int, str]]:
    """Return what each reader shows in the end, as the page's script would, or as their last page."""
    shown: dict[str, dict[int, str]] = {}
    answers = defaultdict[int, list[int]](list)  # to each message
    for row in history.table:
        if row.kind == "post" and row.target is not None:
            answers[row.target].append(row.seq)
    for heard in history.heard:
        if isinstance(heard, Page):
            if heard.reader in shown or heard.head == history.head:  # loaded after a gap; or there is no script
                shown[heard.reader] = {int(seq): look for seq, look in heard.shows.items()}
        elif isinstance(heard, Heard) and heard.accepted:
            mine = shown.setdefault(history.joined[heard.join].reader, {})
            new = {int(seq): look for seq, look in heard.shows.items()}
            mine.update((seq, look) for seq, look in new.items() if seq in mine or seq == heard.seq)
            if heard.quote is not None and heard.target is not None:
                _requote(mine, answers[heard.target], heard.quote)
    return shown


def _requote(shown: dict[int, str], answers: list[int], words: str) -> None:
    """Let what is shown of some answers quote other words."""
    for seq in answers:
        seen = shown.get(seq, GONE)
        if seen and (quote := parts(seen)[5]) and quote[1] != words:
            author, text, is_edited, reactions, replies, _, digest = parts(seen)
            shown[seq] = look(author, text, is_edited, reactions, replies, [quote[0], words], digest)


def erased(history: History) -> Iterator[str]:
    """The text of what was deleted is not in the store, nor in its files."""
    left = set(history.left_texts)
    courses = fold(history.table)
    for row in history.table:
        of = row.target if row.kind == "edit" else row.seq
        if of in courses and courses[of].deleted and row.kind in ("post", "edit"):
            if row.body:
                yield f"{row.seq} still has a text, although {courses[of].deleted} deleted it"
            if row.nonce in left:
                yield f"the text of {row.seq} is still in a file, although {courses[of].deleted} deleted it"


def _shown(history: History) -> Iterator[tuple[str, int, dict[str, str]]]:
    for who, known, heard in with_knowledge(history):
        yield who, known, heard.shows


def with_knowledge(history: History) -> Iterator[tuple[str, int, Heard | Page]]:
    """Yield what was heard, by whom, and up to which seq whoever sent it must have known the log."""
    answers = acked_seqs(history)
    known: dict[int, int] = defaultdict(int)
    for heard in history.heard:
        if isinstance(heard, Page):
            yield heard.reader, max(heard.head, known_before(answers, heard.asked)), heard
        elif isinstance(heard, Heard):
            joined = history.joined[heard.join]
            known[heard.join] = max(known[heard.join], joined.head, heard.seq)
            yield f"{joined.reader} ({joined.transport}, join {joined.id})", known[heard.join], heard
        elif isinstance(heard, Gap):
            known[heard.join] = max(known[heard.join], heard.to)


def proofs(history: History) -> Iterator[tuple[float, int]]:
    """Yield when an acknowledgement proved that an entry is in the log, and the entry's seq.

    That of a form which may have had nothing to do is no proof: the entry may be what its repetition did later.
    """
    rows = {(row.author, row.nonce): row for row in history.table}
    for ack in history.acked:
        row = rows.get((ack.writer, ack.nonce))
        if row and (ack.seq is not None or row.kind not in PERHAPS_NOTHING):
            yield ack.at, row.seq


def acked_seqs(history: History) -> list[tuple[float, int]]:
    """Return the times of acknowledgements, and the newest seq that was acknowledged by then."""
    newest, answers = 0, []
    for at, seq in sorted(proofs(history)):
        newest = max(newest, seq)
        answers.append((at, newest))
    return answers


def known_before(answers: list[tuple[float, int]], at: float) -> int:
    low, high = 0, len(answers)
    while low < high:
        middle = (low + high) // 2
        if answers[middle][0] < at:
            low = middle + 1
        else:
            high = middle
    return answers[low - 1][1] if low else 0


CHECKS: dict[str, Callable[[History], Iterator[str]]] = {
    "content": content,
    "pages": pages,
    "old texts": old_texts,
    "states": states,
    "last looks": last_looks,
    "erased": erased,
}
