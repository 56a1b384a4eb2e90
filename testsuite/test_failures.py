"""Failed sign-ins: counted by account and by address, and what the right person notices of it."""

from __future__ import annotations

import re
import tempfile
import time
import unittest
from collections import Counter
from functools import partial
from pathlib import Path

from models import failures
from models.database import database
from models.errors.accounts import TooManyFailures
from models.models import Failure, create_tables
from testsuite.cases import SiteTest
from testsuite.clients import PASSWORD, Answer, Client
from testsuite.tables import forget_failures, sql
from testsuite.test_four_processes import FourTest
from testsuite.waiting import together

WRONG = "wrong password"
WINDOW_SECONDS = 180.0


def guess(client: Client, username: str, password: str = WRONG) -> Answer:
    """Try to sign in."""
    return client.post("/login", {"username": username, "password": password})


class Counted(SiteTest):
    """docs/security.rst 9: the 11th failed sign-in within 3 minutes for an account or an address."""

    processes = 2
    options = ("--xheaders", "--messages_per_second=0")

    def setUp(self) -> None:
        forget_failures(self.folder)
        self.guests = 0

    def guest(self, address: str = "") -> Client:
        """Return a stranger's client, at another process than the last one, and from an address of its own."""
        self.guests += 1
        client = self.client(server=self.guests % 2)
        client.headers = {"X-Real-Ip": address or f"192.0.2.{self.guests}"}
        return client

    def fail_ten_times(self, username: str) -> None:
        """Use up what an account has."""
        self.assertEqual([guess(self.guest(), username).status for _ in range(10)], [403] * 10)

    def fail_from(self, *addresses: str) -> None:
        """Use up the failures of an address, with unknown names."""
        for number, address in enumerate(addresses):
            self.assertEqual(guess(self.guest(address), f"{address} {number}").status, 403)

    def test_an_account_is_counted_across_addresses_and_processes(self) -> None:
        self.fail_ten_times("beto")
        refused = guess(self.guest(), "BETO")
        self.assertEqual(refused.status, 429)
        self.assertTrue(0 < int(refused.headers["Retry-After"]) <= WINDOW_SECONDS)
        self.assertEqual(guess(self.guest(), "beto", PASSWORD).status, 429)
        self.assertEqual(guess(self.guest(), "carla").status, 403)

    def test_a_name_that_nobody_has_is_counted_likewise(self) -> None:
        self.fail_ten_times("otto")
        self.assertEqual(guess(self.guest(), "otto").status, 429)

    def test_an_address_is_counted_across_accounts_and_processes(self) -> None:
        self.fail_from(*["198.51.100.7"] * 10)
        refused = guess(self.guest("198.51.100.7"), "carla", PASSWORD)
        self.assertEqual((refused.status, "session" in refused.headers.get("Set-Cookie", "")), (429, False))
        self.assertEqual(guess(self.guest("198.51.100.8"), "carla", PASSWORD).status, 302)

    def test_who_has_one_address_of_ipv6_has_64_bits_of_them(self) -> None:
        self.fail_from(*(f"2001:db8:0:7:{number:x}::1" for number in range(10)))
        self.assertEqual(guess(self.guest("2001:db8::7:ffff:1:2:3"), "beto").status, 429)
        self.assertEqual(guess(self.guest("2001:db8:0:8::1"), "beto").status, 403)

    def test_an_address_of_ipv4_is_the_same_in_the_clothes_of_ipv6(self) -> None:
        self.fail_from(*["203.0.113.9", "::ffff:203.0.113.9"] * 5)
        self.assertEqual(guess(self.guest("203.0.113.9"), "beto").status, 429)
        self.assertEqual(guess(self.guest("::ffff:203.0.113.10"), "beto").status, 403)

    def test_it_is_counted_across_restarts(self) -> None:
        self.fail_ten_times("beto")
        for server in self.servers:
            self.assertEqual(server.stop(), 0)
        type(self).servers = [type(server)(self.folder, *self.options).wait() for server in self.servers]
        self.assertEqual(guess(self.guest(), "beto").status, 429)
        self.assertEqual(guess(self.guest(), "carla").status, 403)

    def test_of_many_that_arrive_at_once_ten_are_tried(self) -> None:
        guests = [self.guest() for _ in range(24)]
        for client in guests:
            client.get("/login")
        answers = together(*(partial(guess, client, "beto") for client in guests))
        self.assertEqual(Counter(answer.status for answer in answers), {403: 10, 429: 14})

    def test_those_who_are_signed_in_notice_nothing(self) -> None:
        beto = self.client("beto")
        self.fail_ten_times("beto")
        self.assertEqual(beto.get("/rooms/lobby").status, 200)

    def test_on_a_device_that_was_signed_in_before_the_right_person_gets_in(self) -> None:
        beto = self.guest().sign_in("beto")
        self.assertEqual(beto.post("/logout").status, 302)
        self.fail_ten_times("beto")
        self.assertEqual(guess(self.guest(), "beto", PASSWORD).status, 429)
        self.fail_from(*[beto.headers["X-Real-Ip"]] * 10)
        self.assertEqual(guess(self.guest(beto.headers["X-Real-Ip"]), "carla", PASSWORD).status, 429)
        self.assertEqual(guess(beto, "Beto", PASSWORD).status, 302)

    def test_such_a_device_is_counted_for_itself(self) -> None:
        beto = self.guest().sign_in("beto")
        self.assertEqual(beto.post("/logout").status, 302)
        self.assertEqual([guess(beto, "beto").status for _ in range(10)], [403] * 10)
        self.assertEqual(guess(beto, "beto", PASSWORD).status, 429)
        self.assertEqual(guess(self.guest(beto.headers["X-Real-Ip"]), "beto", PASSWORD).status, 302)

    def test_the_device_of_one_member_is_not_known_for_another(self) -> None:
        carla = self.guest().sign_in("carla")
        self.assertEqual(carla.post("/logout").status, 302)
        forged = self.guest()
        forged.cookies["device"] = carla.cookies["device"][:-1]
        self.fail_ten_times("beto")
        self.fail_ten_times("carla")
        self.assertEqual(guess(carla, "beto", PASSWORD).status, 429)
        self.assertEqual(guess(forged, "carla", PASSWORD).status, 429)
        self.assertEqual(guess(carla, "carla", PASSWORD).status, 302)

    def test_after_three_minutes_everybody_may_try_again_however_often_they_were_refused(self) -> None:
        self.fail_ten_times("beto")
        self.assertEqual({guess(self.guest(), "beto").status for _ in range(5)}, {429})
        self.let_pass(WINDOW_SECONDS - 60)
        still = guess(self.guest(), "beto", PASSWORD)
        self.assertEqual(still.status, 429)
        self.assertLessEqual(int(still.headers["Retry-After"]), 60)
        self.let_pass(60)
        self.assertEqual(guess(self.guest(), "beto", PASSWORD).status, 302)

    def let_pass(self, seconds: float) -> None:
        """Make all failures older."""
        sql(self.folder, "UPDATE failure SET at = at - ?", seconds)

    def test_the_page_says_how_long_to_wait_in_both_languages(self) -> None:
        self.fail_ten_times("beto")
        english, portuguese = self.guest(), self.guest()
        portuguese.headers["Accept-Language"] = "pt-BR"
        for client, words in (
            (english, "That was wrong too often. Please wait 3 minutes, then try again."),
            (portuguese, "Foram erros demais. Espere 3 minutos e tente de novo."),
        ):
            answer = guess(client, "beto")
            self.assertEqual(answer.status, 429)
            self.assertRegex(answer.text, rf'role="alert">{re.escape(words)}<')
            self.assertIn('name="username" type="text" value="beto"', answer.text)
        self.let_pass(WINDOW_SECONDS - 30)
        self.assertIn("Please wait 1 minute, then", guess(english, "beto").text)


