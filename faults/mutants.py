"""`python -m faults.mutants`: break copies of the site on purpose, and show that the harness notices each break."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUN_SECONDS = 20
SEED = 3
RUN_TIMEOUT_SECONDS = 300  # for the beginning and the end of a run, which gives itself less


@dataclass(frozen=True, slots=True)
class Change:
    """In one file, the exact text that is replaced."""

    path: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """A deliberate break, tried on an engine."""

    name: str
    changes: tuple[Change, ...]
    engine: str = "sqlite"


UNCHANGED_SITE = "the site as it is"  # of which nothing may be found
SQL_LOG_FILE = "models/logs/sql.py"
MONGO_LOG_FILE = "models/logs/mongo.py"
MONGO_DATABASE_FILE = "models/logs/mongo_database.py"
HUB_FILE = "controllers/realtime/hub.py"
CHANNEL_FILE = "controllers/realtime/channel.py"
MIGRATION_FILE = "models/migrations/0001_first.py"
NAMESPACE = Change(HUB_FILE, "import contextlib\n", "import contextlib\nfrom types import SimpleNamespace\n")

MUTANTS = (
    Mutant(UNCHANGED_SITE, ()),
    Mutant(
        "acknowledge before commit",
        (
            Change(
                HUB_FILE,
                "            entry = await self._log.append(draft)\n",
                "            seq = await self._log.head(draft.room) + 1\n"
                "            acknowledge(SimpleNamespace(room=draft.room, seq=seq, nonce=draft.nonce))\n"
                "            entry = await self._log.append(draft)\n",
            ),
            NAMESPACE,
        ),
    ),
    Mutant(
        "acknowledge although the store failed",
        (
            Change(
                HUB_FILE,
                "            entry = await self._log.append(draft)\n",
                "            entry = await self._log.append(draft)\n"
                "        except Unavailable:\n"
                "            acknowledge(SimpleNamespace(room=draft.room, seq=1, nonce=draft.nonce))\n"
                "            return\n",
            ),
            NAMESPACE,
        ),
    ),
    Mutant(
        "no unique nonce",
        (
            Change(
                SQL_LOG_FILE,
                "        entries = _find_entries({(draft.nonce, draft.author_id) for draft in drafts})\n",
                "        entries = dict[tuple[str, int], Entry]()\n",
            ),
            Change(
                MIGRATION_FILE,
                "CREATE UNIQUE INDEX entry_nonce_author_id",
                "CREATE INDEX entry_nonce_author_id",
            ),
        ),
    ),
    Mutant(
        "a repeated nonce is acknowledged with the head",
        (
            Change(
                SQL_LOG_FILE,
                "        known = set(entries)\n",
                "        known = set(entries)\n"
                "        entries = {\n"
                "            key: dataclasses.replace(entry, seq=heads.get(entry.room, 1))\n"
                "            for key, entry in entries.items()\n"
                "        }\n",
            ),
            Change(SQL_LOG_FILE, "import asyncio\n", "import asyncio\nimport dataclasses\n"),
        ),
    ),
    Mutant(
        "replay by timestamp, in seconds",
        (
            Change(
                SQL_LOG_FILE,
                "EntryRow.room == room, EntryRow.seq > seq).order_by(EntryRow.seq)",
                "EntryRow.room == room, EntryRow.at.cast('INTEGER') > (EntryRow.select(EntryRow.at.cast('INTEGER'))"
                ".where(EntryRow.room == room, EntryRow.seq == seq).scalar() or 0)).order_by(EntryRow.at)",
            ),
        ),
    ),
    Mutant(
        "pages by timestamp",
        (
            Change(
                SQL_LOG_FILE,
                "        found = found.where(EntryRow.seq < seq)\n",
                "        at = EntryRow.get(EntryRow.room == room, EntryRow.seq == seq).at\n"
                "        found = found.where(EntryRow.at < at)\n",
            ),
        ),
    ),
    Mutant(
        "no replay",
        (Change(CHANNEL_FILE, "self._delivered if after is None else min(after, self._delivered)", "self._delivered"),),
    ),
    Mutant(
        "a broadcast stops at the first connection that takes nothing",
        (
            Change(
                CHANNEL_FILE,
                "                self._lagging[subscriber] = before\n",
                "                self._lagging[subscriber] = before\n"
                "                at_head.update(pending)\n"
                "                pending.clear()\n"
                "                break\n",
            ),
        ),
    ),
    Mutant(
        "a broadcast fails at the first connection that is away",
        (
            Change(
                "controllers/sockjs/sessions.py",
                "        if handler is None or not handler.active or self.send_queue or self.is_closed:\n",
                "        if handler is None:\n"
                "            raise tornado.websocket.WebSocketClosedError()\n"
                "        if not handler.active or self.send_queue or self.is_closed:\n",
            ),
        ),
    ),
    Mutant(
        "the cursor moves although the connection took nothing",
        (
            Change(
                CHANNEL_FILE,
                "                self._lagging[subscriber] = before\n",
                "                at_head.add(subscriber)\n",
            ),
        ),
    ),
    Mutant(
        "what a process appends overtakes what others appended before",
        (Change(CHANNEL_FILE, "        if entry.seq == self.head + 1:\n", "        if entry.seq > self.head:\n"),),
    ),
    Mutant(
        "a process hears no doorbell",
        (
            Change(
                HUB_FILE,
                "            if channel is not None and head > channel.head:\n",
                "            if channel is not None and head < 0:\n",
            ),
        ),
    ),
    Mutant(
        "the number is taken outside the transaction",
        (
            Change(
                SQL_LOG_FILE,
                "    with appending():\n        heads = _lock_rooms({draft.room for draft in drafts})\n",
                "    heads = _lock_rooms({draft.room for draft in drafts})\n    with appending():\n",
            ),
            Change(
                MIGRATION_FILE,
                "PRIMARY KEY (room_id, seq)",
                "PRIMARY KEY (room_id, seq, nonce)",
            ),
        ),
    ),
    Mutant(
        "a room's row is not locked",
        (Change(SQL_LOG_FILE, 'sql + " FOR NO KEY UPDATE" if database.for_update else sql', "sql"),),
        engine="postgresql",
    ),
    Mutant(
        "a process hears neither NOTIFY nor what its slow look finds",
        (Change("models/engines/postgresql_doorbell.py", "        self.ring()\n", ""),),
        engine="postgresql",
    ),
    Mutant(
        "MongoDB: no unique nonce",
        (
            Change(
                MONGO_DATABASE_FILE, '[("author_id", 1), ("nonce", 1)], unique=True', '[("author_id", 1), ("nonce", 1)]'
            ),
        ),
        engine="mongodb",
    ),
    Mutant(
        "MongoDB: a number may be given twice",
        (Change(MONGO_DATABASE_FILE, '[("room", 1), ("seq", 1)], unique=True', '[("room", 1), ("seq", 1)]'),),
        engine="mongodb",
    ),
    Mutant(
        "MongoDB: a batch taken in part is acknowledged as a whole",
        (Change(MONGO_LOG_FILE, '            entries = entries[: refused["index"]]\n', ""),),
        engine="mongodb",
    ),
    Mutant(
        "MongoDB: a process hears no change stream and no slow look",
        (Change("models/logs/mongo_changes.py", "                self.rung.set()\n", ""),),
        engine="mongodb",
    ),
    Mutant(
        "a failed transaction is a traceback",
        (
            Change(
                "models/engines/workers.py",
                "        except (peewee.OperationalError, peewee.InternalError, peewee.InterfaceError) as error:\n",
                "        except (peewee.InternalError, peewee.InterfaceError) as error:\n",
            ),
        ),
    ),
)


def copy(folder: Path) -> None:
    """Copy the project as it is now: what git has or would have."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in listed.stdout.split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def apply(mutant: Mutant, folder: Path) -> None:
    """Break the copy. Raise LookupError if the text is not there as it was, exactly once."""
    for change in mutant.changes:
        path = folder / change.path
        text = path.read_text(encoding="utf-8")
        if (count := text.count(change.old)) != 1:
            raise LookupError(f"{mutant.name}: {count} times in {change.path}:\n{change.old}")
        path.write_text(text.replace(change.old, change.new), encoding="utf-8")


