"""10,000 people online in 1,000 rooms at eight processes: what it costs the real ones that some come and go."""

import itertools
import json
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

from bench import chats, sites
from bench.elsewhere import CHANGES_PER_SECOND, Elsewhere, rooms_of
from bench.figures import PROSA
from bench.load import Crowd
from bench.rounds import JOIN_TIMEOUT_SECONDS, Bench
from bench.sites import Server

ONLINE_COUNT = 10_000
PROCESS_COUNT = 4
MEMBERS_EACH = 250  # of a real process, who are really connected
ROOMS_EACH = 4  # that each of these has joined: so each process has a subscriber in every room
SETTLE_SECONDS = 5.0  # after which all processes have read who is online
WINDOW_SECONDS = 15.0  # of which a hundredth of a second, as the system counts, is a thousandth at most


def presence(bench: Bench) -> None:
    """The processor time of four processes while members elsewhere come and go, less what they take while all stay."""
    home, cookies = bench.site(ONLINE_COUNT)
    with ExitStack() as stack:
        elsewhere = stack.enter_context(Elsewhere(home.options(), PROCESS_COUNT * MEMBERS_EACH, ROOMS_EACH))
        command = sites.prosa(home.options(), bench.secret)
        servers = [stack.enter_context(Server(command)) for _ in range(PROCESS_COUNT)]
        crowds = []
        for number, server in enumerate(servers):
            first = number * MEMBERS_EACH
            chat = replace(chats.prosa(cookies[first : first + MEMBERS_EACH]), enter="", welcome="o")
            crowds.append(stack.enter_context(Crowd(server.port, chat)))
            _join(crowds[-1], first)
        _read(crowds, SETTLE_SECONDS)
        still, _ = _window(servers, crowds)
        elsewhere.turn()
        _read(crowds, SETTLE_SECONDS)
        with bench.alone("presence", PROSA, elsewhere, *servers):
            moving, told = _window(servers, crowds)
        shares = [(busy - idle) * 100 for busy, idle in zip(moving, still, strict=True)]
        least = CHANGES_PER_SECOND * WINDOW_SECONDS * PROCESS_COUNT / 2  # of changes in a room at once one is told
        fault = "" if told > least else f"members were told of {told} changes only"
        bench.figures.add("presence", PROSA, max(shares), fault)


def _join(crowd: Crowd, first: int) -> None:
    """Let the members with the indexes from `first` on connect, and join their rooms."""
    crowd.join(MEMBERS_EACH, JOIN_TIMEOUT_SECONDS)
    for member in crowd.members:
        for room in rooms_of(first + member.index, ROOMS_EACH):
            member.send(member.chat.frame(json.dumps({"type": "join", "room": room})))
    crowd.quiet(JOIN_TIMEOUT_SECONDS)


def _read(crowds: Sequence[Crowd], seconds: float) -> None:
    """Read what comes to all members for so long."""
    ends = time.perf_counter() + seconds
    for crowd in itertools.cycle(crowds):
        crowd.read(0.01)
        if time.perf_counter() > ends:
            return


def _window(servers: Sequence[Server], crowds: Sequence[Crowd]) -> tuple[list[float], int]:
    """Return which share of a core each process takes, and how many frames its members are sent."""
    frames = sum(crowd.frames(crowd.members) for crowd in crowds)
    before, began = [server.cpu() for server in servers], time.perf_counter()
    _read(crowds, WINDOW_SECONDS)
    elapsed = time.perf_counter() - began
    shares = [(server.cpu() - used) / elapsed for server, used in zip(servers, before, strict=True)]
    return shares, sum(crowd.frames(crowd.members) for crowd in crowds) - frames
