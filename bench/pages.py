"""Pages and forms: how many a second, and how soon the first one after a start."""

import itertools
import re
import time
from collections.abc import Callable
from urllib.parse import urlencode

from bench import chats, sites
from bench.figures import BARE, PROSA
from bench.keepalive import Client, Tally, hammer, request
from bench.load import Crowd
from bench.rounds import JOIN_TIMEOUT_SECONDS, WARM_UP_SECONDS, WINDOW_SECONDS, Bench
from bench.sites import Server

ROOM_PATH = "/rooms/lobby"
PAGE_CONNECTIONS = 16
FORM_CONNECTIONS = 16
ARRIVING_PER_SECOND = 10  # messages a second, while the room page is asked for


def room_page(bench: Bench) -> None:
    """The room page for signed-in members, while others post."""
    home, cookies = bench.site(20, entries=200)
    with Server(sites.prosa(home.options(), bench.secret)) as server, Crowd(server.port, chats.prosa(cookies)) as crowd:
        crowd.join(1, JOIN_TIMEOUT_SECONDS)
        browsers = [open_form(server.port, cookie)[0] for cookie in cookies]
        pages = itertools.cycle([request("GET", ROOM_PATH, server.port, headers) for headers in browsers])
        hammer(server.port, lambda: next(pages), PAGE_CONNECTIONS, WARM_UP_SECONDS)
        with bench.alone("page", PROSA, server):
            tally = hammer(
                server.port, lambda: next(pages), PAGE_CONNECTIONS, WINDOW_SECONDS, meanwhile=posting(bench, crowd)
            )
    rows = tally.last.body.count(b"data-seq=") if tally.last else 0
    if rows != 50:
        bench.figures.remark("page", f"the last page had {rows} messages")
    _add_tally(bench, "page", PROSA, tally)
    _bare(bench, "page", PAGE_CONNECTIONS, lambda port: lambda: request("GET", "/", port, {}))


def posting(bench: Bench, crowd: Crowd) -> Callable[[], None]:
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
        forms = itertools.cycle([open_form(server.port, cookie) for cookie in cookies])
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


def open_form(port: int, cookie: str) -> tuple[dict[str, str], str]:
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
