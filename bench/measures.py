"""How each figure is measured: one function a group, called once a round, Prosa before its peers."""

import itertools
import re
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from urllib.parse import urlencode

from bench import appends, chats, crowds, sites
from bench.chats import Chat
from bench.figures import BARE, PROSA, SHORT_LOG, SOCKJS, TUTORIAL, WS
from bench.keepalive import Client, Tally, hammer, request
from bench.latency import delays
from bench.load import Crowd
from bench.rounds import JOIN_TIMEOUT_SECONDS, Bench
from bench.sites import Server
from bench.storm import storm

ROOM_PATH = "/rooms/lobby"
WARM_UP_SECONDS = 1.0
WINDOW_SECONDS = 3.0
PAGE_CONNECTIONS = 4
FORM_CONNECTIONS = 16
ARRIVING_PER_SECOND = 10  # messages a second, while the room page is asked for
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


# --- pages


def room_page(bench: Bench) -> None:
    """The room page for signed-in members, while others post."""
    home, cookies = bench.site(20, entries=200)
    with Server(sites.prosa(home.options(), bench.secret)) as server, Crowd(server.port, chats.prosa(cookies)) as crowd:
        crowd.join(1, JOIN_TIMEOUT_SECONDS)
        browsers = [_form(server.port, cookie)[0] for cookie in cookies]
        pages = itertools.cycle([request("GET", ROOM_PATH, server.port, headers) for headers in browsers])
        hammer(server.port, lambda: next(pages), PAGE_CONNECTIONS, WARM_UP_SECONDS)
        with bench.alone("page", PROSA, server):
            tally = hammer(
                server.port, lambda: next(pages), PAGE_CONNECTIONS, WINDOW_SECONDS, meanwhile=_writer(bench, crowd)
            )
    rows = tally.last.body.count(b"data-seq=") if tally.last else 0
    if rows != 50:
        bench.figures.remark("page", f"the last page had {rows} messages")
    _add_tally(bench, "page", PROSA, tally)
    _bare(bench, "page", PAGE_CONNECTIONS, lambda port: lambda: request("GET", "/", port, {}))


def _writer(bench: Bench, crowd: Crowd) -> Callable[[], None]:
    """Return what lets the crowd's first member write ten messages a second whenever it is called."""
    run, began, count = next(bench.runs), time.perf_counter(), itertools.count()
    due = began

    def write() -> None:
        nonlocal due
        crowd.read(0)
        if time.perf_counter() >= due:
            due += 1 / ARRIVING_PER_SECOND
            member = crowd.members[0]
            member.send(member.chat.frame(member.chat.say(f"{chats.BODY_PREFIX}{run}-{next(count):07d}")))

    return write


def form_post(bench: Bench) -> None:
    """Posts by the room's form, each on disk before it is answered."""
    home, cookies = bench.site(FORM_CONNECTIONS)
    with Server(sites.prosa(home.options(), bench.secret)) as server:
        forms = itertools.cycle([_form(server.port, cookie) for cookie in cookies])
        counted = itertools.count()

        def post() -> bytes:
            headers, xsrf = next(forms)
            return _post(ROOM_PATH, server.port, headers, xsrf, next(counted))

        hammer(server.port, post, FORM_CONNECTIONS, WARM_UP_SECONDS)
        with bench.alone("form", PROSA, server):
            tally = hammer(server.port, post, FORM_CONNECTIONS, WINDOW_SECONDS, expected=302)
    _add_tally(bench, "form", PROSA, tally)
    counted = itertools.count()
    _bare(bench, "form", FORM_CONNECTIONS, lambda port: lambda: _post("/", port, {}, "x" * 60, next(counted)))


def _form(port: int, cookie: str) -> tuple[dict[str, str], str]:
    """Open the room as a browser does; return the headers and the token with which its form is sent."""
    with Client(port) as client:
        page = client.ask(request("GET", ROOM_PATH, port, {"Cookie": cookie}))
    kept = re.findall(rb"[Ss]et-[Cc]ookie: ([^;\r]+)", page.head)
    token = re.search(rb'name="_xsrf" value="([^"]+)"', page.body)
    if not kept or not token:
        raise ConnectionError(f"the room page has no form: {page.status}")
    return {"Cookie": "; ".join([cookie, *(one.decode() for one in kept)])}, token[1].decode()


def _post(path: str, port: int, headers: dict[str, str], xsrf: str, number: int) -> bytes:
    fields = {"_xsrf": xsrf, "nonce": f"form{number}", "body": chats.body(f"form-{number:07d}")}
    return request("POST", path, port, headers, urlencode(fields).encode())


def _bare(bench: Bench, figure: str, connections: int, maker: Callable[[int], Callable[[], bytes]]) -> None:
    """Ask the bare handler in the same way."""
    with Server(sites.BARE_COMMAND) as server:
        make = maker(server.port)
        hammer(server.port, make, connections, WARM_UP_SECONDS)
        with bench.alone(figure, BARE, server):
            tally = hammer(server.port, make, connections, WINDOW_SECONDS)
    _add_tally(bench, figure, BARE, tally)


def _add_tally(bench: Bench, figure: str, name: str, tally: Tally) -> None:
    bench.figures.add(figure, name, tally.rate, tally.fault)
    bench.figures.add("load", name, tally.busy)


def first_answer(bench: Bench) -> None:
    """From the start of the process to its first page, with a database that exists."""
    home, _ = bench.site(10)
    for name, command, page in (
        (PROSA, sites.prosa(home.options(), bench.secret), "/login"),
        (BARE, sites.BARE_COMMAND, "/"),
    ):
        with Server(command) as server, Client(server.port) as client:
            answer = client.ask(request("GET", page, server.port, {}))
            elapsed = time.perf_counter() - server.began
            fault = "" if answer.status == 200 else f"answered {answer.status}"
            bench.figures.add("start", name, elapsed, fault)


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
    "page": room_page,
    "form": form_post,
    "start": first_answer,
    "million": long_log,
    "append": appends.append,
}
GROUPS_WITHOUT_ENGINE = {"crowd", "silent"}  # what these tell is the same wherever the log is