class Right(SiteTest):
    """docs/security.rst 9: right passwords are counted, too, apart from wrong ones."""

    processes = 2
    options = ("--xheaders", "--messages_per_second=0")
    altered = ("models.sign_ins:MAX_PER_ACCOUNT=6", "models.sign_ins:MAX_PER_ADDRESS=9")

    def setUp(self) -> None:
        forget_failures(self.folder)

    def guest(self, address: str, server: int = 0) -> Client:
        """Return a client from this address."""
        client = self.client(server=server)
        client.headers = {"X-Real-Ip": address}
        return client

    def enter(self, member: str, count: int, network: str = "192.0.2") -> None:
        """Sign in from as many addresses, at both processes in turn."""
        for number in range(count):
            self.guest(f"{network}.{number}", number % 2).sign_in(member)

    def test_an_account_is_counted_across_addresses_and_processes_and_the_others_are_not(self) -> None:
        self.enter("beto", 6)
        for server in range(2):
            refused = guess(self.guest("192.0.2.99", server), "BETO", PASSWORD)
            self.assertEqual((refused.status, "session" in str(refused.headers)), (429, False))
            self.assertTrue(0 < int(refused.headers["Retry-After"]) <= WINDOW_SECONDS)
        self.enter("carla", 1)

    def test_an_address_is_counted_across_accounts_and_a_known_device_there_gets_in(self) -> None:
        known = self.guest("198.51.100.7").sign_in("ana")
        self.assertEqual(known.post("/logout").status, 302)
        for number, member in enumerate(["beto", "carla"] * 4):
            self.guest("198.51.100.7", number % 2).sign_in(member)
        self.assertEqual(guess(self.guest("198.51.100.7"), "ana", PASSWORD).status, 429)
        self.guest("198.51.100.8").sign_in("ana")
        known.sign_in("ana")

    def test_a_device_that_is_known_and_made_anew_each_time_is_counted_for_its_account(self) -> None:
        beto = self.guest("192.0.2.1")
        statuses = []
        for _ in range(8):
            statuses.append(guess(beto, "beto", PASSWORD).status)
            beto.post("/logout")
        self.assertEqual(statuses, [302] * 6 + [429] * 2)

    def test_of_many_at_once_so_many_get_in_and_no_more(self) -> None:
        guests = [self.guest(f"192.0.2.{number}", number % 2) for number in range(20)]
        for guest in guests:
            guest.get("/login")
        answers = together(*(partial(guess, guest, "beto", PASSWORD) for guest in guests))
        self.assertEqual(Counter(answer.status for answer in answers), {302: 6, 429: 14})

    def test_nobody_who_guesses_can_make_anybody_wait_by_it(self) -> None:
        for number in range(9):
            self.assertEqual(guess(self.guest("198.51.100.9"), f"somebody {number}").status, 403)
        self.assertEqual([guess(self.guest(f"192.0.2.{n}"), "beto").status for n in range(9)], [403] * 9)
        self.guest("198.51.100.9").sign_in("beto")

    def test_who_is_in_stays_in_and_can_change_a_password_that_somebody_else_has(self) -> None:
        beto = self.guest("192.0.2.100").sign_in("beto")
        self.enter("beto", 5)
        self.assertEqual(guess(self.guest("192.0.2.101"), "beto", PASSWORD).status, 429)
        fields = {"current": PASSWORD, "password": PASSWORD, "again": PASSWORD}
        self.assertEqual([beto.post("/account", fields).status for _ in range(6)], [302] * 6)
        refused = beto.post("/account", fields)
        self.assertEqual((refused.status, "many sign-ins by this name" in refused.text), (429, True))
        self.assertEqual(beto.get("/rooms/lobby").status, 200)

    def test_the_page_says_it_in_both_languages_and_keeps_the_name(self) -> None:
        self.enter("beto", 6)
        for language, words in (
            ("en", "There were many sign-ins by this name or from your network."),
            ("pt-BR", "Houve muitas entradas com este nome ou a partir da sua rede."),
        ):
            guest = self.guest("192.0.2.99")
            guest.headers["Accept-Language"] = language
            answer = guess(guest, "beto", PASSWORD)
            self.assertRegex(answer.text, rf'role="alert">{re.escape(words)}')
            self.assertIn('name="username" type="text" value="beto"', answer.text)

    def test_after_three_minutes_it_is_over(self) -> None:
        self.enter("beto", 6)
        sql(self.folder, "UPDATE failure SET at = at - ?", WINDOW_SECONDS)
        self.enter("beto", 1)


