"""Who is online and who is typing, at all processes, as this one knows it: changed report by report, not made anew."""

from __future__ import annotations

import heapq
import time
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import NamedTuple

from models.presence import Name, Reported, Reports

MEMBERS_PER_TURN = 500  # that come or leave before the event loop does other work: about 4 ms

Key = tuple[str, int]  # a room and a member
Typist = tuple[str, Name]  # a process and a member there


class People(Collection[str]):
    """Names in order, each as long as it is counted somewhere."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._order: list[Name] = []

    def add(self, name: Name) -> None:
        """Count a name once more."""
        count = self._counts.get(name.username, 0)
        if not count:
            insort(self._order, name)
        self._counts[name.username] = count + 1

    def remove(self, name: Name) -> None:
        """Count a name once less."""
        self._counts[name.username] -= 1
        if not self._counts[name.username]:
            del self._counts[name.username]
            del self._order[bisect_left(self._order, name)]

    def __contains__(self, username: object) -> bool:
        return username in self._counts

    def __iter__(self) -> Iterator[str]:
        return (name.username for name in self._order)

    def __len__(self) -> int:
        return len(self._order)

    def first(self, count: int) -> list[str]:
        """Return the first names, at most `count`."""
        return [name.username for name in self._order[:count]]


class Typing:
    """Who is typing in each room, and until when (time.monotonic)."""

    def __init__(self) -> None:
        self._rooms: defaultdict[str, dict[Typist, float]] = defaultdict(dict)
        self._ends: list[tuple[float, str, Typist]] = []  # a heap; with those that have been put off or ended before

    def begin(self, room: str, typist: Typist, until: float) -> None:
        """Let somebody type until then."""
        self._rooms[room][typist] = until
        heapq.heappush(self._ends, (until, room, typist))

    def end(self, room: str, typist: Typist) -> bool:
        """Let somebody type no more; return whether they did."""
        typists = self._rooms.get(room, {})
        did = typists.pop(typist, None) is not None
        if did and not typists:
            del self._rooms[room]
        return did

    def end_due(self) -> Iterator[str]:
        """End what is over; yield the rooms where it was."""
        while self._ends and self._ends[0][0] <= time.monotonic():
            until, room, typist = heapq.heappop(self._ends)
            if self._rooms.get(room, {}).get(typist) == until:
                self.end(room, typist)
                yield room

    def names(self, room: str) -> list[str]:
        """Return who is typing in a room, in order."""
        return [name.username for name in sorted({name for _, name in self._rooms.get(room, ())})]


class Changes(NamedTuple):
    """Rooms with other people or typists than before; the names of those who are online now, and who are no more."""

    rooms: set[str]
    came: list[str]
    left: list[str]


class Online:
    """The presence of all processes."""

    def __init__(self) -> None:
        self.everybody = People()  # counted for each room and process
        self.rooms: dict[str, People] = {}  # all in which somebody was seen; counted for each process
        self.typing = Typing()
        self.versions: dict[str, int] = {}  # of each process, up to which its reports are known
        self._names: dict[str, dict[Key, Name]] = {}  # of those online, by process
        self._changed: set[str] = set()  # rooms, since the last changes were returned
        self._were_online: dict[str, bool] = {}  # who has come or left since, by name: whether they were online before

    def take(self, reports: Reports) -> Iterator[None]:
        """Take what processes have reported; yield whenever the event loop should do other work."""
        for process in self.versions.keys() - reports.running:
            yield from self._keep_only(process, set())
            del self._names[process], self.versions[process]
        for process, report in reports.new.items():
            self._names.setdefault(process, {})
            if report.is_whole:
                yield from self._keep_only(process, {(one.room, one.member_id) for one in report.reported})
            for number, one in enumerate(report.reported, 1):
                self._take(process, one)
                if number % MEMBERS_PER_TURN == 0:
                    yield
            self.versions[process] = report.version

    def _keep_only(self, process: str, keys: set[Key]) -> Iterator[None]:
        """Remove the other members of a process."""
        for number, key in enumerate(self._names[process].keys() - keys, 1):
            self._remove(process, key)
            if number % MEMBERS_PER_TURN == 0:
                yield

    def _take(self, process: str, one: Reported) -> None:
        key = one.room, one.member_id
        if not one.connections:
            if key in self._names[process]:
                self._remove(process, key)
            return
        if key not in self._names[process]:
            self._add(process, key, one.name)
        typist = process, self._names[process][key]
        if one.typing_for > 0:
            self.typing.begin(one.room, typist, time.monotonic() + one.typing_for)
            self._changed.add(one.room)
        elif self.typing.end(one.room, typist):
            self._changed.add(one.room)

    def _add(self, process: str, key: Key, name: Name) -> None:
        self._note(key, name)
        self._names[process][key] = name
        self.rooms.setdefault(key[0], People()).add(name)
        self.everybody.add(name)

    def _remove(self, process: str, key: Key) -> None:
        name = self._names[process].pop(key)
        self._note(key, name)
        self.rooms[key[0]].remove(name)
        self.everybody.remove(name)
        self.typing.end(key[0], (process, name))

    def _note(self, key: Key, name: Name) -> None:
        """Note that somebody is about to come to a room or to leave it."""
        self._changed.add(key[0])
        self._were_online.setdefault(name.username, name.username in self.everybody)

    def changes(self) -> Changes:
        """Return what has changed since this was called last."""
        self._changed.update(self.typing.end_due())
        rooms, self._changed = self._changed, set()
        before, self._were_online = self._were_online, {}
        came = [name for name, was_online in before.items() if not was_online and name in self.everybody]
        left = [name for name, was_online in before.items() if was_online and name not in self.everybody]
        return Changes(rooms, came, left)
