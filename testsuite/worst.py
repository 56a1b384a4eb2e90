"""The worst that a stranger or a member may send, request by request: each at the length that is just let through."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from testsuite.polling import FORM

PILE = ("a" + "\u0301" * 40_000 + "\u0316" * 40_000).encode()  # which takes seconds to put into order
SHORT_PILE = ("a" + "\u0301" * 2_600 + "\u0316" * 2_600).encode()  # fits into a field
PASSWORD = b"password=wrong+password&again=wrong+password"
MULTIPART = "multipart/form-data; boundary=b"
HEADER_CHARS = 15_000  # of a header that is read


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `who` is "" without a session."""

    name: str
    method: str
    path: str
    body: bytes = b""
    kind: str = FORM
    headers: tuple[tuple[str, str], ...] = field(default=())
    who: str = ""


def part(head: bytes) -> bytes:
    """Return one part of a form, with such a head."""
    return b"--b\r\nContent-Disposition: form-data; " + head + b"\r\n\r\nx\r\n"


def forms(invitation: str) -> Iterator[Request]:
    """Yield the worst forms."""
    worst = (PILE, SHORT_PILE, b"%CC%81" * 40_000, b"%00" * 80_000, b"%22" * 80_000, b"%ff" * 80_000, b"+" * 240_000)
    for number, text in enumerate(worst):
        for path, names in (
            ("/login", ("username", "password", "next", "_xsrf")),
            (f"/join/{invitation}", ("username", "password", "again")),
            ("/setup?token=x", ("username", "email", "token")),
        ):
            for name in names:
                body = PASSWORD.replace(name.encode() + b"=", b"x=") + b"&" + name.encode() + b"=" + text
                yield Request(f"{name} {number} at {path[:5]}", "POST", path, body)
        for path, name in (("/rooms/lobby", "body"), ("/rooms/lobby", "nonce"), ("/account", "current")):
            yield Request(f"{name} {number}", "POST", path, b"x=y&" + name.encode() + b"=" + text, who="ana")
    yield Request("lines", "POST", "/rooms/lobby", b"body=x" + b"%0D%0A" * 40_000 + b"x", who="ana")
    yield Request("fields", "POST", "/login", b"&".join(b"a%d=1" % number for number in range(30_000)))
    yield Request("empty fields", "POST", "/login", b"&" * 250_000)
    yield Request("quoted fields", "POST", "/login", b"&".join([b"%41" * 2500 + b"="] * 32))


def parts() -> Iterator[Request]:
    """Yield the worst forms of many parts."""
    for name, head, count in (
        ("semicolons", b'name="a"' + b";" * 900, 31),
        ("long heads", b'name="a"' + b";" * 9000, 25),
        ("quoted semicolons", b'name="a"; x="' + b";" * 900, 31),
        ("continuations", b'name="a"' + b"".join(b";a*%d=x" % number for number in range(100)), 31),
        ("backslashes", b'name="' + b'\\"' * 450 + b'"', 31),
        ("percents", b"name*=utf-8''" + b"%41" * 300, 31),
        ("lines", b'name="a"\r\n' + b"x:\r\n" * 200, 31),
        ("many", b'name="a"', 3000),
    ):
        yield Request(f"multipart: {name}", "POST", "/login", part(head) * count + b"--b--", MULTIPART)
    yield Request("boundaries", "POST", "/login", b"x", "multipart/form-data" + ";boundary=" * 1400)


