"""How each figure is measured: one function a group, called once a round, Prosa before its peers."""

import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack

from bench import api, appends, beside, changes, chats, crowds, many_rooms, pages, presence, searches, sites
from bench.chats import Chat
from bench.figures import PROSA, SHORT_LOG, SOCKJS, TUTORIAL, WS
from bench.keepalive import hammer, request
from bench.latency import delays
from bench.load import Crowd
from bench.pages import ROOM_PATH
from bench.rounds import JOIN_TIMEOUT_SECONDS, WARM_UP_SECONDS, WINDOW_SECONDS, Bench
from bench.sites import Server
from bench.storm import storm

PROCESS_COUNT = 4
MESSAGES_PER_SECOND = 50  # from process to process
LONG_LOG_ENTRIES = 1_000_000
JOIN_COUNT = 50
MISSED_ENTRIES = 50  # what one page has, and one frame holds


# --- chat


def fan_out(bench: Bench) -> None:
    """Fan-out, joining and memory: the same members come to each chat and talk."""
    home, cookies = bench.site(bench.members)
    command = sites.prosa(home.options(), bench.secret)
    bench.entry_bytes = _chat(bench, PROSA, command, chats.prosa(cookies)) or bench.entry_bytes
    _chat(bench, WS, sites.WS_COMMAND, chats.websocket(bench.entry_bytes))
    if not bench.engine.is_served:
        _chat(bench, SOCKJS, sites.SOCKJS_COMMAND, chats.sockjs())
        _chat(bench, TUTORIAL, sites.TUTORIAL_COMMAND, chats.sockjs())


def _chat(bench: Bench, name: str, command: list[str], chat: Chat) -> int:
    """Measure one chat; return the bytes of a message in its frame."""
    with Server(command) as server, Crowd(server.port, chat) as crowd:
        crowd.warm_up(JOIN_TIMEOUT_SECONDS)
        before = server.memory()
        bench.figures.add("joining", name, crowd.join(bench.members, JOIN_TIMEOUT_SECONDS))
        crowd.quiet(JOIN_TIMEOUT_SECONDS)
        kilobytes = (server.memory() - before) / 1024
        bench.figures.add("memory", name, kilobytes / bench.members)
        storm(crowd, 1, WARM_UP_SECONDS, str(next(bench.runs)))
        size = 0
        for in_flight in (1, 16):
            figure = f"fanout-{in_flight}"
            with bench.alone(figure, name, server):
                seen = storm(crowd, in_flight, WINDOW_SECONDS, str(next(bench.runs)))
            bench.figures.add(figure, name, seen.rate, seen.fault)
            bench.figures.add("load", name, seen.busy)
            size = seen.size
        return size


def cross_process(bench: Bench) -> None:
    """Latency from each of four processes to each other, which share nothing but the engine."""
    home, cookies = bench.site(40)
    with ExitStack() as stack:
        command = [*sites.prosa(home.options(), bench.secret), "--xheaders"]
        servers = [stack.enter_context(Server(command)) for _ in range(PROCESS_COUNT)]
        port = stack.enter_context(sites.nginx([server.port for server in servers], bench.engine.directory))
        crowd = stack.enter_context(Crowd(port, chats.prosa(cookies)))
        crowd.join(len(cookies), JOIN_TIMEOUT_SECONDS)
        seen = delays(crowd, PROCESS_COUNT, MESSAGES_PER_SECOND, WINDOW_SECONDS * 4, str(next(bench.runs)))
        ranks = statistics.quantiles(seen, n=100, method="inclusive")
        bench.figures.add("latency-p50", PROSA, ranks[49] * 1000)
        bench.figures.add("latency-p99", PROSA, ranks[98] * 1000)


# --- a long log


def long_log(bench: Bench) -> None:
    """A room with a million messages beside one with a thousand."""
    logs = {PROSA: LONG_LOG_ENTRIES, SHORT_LOG: LONG_LOG_ENTRIES // 1000}
    with ExitStack() as stack:
        for name, entries in logs.items():
            if entries not in bench.long_logs:
                began = time.perf_counter()
                bench.long_logs[entries] = bench.site(10, entries)
                if name == PROSA:
                    bench.figures.add("million-made", PROSA, time.perf_counter() - began)
            home, cookies = bench.long_logs[entries]
            server = stack.enter_context(Server(sites.prosa(home.options(), bench.secret)))
            _read_log(bench, name, server.port, cookies, entries)


def _read_log(bench: Bench, name: str, port: int, cookies: list[str], entries: int) -> None:
    """Measure two pages, one after another on one connection, and joins."""
    for figure, query in (("million-page", ""), ("million-middle", f"?before={entries // 2}")):
        page = request("GET", ROOM_PATH + query, port, {"Cookie": cookies[0]})
        hammer(port, lambda page=page: page, 1, WARM_UP_SECONDS)  # type: ignore[misc]
        tally = hammer(port, lambda page=page: page, 1, WINDOW_SECONDS)  # type: ignore[misc]
        bench.figures.add(figure, name, 1000 / tally.rate, tally.fault)
    chat = chats.prosa_behind(cookies, entries - MISSED_ENTRIES)
    took = []
    for _ in range(JOIN_COUNT):
        with Crowd(port, chat) as crowd:
            took.append(crowd.join(1, JOIN_TIMEOUT_SECONDS))
    bench.figures.add("million-join", name, statistics.median(took) * 1000)


GROUPS: dict[str, Callable[[Bench], None]] = {
    "fanout": fan_out,
    "crowd": crowds.ten_thousand,
    "silent": crowds.silent_readers,
    "latency": cross_process,
    "page": pages.room_page,
    "form": pages.form_post,
    "start": pages.first_answer,
    "million": long_log,
    "search": searches.search,
    "append": appends.append,
    "changes": changes.fan_out,
    "rooms": many_rooms.many_rooms,
    "presence": presence.presence,
    "beside": beside.beside,
    "api": api.lists,
    "poll": api.long_poll,
}
WITHOUT_ENGINE = {"crowd", "silent"}  # what these tell is the same wherever the log is
A_MILLION = {"million", "search"}  # messages, which SecantusDB would store for half an hour
LEFT_OUT = {"sqlite": set(), "postgresql": WITHOUT_ENGINE, "mongodb": WITHOUT_ENGINE | A_MILLION}
