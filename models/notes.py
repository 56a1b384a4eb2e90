"""Notes: what happened to a room itself, told by an entry. Their bodies are JSON: {"did": ..., "name": ...}."""

from __future__ import annotations

import json

from models.logs.base import Entry

# What stands behind the author's name; %(name)s is the member or the room's new name.
DEEDS = {
    "made": "made this room",
    "renamed": "renamed this room to %(name)s",
    "described": "changed the description",
    "archived": "archived this room",
    "opened": "opened this room again",
    "joined": "joined the room",
    "left": "left the room",
    "let_in": "let %(name)s in",
    "put_out": "removed %(name)s from the room",
}


def write_note(did: str, name: str = "") -> str:
    """Return the body of a note; `did` is one of DEEDS."""
    assert did in DEEDS
    return json.dumps({"did": did, "name": name}, ensure_ascii=False)


def sentence_of(note: Entry) -> tuple[str, str]:
    """Return what a note tells: a sentence to be translated, and what stands in it for %(name)s."""
    deed = json.loads(note.body)
    return DEEDS[deed["did"]], deed["name"]