class ClassRoom(SiteTest):
    """A class signs in behind one router, each with an account or all with one."""

    def test_thirty_people_behind_one_address_are_all_in_at_the_first_bell_and_again(self) -> None:
        for _ in range(3):
            guests = [self.client() for _ in range(30)]
            for guest in guests:
                guest.get("/login")
            self.assertEqual([self.patient(guest) for guest in guests], [302] * 30)

    def patient(self, guest: Client) -> int:
        """Sign in, again if told to."""
        while (status := guess(guest, "beto", PASSWORD).status) == 503:
            pass
        return status


class Table(unittest.TestCase):
    """docs/security.rst 9: what is counted is forgotten again, and the clock may jump."""

    def setUp(self) -> None:
        folder = self.enterContext(tempfile.TemporaryDirectory())
        create_tables(str(Path(folder) / "people.db"))
        self.addCleanup(database.close)

    def count(self, key: str, times: int, seconds_ago: float = 0.0) -> None:
        """Store failures of some time ago."""
        rows = [{"key": key, "at": time.time() - seconds_ago} for _ in range(times)]
        Failure.insert_many(rows).execute()

    def test_what_is_old_is_removed_by_the_next_failure(self) -> None:
        self.count("old", 50, seconds_ago=WINDOW_SECONDS + 1)
        self.count("new", 3, seconds_ago=WINDOW_SECONDS - 10)
        failures.count("new", "other")
        self.assertEqual(Counter(row.key for row in Failure.select()), {"new": 4, "other": 1})

    def test_what_is_refused_is_not_stored(self) -> None:
        self.count("key", 10)
        with self.assertRaises(TooManyFailures):
            failures.count("other", "key")
        self.assertEqual(Failure.select().count(), 10)
        failures.count("other")
        self.assertEqual(Failure.select().count(), 11)

    def test_the_wait_ends_when_the_tenth_last_is_three_minutes_old(self) -> None:
        for seconds_ago in (170.0, 100.0, 50.0):
            self.count("key", 5, seconds_ago)
        with self.assertRaises(TooManyFailures) as refused:
            failures.check("key")
        self.assertAlmostEqual(refused.exception.retry_after, WINDOW_SECONDS - 100, delta=10)

    def test_nobody_waits_for_a_clock_that_was_set_back_by_an_hour(self) -> None:
        self.count("key", 10)
        with self.assertRaises(TooManyFailures):
            failures.check("key")
        Failure.update(at=Failure.at + 3600).execute()
        failures.check("key")
        failures.count("key")
        self.assertEqual(Failure.select().count(), 1)

    def test_no_name_can_be_read_from_it(self) -> None:
        self.assertNotIn("hunter2", failures.account_key("hunter2"))
        self.assertEqual(failures.account_key("Straße"), failures.account_key("STRASSE"))
        self.assertNotEqual(failures.account_key("ana"), failures.account_key("beto"))
        self.assertLess(len(failures.account_key("x" * 100_000)), 100)


