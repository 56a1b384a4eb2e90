"""SockJS's transports by hand: each of them carries the whole conversation."""

from __future__ import annotations

import functools
import time

from testsuite.cases import SiteTest
from testsuite.jar import Jar
from testsuite.polling import ALL_TRANSPORTS, HTTP_TRANSPORTS, Jsonp, SockJS, Xhr, XhrStreaming, close_code
from testsuite.ports import server_states
from testsuite.tables import WITHOUT_WAL, locked
from testsuite.waiting import wait_for


class Conversations(SiteTest):
    """What every transport carries."""

    processes = 2

    def talk(self, kind: type[SockJS], member: str = "ana", session: str = "") -> SockJS:
        """Return a chat client on this transport, closed at the end of the test."""
        chat = kind(self.client(member), session)
        self.addCleanup(chat.close)
        return chat

    def test_a_conversation_goes_both_ways(self) -> None:
        beto = self.chat("beto", server=1)
        for kind in ALL_TRANSPORTS:
            with self.subTest(transport=kind.__name__):
                ana = self.talk(kind).join()
                self.assertEqual(ana.frames[0], "o")
                nonce = ana.post("Olá, Beto! ☃ </script> \u2028 \\ \" '")
                entry = beto.until("entry", nonce=nonce)
                self.assertEqual(ana.until("ack", nonce=nonce)["seq"], entry["seq"])
                self.assertEqual(ana.until("entry", nonce=nonce), entry)
                answer = beto.post("Oi, Ana!")
                self.assertEqual(ana.until("entry", nonce=answer), beto.until("entry", nonce=answer))

    def test_what_is_said_between_two_polls_is_not_lost(self) -> None:
        """docs/sockjs.rst 17: an absent poller has a cursor, and no queue."""
        beto = self.chat("beto")
        for kind in (Xhr, Jsonp):
            with self.subTest(transport=kind.__name__):
                ana = self.talk(kind).join()
                nonces = [beto.post(f"between polls {number}") for number in range(100)]
                beto.until("entry", nonce=nonces[-1])
                self.assertEqual([entry["nonce"] for entry in ana.entries(100)], nonces)

    def test_a_stream_that_has_grown_too_long_goes_on_in_another(self) -> None:
        beto = self.chat("beto")
        for kind in HTTP_TRANSPORTS:
            with self.subTest(transport=kind.__name__):
                ana = self.talk(kind).join()
                nonces = [beto.post(f"{number} " * 700) for number in range(100)]
                self.assertEqual([entry["nonce"] for entry in ana.entries(100)], nonces)

    def test_a_new_session_goes_on_where_the_last_one_was(self) -> None:
        beto = self.chat("beto")
        for kind in ALL_TRANSPORTS:
            with self.subTest(transport=kind.__name__):
                ana = self.talk(kind).join()
                ana.close()
                nonces = [beto.post(f"missed {number}") for number in range(10)]
                beto.until("entry", nonce=nonces[-1])
                again = self.talk(kind).join(after=ana.head)
                self.assertEqual([entry["nonce"] for entry in again.entries(10)], nonces)
                self.assertEqual(again.until("entry", nonce=beto.post("and on"))["body"], "and on")

    def test_a_poll_that_comes_to_another_process_begins_a_session_there_which_its_client_sees(self) -> None:
        for kind in (Xhr, Jsonp):
            with self.subTest(transport=kind.__name__):
                ana = self.talk(kind).join()
                ana.client = self.client("ana", server=1)
                with self.assertRaises(EOFError):
                    ana.until("entry")

    def test_a_second_poll_on_one_session_is_turned_away(self) -> None:
        ana = self.talk(XhrStreaming).join()
        second = self.talk(Xhr, session=ana.session)
        self.assertEqual(second.until_closed(), 2010)
        self.assertEqual(ana.until("entry", nonce=ana.post("still here"))["body"], "still here")

    def test_signing_out_closes_every_transport(self) -> None:
        for kind in ALL_TRANSPORTS:
            for server in (0, 1):
                with self.subTest(transport=kind.__name__, signed_out_at=server):
                    ana = self.talk(kind).join()
                    stays = self.talk(kind).join()
                    leaver = self.client("ana", server)
                    leaver.cookies = Jar(ana.client.cookies)
                    begun = time.monotonic()
                    self.assertEqual(leaver.post("/logout").status, 302)
                    polls = kind in (Xhr, Jsonp)  # and has perhaps no request under way
                    self.assertIn(close_code(ana), (4008, 403) if polls else (4008,))
                    self.assertLess(time.monotonic() - begun, 2)
                    self.assertEqual(stays.until("entry", nonce=stays.post("I stay"))["body"], "I stay")


class Heartbeats(SiteTest):
    """No silence lasts until a proxy or a router hangs up."""

    is_long = True
    altered = ("controllers.chat:HEARTBEAT_SECONDS=0.4",)

    def test_a_silent_room_is_heard_of_all_the_same(self) -> None:
        for kind in HTTP_TRANSPORTS:
            with self.subTest(transport=kind.__name__):
                ana = kind(self.client("ana"))
                self.addCleanup(ana.close)
                ana.join()
                for _ in range(2):
                    while ana.read_frame() != "h":
                        pass
                self.assertEqual(ana.until("entry", nonce=ana.post("and on"))["body"], "and on")


class HangingUp(SiteTest):
    """A client that hangs up during authentication leaves nothing behind."""

    altered = (WITHOUT_WAL,)  # there a lock keeps readers waiting, too
    options = ("--connections_per_member=1",)

    def test_its_place_is_free_for_the_next_connection(self) -> None:
        for kind in HTTP_TRANSPORTS:
            with self.subTest(transport=kind.__name__):
                beto = self.client("beto")
                with locked(self.folder, "EXCLUSIVE"):
                    early = kind(beto)
                    port = early.ask().sock.getsockname()[1]
                    early.hang_up()
                    wait_for(functools.partial(is_let_go, port), "the server holds the connection")
                beto.chat().close()


def is_let_go(port: int) -> bool:
    """Tell whether the server has closed its end of a connection from `port`."""
    return not server_states(port) & {"ESTABLISHED", "CLOSE_WAIT"}
