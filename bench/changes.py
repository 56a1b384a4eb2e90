"""Edits and reactions to many members, beside posts: a change carries the whole message as it now is."""

import itertools
import json
import statistics
from collections.abc import Callable
from dataclasses import replace

from bench import chats, sites
from bench.crowds import one_by_one
from bench.figures import POSTS, PROSA
from bench.load import Crowd
from bench.rounds import JOIN_TIMEOUT_SECONDS, Bench
from bench.sites import Server

CHANGED_POSTS = 40  # each is edited once, and reacted to once


def fan_out(bench: Bench) -> None:
    """Posts, then an edit of each, then a reaction to each, one at a time."""
    home, cookies = bench.site(bench.members)
    chat = chats.prosa(cookies)
    with Server(sites.prosa(home.options(), bench.secret)) as server, Crowd(server.port, chat) as crowd:
        crowd.join(bench.members, JOIN_TIMEOUT_SECONDS)
        posts = _p99(bench, crowd, chats.prosa_post)  # which become 1, 2, 3 ...
        for figure, say in (("change-edit", _edits()), ("change-react", _reactions())):
            bench.figures.add(figure, POSTS, posts)
            with bench.alone("changes", PROSA, server):
                bench.figures.add(figure, PROSA, _p99(bench, crowd, say, figure))


def _p99(bench: Bench, crowd: Crowd, say: Callable[[str], str], figure: str = "") -> float:
    """Send what `say` makes; return the median of the milliseconds until 99 % of the members have one."""
    sender = crowd.members[0]
    sender.chat = replace(sender.chat, say=say)
    seen = one_by_one(crowd, CHANGED_POSTS, str(next(bench.runs)))
    if seen.fault:
        bench.figures.remark(figure, seen.fault)
    return statistics.median(seen.delays) * 1000


def _edits() -> Callable[[str], str]:
    """Return what edits one post after another."""
    seqs = itertools.count(1)
    return lambda token: _change("edit", next(seqs), token, body=chats.body(token))


def _reactions() -> Callable[[str], str]:
    """Return what reacts to one post after another."""
    seqs = itertools.count(1)
    return lambda token: _change("react", next(seqs), token, emoji="👍")


def _change(kind: str, target: int, token: str, **what: str) -> str:
    return json.dumps({"type": kind, "room": "lobby", "target": target, "nonce": token.replace("-", ""), **what})
