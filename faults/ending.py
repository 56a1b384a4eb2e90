"""The end of a run, when all is quiet: members say where they have read to, and what they are told is new is noted."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import re
import time

from faults.history import SETTLING_SECONDS, Counted, History, Marked, Shown
from faults.readers import ChatReader
from faults.waiting import until
from faults.web import Lost

ASK_AGAIN_SECONDS = 2.0  # after which a member says once more where they have read to
LAST_ANSWER_SECONDS = 1.5  # for what was sent before, which may set a position back
UNREAD_POSTS = 40  # about so many more are new to each second member
LINK = re.compile(r'<a (?:class="new" href="/new"|href="/rooms/lobby")[^>]*>(.*?)</a>')  # in the sidebar
COUNT = re.compile(r'<span class="count[^"]*">(\d+)')


def stop_marking(readers: list[ChatReader]) -> list[ChatReader]:
    """Let nobody say any more where they have read to; return who did."""
    marking = [reader for reader in readers if reader.marks]
    for reader in marking:
        reader.marks = False
    return marking


async def mark_last(marking: list[ChatReader], readers: list[ChatReader], history: History, head: int) -> None:
    """Let each of those say where they have read to, and then their other devices something older.

    Who has stayed behind reads on to the end, and who has read on goes back.
    """
    for number, reader in enumerate(marking, 1):
        seq = head if reader.stays_behind else max(1, head - UNREAD_POSTS * number)
        what, named = ("read", seq) if reader.stays_behind else ("unread", seq + 1)
        devices = [one for one in readers if one.client.member == reader.client.member]
        await _say(reader, what, named, seq, devices)
        history.marked.append(Marked(time.monotonic(), reader.client.member, seq))
        with contextlib.suppress(Lost):
            for device in devices:
                await device.say("read", max(1, seq - 1))


async def _say(reader: ChatReader, what: str, named: int, seq: int, devices: list[ChatReader]) -> None:
    """Say it until all devices are told so, or for some time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SETTLING_SECONDS):
            while any(device.tally.read != seq for device in devices):
                with contextlib.suppress(Lost):
                    await reader.say(what, named)
                await until(lambda: all(device.tally.read == seq for device in devices), ASK_AGAIN_SECONDS)


def fresh(readers: list[ChatReader], history: History) -> list[ChatReader]:
    """Return new connections of those who have said where they have read to."""
    marked = {one.reader for one in history.marked}
    named = {reader.client.member: reader for reader in readers if reader.client.member in marked}
    found = []
    for member, reader in named.items():
        client = dataclasses.replace(reader.client, name=f"{member} anew")
        found.append(ChatReader(client, reader.transport, reader.scribe))
        found[-1].cursor = reader.cursor
    return found


async def look(marking: list[ChatReader], history: History) -> None:
    """Note what a page shows of what is new to each of those."""
    for reader in marking:
        page = ""
        while not page:
            with contextlib.suppress(Lost):
                page = await reader.fetch_page("/rooms")
        beside, total = map(_number_in, LINK.findall(page))
        history.shown.append(Shown(time.monotonic(), reader.client.member, total, beside))


def _number_in(link: str) -> int:
    found = COUNT.search(link)
    return int(found[1]) if found else 0


async def count(readers: list[ChatReader], history: History, head: int) -> None:
    """Note what each connection knows of what is new, as soon as all have been told of everything."""
    await asyncio.sleep(LAST_ANSWER_SECONDS)
    await until(lambda: all(reader.tally.head == head for reader in readers), SETTLING_SECONDS)
    for reader in readers:
        tally = reader.tally
        known = tally.head, tally.read, tally.unread, tally.mentions
        history.counted.append(Counted(time.monotonic(), reader.name, reader.client.member, *known))
