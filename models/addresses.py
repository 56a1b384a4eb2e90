"""Addresses of rooms: made of their names, each given once, so that an old one leads to its room for ever."""

from __future__ import annotations

import re
import secrets
import unicodedata
from itertools import count

from models.errors.rooms import AddressTaken, BadRoomName, TooManyNames
from models.models import Address
from models.visible import is_visible, without_ignorable

MAX_ROOM_NAME_CHARS = 60
MAX_SLUG_CHARS = 56  # of the name in an address, which has MAX_ADDRESS_CHARS with what is added to it
MAX_ADDRESS_CHARS = 64
MAX_ADDRESSES = 100  # of one room, old ones too
SUFFIX_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none of them looks like another
SUFFIX_CHARS = 6
NAMELESS = "room"  # of a name without letters
SPACES, DASHES = re.compile(r"\s+"), re.compile("-+")


def clean_room_name(name: str) -> str:
    """Return `name` as it is stored: in NFC, with single spaces. Raise BadRoomName."""
    if len(name) > 4 * MAX_ROOM_NAME_CHARS:
        raise BadRoomName()
    name = SPACES.sub(" ", unicodedata.normalize("NFC", name)).strip()
    if len(name) > MAX_ROOM_NAME_CHARS or not is_visible(name):
        raise BadRoomName()
    if any(unicodedata.category(char) in ("Cc", "Cs", "Cn", "Co") for char in name):
        raise BadRoomName()
    return name


def slug_of(name: str) -> str:
    """Return what an address keeps of a room's name: small letters of any script, without the accents of Latin ones."""
    folded = unicodedata.normalize("NFKC", without_ignorable(name)).casefold()
    letters = DASHES.sub("-", "".join(map(_without_accent, unicodedata.normalize("NFC", folded))))
    return letters.strip("-")[:MAX_SLUG_CHARS].strip("-") or NAMELESS


def _without_accent(char: str) -> str:
    first = unicodedata.normalize("NFD", char)[0]
    if first.isascii() and first.isalpha():
        return first
    return char if char.isalnum() or unicodedata.category(char) in ("Mn", "Mc") else "-"


def choose_address(name: str, is_secret: bool, slug: str = "") -> str:
    """Return an address for a room of this name; `slug` is the room's, if it is there already.

    A secret one cannot be guessed from the name, and tells nobody that there is such a room by being taken.
    Raise AddressTaken if another room has or had it.
    """
    base = slug_of(name)
    if is_secret:
        return f"{base}-{''.join(secrets.choice(SUFFIX_LETTERS) for _ in range(SUFFIX_CHARS))}"
    if base == NAMELESS:
        return next(one for number in count(_count_nameless() + 1) if not _owner(one := f"{NAMELESS}-{number}"))
    if _owner(base) not in ("", slug):
        raise AddressTaken()
    return base


def _count_nameless() -> int:
    """Return how many addresses may have a number for a name."""
    numbered = (Address.address > f"{NAMELESS}-") & (Address.address < f"{NAMELESS}.")
    count: int = Address.select().where(numbered).count()
    return count


def _owner(address: str) -> str:
    """Return the slug of the room that has or had an address, or an empty string."""
    row = Address.get_or_none(Address.address == address)
    return row.room.slug if row else ""


def keep_address(address: str, slug: str) -> None:
    """Let an address lead to a room for ever, if it does not already. Raise TooManyNames."""
    if _owner(address) == slug:
        return
    if Address.select().where(Address.room == slug).count() >= MAX_ADDRESSES:
        raise TooManyNames()
    Address.create(address=address, room=slug)
