"""A message is the fold of a post and of the entries that change it: for page, chat, search and API alike."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from models.logs.base import CHANGES, DELETE, EDIT, LINES, POST, REACT, TASKS, Entry, RoomLog

MAX_EXCERPT_CHARS = 480  # of a message, of which the first words are shown elsewhere
MAX_TITLE_NAMES = 20  # of those who reacted
TONES = re.compile("[\U0001f3fb-\U0001f3ff]")


@dataclass(frozen=True, slots=True)
class Reaction:
    """One emoji below a message, in all its skin tones: `emoji` are those that were used, `names` who reacted."""

    emoji: tuple[str, ...]
    names: tuple[str, ...]

    def is_of(self, emoji: str) -> bool:
        """Return whether it is a reaction with this emoji, in whatever skin tone."""
        return without_tone(self.emoji[0]) == without_tone(emoji)

    @property
    def title(self) -> str:
        """Who reacted, and how many more there are than MAX_TITLE_NAMES."""
        more = len(self.names) - MAX_TITLE_NAMES
        return ", ".join(self.names[:MAX_TITLE_NAMES]) + (f" +{more}" if more > 0 else "")


@dataclass(frozen=True, slots=True)
class Quote:
    """The excerpt of the message that is answered; empty if it was deleted."""

    seq: int
    author: str
    words: str


@dataclass(frozen=True, slots=True)
class Message:
    """A post or a note as it is now.

    `body` is empty if it was deleted; then it is drawn only while it has `replies`. `changed_seq` is the seq of its
    newest change, its own if it has none; `edited_at` is in seconds since 1970, 0 if it was never edited.
    """

    entry: Entry
    body: str
    mentions: tuple[str, ...]
    changed_seq: int
    edited_at: float = 0.0
    reactions: tuple[Reaction, ...] = ()
    replies: int = 0
    quote: Quote | None = None

    @property
    def seq(self) -> int:
        """The number of the post or note."""
        return self.entry.seq

    @property
    def version(self) -> tuple[object, ...]:
        """What is another value as soon as the message looks different; faster to hash than all of it."""
        entry = self.entry
        return entry.room, entry.seq, entry.author, self.body, self.changed_seq, self.replies, self.quote

    @property
    def is_deleted(self) -> bool:
        """Whether its text is gone."""
        return not self.body

    @property
    def words(self) -> str:
        """Its excerpt, of which its answers show the first words."""
        return excerpt(self.body)

    @property
    def is_drawn(self) -> bool:
        """Whether it has a place on the page."""
        return self.body != "" or self.replies > 0


def excerpt(body: str) -> str:
    """Return the beginning of a text as it was written, which is enough for its first words."""
    return body[:MAX_EXCERPT_CHARS]


def as_posted(entry: Entry) -> Message:
    """Return the message of a post or note that nothing has changed yet, and that answers nothing."""
    return Message(entry, entry.body, entry.mentions, entry.seq)


async def load(log: RoomLog, room: str, seqs: Iterable[int]) -> dict[int, Message]:
    """Return the posts and notes among these numbers of a room as they are now, by number. Raise Unavailable."""
    return await fold_all(log, room, await log.entries(room, list(seqs)))


async def load_affected(
    log: RoomLog, room: str, entries: Sequence[Entry], also: Collection[int] = (), is_whole: bool = False
) -> dict[int, Message]:
    """Return the messages of a room that these entries change, answer or are, and `also` some more, by number.

    Of a deleted answer what it answered comes with each change, since the change that came last is told for all.
    Of posts that are new and answer nothing only with `is_whole`: what changes them comes later. Raise Unavailable.
    """
    found = {
        entry.seq: entry
        for entry in entries
        if entry.kind in LINES and (is_whole or entry.target is not None or not entry.body)
    }
    named = {entry.target for entry in entries if entry.target is not None and entry.kind not in TASKS} | set(also)
    found |= {entry.seq: entry for entry in await log.entries(room, named - found.keys())}
    changed = [(found[entry.target], entry) for entry in entries if entry.kind in CHANGES and entry.target in found]
    deleted = [post for post, change in changed if change.kind == DELETE or not post.body]
    answered = {post.target for post in deleted if post.target is not None}
    found |= {entry.seq: entry for entry in await log.entries(room, answered - found.keys())}
    return await fold_all(log, room, list(found.values())) if found else {}


async def fold_all(log: RoomLog, room: str, entries: Sequence[Entry]) -> dict[int, Message]:
    """Return the messages of posts and notes of a room, by number, with as many queries for many as for one.

    Raise Unavailable.
    """
    posts = {entry.seq: entry for entry in entries if entry.kind in LINES}
    answered = {entry.target for entry in posts.values() if entry.target is not None}
    quoted = {entry.seq: entry for entry in await log.entries(room, answered - posts.keys())}
    changes: dict[int, list[Entry]] = {}
    for change in await log.changes_of(room, [*posts, *quoted]):
        assert change.target is not None
        changes.setdefault(change.target, []).append(change)
    last_edits = [edits[-1].seq for some in changes.values() if (edits := [one for one in some if one.kind == EDIT])]
    texts = {edit.seq: edit for edit in await log.entries(room, last_edits)}
    replies = await log.count_replies(room, list(posts))
    folded = {
        seq: fold(entry, changes.get(seq, ()), texts, replies.get(seq, 0)) for seq, entry in {**quoted, **posts}.items()
    }
    return {seq: _with_quote(folded[seq], folded) for seq in posts}


def fold(entry: Entry, changes: Sequence[Entry], texts: Mapping[int, Entry], replies: int = 0) -> Message:
    """Return a post or note after its changes, oldest first; `texts` has its last edit with the text, by number.

    What comes after the deletion changes nothing.
    """
    current, edited_at, is_deleted = entry, 0.0, not entry.body
    groups: dict[str, dict[str, str]] = {}  # of names with the emoji that each used, by the emoji without its tone
    for change in changes:
        if is_deleted:
            break
        if change.kind == DELETE:
            is_deleted = True
        elif change.kind == EDIT:
            edited_at, current = change.at, texts.get(change.seq, current)
        elif change.kind == REACT:
            groups.setdefault(without_tone(change.body), {})[change.author] = change.body
        else:
            groups.get(without_tone(change.body), {}).pop(change.author, None)
    return Message(
        entry,
        "" if is_deleted else current.body,
        () if is_deleted else current.mentions,
        changes[-1].seq if changes else entry.seq,
        0.0 if is_deleted else edited_at,
        () if is_deleted else tuple(_reaction(users) for users in groups.values() if users),
        replies,
    )


def without_tone(emoji: str) -> str:
    """Return an emoji without its skin tone: all tones of one emoji are one reaction."""
    return TONES.sub("", emoji).replace("\ufe0f", "")


def _reaction(users: Mapping[str, str]) -> Reaction:
    return Reaction(tuple(dict.fromkeys(users.values())), tuple(users))


def _with_quote(message: Message, folded: Mapping[int, Message]) -> Message:
    """Return a message with the excerpt of what it answers."""
    answered = folded.get(message.entry.target or 0)
    if message.entry.kind != POST or answered is None:
        return message
    return replace(message, quote=Quote(answered.seq, answered.entry.author, answered.words))
