"""One process without HTTP, and members who are connected to it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import tempfile
import unittest
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from unittest import mock

import app
from controllers.realtime.frame import Frame
from controllers.realtime.subscriber import Subscriber
from controllers.site import Limits, Site
from controllers.web.rendering import MessageRenderer
from models.database import database
from models.logs.base import Draft, Entry
from models.members import Member
from models.models import Membership, Room, User, create_tables
from models.passwords import PasswordHash
from models.reads import Move
from models.sessions import SignIn
from models.stores import Stores
from testsuite.test_unread import Place
from testsuite.waiting import TIMEOUT_SECONDS

Condition = Callable[[], bool]


class Listener(Subscriber):
    """A connection that takes everything at once."""

    def __init__(self, member: Member) -> None:
        self.sign_in = SignIn(member.id, member)
        self.channels = set()
        self.is_polling = False
        self.heard: list[dict[str, Any]] = []
        self.try_send = self.take

    def take(self, frame: Frame) -> bool:
        self.heard += map(json.loads, frame.messages)
        return True

    def send_text(self, text: str) -> None:
        self.heard.append(json.loads(text))

    def close(self, code: int, reason: str) -> None:
        raise AssertionError(reason)

    def counted(self, room: str) -> tuple[int, int]:
        """Return how much is new, and how many mentions, by what was heard."""
        place = None
        for message in self.heard:
            if message["type"] == "rooms":
                told = {one["room"]: one for one in message["rooms"]}
                place = Place(told[room]) if room in told else None
            elif place and message.get("room") == room:
                place.take(message)
        return (place.unread, len(place.mentions)) if place else (-1, -1)

    def heads(self, room: str) -> list[int]:
        """Return the heads of a room that were heard, in order."""
        return [one["head"] for one in self.told_of(room) if "head" in one]

    def reads(self, room: str) -> list[int]:
        """Return the positions in a room that were heard, in order."""
        seqs = [one["seq"] if one.get("type") == "read" else one.get("read") for one in self.told_of(room)]
        return [seq for seq in seqs if seq is not None]

    def told_of(self, room: str) -> list[dict[str, Any]]:
        """Return what was heard of a room, in order."""
        rooms = [message["rooms"] if message["type"] == "rooms" else [message] for message in self.heard]
        return [one for one in itertools.chain(*rooms) if one.get("room") == room]


class ActivityTest(unittest.IsolatedAsyncioTestCase):
    """One process on a SQLite file. ana listens to what beto does in the lobby and in the attic."""

    def setUp(self) -> None:
        folder = self.enterContext(tempfile.TemporaryDirectory())
        create_tables(str(Path(folder) / "people.db"))
        Room.create(slug="attic", name="Attic")
        self.ids = {}
        for name in ("ana", "beto"):
            user = User(username=name, password=PasswordHash("none"))
            user.save()
            self.ids[name] = user.id
            Membership.create(room="attic", user=user.id)
        database.close()
        self.nonces = map(str, itertools.count())

    async def asyncSetUp(self) -> None:
        asyncio.get_running_loop().set_debug(False)  # or most of the time would be spent on its checks
        limits = Limits(8000, 0, 0, ())
        self.stores = Stores()
        renderer = MessageRenderer(str(app.TEMPLATES_FOLDER))
        self.site = Site("Prosa", self.stores, "http://127.0.0.1:1/", limits, renderer)
        self.addAsyncCleanup(self.site.close)
        self.hub = self.site.hub
        self.ana, self.beto = self.ids["ana"], self.ids["beto"]

    def draft(self, body: str, kind: str = "post", target: int | None = None, room: str = "lobby") -> Draft:
        return Draft(room, self.beto, body, next(self.nonces), kind, target)

    async def do(self, body: str, kind: str = "post", target: int | None = None, room: str = "lobby") -> Entry:
        """Let beto do something at this process."""
        return await self.hub.append(self.draft(body, kind, target, room))

    async def listen(self, name: str = "ana") -> Listener:
        """Connect a member, and return when they were told of their rooms."""
        listener = self.connect(name)
        await self.until(lambda: bool(listener.heard))
        return listener

    def connect(self, name: str = "ana") -> Listener:
        listener = Listener(Member(self.ids[name], name, is_admin=False))
        self.hub.add(listener)
        return listener

    async def until(self, what: Condition) -> None:
        """Return once `what` is true."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while not what():  # noqa: ASYNC110 - what is waited for is no event
                await asyncio.sleep(0.002)

    async def read_nothing(self, *rooms: str) -> None:
        """Let ana have seen these rooms when nothing was said there."""
        await self.site.reads.move_now([Move(self.ana, room, 0, 0) for room in rooms])

    @contextlib.asynccontextmanager
    async def held_up(self, owner: object, name: str) -> AsyncIterator[asyncio.Event]:
        """Hold up the answer of a method until the end; yield an event that tells when somebody waits for it."""
        asked, released = asyncio.Event(), asyncio.Event()
        method: Callable[..., Awaitable[object]] = getattr(owner, name)

        async def hold_up(*args: object) -> object:
            answer = await method(*args)
            asked.set()
            await released.wait()
            return answer

        with mock.patch.object(owner, name, hold_up):
            try:
                async with asyncio.timeout(TIMEOUT_SECONDS):
                    yield asked
            finally:
                released.set()
