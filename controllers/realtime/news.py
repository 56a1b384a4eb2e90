"""What has happened in a room since its members were told of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from controllers.realtime.frame import Frame
from controllers.realtime.protocol import message
from models.logs.base import DELETE, EDIT, Entry, Head
from models.members import Member
from models.mentions import EVERYBODY
from models.messages import excerpt
from models.tasks import concerned

Plain = Callable[[str], str]  # returns the first words of an excerpt without their markup


class Mention(NamedTuple):
    """A `mention` message, and whom it is for: those whom the message `seq` names, but for its author."""

    seq: int
    author_id: int
    names: tuple[str, ...]
    frame: Frame

    def is_for(self, member: Member) -> bool:
        """Return whether this member is to be told."""
        return member.id != self.author_id and (member.username in self.names or EVERYBODY in self.names)


@dataclass(slots=True)
class News:
    """`told` is the seq up to which the members of a room were told, `head` is what they will be.

    All entries up to `seen` are noted in the lists. `timer` is there while the next telling is due or has to wait.
    """

    head: Head
    told: int
    seen: int
    deleted: list[int] = field(default_factory=list)
    edited: dict[int, list[str]] = field(default_factory=dict)  # whom each edited post names now
    naming: dict[int, Entry] = field(default_factory=dict)  # by post: the entry with its present text, if it names some
    doers: set[str] = field(default_factory=set)  # whose open tasks may be others now
    timer: asyncio.TimerHandle | None = None

    def note(self, entry: Entry) -> None:
        """Note the entry after those that were seen."""
        self.seen = entry.seq
        changed = entry.target if entry.kind in (DELETE, EDIT) else None
        if changed is not None:
            self.naming.pop(changed, None)  # a text that was deleted or replaced goes to nobody any more
        if changed is not None and entry.kind == DELETE:
            self.deleted.append(changed)
        elif changed is not None:
            self.edited[changed] = list(entry.mentions)
        if entry.mentions and entry.body:
            self.naming[changed or entry.seq] = entry
        self.doers |= concerned(entry)

    def take(self, room: str, plain: Plain) -> tuple[Frame, list[Mention]]:
        """Return what all members are told and what only those who are named, and begin anew."""
        counts = {"head": self.head.seq, "posts": self.head.posts, "deleted": self.deleted, "edited": self.edited}
        mentions = [_mention(room, seq, entry, plain) for seq, entry in self.naming.items()]
        self.told, self.deleted, self.edited, self.naming, self.doers = self.head.seq, [], {}, {}, set()
        return Frame([message("activity", room=room, **counts)]), mentions

    def is_current(self, mention: Mention) -> bool:
        """Return whether the text that names somebody is neither deleted nor replaced since it was taken."""
        return mention.seq not in self.edited and mention.seq not in self.deleted


def _mention(room: str, seq: int, entry: Entry, plain: Plain) -> Mention:
    words = plain(excerpt(entry.body))
    frame = Frame([message("mention", room=room, seq=seq, author=entry.author, excerpt=words)])
    return Mention(seq, entry.author_id, entry.mentions, frame)