def run(folder: Path, engine: str, seconds: float, seed: int) -> subprocess.CompletedProcess[str]:
    """Run the harness of the copy."""
    command = [sys.executable, "-m", "faults", f"--engine={engine}", f"--seconds={seconds}", f"--seed={seed}"]
    return subprocess.run(
        [*command, f"--history={folder / 'history.jsonl'}"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds + RUN_TIMEOUT_SECONDS,
        check=False,
    )


def catch(mutant: Mutant, seconds: float, seed: int) -> list[str]:
    """Return the checks that notice a mutant, with how often they do. Raise RuntimeError if the harness fails."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as name:
        folder = Path(name)
        copy(folder)
        apply(mutant, folder)
        ended = run(folder, mutant.engine, seconds, seed)
    found = re.findall(r"^VIOLATED (.*)$", ended.stdout, re.MULTILINE)
    if bool(ended.returncode) != bool(found) or (found and not mutant.changes):
        raise RuntimeError(f"{mutant.name}: the harness failed:\n{ended.stdout}")
    return found


def read_arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m faults.mutants", description=__doc__)
    parser.add_argument("--seconds", type=float, default=RUN_SECONDS, help="of each run; default %(default)s")
    parser.add_argument("--seed", type=int, default=SEED, help="of each run; default %(default)s")
    parser.add_argument("--only", default="", help="those whose name contains this")
    return parser.parse_args()


def main() -> int:
    """Try every mutant; return 1 if one is not caught."""
    arguments = read_arguments()
    missed = 0
    for mutant in MUTANTS:
        if arguments.only in mutant.name:
            found = catch(mutant, arguments.seconds, arguments.seed)
            missed += bool(mutant.changes) and not found
            result = "caught" if found else "MISSED" if mutant.changes else "sound"
            sys.stdout.write(f"{result:8}{mutant.name:64}{', '.join(found)}\n")
            sys.stdout.flush()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
