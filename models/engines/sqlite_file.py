"""The file that SQLite has open: readable by its owner only, and checked, since others may remove or replace it."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import shlex
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import cysqlite

from models.errors.stores import CannotOpen, Lost

logger = logging.getLogger(__name__)

OWNER_ONLY_MODE = 0o600  # of the files
SIDE_SUFFIXES = ("-wal", "-shm")  # of the files that SQLite keeps beside a database, with the same mode
STALE_SUFFIX = ".stale"  # added to their names when their database is gone

# SQLite's file format, 1.3: the versions by which it is written and read, and a counter that grows with each change.
HEADER_BYTES = 100
FORMAT_VERSIONS = slice(18, 20)
WAL_FORMAT = b"\2\2"
CHANGE_COUNTER = slice(24, 28)
MAX_HEADER_READS = 3  # until a wrong header is believed: SQLite may be writing it

FileIdentity = tuple[int, int]  # device and inode

_descriptors: dict[FileIdentity, int] = {}  # never closed, since POSIX would then drop SQLite's locks on the file


class DatabaseFile:
    """A database's file as it was opened. A copy that replaces or overwrites it is another database."""

    def __init__(self, path: str) -> None:
        """Create the file if there is none. Raise CannotOpen."""
        self.path = os.path.abspath(path)  # noqa: PTH100 - a link is followed anew each time, not once
        self.lost_reason = ""  # once the file is lost: why
        self._losing = threading.Lock()
        self.can_checkpoint = True  # unless the write-ahead log belongs to other content
        self._header = b""
        self._stamp: tuple[int, int] | None = None  # modification time and size when the header was read
        self._real_path = os.path.realpath(self.path)  # after which SQLite names the files beside it
        try:
            self._create()
            self._identity, self._descriptor = _open(self.path)
        except OSError as error:
            raise CannotOpen(f"cannot open the database {path!r}: {error.strerror}") from error

    def _create(self) -> None:
        """Create an empty file for its owner only, unless there is one.

        Files that lie beside none belong to a database that is gone. They are renamed before there is a file, and by
        one process at a time: as soon as there is one, another process may open it, and such files are its own.
        """
        if _identity(self._real_path) is not None:
            return
        with _locked_folder(self._real_path), contextlib.suppress(FileExistsError):
            if _identity(self._real_path) is None:
                self._rename_stale(self.side_files())
            flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
            descriptor = os.open(self._real_path, flags, OWNER_ONLY_MODE)
            os.fchmod(descriptor, OWNER_ONLY_MODE)  # a umask can take even the owner's rights
            os.close(descriptor)  # drops no locks: this process has none on it yet

    def warn_if_public(self) -> None:
        """Warn if all users of this machine may read or write the file. A group's rights are left as they are."""
        mode = stat.S_IMODE(os.fstat(self._descriptor).st_mode)
        if mode & stat.S_IRWXO:
            path = shlex.quote(self._real_path)
            logger.warning("everybody on this machine has rights on the database (%03o): chmod o= %s*", mode, path)

    def side_files(self) -> dict[str, FileIdentity]:
        """Return the files beside the database by suffix. A connection that has just read something has these open."""
        found = {suffix: _identity(self._real_path + suffix) for suffix in SIDE_SUFFIXES}
        return {suffix: identity for suffix, identity in found.items() if identity}

    def verify(self, side_files: dict[str, FileIdentity]) -> None:
        """Raise Lost, from the first time on, if what was committed is not in the file that the next start will open.

        `side_files` are those that the caller's connection has open.
        """
        reason = self.lost_reason or self._why_lost(side_files)
        if reason:
            self._lose(reason)
            raise Lost(self.lost_reason)

    def _lose(self, reason: str) -> None:
        """Tell once that the file is lost: several threads may find it out at the same moment."""
        with self._losing:
            if not self.lost_reason:
                self.lost_reason = reason
                logger.critical("%s: nothing more is written, and this process ends", reason)

    def _why_lost(self, side_files: dict[str, FileIdentity]) -> str:
        try:
            found = os.stat(self.path)  # noqa: PTH116 - half the time
        except OSError as error:
            return f"the database {self.path} is gone ({error.strerror})"
        if (found.st_dev, found.st_ino) != self._identity:
            self._rename_stale(side_files)
            return f"the database {self.path} is another file than the one that was opened"
        if (found.st_mtime_ns, found.st_size) != self._stamp:
            self._stamp = found.st_mtime_ns, found.st_size
            if self._is_overwritten():
                self.can_checkpoint = False
                self._rename_stale(side_files)
                return f"the database {self.path} was written over"
        return self._missing_side_file(side_files)

    def _missing_side_file(self, side_files: dict[str, FileIdentity]) -> str:
        for suffix, identity in side_files.items():
            found = _identity(self._real_path + suffix)
            if found != identity:
                self.can_checkpoint = found is None
                return f"{self._real_path}{suffix} was taken away from the database"
        return ""

    def _is_overwritten(self) -> bool:
        """Return whether something other than SQLite has written into the file. Not every copy can be recognised."""
        for _ in range(MAX_HEADER_READS):
            header = os.pread(self._descriptor, HEADER_BYTES, 0)
            if _can_follow(self._header, header):
                self._header = header
                return False
        return True

    def before_close(self, connection: cysqlite.Connection) -> None:
        """Prepare a connection to a lost file to be closed.

        What was acknowledged is written into the file that is open, wherever that is now. The files beside it stay:
        they may belong to another database.
        """
        connection.db_config(cysqlite.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)  # type: ignore[attr-defined]
        if self.can_checkpoint:
            with contextlib.suppress(cysqlite.Error):
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _rename_stale(self, side_files: dict[str, FileIdentity]) -> None:
        """Rename the side files of a database that is gone, or the next start would use them with another database."""
        for suffix, identity in side_files.items():
            with contextlib.suppress(OSError):
                if _identity(self._real_path + suffix) == identity:
                    Path(self._real_path + suffix).replace(self._real_path + suffix + STALE_SUFFIX)


@contextlib.contextmanager
def _locked_folder(path: str) -> Iterator[None]:
    """Let one process at a time create files beside `path`, of those that ask here. Raise OSError."""
    descriptor = os.open(os.path.dirname(path), os.O_RDONLY)  # noqa: PTH120 - of a path as the operating system has it
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _can_follow(old: bytes, new: bytes) -> bool:
    """Return whether SQLite can have changed the header `old` to `new` while this process had the database open."""
    if not old:
        return True
    if len(new) < HEADER_BYTES or (old[FORMAT_VERSIONS] == WAL_FORMAT and new[FORMAT_VERSIONS] != WAL_FORMAT):
        return False
    return new[CHANGE_COUNTER] >= old[CHANGE_COUNTER]


def _open(path: str) -> tuple[FileIdentity, int]:
    """Return the identity of a file and a descriptor that reads it. Raise OSError."""
    identity = _identity(path)
    if identity not in _descriptors:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # to open a FIFO would wait for its writer
        found = os.fstat(descriptor)
        identity = found.st_dev, found.st_ino
        if not stat.S_ISREG(found.st_mode):
            os.close(descriptor)
            raise OSError(0, "it is no file")
        _descriptors[identity] = descriptor
    assert identity is not None
    return identity, _descriptors[identity]


def _identity(path: str) -> FileIdentity | None:
    """Return the identity of the file at `path`, or None if there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - half the time
    except OSError:
        return None
    return found.st_dev, found.st_ino
