"""The file that SQLite has open: made for its owner only, and watched, since it may be taken away from under it."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import stat
from pathlib import Path

from models.errors import CannotOpen, Lost

log = logging.getLogger(__name__)

OWNERS = 0o600
SIDES = ("-wal", "-shm")  # what SQLite keeps beside a database, with the same mode
STALE = ".stale"  # what becomes of their names when they belong to no database any more

# SQLite's file format, 1.3: how it is written, and a number that grows.
HEADER_BYTES = 100
KIND = slice(18, 20)
WITH_WAL = b"\2\2"
COUNTER = slice(24, 28)
READS = 3  # of a header, until it counts as wrong: it may just be written

Identity = tuple[int, int]  # device and inode

_descriptors: dict[Identity, int] = {}  # never closed: to close one would end SQLite's locks on that file (POSIX)


class DatabaseFile:
    """A database's file as it was opened. A copy that is put in its place, or over it, is another database."""

    def __init__(self, path: str) -> None:
        """Make the file if there is none. Raise CannotOpen."""
        self.path = os.path.abspath(path)  # noqa: PTH100 - a link is followed anew each time, not once
        self.why_lost = ""
        self.can_be_finished = True  # else what is in its write-ahead log belongs to other content
        self._header = b""
        self._stamp: tuple[int, int] | None = None  # time and size, when the header was read
        self._beside = os.path.realpath(self.path)  # SQLite follows links before it names what it keeps beside
        try:
            self._make()
            self._identity, self._descriptor = _open(self.path)
        except OSError as error:
            raise CannotOpen(f"cannot open the database {path!r}: {error.strerror}") from error

    def _make(self) -> None:
        """Make an empty database for its owner only; what lies beside it belonged to one that is gone."""
        with contextlib.suppress(FileExistsError):
            flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
            descriptor = os.open(self._beside, flags, OWNERS)
            os.fchmod(descriptor, OWNERS)  # a umask may have taken even the owner's rights
            os.close(descriptor)  # nobody in this process has locks on it yet
            self._put_aside(self.sides())

    def warn_if_open_to_all(self) -> None:
        """Warn if everybody on this machine may read or write the file. A group's rights are left to who gave them."""
        mode = stat.S_IMODE(os.fstat(self._descriptor).st_mode)
        if mode & stat.S_IRWXO:
            path = shlex.quote(self._beside)
            log.warning("everybody on this machine has rights on the database (%03o): chmod o= %s*", mode, path)

    def sides(self) -> dict[str, Identity]:
        """Return what stands beside the database now. A connection that was just opened has these open."""
        found = {side: _identity(self._beside + side) for side in SIDES}
        return {side: identity for side, identity in found.items() if identity}

    def verify(self, sides: dict[str, Identity]) -> None:
        """Raise Lost, once for ever, if what was committed is not where the next start looks for it.

        `sides` are those that the caller's connection has open.
        """
        if not self.why_lost:
            self.why_lost = self._why_lost(sides)
            if self.why_lost:
                log.critical("%s: nothing more is written, and this process ends", self.why_lost)
        if self.why_lost:
            raise Lost(self.why_lost)

    def _why_lost(self, sides: dict[str, Identity]) -> str:
        try:
            found = os.stat(self.path)  # noqa: PTH116 - half the time
        except OSError as error:
            return f"the database {self.path} is gone ({error.strerror})"
        if (found.st_dev, found.st_ino) != self._identity:
            self._put_aside(sides)
            return f"the database {self.path} is another file than the one that was opened"
        if (found.st_mtime_ns, found.st_size) != self._stamp:
            self._stamp = found.st_mtime_ns, found.st_size
            if self._is_overwritten():
                self.can_be_finished = False
                self._put_aside(sides)
                return f"the database {self.path} was written over"
        return self._what_is_missing(sides)

    def _what_is_missing(self, sides: dict[str, Identity]) -> str:
        for side, identity in sides.items():
            found = _identity(self._beside + side)
            if found != identity:
                self.can_be_finished = found is None
                return f"{self._beside}{side} was taken away from the database"
        return ""

    def _is_overwritten(self) -> bool:
        """Tell whether somebody else than SQLite has written into the file. Not every copy can be told from it."""
        for _ in range(READS):
            header = os.pread(self._descriptor, HEADER_BYTES, 0)
            if _can_follow(self._header, header):
                self._header = header
                return False
        return True

    def _put_aside(self, sides: dict[str, Identity]) -> None:
        """Give what belongs to a database that is gone another name, or the next start would mix it with a new one."""
        for side, identity in sides.items():
            with contextlib.suppress(OSError):
                if _identity(self._beside + side) == identity:
                    Path(self._beside + side).replace(self._beside + side + STALE)


def _can_follow(old: bytes, new: bytes) -> bool:
    """Tell whether SQLite can have made one header of the other, while this process had the database open."""
    if not old:
        return True
    if len(new) < HEADER_BYTES or (old[KIND] == WITH_WAL and new[KIND] != WITH_WAL):
        return False
    return new[COUNTER] >= old[COUNTER]


def _open(path: str) -> tuple[Identity, int]:
    """Return the identity of a file, and a descriptor to read it. Raise OSError."""
    identity = _identity(path)
    if identity not in _descriptors:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a FIFO would wait for its writer
        found = os.fstat(descriptor)
        identity = found.st_dev, found.st_ino
        if not stat.S_ISREG(found.st_mode):
            os.close(descriptor)
            raise OSError(0, "it is no file")
        _descriptors[identity] = descriptor
    assert identity is not None
    return identity, _descriptors[identity]


def _identity(path: str) -> Identity | None:
    """Return which file stands at a path."""
    try:
        found = os.stat(path)  # noqa: PTH116 - half the time
    except OSError:
        return None
    return found.st_dev, found.st_ino
