"""The JSON API: lists beside a bare handler of the same bytes, and programs that wait beside members of the chat."""

import itertools
import json
import statistics
import tempfile
from collections.abc import Callable

from bench import chats, sites, tokens
from bench.crowds import one_by_one
from bench.figures import BARE, PROSA, WEBSOCKETS
from bench.keepalive import Client, Tally, hammer, request
from bench.load import Crowd
from bench.polls import Polls
from bench.rounds import JOIN_TIMEOUT_SECONDS, WARM_UP_SECONDS, WINDOW_SECONDS, Bench
from bench.sites import Server

LISTS = {"api-messages": "/api/rooms/lobby/messages", "api-tasks": "/api/rooms/lobby/tasks"}
JSON = "application/json"
MESSAGE_COUNT = 200  # of which the list has the newest 50
TASK_COUNT = 200
MEMBER_COUNT = 20  # whose programs ask
CONNECTIONS = 4
DELIVERED_COUNT = 20  # messages, one at a time


def lists(bench: Bench) -> None:
    """A room's newest messages and all of its tasks, for the programs of its members."""
    home, _ = bench.site(MEMBER_COUNT, entries=MESSAGE_COUNT)
    programs = [program(token) for token in tokens.make(home.options())]
    answers = {}
    with Server(sites.prosa(home.options(), bench.secret)) as server:
        _add_tasks(server.port, programs[0])
        for figure, path in LISTS.items():
            asking = itertools.cycle([request("GET", path, server.port, headers) for headers in programs])
            tally = _ask(bench, figure, PROSA, server, lambda asking=asking: next(asking))  # type: ignore[misc]
            answers[figure] = tally.last.body if tally.last else b""
    counts = len(json.loads(answers["api-messages"])["messages"]), len(json.loads(answers["api-tasks"])["tasks"])
    if counts != (50, TASK_COUNT):
        bench.figures.remark("api-messages", f"the lists had {counts[0]} messages and {counts[1]} tasks")
    for figure, answer in answers.items():
        _bare(bench, figure, answer)


def _ask(bench: Bench, figure: str, name: str, server: Server, make: Callable[[], bytes]) -> Tally:
    hammer(server.port, make, CONNECTIONS, WARM_UP_SECONDS)
    with bench.alone(figure, name, server):
        tally = hammer(server.port, make, CONNECTIONS, WINDOW_SECONDS)
    bench.figures.add(figure, name, tally.rate, tally.fault)
    bench.figures.add("load", name, tally.busy)
    return tally


def _bare(bench: Bench, figure: str, answer: bytes) -> None:
    """Ask a bare handler that answers the same."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(answer)
        file.flush()
        with Server([*sites.BARE_COMMAND, file.name]) as server:
            tally = _ask(bench, figure, BARE, server, lambda: request("GET", "/", server.port, {}))
    if not tally.last or tally.last.body != answer:
        bench.figures.remark(figure, "the bare handler answered something else")


def _add_tasks(port: int, headers: dict[str, str]) -> None:
    with Client(port) as client:
        for number in range(TASK_COUNT):
            task = json.dumps({"text": chats.body(f"task {number}"), "due": "2030-01-01"}).encode()
            answer = client.ask(request("POST", LISTS["api-tasks"], port, headers, task, JSON))
            if answer.status != 201:
                raise ConnectionError(f"a task was answered {answer.status}: {answer.body[:300]!r}")


def program(token: str) -> dict[str, str]:
    """Return the headers with which a program asks."""
    return {"Authorization": f"Bearer {token}"}


def long_poll(bench: Bench) -> None:
    """One message at a time to programs that wait for it, and to as many members of the chat."""
    home, cookies = bench.site(bench.members)
    programs = [program(token) for token in tokens.make(home.options())]
    with Server(sites.prosa(home.options(), bench.secret)) as server:
        with Crowd(server.port, chats.prosa(cookies)) as crowd:
            crowd.join(bench.members, JOIN_TIMEOUT_SECONDS)
            with bench.alone("api-poll", WEBSOCKETS, server):
                seen = one_by_one(crowd, DELIVERED_COUNT, str(next(bench.runs)))
            bench.figures.add("api-poll", WEBSOCKETS, statistics.median(seen.delays) * 1000, seen.fault)
        with Crowd(server.port, chats.prosa(cookies)) as crowd, Polls(server, programs) as polls:
            crowd.join(1, JOIN_TIMEOUT_SECONDS)
            polls.start(DELIVERED_COUNT)  # which the chat has had
            with bench.alone("api-poll", PROSA, server):
                delays = [polls.deliver(crowd, f"{next(bench.runs)}") for _ in range(DELIVERED_COUNT)]
            bench.figures.add("api-poll", PROSA, statistics.median(delays) * 1000)
