"""The people of the tutorial's own database, which 0000 has set aside: with hashed passwords, and in the lobby."""

import logging
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from itertools import count

from models.errors.accounts import BadUsername
from models.names import MAX_NAME_CHARS, clean_username, fold
from models.passwords import NOBODYS, hash_password
from models.visible import is_visible

log = logging.getLogger("models.migrations")

INSERT = """
    INSERT INTO "user" (id, username, folded, password, email, join_date, is_admin) VALUES (?, ?, ?, ?, ?, ?, 0)
"""
JOIN = "INSERT INTO membership (user_id, room_id) SELECT ?, slug FROM room WHERE is_open"


def up(migrator, db):
    if not db.table_exists("tutorial_user"):
        return
    query = "SELECT id, username, password, email, join_date FROM tutorial_user ORDER BY id"
    people = [(number, *map(text, rest)) for number, *rest in db.execute_sql(query).fetchall()]
    names = choose_names({number: name for number, name, *_ in people})
    with ThreadPoolExecutor() as threads:
        hashes = list(threads.map(hash_or_close, [password for _, _, password, _, _ in people]))
    for (number, _, _, email, joined), hashed in zip(people, hashes, strict=True):
        db.execute_sql(INSERT, (number, names[number], fold(names[number]), hashed, email, joined))
        db.execute_sql(JOIN, (number,))
    db.execute_sql("DROP TABLE tutorial_user")
    db.execute_sql("INSERT INTO setting (name, value) VALUES ('rewrite_wanted', '1')")
    tell(people, names)


def tell(people, names):
    """Say what has become of whom."""
    for number, name, password, *_ in people:
        if names[number] != name:
            log.warning("The member %.100r is called %r from now on.", name, names[number])
        if not password:
            log.warning("%r had no password: python app.py passwd NAME gives one.", names[number])
    log.warning(
        "%d people of the tutorial's database sign in as before. None of them is an administrator: "
        "python app.py adduser NAME EMAIL --admin makes one.",
        len(people),
    )


def text(value):
    """Return a value as text; SQLite stores what it is given, whatever the column says."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str("" if value is None else value)


def hash_or_close(password):
    """Return a password's hash; for the empty one a hash that no password has."""
    return hash_password(password) if password else NOBODYS


def choose_names(wanted):
    """Return a name for each number: the one that is wanted, unless it cannot be read or somebody else has it."""
    chosen, taken = {}, set()
    readable = {number: read_name(name, number) for number, name in wanted.items()}
    for number in sorted(wanted, key=lambda number: (readable[number] != wanted[number], number)):
        name = readable[number]
        for again in count(2):
            if fold(name) not in taken:
                break
            name = f"{readable[number][: MAX_NAME_CHARS - 4]} {again}"
        chosen[number] = name
        taken.add(fold(name))
    return chosen


def read_name(name, number):
    """Return what can be read of a name."""
    visible = "".join(sign if is_visible(sign) and unicodedata.category(sign)[0] != "C" else " " for sign in name)
    for attempt in (name, visible, " ".join(visible.split())[:MAX_NAME_CHARS]):
        try:
            return clean_username(attempt)
        except BadUsername:
            continue
    return f"member {number}"
