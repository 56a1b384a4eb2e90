"""Where a fetch may go, against real servers: one that counts as outside, one that must never be asked."""

from __future__ import annotations

import asyncio
import gzip
import socket
import threading
import unittest
from ipaddress import IPv4Network
from typing import Any

from tornado.netutil import DefaultLoopResolver, Resolver

from controllers.fetching.fetcher import MAX_BODY_BYTES, Fetcher, FetchFailed
from controllers.fetching.reach import PUBLIC, CheckedResolver, OutOfReach, Reach
from controllers.web.http_status import status_of
from testsuite.upstream import Upstream, gives, in_turn, leads, padded

OUTSIDE, INSIDE = "127.0.0.2", "127.0.0.1"
REFUSED = "This address is not on the public web."

NOT_PUBLIC = {
    "this machine": ("127.0.0.1", "127.255.0.9", "0.0.0.0", "::1", "::", "localhost"),
    "private": ("10.0.0.1", "172.16.0.1", "172.31.255.254", "192.168.1.1", "fd00::1", "fec0::1"),
    "link-local": ("169.254.169.254", "fe80::1"),
    "CGNAT": ("100.64.0.1", "100.127.255.254"),
    "multicast": ("224.0.0.1", "239.255.255.250", "ff02::1", "ff0e::1"),
    "broadcast": ("255.255.255.255",),
    "IPv4-mapped": ("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:7f00:1", "::ffff:8.8.8.8"),
    "IPv4-compatible": ("::127.0.0.1", "::8.8.8.8"),
    "6to4": ("2002:7f00:1::1", "2002:808:808::1", "192.88.99.1"),
    "NAT64": ("64:ff9b::127.0.0.1", "64:ff9b::8.8.8.8", "64:ff9b:1::1"),
    "Teredo": ("2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"),
    "nobody's": (
        "192.0.0.8",
        "192.0.2.1",
        "198.18.0.1",
        "203.0.113.1",
        "240.0.0.1",
        "2001:db8::1",
        "3fff::1",
        "5f00::1",
    ),
}
# What the system takes for 127.0.0.1.
SPELLINGS = (
    "127.1",
    "0x7f000001",
    "0x7F.1",
    "2130706433",
    "0177.0.0.1",
    "\uff11\uff12\uff17.\uff10.\uff10.\uff11",  # full-width digits
    "①②⑦.0.0.1",
    "127。0。0。1",
)


class AddressTest(unittest.IsolatedAsyncioTestCase):
    """docs/security.rst 19: fetches reach the public web only, however an address is written."""

    async def judge(self, host: str, port: int = 443, reach: Reach = PUBLIC) -> list[str]:
        """Return the addresses that would be connected to."""
        resolver = CheckedResolver(resolver=DefaultLoopResolver(), reach=reach)
        return [address[0] for _, address in await resolver.resolve(host, port)]

    async def test_addresses_of_the_public_internet_are_taken(self) -> None:
        for address in ("8.8.8.8", "1.1.1.1", "100.63.255.255", "172.32.0.1", "2001:4860:4860::8888", "2a00:1450::1"):
            for port in (80, 443):
                self.assertEqual(await self.judge(address, port), [address])

    async def test_what_is_not_public_is_refused(self) -> None:
        for kind, addresses in NOT_PUBLIC.items():
            for address in addresses:
                with self.subTest(kind, address=address), self.assertRaises(OutOfReach):
                    await self.judge(address)

    async def test_odd_spellings_are_what_they_mean(self) -> None:
        loopback = Reach(networks=(IPv4Network("127.0.0.1/32"),))
        for host in SPELLINGS:
            with self.subTest(host):
                self.assertEqual(await self.judge(host, reach=loopback), ["127.0.0.1"])
                with self.assertRaises(OutOfReach):
                    await self.judge(host)

    async def test_ports_other_than_the_webs_are_refused(self) -> None:
        for port in (22, 25, 81, 6379, 8080, 8443, 65535):
            with self.subTest(port), self.assertRaises(OutOfReach):
                await self.judge("8.8.8.8", port)