# What a client may claim about where it comes from.
CLAIMS = (
    {"X-Forwarded-For": "203.0.113.{n}"},
    {"X-Real-Ip": "203.0.113.{n}"},
    {"X-Forwarded-For": "203.0.113.{n}, 127.0.0.1", "X-Real-Ip": "203.0.113.{n}"},
    {"x-forwarded-for": "2001:db8:{n}::1"},
    {"Forwarded": "for=203.0.113.{n}", "X-Client-Ip": "203.0.113.{n}", "True-Client-Ip": "203.0.113.{n}"},
)


def claim(url: str, number: int) -> Answer:
    """Guess a new name each time, and claim to come from another address."""
    client = Client(url)
    client.headers = {name: value.format(n=number) for name, value in CLAIMS[number % len(CLAIMS)].items()}
    return guess(client, f"nobody {number}")


def elsewhere(url: str) -> Client:
    """Return a client that really comes from another address."""
    client = Client(url)
    client.source = "127.0.0.2"
    return client


class Direct(SiteTest):
    """docs/security.rst 10: without a proxy no header changes the address that is counted."""

    def test_what_a_client_claims_does_not_count(self) -> None:
        forget_failures(self.folder)
        statuses = [claim(self.server.url, number).status for number in range(15)]
        self.assertEqual(statuses, [403] * 10 + [429] * 5)
        self.assertEqual(guess(elsewhere(self.server.url), "nobody else").status, 403)


class BehindNginx(FourTest):
    """docs/security.rst 9 and 10, by four processes behind Nginx."""

    def test_what_a_client_claims_does_not_count(self) -> None:
        forget_failures(self.folder)
        statuses = [claim(self.nginx.url, number).status for number in range(15)]
        self.assertEqual(statuses, [403] * 10 + [429] * 5)
        self.assertEqual(guess(elsewhere(self.nginx.url), "nobody else").status, 403)

    def test_the_eleventh_failure_of_an_account_is_refused_by_whichever_process(self) -> None:
        forget_failures(self.folder)
        for number in range(10):
            client = Client(self.nginx.url)
            client.source = f"127.0.1.{number + 1}"
            self.assertEqual(guess(client, "beto").status, 403)
        for server in self.servers:
            refused = Client(server.url)
            refused.headers = {"X-Real-Ip": "192.0.2.1"}
            self.assertEqual(guess(refused, "beto", PASSWORD).status, 429)
            self.assertEqual(guess(refused, "carla", PASSWORD).status, 302)
