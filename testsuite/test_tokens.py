"""Tokens of programs, refused everywhere as soon as they are ended; and bots, which have nothing else to ask with."""

from __future__ import annotations

import asyncio
import tempfile
import time
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from controllers.web.authenticator import AttemptKeys, Authenticator
from controllers.web.hashing_queue import HashingQueue
from controllers.web.query_cache import QueryCache
from models import accounts, bots, feeds, sessions, tokens
from models.database import database, execute
from models.errors.accounts import BotHasNoPassword, NameTaken, UnknownMember, WrongPassword
from models.errors.base import NotYours
from models.errors.tokens import BadScope, BadTokenEnd, BadTokenName, TooManyBots, TooManyTokens, UnknownToken
from models.models import Membership, Token, User, create_tables
from models.stores import Stores
from models.tokens import MAX_TOKENS_PER_MEMBER, OwnToken, TokenSignIn
from testsuite.clients import PASSWORD
from testsuite.postgresql import shared_server
from testsuite.tables import cheap_hash
from testsuite.waiting import TIMEOUT_SECONDS

PROCESSES = 4


def request_with(credentials: str) -> HTTPServerRequest:
    """Return a request with this header `Authorization`."""
    start = RequestStartLine("GET", "/", "HTTP/1.1")
    return HTTPServerRequest(start_line=start, headers=HTTPHeaders({"Host": "localhost", "Authorization": credentials}))


class Process:
    """What a process of the site has to find out who asks; `reads` counts its queries."""

    def __init__(self) -> None:
        self.stores = Stores()
        self.queue = HashingQueue()
        self.reads = 0
        self._read: Any = self.stores.read
        self.stores.read = self._count_and_read  # type: ignore[assignment]
        self.cache = QueryCache(self.stores)
        self.authenticator = Authenticator(self.stores, self.queue, self.cache)

    async def _count_and_read(self, function: Callable[..., Any], *args: object) -> Any:
        self.reads += 1
        return await self._read(function, *args)

    async def find(self, token: str, scheme: str = "Bearer ") -> TokenSignIn | None:
        return await self.authenticator.find_token(request_with(scheme + token))

    async def close(self) -> None:
        self.queue.close()
        await self.stores.close()