def heads() -> Iterator[Request]:
    """Yield the worst headers."""
    for name, value in (
        ("Cookie", ";".join(f"a{number:x}=" for number in range(2300))),
        ("Cookie", ";".join(f"({number:x}=" for number in range(2300))),
        ("Cookie", 'a="' + "\\1" * (HEADER_CHARS // 2) + '"'),
        ("Cookie", "_xsrf=2|aabbccdd|" + "ab" * (HEADER_CHARS // 2) + "|123"),
        ("Cookie", "_xsrf=" + "1" * HEADER_CHARS + "|"),
        ("Cookie", "session=2|1:0|10:1795642000|7:session|14000:" + "a" * 14_000 + "|" + "a" * 64),
        ("Accept-Language", ",".join(["a;q=0.1"] * 1800)),
        ("Accept-Language", "," * HEADER_CHARS),
        ("Accept-Language", "a;q=0." + "1" * HEADER_CHARS),
        ("Accept-Language", "-".join(["a"] * (HEADER_CHARS // 2))),
        ("Accept", ",".join(["text/html"] * 1500)),
        ("User-Agent", "Mac OS " * 2000),
        ("Origin", "http://" + "[" * HEADER_CHARS),
        ("Referer", "http://" + "@" * HEADER_CHARS),
        ("X-Real-Ip", "1" * HEADER_CHARS),
        ("X-Forwarded-For", "1," * (HEADER_CHARS // 2)),
        ("X-Forwarded-Proto", "," * HEADER_CHARS),
        ("X-Xsrftoken", "2|aabbccdd|" + "ab" * 7000 + "|1"),
        ("Transfer-Encoding", "chunked," * 1800 + "chunked"),
        ("Range", "bytes=" + "1" * HEADER_CHARS + "-"),
        ("If-None-Match", '"a",' * (HEADER_CHARS // 4)),
        ("If-Modified-Since", "Mon, " * (HEADER_CHARS // 5)),
        ("A", "x " * (HEADER_CHARS // 2) + "\x01"),
        ("A", "\r" * HEADER_CHARS),
    ):
        for path in ("/login", "/static/site.css"):
            yield Request(f"{name}: {value[:20]} at {path}", "GET", path, headers=((name, value),))
    for name in ("Sec-WebSocket-Key", "Sec-WebSocket-Extensions", "Sec-WebSocket-Protocol", "Connection"):
        upgrade = (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13"))
        worst = ((name, "Upgrade;a=1," * (HEADER_CHARS // 12)),)
        yield Request(name, "GET", "/chat/websocket", headers=upgrade + worst, who="ana")
    yield Request("many headers", "GET", "/login", headers=tuple((f"a{number:x}", "") for number in range(2000)))
    yield Request("the same header", "GET", "/login", headers=(("a", ""),) * 2900)
    yield Request("too many headers", "GET", "/login", headers=tuple((f"a{number:x}", "") for number in range(3900)))


def addresses() -> Iterator[Request]:
    """Yield the worst addresses."""
    for path in (
        "/" + "a/" * (HEADER_CHARS // 2),
        "/" + "%F0" * (HEADER_CHARS // 3),
        "/login?next=/" + "%22" * (HEADER_CHARS // 3),
        "/login?next=/" + "%5C" * (HEADER_CHARS // 3),
        "/login?" + "&" * HEADER_CHARS,
        "/login?" + "&".join(f"{number}=" for number in range(2000)),
        "/join/" + "a" * HEADER_CHARS,
        "/rooms/" + "a" * HEADER_CHARS,
        "/rooms/lobby?before=" + "9" * HEADER_CHARS,
        "/rooms/lobby?before=" + "%D9%A3" * (HEADER_CHARS // 6),
        "/people?q=" + "%CC%81" * (HEADER_CHARS // 6),
        "/rooms/lobby/people?q=" + "%25" * 40,
        "/members?made=" + "9" * HEADER_CHARS,
        "/members/" + "9" * HEADER_CHARS + "/remove",
        "/static/" + "../" * (HEADER_CHARS // 3),
        "/static/" + "%00" * (HEADER_CHARS // 3),
        "/static/site.css?v=" + "a" * HEADER_CHARS,
        "/chat/0/x/jsonp?c=" + "a" * HEADER_CHARS,
        "/chat/0/" + "a" * HEADER_CHARS + "/xhr",
        "/chat/" + "a" * HEADER_CHARS + "/x/xhr",
        "/chat/iframe" + "." * HEADER_CHARS + "x",
        "/chat/iframe" + ".html" * (HEADER_CHARS // 5) + "x",
        "http://" + "a" * HEADER_CHARS,
        "http://a/" + "/" * HEADER_CHARS,
    ):
        yield Request(f"{path[:25]} ({len(path)})", "GET", path, who="ana")


def frames() -> Iterator[Request]:
    """Yield the worst that one session of the chat may be sent; the first opens it."""
    kind = "text/plain"
    yield Request("session", "POST", "/chat/0/worst/xhr", who="ana", kind=kind)
    for payload in (
        "[" * 65_536,
        "[" + "1" * 65_000 + "]",
        "[" + "1" * 65_000 + ".5]",
        "[" + '"",' * 21_000 + '""]',
        '["' + "\\u0301" * 10_900 + '"]',
        json.dumps(['{"type":"post","x":' + "[" * 60_000]),
        json.dumps(["{" + ",".join(f'"{number}":1' for number in range(4000)) + "}"]),
        json.dumps(['{"type":"join","room":"lobby","after":' + "9" * 60_000 + "}"]),
        json.dumps([json.dumps({"type": "post", "room": "lobby", "body": "x" * 60_000})]),
        json.dumps([json.dumps({"type": "post", "room": "lobby", "body": "x", "nonce": "\u0301" * 5_000})]),
        json.dumps(['{"type":"join","room":"%s"}' % ("x" * 64)] * 16),
    ):
        yield Request(f"frame {payload[:30]}", "POST", "/chat/0/worst/xhr_send", payload.encode(), kind, who="ana")
    yield Request("form", "POST", "/chat/0/worst/jsonp_send", b"d=" + b"%41" * 80_000, who="ana")


def requests(invitation: str) -> Iterator[Request]:
    """Yield all of them."""
    yield from forms(invitation)
    yield from parts()
    yield from heads()
    yield from addresses()
    yield from frames()
