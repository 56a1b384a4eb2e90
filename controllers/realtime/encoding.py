"""Entries as the messages of the wire protocol that bring them. Each shows the messages that it names as they are now.

A text that was replaced or deleted is in none of them, whenever they are sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from controllers.realtime.protocol import entry_message
from models.logs.base import CHANGES, DELETE, EDIT, TASK_MADE, TASKS, Entry
from models.messages import Message, as_posted
from models.tasks import Task


class Renderer(Protocol):
    """Turns messages into HTML."""

    def render(self, message: Message) -> str:
        """Return the HTML of a message."""

    def plain(self, excerpt: str) -> str:
        """Return the first words of a message without their markup, in one line."""

    async def prerender(self, messages: Iterable[Message]) -> None:
        """Render many messages without keeping the event loop."""


@dataclass(slots=True)
class Encoded:
    """An entry ready to be sent. `shorter` is the text of a change without what a later change of the same brings.

    `target` is what a change changes; a new task counts as a change of itself. `shows` are the numbers of the messages
    of which words are in `text`, be it in a quote.
    """

    seq: int
    target: int | None
    is_change: bool
    text: str
    shorter: str = ""
    shows: frozenset[int] = frozenset()


def encode_all(
    entries: Sequence[Entry], messages: Mapping[int, Message], tasks: Mapping[int, Task], renderer: Renderer
) -> Iterator[tuple[Encoded, Message | None]]:
    """Yield entries of one room, encoded, and the post or note that each is.

    `messages` has what they change, answer or quote, and the posts among them that something has changed, by number;
    `tasks` has those that they make or change, if they are not removed.
    """
    newest_changes = {subject_of(entry): entry.seq for entry in entries if entry.kind in (*CHANGES, *TASKS)}
    for entry in entries:
        if entry.kind in TASKS:
            shorter, task = entry_message(entry, body=""), tasks.get(subject_of(entry))
            is_newest = newest_changes[subject_of(entry)] == entry.seq
            text = entry_message(entry, body="", task=task and task.as_json()) if is_newest else shorter
            yield Encoded(entry.seq, subject_of(entry), True, text, shorter), None
        elif entry.kind not in CHANGES:
            message = messages.get(entry.seq) or as_posted(entry)
            text, shows = _encode_line(message, messages, renderer), _shown((entry.seq, entry.target), messages)
            yield Encoded(entry.seq, entry.target, False, text, shows=shows | {entry.seq}), message
        else:
            shorter = entry_message(entry, body="")
            is_newest = newest_changes[subject_of(entry)] == entry.seq
            text = _encode_change(entry, messages, renderer) if is_newest else shorter
            shows = _shown((entry.target, _answered(entry, messages)), messages) if is_newest else frozenset()
            yield Encoded(entry.seq, entry.target, True, text, shorter, shows), None


def subject_of(entry: Entry) -> int:
    """Return the number of the message or task that a change changes, or of the task that an entry makes."""
    return entry.seq if entry.kind == TASK_MADE else entry.target or 0


def _encode_line(message: Message, messages: Mapping[int, Message], renderer: Renderer) -> str:
    """Return the text that brings a post or note, and the message that it answers, which counts its answers."""
    html = renderer.render(message) if message.is_drawn else ""
    return entry_message(
        message.entry, body=message.body, html=html, **_others([message.entry.target], messages, renderer)
    )


def _encode_change(entry: Entry, messages: Mapping[int, Message], renderer: Renderer) -> str:
    message = messages.get(entry.target or 0)
    if message is None:
        return entry_message(entry, body="")
    fields = _others([_answered(entry, messages)], messages, renderer)
    if message.edited_at or message.is_deleted:
        fields["quote"] = renderer.plain(message.words)
    body = message.body if entry.kind in (EDIT, DELETE) else entry.body
    return entry_message(entry, body=body, html=renderer.render(message) if message.is_drawn else "", **fields)


def _answered(entry: Entry, messages: Mapping[int, Message]) -> int | None:
    """Return what the message answers that is changed, if that was deleted, now or before: it has one answer less."""
    message = messages.get(entry.target or 0)
    return message.entry.target if message is not None and message.is_deleted else None


def _shown(seqs: Iterable[int | None], messages: Mapping[int, Message]) -> frozenset[int]:
    """Return the numbers of these messages, and of those that they quote."""
    shown = _found(seqs, messages)
    return frozenset(one.seq for message in shown for one in (message, message.quote) if one is not None)


def _others(seqs: Iterable[int | None], messages: Mapping[int, Message], renderer: Renderer) -> dict[str, object]:
    """Return the field `others`: the HTML of other messages of the room as they are now, empty if one is gone."""
    found = _found(seqs, messages)
    return {"others": {one.seq: renderer.render(one) if one.is_drawn else "" for one in found}} if found else {}


def _found(seqs: Iterable[int | None], messages: Mapping[int, Message]) -> list[Message]:
    return [messages[seq] for seq in seqs if seq is not None and seq in messages]
