"""What a message costs beside 10,000 other rooms, and what a process keeps of rooms that were opened once."""

import itertools
import json
import statistics
import time
from contextlib import ExitStack

from bench import chats, pages, sites
from bench.appends import together
from bench.chats import BODY_PREFIX
from bench.figures import EMPTY_SITE, PROSA
from bench.keepalive import Client, request
from bench.load import Crowd, Member
from bench.rounds import JOIN_TIMEOUT_SECONDS, Bench
from bench.sites import Server
from models.models import LOBBY

ROOM_COUNT = 10_000
MEMBER_COUNT = 10  # each in all of them: 100,000 memberships
SAID_POSTS = 20  # in each room
SAID_POSTS_ON_A_SERVER = 2  # the same: what a process keeps of them is measured with SQLite only
OPEN_ROOMS = 1000  # of them, at the process where the message is seen
MESSAGE_COUNT = 200
WARM_UP_PAGES = 300  # more than a process keeps in any case


def beside(bench: Bench) -> None:
    """The lobby of a site with many other rooms, and of one with none."""
    for name, rooms in ((PROSA, ROOM_COUNT), (EMPTY_SITE, 0)):
        said = SAID_POSTS_ON_A_SERVER if bench.engine.is_served else SAID_POSTS
        home, cookies = bench.site(MEMBER_COUNT, rooms=rooms, said=said)
        bench.figures.add("beside-append", name, 1000 / together(home, [LOBBY], 1))
        command = sites.prosa(home.options(), bench.secret)
        with ExitStack() as stack:
            servers = [stack.enter_context(Server(command)) for _ in range(2)]
            here, there = (stack.enter_context(Crowd(server.port, chats.prosa(cookies))) for server in servers)
            here.join(1, JOIN_TIMEOUT_SECONDS)
            there.join(MEMBER_COUNT, JOIN_TIMEOUT_SECONDS)
            _open_rooms(there, min(rooms, OPEN_ROOMS))
            delays = _deliver(here, there, str(next(bench.runs)))
            bench.figures.add("beside-delivery", name, statistics.median(delays) * 1000)
        if rooms and not bench.engine.is_served:
            with Server(command) as server:
                bench.figures.add("beside-memory", name, _browse(server, cookies[0]))


def _open_rooms(crowd: Crowd, count: int) -> None:
    """Let the members join some rooms, a part each; return once they are told that they have."""
    joined = 0

    def hear(member: Member, payload: bytes) -> None:
        nonlocal joined
        joined += sum(json.loads(one)["type"] == "joined" for one in member.chat.messages(payload))

    for member in crowd.members:
        crowd.listen(member, hear)
    for number, member in zip(range(count), itertools.cycle(crowd.members), strict=False):
        member.send(member.chat.frame(json.dumps({"type": "join", "room": f"room{number}"})))
        crowd.read(0.001)
    until = time.perf_counter() + JOIN_TIMEOUT_SECONDS
    while joined < count:
        if time.perf_counter() > until:
            raise TimeoutError(f"only {joined} of {count} rooms were joined")
        crowd.read(0.05)
    for member in crowd.members:
        crowd.listen(member, None)
    crowd.quiet(JOIN_TIMEOUT_SECONDS)


def _deliver(here: Crowd, there: Crowd, run: str) -> list[float]:
    """Send messages at one process; return the seconds until each is seen at the other."""
    seen: list[str] = []

    def hear(member: Member, payload: bytes) -> None:
        messages = map(json.loads, member.chat.messages(payload))
        seen.extend(one["body"] for one in messages if one["type"] == "entry")

    there.listen(there.members[0], hear)
    sender, delays = here.members[0], []
    for number in range(MESSAGE_COUNT):
        token = f"{BODY_PREFIX}{run}-{number:07d}"
        began = time.perf_counter()
        sender.send(sender.chat.frame(sender.chat.say(token)))
        while not any(body.startswith(token) for body in seen[-2:]):
            if not there.read(JOIN_TIMEOUT_SECONDS):
                raise TimeoutError(f"{token} was not delivered")
        delays.append(time.perf_counter() - began)
        here.read(0.001)
    return delays


def _browse(server: Server, cookie: str) -> float:
    """Open all rooms once, one after the other; return by how many megabytes the process has grown."""
    headers, _ = pages.open_form(server.port, cookie)
    asked = [request("GET", f"/rooms/room{number}", server.port, headers) for number in range(ROOM_COUNT)]
    with Client(server.port) as client:
        for one in asked[:WARM_UP_PAGES]:
            client.ask(one)
        before = server.memory()
        for one in asked[WARM_UP_PAGES:]:
            client.ask(one)
    return (server.memory() - before) / 1024 / 1024
