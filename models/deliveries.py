"""What outgoing webhooks have sent, and which process sends. Plain functions for the database's threads.

A hook is a cursor: all up to it was sent, or was not for the hook. One process at a time has a claim on a hook, and
moves its cursor; the claim has an end, so that another process goes on if its owner dies. All times are by the
database's clock, since those of machines differ; functions take and return durations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from models.database import database, execute, writing
from models.sessions import DAY_SECONDS

CLAIM_SECONDS = 20.0  # from one message that was sent to the next one
MAX_PAUSE_SECONDS = 3600.0  # between two tries
LONGEST_PAUSE_SECONDS = 2 * MAX_PAUSE_SECONDS  # they differ by chance
MAX_FAILING_SECONDS = DAY_SECONDS  # after which a hook is switched off
MAX_STATUS_CHARS = 200

# A hook sends only what its bot may read, and only while it is on.
MAY_SEND = """
    hook.kind = 'out' AND off_at IS NULL
    AND EXISTS (SELECT 1 FROM membership WHERE membership.room_id = hook.room_id AND user_id = bot_id)
"""
SENDING = f"SELECT id, room_id FROM hook WHERE {MAY_SEND}"  # noqa: S608 - of constants, as the others are
LOOK = f"""
    SELECT hook.id, room_id, room.address, room.name, bot_id, username, url, secret, events, cursor, failures,
    next_try_at - {{now}}, claimed_by, claimed_until - {{now}}
    FROM hook JOIN room ON slug = room_id JOIN "user" ON "user".id = bot_id WHERE hook.id = ? AND {MAY_SEND}
"""  # noqa: S608
# A claim or a pause that ends later than any can was made before the clock was set back: it counts no more.
CLAIM = f"""
    UPDATE hook SET claimed_by = ?, claimed_until = {{now}} + {CLAIM_SECONDS}
    WHERE id = ? AND {MAY_SEND}
    AND (claimed_by IN ('', ?) OR claimed_until <= {{now}} OR claimed_until > {{now}} + {CLAIM_SECONDS})
    AND (next_try_at <= {{now}} OR next_try_at > {{now}} + {LONGEST_PAUSE_SECONDS})
"""  # noqa: S608
ADVANCE = f"""
    UPDATE hook SET cursor = ?, last_status = ?, failing_since = NULL, failures = 0, next_try_at = 0,
    claimed_until = {{now}} + {CLAIM_SECONDS}
    WHERE id = ? AND claimed_by = ? AND {MAY_SEND}
"""  # noqa: S608
RENEW = f"""
    UPDATE hook SET claimed_until = {{now}} + {CLAIM_SECONDS} WHERE id = ? AND claimed_by = ? AND {MAY_SEND}
"""  # noqa: S608
RELEASE = "UPDATE hook SET claimed_by = '' WHERE id = ? AND claimed_by = ?"
FAIL = """
    UPDATE hook SET failures = failures + 1, failing_since = COALESCE(failing_since, {now}), last_status = ?,
    next_try_at = {now} + ?, claimed_by = '' WHERE id = ? AND claimed_by = ?
"""
SWITCH_OFF = "UPDATE hook SET off_at = {now} WHERE id = ? AND off_at IS NULL AND failing_since < {now} - ?"
# What was looked through and is not for the hook.
SKIP = "UPDATE hook SET cursor = ? WHERE id = ? AND cursor = ? AND claimed_by = ''"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A hook that may send: where to, what, and from where on.

    It rests for `pause` seconds after a failure; another process has a claim on it for `claimed_for` seconds.
    """

    id: int
    room: str
    address: str
    room_name: str
    bot_id: int
    bot: str
    url: str
    secret: str
    events: str
    cursor: int
    failures: int
    pause: float
    claimed_for: float


def sending() -> dict[int, str]:
    """Return the room of each hook that sends."""
    return dict(execute(SENDING).fetchall())


def look(hook_id: int, process: str) -> Outgoing | None:
    """Return a hook as `process` finds it; None if it does not send any more."""
    row = execute(_now(LOOK), hook_id).fetchone()
    if row is None:
        return None
    *hook, pause, claimed_by, claimed_for = row
    if claimed_by in ("", process):
        claimed_for = 0.0
    fields: list[Any] = [*hook, _left(pause, LONGEST_PAUSE_SECONDS), _left(claimed_for, CLAIM_SECONDS)]
    return Outgoing(*fields)


def claim(hook_id: int, process: str) -> Outgoing | None:
    """Let only `process` send for a hook, for CLAIM_SECONDS; return it, or None if another process does or it rests."""
    with writing():
        is_ours = execute(_now(CLAIM), process, hook_id, process).rowcount
        return look(hook_id, process) if is_ours else None


def advance(hook_id: int, process: str, seq: int, status: str) -> bool:
    """Store that all up to `seq` was sent, and what became of it; return whether `process` may go on."""
    with writing():
        return bool(execute(_now(ADVANCE), seq, status[:MAX_STATUS_CHARS], hook_id, process).rowcount)


def renew(hook_id: int, process: str) -> bool:
    """Let the claim of `process` last CLAIM_SECONDS from now on; return whether it may go on."""
    with writing():
        return bool(execute(_now(RENEW), hook_id, process).rowcount)


def release(hook_id: int, process: str) -> None:
    """End the claim of `process`."""
    with writing():
        execute(RELEASE, hook_id, process)


def fail(hook_id: int, process: str, status: str, pause: float) -> None:
    """Store that nothing could be sent, end the claim, and let the hook rest; switch it off if that is so for long."""
    with writing():
        if execute(_now(FAIL), status[:MAX_STATUS_CHARS], pause, hook_id, process).rowcount:
            execute(_now(SWITCH_OFF), hook_id, MAX_FAILING_SECONDS)


def skip(hook_id: int, cursor: int, seq: int) -> None:
    """Store that nothing up to `seq` is for a hook, unless its cursor has moved meanwhile."""
    with writing():
        execute(SKIP, seq, hook_id, cursor)


def _left(seconds: float, most: float) -> float:
    return seconds if 0 < seconds <= most else 0.0


def _now(sql: str) -> str:
    return sql.format(now=database.now)
