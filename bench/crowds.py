"""Ten thousand members in one room; and members who read nothing of what is sent to them."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench import chats, sites
from bench.chats import BODY_PREFIX, Chat
from bench.figures import PROSA, WITHOUT_SILENT, WS
from bench.load import Crowd, Member
from bench.rounds import JOIN_TIMEOUT_SECONDS, Bench
from bench.sites import Server
from bench.storm import FEW_READY, NAP_SECONDS
from bench.talk import Silent, long_winded, talk_beside

CROWD_MEMBERS = 10_000  # of one room, on one process
WAVE_COUNT = 10  # in which they come
MESSAGE_COUNT = 20  # to all of them
SILENT_MEMBERS = 50  # members who read nothing at all
READING_MEMBERS = 20  # beside so many who do
MESSAGES_IN_FLIGHT = 16  # while the silent members read nothing
LOST_AFTER_SECONDS = 20.0  # after which a message that has not reached everybody never will


def ten_thousand(bench: Bench) -> None:
    """More members than anybody has, in one room on one process."""
    members = sites.places(CROWD_MEMBERS)
    if members < CROWD_MEMBERS:
        bench.figures.remark("crowd-p99", f"only {members} members: this machine allows no more file descriptors")
    home, cookies = bench.site(members)
    size = _ten_thousand(bench, PROSA, sites.prosa(home.options(), bench.secret), chats.prosa(cookies), members)
    _ten_thousand(bench, WS, sites.WS_COMMAND, chats.websocket(size), members)


def _ten_thousand(bench: Bench, name: str, command: list[str], chat: Chat, members: int) -> int:
    """Measure one chat; return the bytes of a message in its frame."""
    with Server(command) as server, Crowd(server.port, chat) as crowd:
        crowd.warm_up(JOIN_TIMEOUT_SECONDS)
        before = server.memory()
        joining = sum(crowd.join(members // WAVE_COUNT, JOIN_TIMEOUT_SECONDS) for _ in range(WAVE_COUNT))
        bench.figures.add("crowd-joining", name, joining)
        crowd.quiet(JOIN_TIMEOUT_SECONDS)
        bench.figures.add("crowd-memory", name, (server.memory() - before) / 1024 / len(crowd.members))
        with bench.alone("crowd", name, server):
            seen = one_by_one(crowd, MESSAGE_COUNT, str(next(bench.runs)))
        bench.figures.add("crowd-p99", name, statistics.median(seen.delays) * 1000, seen.fault)
        return seen.size


@dataclass(frozen=True, slots=True)
class Delivery:
    """How long deliveries took, in seconds; bytes of one message in its frame; what went wrong, if anything did."""

    delays: list[float]
    size: int
    fault: str


def one_by_one(crowd: Crowd, count: int, run: str) -> Delivery:
    """Send `count` messages, each once all members have the one before; a delay ends when 99 % have the message."""
    crowd.quiet(limit=30)
    sender, others = crowd.members[0], crowd.members[1:]
    masses = [crowd.mass(member) for member in others]
    delays = [_deliver(crowd, sender, others, f"{BODY_PREFIX}{run}-{number:07d}") for number in range(count)]
    crowd.quiet(limit=30)
    gained = [crowd.mass(member) - mass for member, mass in zip(others, masses, strict=True)]
    odd = sum(mass != gained[0] for mass in gained)
    return Delivery(delays, gained[0] // count + 2, f"{odd} members received something else" if odd else "")


def _deliver(crowd: Crowd, sender: Member, others: Sequence[Member], token: str) -> float:
    """Send one message to all; return the seconds until 99 % of the others had it."""
    before, most, reads, delay = crowd.frames(others), len(others) * 99 // 100, 0, 0.0
    began = time.perf_counter()
    sender.send(sender.chat.frame(sender.chat.say(token)))
    while (elapsed := time.perf_counter() - began) < LOST_AFTER_SECONDS:
        ready = crowd.read(LOST_AFTER_SECONDS - elapsed)
        now = time.perf_counter()
        reads += ready
        if reads >= most:  # before that it is not worth counting: nobody has the message without a read
            received = crowd.frames(others) - before
            if received >= most and not delay:
                delay = now - began
            if received >= len(others):
                return delay
        if ready < FEW_READY:
            time.sleep(NAP_SECONDS)
    raise TimeoutError(f"only {crowd.frames(others) - before} of {len(others)} received a message")


def silent_readers(bench: Bench) -> None:
    """What members who read nothing of 100 MB cost the process, and the other members."""
    for name, silent in ((WITHOUT_SILENT, 0), (PROSA, SILENT_MEMBERS)):
        home, cookies = bench.site(READING_MEMBERS + SILENT_MEMBERS)
        with (
            Server(sites.prosa(home.options(), bench.secret)) as server,
            Crowd(server.port, long_winded(chats.prosa(cookies[:READING_MEMBERS]))) as crowd,
            Silent(server.port, chats.prosa(cookies[READING_MEMBERS:])) as beside,
        ):
            beside.join(silent, JOIN_TIMEOUT_SECONDS)
            crowd.join(READING_MEMBERS, JOIN_TIMEOUT_SECONDS)
            beside.quiet(JOIN_TIMEOUT_SECONDS)
            beside.fall_silent()
            crowd.quiet(JOIN_TIMEOUT_SECONDS)
            before = server.memory()
            with bench.alone("silent", name, server):
                talk = talk_beside(beside, crowd, MESSAGES_IN_FLIGHT, str(next(bench.runs)), JOIN_TIMEOUT_SECONDS)
            ranks = statistics.quantiles(talk.delays, n=100, method="inclusive")
            bench.figures.add("silent-p99", name, ranks[98] * 1000, talk.fault())
            bench.figures.add("silent-memory", name, (server.peak() - before) / 1_000_000)
