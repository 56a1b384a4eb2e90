"""A member of 500 rooms: what coming, joining, reading on and the sidebar cost, beside a member of 5."""

import itertools
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlencode

from bench import chats, pages, sites
from bench.figures import FIVE_ROOMS, PROSA
from bench.keepalive import Client, hammer, request
from bench.load import Crowd, Member
from bench.pages import PAGE_CONNECTIONS, ROOM_PATH
from bench.rounds import JOIN_TIMEOUT_SECONDS, WARM_UP_SECONDS, WINDOW_SECONDS, Bench
from bench.sites import Server

ROOM_COUNT = 499  # beside the lobby: a member is in at most 500
FEW_ROOM_COUNT = 4  # the same, of a member of 5
SAID_POSTS = 20  # in each of these; all but the first are new to everybody
LOBBY_POSTS = 200
MEMBER_COUNT = 20
AGAIN_COUNT = 50  # of one member who comes again and again
READ_COUNT = 150


def many_rooms(bench: Bench) -> None:
    """A site of 500 rooms in which everybody is, and one of 5."""
    for name, rooms in ((PROSA, ROOM_COUNT), (FIVE_ROOMS, FEW_ROOM_COUNT)):
        home, cookies = bench.site(MEMBER_COUNT, LOBBY_POSTS, rooms, SAID_POSTS)
        with Server(sites.prosa(home.options(), bench.secret)) as server:
            _come(bench, name, server.port, cookies)
            _read_on(bench, name, server.port, cookies)
            _browse(bench, name, server, cookies, rooms)
            _read_everywhere(bench, name, server.port, cookies)


def _come(bench: Bench, name: str, port: int, cookies: list[str]) -> None:
    """Connect until `rooms` has come: each member for the first time, then one again; then join, too."""
    told = [replace(chats.prosa([cookie]), enter="", welcome="rooms") for cookie in cookies]
    with Crowd(port, chats.prosa(cookies[:1])) as crowd:
        crowd.warm_up(JOIN_TIMEOUT_SECONDS)
    figures = {
        "rooms-first": told[1:],
        "rooms-again": told[:1] * AGAIN_COUNT,
        "rooms-join": [chats.prosa(cookies[:1])] * AGAIN_COUNT,
    }
    for figure, each in figures.items():
        took = []
        for chat in each:
            with Crowd(port, chat) as crowd:
                took.append(crowd.join(1, JOIN_TIMEOUT_SECONDS))
        bench.figures.add(figure, name, statistics.median(took) * 1000)


def _read_on(bench: Bench, name: str, port: int, cookies: list[str]) -> None:
    """Mark one of the newest messages after another as read, each when the one before is told to be."""
    positions: list[int] = []

    def hear(member: Member, payload: bytes) -> None:
        messages = map(json.loads, member.chat.messages(payload))
        positions.extend(message["seq"] for message in messages if message["type"] == "read")

    with Crowd(port, chats.prosa(cookies[-1:])) as crowd:
        crowd.join(1, JOIN_TIMEOUT_SECONDS)
        crowd.quiet(JOIN_TIMEOUT_SECONDS)
        crowd.listen(crowd.members[0], hear)
        read_before = LOBBY_POSTS - READ_COUNT
        _mark(crowd, "unread", read_before + 1, positions, read_before)
        took = [_mark(crowd, "read", seq, positions, seq) for seq in range(read_before + 1, LOBBY_POSTS + 1)]
    bench.figures.add("rooms-read", name, statistics.median(took) * 1000)


def _mark(crowd: Crowd, kind: str, seq: int, positions: list[int], wanted: int) -> float:
    """Say it; return the seconds until that is told."""
    began, member = time.perf_counter(), crowd.members[0]
    member.send(member.chat.frame(json.dumps({"type": kind, "room": "lobby", "seq": seq})))
    while wanted not in positions[-1:]:
        if not crowd.read(JOIN_TIMEOUT_SECONDS):
            raise TimeoutError(f"{kind} {seq} was not answered")
    return time.perf_counter() - began


def _browse(bench: Bench, name: str, server: Server, cookies: list[str], rooms: int) -> None:
    """Open the lobby while others post, now in this room and now in that: what is new changes in every sidebar."""
    headers = [pages.open_form(server.port, cookie)[0] for cookie in cookies]
    asked = itertools.cycle([request("GET", ROOM_PATH, server.port, one) for one in headers])
    with Crowd(server.port, replace(chats.prosa(cookies), say=_posts(rooms))) as crowd:
        crowd.join(1, JOIN_TIMEOUT_SECONDS)
        hammer(server.port, lambda: next(asked), PAGE_CONNECTIONS, WARM_UP_SECONDS)
        with bench.alone("rooms", name, server):
            writing = pages.posting(bench, crowd)
            tally = hammer(server.port, lambda: next(asked), PAGE_CONNECTIONS, WINDOW_SECONDS, meanwhile=writing)
    bench.figures.add("rooms-page", name, tally.rate, tally.fault)


def _posts(rooms: int) -> Callable[[str], str]:
    """Return what makes posts for one room after another."""
    places = itertools.cycle([f"room{number}" for number in range(rooms)])
    return lambda token: json.dumps(json.loads(chats.prosa_post(token)) | {"room": next(places)})


def _read_everywhere(bench: Bench, name: str, port: int, cookies: list[str]) -> None:
    """Mark all as read by the form, which is answered when all of it is on disk: each member once."""
    took = []
    for cookie in cookies:
        headers, xsrf = pages.open_form(port, cookie)
        form = request("POST", "/read", port, headers, urlencode({"_xsrf": xsrf}).encode())
        with Client(port) as client:
            began = time.perf_counter()
            answer = client.ask(form)
            took.append(time.perf_counter() - began)
        if answer.status != 302:
            bench.figures.remark("rooms-all", f"{name}: answered {answer.status}")
    bench.figures.add("rooms-all", name, statistics.median(took) * 1000)