class Names(Resolver):
    """A resolver that knows some names by a table, and gives the next row of it at each look-up."""

    def initialize(self, **rows: list[list[str]]) -> None:
        self.rows = rows
        self.asked: list[str] = []
        self.others: Resolver = DefaultLoopResolver()

    async def resolve(self, host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[Any]:
        """Return the addresses of a name."""
        self.asked.append(host)
        if host not in self.rows:
            return await self.others.resolve(host, port, family)
        rows = self.rows[host]
        addresses = rows.pop(0) if len(rows) > 1 else rows[0]
        return [(socket.AF_INET, (address, port)) for address in addresses]


class GuardTest(unittest.IsolatedAsyncioTestCase):
    """docs/security.rst 19: a member's URL leads to the web's own servers, and comes back in time."""

    outside: Upstream
    inside: Upstream

    @classmethod
    def setUpClass(cls) -> None:
        cls.inside = Upstream(INSIDE)
        cls.addClassCleanup(cls.inside.close)
        cls.outside = Upstream(OUTSIDE, cls.inside.port)  # so that only the address tells them apart
        cls.addClassCleanup(cls.outside.close)

    def setUp(self) -> None:
        self.outside.behave = gives(b"outside")
        self.inside.behave = gives(b"inside")
        self.inside.asked.clear()
        self.outside.asked.clear()
        self.addCleanup(lambda: self.assertEqual(self.inside.asked, []))

    def fetcher(self, **rows: list[list[str]]) -> Fetcher:
        """Return a fetcher for which OUTSIDE counts as public, and its port as the web's, with these names."""
        reach = Reach(frozenset({80, 443, self.outside.port}), (IPv4Network(OUTSIDE),))
        self.names = Names(**rows)
        fetcher = Fetcher(reach, self.names)
        self.addCleanup(fetcher.close)
        return fetcher

    def at(self, host: str, path: str = "/data") -> str:
        """Return a URL on the servers' port."""
        return f"http://{host}:{self.outside.port}{path}"

    async def assert_refused(self, fetcher: Fetcher, url: str, sentence: str = REFUSED, status: int = 502) -> None:
        """Check that a fetch fails, with these words."""
        with self.assertRaises(FetchFailed) as refused:
            await fetcher.get(url)
        self.assertEqual((status_of(refused.exception), refused.exception.sentence), (status, sentence))

    async def test_what_is_outside_is_fetched_and_what_is_inside_is_not(self) -> None:
        fetcher = self.fetcher(site=[[OUTSIDE]], intranet=[[INSIDE]])
        self.assertEqual(await fetcher.get(self.at("site")), b"outside")
        self.assertEqual(await fetcher.get(self.at(OUTSIDE)), b"outside")
        for host in ("intranet", INSIDE):
            await self.assert_refused(fetcher, self.at(host))

    async def test_without_a_word_nothing_of_this_machine_is_public(self) -> None:
        self.assertEqual(await self.fetcher().get(self.at(OUTSIDE)), b"outside")
        strict = Fetcher()
        self.addCleanup(strict.close)
        for url in (self.at(OUTSIDE), f"http://{OUTSIDE}/", f"https://{INSIDE}/", "http://localhost/"):
            await self.assert_refused(strict, url)
        self.assertEqual(len(self.outside.asked), 1)

    async def test_one_forbidden_address_among_others_is_enough(self) -> None:
        fetcher = self.fetcher(both=[[OUTSIDE, INSIDE]], other=[[INSIDE, OUTSIDE]])
        await self.assert_refused(fetcher, self.at("both"))
        await self.assert_refused(fetcher, self.at("other"))
        self.assertEqual(self.outside.asked, [])

    async def test_a_resolver_that_changes_its_answer_is_asked_once_for_each_connection(self) -> None:
        fetcher = self.fetcher(turncoat=[[OUTSIDE], [INSIDE]])
        self.assertEqual(await fetcher.get(self.at("turncoat")), b"outside")
        self.assertEqual(self.names.asked, ["turncoat"])
        await self.assert_refused(fetcher, self.at("turncoat"))

    async def test_a_redirect_is_followed_within_reach_and_each_look_up_is_judged(self) -> None:
        fetcher = self.fetcher(site=[[OUTSIDE]], turncoat=[[OUTSIDE], [INSIDE]])
        for status in ("301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"):
            self.outside.behave = in_turn(leads("/there?x=1", status), gives(b"there"))
            self.assertEqual(await fetcher.get(self.at("site")), b"there")
            self.assertEqual(self.outside.asked[-1], "GET /there?x=1 HTTP/1.1")
        self.outside.behave = leads("/again")
        await self.assert_refused(fetcher, self.at("turncoat"))

    async def test_redirects_that_lead_elsewhere_are_refused(self) -> None:
        fetcher = self.fetcher(site=[[OUTSIDE]], intranet=[[INSIDE]])
        for target in (
            self.at(INSIDE),
            self.at("intranet"),
            self.at("127.1"),
            f"//{INSIDE}:{self.inside.port}/",
            f"http://[::ffff:127.0.0.1]:{self.inside.port}/",
            f"http://{OUTSIDE}:8080/",
            "http://169.254.169.254/latest/meta-data/",
            "file:///etc/passwd",
            "ftp://site/",
            "gopher://site:70/1",
            "data:text/plain,x",
            "javascript:alert(1)",
            self.at("user:password@site"),
        ):
            with self.subTest(target):
                self.outside.behave = leads(target)
                await self.assert_refused(fetcher, self.at("site"))

    async def test_urls_that_are_not_the_webs_are_refused(self) -> None:
        fetcher = self.fetcher(site=[[OUTSIDE]])
        self.assertEqual(await fetcher.get(self.at("site").replace("http", "HTTP")), b"outside")
        for url in (
            "",
            "site",
            "//site/",
            "ftp://site/",
            "file:///etc/passwd",
            "ws://site/",
            "http://",
            "http:///data",
            "http://[::1",
            "http://site:99999/",
            "http://site:0/",
            "http://site:x/",
            self.at("user@site"),
            self.at(":@site"),
            self.at(f"site@{INSIDE}"),
            self.at("\\@site"),
        ):
            with self.subTest(url):
                await self.assert_refused(fetcher, url)
        self.assertEqual(len(self.outside.asked), 1)

    async def test_five_redirects_are_followed_and_a_loop_is_not(self) -> None:
        fetcher = self.fetcher()
        self.outside.behave = in_turn(*[leads("/next")] * 5, gives(b"arrived"))
        self.assertEqual(await fetcher.get(self.at(OUTSIDE)), b"arrived")
        self.outside.asked.clear()
        self.outside.behave = leads("/data")
        await self.assert_refused(fetcher, self.at(OUTSIDE), "The other site gave no usable answer.")
        self.assertEqual(len(self.outside.asked), 6)

    async def test_a_post_goes_to_the_same_places_and_follows_no_redirect(self) -> None:
        fetcher = self.fetcher(site=[[OUTSIDE]], intranet=[[INSIDE]], turncoat=[[OUTSIDE], [INSIDE]])
        for status, answer in (
            (200, gives(b"taken")),
            (500, gives(b"oh", "500 Oh")),
            (307, leads(self.at(INSIDE), "307 X")),
        ):
            self.outside.behave = answer
            reply = await fetcher.post(self.at("site"), b"{}", {"Prosa-Key": "lobby/1"})
            self.assertEqual(reply.status, status)
        self.assertEqual(self.outside.asked, ["POST /data HTTP/1.1"] * 3)
        self.outside.behave = gives(b"outside")
        self.assertEqual((await fetcher.post(self.at("turncoat"), b"{}", {})).body, b"outside")
        for url in (self.at("intranet"), self.at(INSIDE), self.at("turncoat"), self.at("me@site"), "ftp://site/"):
            with self.assertRaisesRegex(FetchFailed, REFUSED):
                await fetcher.post(url, b"{}", {})
        self.outside.behave = gives(padded(MAX_BODY_BYTES + 1))
        with self.assertRaisesRegex(FetchFailed, "no usable answer"):
            await fetcher.post(self.at("site"), b"{}", {})

    async def test_what_unpacks_to_too_much_is_refused(self) -> None:
        fetcher = self.fetcher()
        self.outside.behave = gives(gzip.compress(b" " * MAX_BODY_BYTES), "200 OK", "Content-Encoding: gzip")
        self.assertEqual(len(await fetcher.get(self.at(OUTSIDE))), MAX_BODY_BYTES)
        for bomb in (gzip.compress(b" " * (MAX_BODY_BYTES + 1)), gzip.compress(b" " * 8 * MAX_BODY_BYTES)):
            self.outside.behave = gives(bomb, "200 OK", "Content-Encoding: gzip")
            self.assertLess(len(bomb), MAX_BODY_BYTES)
            await self.assert_refused(fetcher, self.at(OUTSIDE), "The other site gave no usable answer.")
        self.outside.behave = gives(b"no gzip", "200 OK", "Content-Encoding: gzip")
        await self.assert_refused(fetcher, self.at(OUTSIDE), "The other site gave no usable answer.")

    async def test_the_time_is_for_the_whole_way(self) -> None:
        over = threading.Event()
        self.addCleanup(over.set)

        def slowly(connection: socket.socket) -> None:
            over.wait(2)  # seconds: less than a fetch has, but three times that is more
            leads("/next")(connection)

        self.outside.behave = slowly
        never = Fetcher(resolver=Silence())
        self.addCleanup(never.close)
        too_long = "The other site took too long to answer."
        await asyncio.gather(
            self.assert_refused(self.fetcher(), self.at(OUTSIDE), too_long, 504),
            self.assert_refused(never, "http://example.org/", too_long, 504),
        )
        self.assertIn(len(self.outside.asked), (2, 3))


class Silence(Resolver):
    """A resolver that never answers."""

    async def resolve(self, host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[Any]:
        """Wait for ever."""
        await asyncio.Event().wait()
        return []
