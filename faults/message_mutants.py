"""Mutants that break what is promised of messages, read positions and rooms."""

from __future__ import annotations

from faults.mutant import (
    CACHE_FILE,
    ENCODING_FILE,
    HUB_FILE,
    MONGO_APPEND_FILE,
    SQL_APPEND_FILE,
    Change,
    Mutant,
)

MONGO_TARGETS_FILE = "models/logs/mongo_targets.py"
READS_FILE = "controllers/realtime/reads.py"
POSITIONS_FILE = "models/reads.py"
MEMBERSHIPS_FILE = "models/memberships.py"
MESSAGES_FILE = "models/messages.py"

MESSAGE_MUTANTS = (
    Mutant(
        "an edit is not folded into what a process keeps for pages",
        (
            Change(
                CACHE_FILE,
                "in self._page:\n                self._set_message(message)\n        for one",
                "in self._page and not message.edited_at:\n                self._set_message(message)\n        for one",
            ),
        ),
    ),
    Mutant(
        "a text that was deleted or replaced stays in what a process keeps to send again",
        (
            Change(
                CACHE_FILE,
                "            self._set_text(one)\n        self._memory",
                "            pass\n        self._memory",
            ),
        ),
    ),
    Mutant(
        "answers go on to quote what was deleted",
        (Change(ENCODING_FILE, "_shown((entry.seq, entry.target), messages)", "frozenset()"),),
    ),
    Mutant(
        "a change brings the message as it was posted",
        (
            Change(
                ENCODING_FILE,
                'body=body, html=renderer.render(message) if message.is_drawn else "", **fields)',
                "body=body, html=renderer.render(as_posted(message.entry)), **fields)",
            ),
        ),
    ),
    Mutant(
        "an edit is undone by the next reaction",
        (
            Change(
                MESSAGES_FILE,
                "        elif change.kind == REACT:\n",
                "        elif change.kind == REACT:\n            current = entry\n",
            ),
        ),
    ),
    Mutant(
        "a reaction that was taken back stays",
        (
            Change(
                MESSAGES_FILE,
                "            groups.get(without_tone(change.body), {}).pop(change.author, None)\n",
                "            pass\n",
            ),
        ),
    ),
    Mutant(
        "skin tones of one emoji are reactions of their own",
        (
            Change(
                MESSAGES_FILE, "groups.setdefault(without_tone(change.body), {})", "groups.setdefault(change.body, {})"
            ),
        ),
    ),
    Mutant(
        "an answer that was deleted goes on to be counted",
        (
            Change(
                ENCODING_FILE,
                "    return message.entry.target if message is not None and message.is_deleted else None\n",
                "    return None\n",
            ),
        ),
    ),
    Mutant(
        "an edit goes on to mention whom the text before did",
        (
            Change(
                SQL_APPEND_FILE,
                "        execute(REMOVE_MENTIONS, entry.room, seq)\n    if named:\n",
                "    if named:\n",
            ),
        ),
    ),
    Mutant(
        "what was deleted goes on to mention",
        (
            Change(
                SQL_APPEND_FILE,
                "    execute(REMOVE_MENTIONS, entry.room, entry.target)\n    execute(REMOVE_ANSWER",
                "    execute(REMOVE_ANSWER",
            ),
        ),
    ),
    Mutant(
        "the text of what was deleted stays in the store",
        (Change(SQL_APPEND_FILE, "    execute(ERASE, entry.room, entry.target)\n", ""),),
    ),
    Mutant(
        "the files keep what was deleted",
        (Change("models/engines/sqlite.py", '    "secure_delete": 1,  # what is deleted is overwritten\n', ""),),
    ),
    Mutant(
        "what was deleted can be changed",
        (Change("models/rules.py", "    if target.is_deleted:\n", "    if False:\n"),),
    ),
    Mutant(
        "everybody may change everything",
        (Change("models/rules.py", "    is_own = target.author_id == draft.author_id\n", "    is_own = True\n"),),
    ),
    Mutant(
        "MongoDB: an edit that came too late is acknowledged",
        (Change(MONGO_APPEND_FILE, "Deleted() if deleted is not None and deleted < entry.seq else entry", "entry"),),
        engine="mongodb",
    ),
    Mutant(
        "MongoDB: a deletion leaves the text in the store",
        (Change(MONGO_TARGETS_FILE, '"$set": {"body": "", "mentions": [], ', '"$set": {"mentions": [], '),),
        engine="mongodb",
    ),
    Mutant(
        "MongoDB: a deletion leaves the texts of earlier edits in the store",
        (
            Change(
                MONGO_TARGETS_FILE,
                '{"_id": {"$in": ids}}, {"$set": {"body": "", "edit_mentions": []}}',
                '{"_id": {"$in": ids}}, {"$set": {"edit_mentions": []}}',
            ),
        ),
        engine="mongodb",
    ),
    Mutant(
        "MongoDB: an edit mentions nobody else",
        (
            Change(
                MONGO_TARGETS_FILE,
                "            elif edits:\n                await self._set_mentions(post, edits[-1])\n",
                "",
            ),
        ),
        engine="mongodb",
    ),
    Mutant(
        "a read position moves backwards",
        (
            Change(READS_FILE, "        if before is None or position.seq > before.seq:\n", "        if True:\n"),
            Change(
                POSITIONS_FILE,
                "_write(FORWARD, moves)",
                "_write(ANYWHERE, moves)",
            ),
        ),
    ),
    Mutant(
        "other processes are not told of read positions",
        (
            Change(
                READS_FILE, "            known = self._positions.get(move.member_id)\n", "            known = None\n"
            ),
        ),
    ),
    Mutant(
        "what is stored of a read position takes the place of what is still to be stored",
        (
            Change(
                READS_FILE,
                "            if known is None or self._will_replace(move):\n",
                "            if known is None:\n",
            ),
        ),
    ),
    Mutant(
        "a read position is stored without its number of posts",
        (
            Change(
                POSITIONS_FILE,
                "read_posts = column4",
                "read_posts = 0",
            ),
        ),
    ),
    Mutant(
        "that something is unread again is not stored",
        (Change(READS_FILE, "            await self._write(reads.set_back, Move(*key, *position))\n", ""),),
    ),
    Mutant(
        "what is new counts what was deleted",
        (
            Change(
                "controllers/realtime/news.py",
                "            self.deleted.append(changed)\n",
                "            pass\n",
            ),
        ),
    ),
    Mutant(
        "pages count what was deleted as new",
        (
            Change(
                "models/unread.py",
                "self.position.posts - sum(seq <= self.head.seq for seq in self.deleted))\n",
                "self.position.posts)\n",
            ),
        ),
    ),
    Mutant(
        "who is put out goes on to hear",
        (
            Change(
                "controllers/realtime/revocation.py",
                "            self._expel(room, members)\n",
                "",
            ),
        ),
    ),
    Mutant(
        "who is put out is told so and goes on to hear",
        (
            Change(
                HUB_FILE,
                "            self.leave(subscriber, room)\n        return expelled",
                "            pass\n        return expelled",
            ),
        ),
    ),
    Mutant(
        "each time that people write to one another they get another room",
        (
            Change(
                MEMBERSHIPS_FILE, "        room = Room.get_or_none(Room.people_key == key)\n", "        room = None\n"
            ),
            Change(MEMBERSHIPS_FILE, "kind=DIRECT, people_key=key)", 'kind=DIRECT, people_key=f"{key} {address}")'),
        ),
    ),
    Mutant(
        "rooms are found without a membership",
        (
            Change(
                "models/rooms.py",
                "    JOIN membership ON membership.room_id = slug AND user_id = ? WHERE address.address = ?\n",
                "    LEFT JOIN membership ON membership.room_id = slug AND user_id = ? WHERE address.address = ?\n",
            ),
        ),
    ),
)