class OnSqlite(unittest.IsolatedAsyncioTestCase):
    """docs/security.rst 32: tokens, on one database that several processes share."""

    def people_url(self) -> str:
        return str(Path(self.enterContext(tempfile.TemporaryDirectory())) / "people.db")

    def setUp(self) -> None:
        create_tables(self.people_url())
        self.addCleanup(database.close)
        self.ana = accounts.add_member("ana", cheap_hash(PASSWORD), is_admin=True).id
        self.beto = accounts.add_member("beto", cheap_hash(PASSWORD)).id

    async def processes(self, count: int = PROCESSES) -> list[Process]:
        started = [Process() for _ in range(count)]
        for process in started:
            self.addAsyncCleanup(process.close)
        return started

    def make(self, member_id: int = 0, scope: str = "read", days: int | None = 7) -> tuple[OwnToken, str]:
        return tokens.make_token(member_id or self.beto, "a program", scope, days)

    def version(self) -> object:
        return execute("SELECT value FROM setting WHERE name = 'people_version'").fetchone()[0]

    # --- finding

    async def test_it_has_256_bits_of_which_only_a_hash_is_stored(self) -> None:
        _, text = self.make()
        self.assertRegex(text, "^prosa_[A-Za-z0-9_-]{43}$")
        self.assertNotEqual(text, self.make()[1])
        stored = repr(execute("SELECT * FROM token").fetchall())
        self.assertNotIn(text, stored)
        self.assertNotIn(text.removeprefix("prosa_"), stored)

    async def test_it_is_found_with_its_member_and_scope_under_any_spelling_of_the_scheme(self) -> None:
        (process,) = await self.processes(1)
        own, text = self.make(scope="write", days=None)
        for scheme in ("Bearer ", "bearer ", "BEARER "):
            found = await process.find(text, scheme)
            assert found is not None
            self.assertEqual((found.token_id, found.member.username, found.may_write), (own.id, "beto", True))
        found = await process.find(self.make()[1])
        self.assertFalse(found is None or found.may_write)

    async def test_nothing_else_is_found_and_what_has_not_its_length_is_not_looked_up(self) -> None:
        (process,) = await self.processes(1)
        _, text = self.make()
        for credentials in ("", text, f"Basic  {text}", f"Bearer  {text}", f"Bearer {text} ", "Bearer " + "x" * 60_000):
            self.assertIsNone(await process.authenticator.find_token(request_with(credentials)))
        self.assertEqual(process.reads, 0)
        for other in (text.upper(), text[:-1] + chr(ord(text[-1]) ^ 1), "é" * 49, "\udcff" * 49):
            self.assertIsNone(await process.find(other.replace("\udcff", "ÿ")))

    async def test_made_up_ones_do_not_fill_the_cache(self) -> None:
        (process,) = await self.processes(1)
        for number in range(100):
            self.assertIsNone(await process.find(f"prosa_{number:043}"))
        self.assertEqual((process.cache._answers, process.cache._chars), ({}, 0))

    # --- ending

    async def test_one_that_is_ended_is_refused_at_once_at_every_process(self) -> None:
        ends: dict[str, Callable[[OwnToken], object]] = {
            "its member ends it": lambda own: tokens.end_token(self.beto, own.id),
            "its member ends all": lambda _: tokens.end_all_tokens(self.beto),
            "with a new password": lambda _: accounts.change_password(
                self.beto, User.get_by_id(self.beto).password, cheap_hash("another one"), ends_tokens=True
            ),
            "somebody changes the table": lambda own: execute("UPDATE token SET ends_at = 1 WHERE id = ?", own.id),
            "its member is removed": lambda _: accounts.remove_member(self.ana, self.beto),
        }
        processes = await self.processes()
        for why, end in ends.items():
            with self.subTest(why):
                own, text = self.make()
                self.assertTrue(all([await process.find(text) for process in processes]))
                end(own)
                self.assertEqual([await process.find(text) for process in processes], [None] * PROCESSES)
        self.assertEqual(tokens.tokens_of(self.beto), [])

    async def test_one_that_was_found_is_not_looked_up_again_until_something_changes(self) -> None:
        (process,) = await self.processes(1)
        _, text = self.make()
        for _ in range(5):
            self.assertIsNotNone(await process.find(text))
        self.assertEqual(process.reads, 1)

    async def test_after_its_end_it_is_refused_although_nothing_has_changed(self) -> None:
        (process,) = await self.processes(1)
        _, text = self.make(days=7)
        for days, is_found in ((6.99, True), (7.01, False)):
            later = mock.Mock(return_value=time.time() + days * 86400)
            with mock.patch.object(tokens, "time", mock.Mock(time=later)):
                self.assertEqual(await process.find(text) is not None, is_found)

    async def test_nobody_ends_that_of_another(self) -> None:
        own, text = self.make()
        with self.assertRaises(UnknownToken):
            tokens.end_token(self.ana, own.id)
        self.assertEqual(tokens.find_token(text).member.id, self.beto)

    async def test_a_new_password_alone_leaves_them(self) -> None:
        _, text = self.make()
        accounts.change_password(self.beto, User.get_by_id(self.beto).password, cheap_hash("another one"))
        accounts.set_password("beto", cheap_hash("and another one"))
        self.assertEqual(tokens.find_token(text).member.id, self.beto)

    # --- the last use

    async def test_the_last_use_is_written_together_once_a_minute_and_empties_no_cache(self) -> None:
        (process,) = await self.processes(1)
        made = [self.make() for _ in range(3)]
        following = asyncio.create_task(process.authenticator.token_uses.follow())
        self.addCleanup(following.cancel)
        before, version = time.time(), self.version()
        for _, text in made[:2]:
            await process.find(text)
        await self.until(lambda: sum(one.used_at is not None for one in tokens.tokens_of(self.beto)) == 2)
        self.assertTrue(all(one.used_at is None or one.used_at >= before for one in tokens.tokens_of(self.beto)))
        first = tokens.tokens_of(self.beto)
        for _, text in made[:2]:
            await process.find(text)
        await process.authenticator.token_uses.flush()
        tokens.note_used([own.id for own, _ in made[:2]])  # as another process may, at the same time
        self.assertEqual(tokens.tokens_of(self.beto), first)
        Token.update(used_at=time.time() - 61).execute()
        tokens.note_used([made[0][0].id])
        self.assertGreaterEqual(tokens.tokens_of(self.beto)[-1].used_at or 0, before)
        self.assertEqual(self.version(), version)

    async def until(self, what: Callable[[], bool]) -> None:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while not what():  # noqa: ASYNC110 - what is waited for is no event
                await asyncio.sleep(0.002)

    # --- making

    async def test_what_cannot_be_is_refused(self) -> None:
        for name in ("", " \t", "x" * 61, "\u200b", "x" * 100_000):
            with self.assertRaises(BadTokenName):
                tokens.make_token(self.beto, name, "read", 7)
        for scope in ("", "admin", "READ"):
            with self.assertRaises(BadScope):
                tokens.make_token(self.beto, "name", scope, 7)
        for days in (0, -1, 367, 10**30):
            with self.assertRaises(BadTokenEnd):
                tokens.make_token(self.beto, "name", "read", days)
        with self.assertRaises(UnknownMember):
            tokens.make_token(10**6, "name", "read", 7)
        self.assertEqual(tokens.make_token(self.beto, "  two\r\n\0words ", "read", None)[0].name, "two words")

    async def test_a_member_has_so_many_and_those_that_are_over_make_place(self) -> None:
        made = [self.make()[0] for _ in range(MAX_TOKENS_PER_MEMBER)]
        with self.assertRaises(TooManyTokens):
            self.make()
        self.make(self.ana)
        Token.update(ends_at=time.time() - 1).where(Token.id == made[0].id).execute()
        self.assertTrue(tokens.tokens_of(self.beto)[-1].is_over)
        self.make()
        self.assertEqual(len(tokens.tokens_of(self.beto)), MAX_TOKENS_PER_MEMBER)
        self.assertNotIn(made[0].id, [one.id for one in tokens.tokens_of(self.beto)])

    # --- feeds

    async def test_a_feed_is_found_by_its_secret_alone_until_it_ends_and_a_member_has_one(self) -> None:
        ends: dict[str, Callable[[], object]] = {
            "its member ends it": lambda: feeds.end_feed(self.beto),
            "its member makes another one": lambda: feeds.make_feed(self.beto),
            "its member ends all": lambda: tokens.end_all_tokens(self.beto),
            "its member is removed": lambda: accounts.remove_member(self.ana, self.beto),
        }
        processes = await self.processes()
        for why, end in ends.items():
            with self.subTest(why):
                secret = feeds.make_feed(self.beto)
                for process in processes:
                    self.assertEqual((await process.cache.get_fresh(feeds.find_feed, secret)).member.id, self.beto)
                end()
                for process in processes:
                    with self.assertRaises(UnknownToken):
                        await process.cache.get_fresh(feeds.find_feed, secret)
        self.assertEqual((feeds.feed_of(self.beto), Token.select().count()), (None, 0))

    async def test_a_feed_is_no_token_of_a_program_and_none_is_a_feed(self) -> None:
        own, text = self.make(days=None)
        secret, others = feeds.make_feed(self.beto), feeds.make_feed(self.ana)
        stored = Token.get(Token.user == self.beto, Token.scope == "feed")
        for find, wrong in ((tokens.find_token, secret), (feeds.find_feed, text)):
            with self.assertRaises(UnknownToken):
                find(wrong)
        with self.assertRaises(UnknownToken):
            tokens.end_token(self.beto, stored.id)
        self.assertEqual(tokens.tokens_of(self.beto), [own])
        for _ in range(MAX_TOKENS_PER_MEMBER - 1):
            self.make()
        feeds.end_feed(self.ana)
        self.assertEqual(feeds.find_feed(secret).token_id, stored.id)
        self.assertNotIn(secret, repr(execute("SELECT * FROM token").fetchall()))
        with self.assertRaises(UnknownToken):
            feeds.find_feed(others)
        with self.assertRaises(BadScope):
            tokens.make_token(self.beto, "name", "feed", 7)

    # --- bots

    async def test_a_bot_is_a_member_in_the_lobby_whom_only_administrators_make(self) -> None:
        bot = bots.make_bot(self.ana, " Deploy  bot ")
        self.assertEqual((bot.username, bot.is_bot, bot.is_admin), ("Deploy bot", True, False))
        self.assertEqual([row.room.slug for row in Membership.select().where(Membership.user == bot.id)], ["lobby"])
        for who, error in ((self.beto, NotYours), (bot.id, NotYours), (10**6, UnknownMember)):
            self.assertRaises(error, bots.make_bot, who, "another")
            self.assertRaises(error, bots.get_bot, who, bot.id)
            self.assertRaises(error, bots.make_bot_token, who, bot.id, "name", "read", 7)
            self.assertRaises(error, bots.end_bot_token, who, bot.id, 1)
        with self.assertRaises(NameTaken):
            bots.make_bot(self.ana, "BETO")
        self.assertEqual([one.username for one in bots.list_bots()], ["Deploy bot"])

    async def test_its_tokens_are_made_and_ended_for_it_and_nobody_elses_are(self) -> None:
        bot = bots.make_bot(self.ana, "deploy")
        own, text = bots.make_bot_token(self.ana, bot.id, "a program", "write", None)
        self.assertEqual(tokens.find_token(text), TokenSignIn(own.id, bot, "write", None))
        bots.end_bot_token(self.ana, bot.id, own.id)
        others, _ = self.make()
        for member_id, error in ((self.beto, UnknownMember), (bot.id, UnknownToken)):
            with self.assertRaises(error):
                bots.end_bot_token(self.ana, member_id, others.id)
        with self.assertRaises(UnknownMember):
            bots.make_bot_token(self.ana, self.beto, "a program", "write", None)
        _, text = bots.make_bot_token(self.ana, bot.id, "a program", "write", None)
        accounts.remove_member(self.ana, bot.id)
        with self.assertRaises(UnknownToken):
            tokens.find_token(text)
        self.assertEqual(bots.list_bots(), [])

    async def test_it_signs_in_nowhere_even_if_somebody_stores_a_password_for_it(self) -> None:
        (process,) = await self.processes(1)
        bot = bots.make_bot(self.ana, "deploy")
        with self.assertRaises(BotHasNoPassword):
            accounts.set_password("deploy", cheap_hash(PASSWORD))
        User.update(password=cheap_hash(PASSWORD)).where(User.id == bot.id).execute()
        disconnected = asyncio.get_running_loop().create_future()
        keys = AttemptKeys(["account deploy"], ["account deploy"])
        with self.assertRaises(WrongPassword):
            await process.authenticator.verify("deploy", PASSWORD, disconnected, keys)
        with self.assertRaises(BotHasNoPassword):
            sessions.open_session(bot.id)

    async def test_a_site_has_so_many(self) -> None:
        for number in range(bots.MAX_BOTS):
            User(username=f"bot {number}", password=cheap_hash("x"), is_bot=True).save()
        with self.assertRaises(TooManyBots):
            bots.make_bot(self.ana, "one more")


class OnPostgresql(OnSqlite):
    needs = ("postgres",)

    def people_url(self) -> str:
        return self.enterContext(shared_server().fresh_database())
