"""Two thousand members in one room; and members who read nothing of what is sent to them."""

from __future__ import annotations

import resource
import socket
import unittest

from bench import chats, people
from bench.load import Crowd, Member
from bench.sites import places
from bench.talk import Silent, Talk, long_winded, talk_beside
from controllers.serving.listening import SEND_BUFFER_BYTES, listen
from testsuite.cases import FolderTest
from testsuite.crowd import SECRET
from testsuite.memory import peak, resident
from testsuite.servers import Server
from testsuite.waiting import wait_for

CROWD_TIMEOUT_SECONDS = 60.0


class CrowdTest(FolderTest):
    """A site with as many signed-in members as a test wants; they and it would take both cores from the others."""

    needs = ("quiet",)

    def serve(self, members: int) -> tuple[Server, list[str]]:
        """Start a process; return it and the members' Cookie headers."""
        cookies = people.make([f"--database={self.folder}/people.db"], SECRET, members)
        return self.start(f"--cookie_secret={SECRET}", "--messages_per_second=0").wait(), cookies


class FullRoom(CrowdTest):
    """As many members as this machine lets one process have, up to 2,000."""

    def setUp(self) -> None:
        super().setUp()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))

    def test_everybody_joins_and_stays_and_hears_each_message_once(self) -> None:
        members = places(2000)
        server, cookies = self.serve(members)
        with Crowd(server.port, chats.prosa(cookies)) as crowd:
            crowd.join(members, CROWD_TIMEOUT_SECONDS)
            for run in ("first", "second"):
                talk = Talk(crowd, 1, run)
                talk.go_on(enough=lambda: True, limit=CROWD_TIMEOUT_SECONDS)
                self.assertEqual((len(talk.delays), talk.fault()), (members, ""))


class SilentReaders(CrowdTest):
    """docs/security.rst 17: 50 readers that read nothing under 100 MB of traffic cost less than
    50 MB of memory, and fast readers lose nothing."""

    silent = 50
    fast = 8

    def test_readers_who_read_nothing_cost_no_memory_and_the_others_nothing(self) -> None:
        server, cookies = self.serve(self.silent + self.fast)
        with (
            Crowd(server.port, long_winded(chats.prosa(cookies[: self.fast]))) as crowd,
            Silent(server.port, chats.prosa(cookies[self.fast :])) as beside,
        ):
            beside.join(self.silent, CROWD_TIMEOUT_SECONDS)
            crowd.join(self.fast, CROWD_TIMEOUT_SECONDS)
            beside.quiet(CROWD_TIMEOUT_SECONDS)
            beside.fall_silent()
            before = resident(server.process.pid)
            talk = talk_beside(beside, crowd, self.fast, "long", CROWD_TIMEOUT_SECONDS)
            self.assertEqual(talk.fault(), "")
            self.assertLess(peak(server.process.pid) - before, 50_000_000 / 1024, "KiB")
            self.assertEqual(self.told_of_a_gap(beside), set(range(self.silent)))

    def told_of_a_gap(self, beside: Silent) -> set[int]:
        """Let the silent members read; return those still connected who are told what they missed."""
        told = set[int]()

        def heard(member: Member, payload: bytes) -> None:
            if any('"type":"gap"' in text for text in member.chat.messages(payload)):
                told.add(member.index)

        for member in beside.members:
            beside.listen(member, heard)
        wait_for(lambda: beside.read(0.1) and len(told) == self.silent, "everybody is told")
        return told


class SendBuffers(unittest.TestCase):
    """docs/security.rst 17: also what the system keeps for a reader has an end."""

    def test_the_system_keeps_no_more_for_a_reader_than_the_site_says(self) -> None:
        (listener,) = listen("127.0.0.1", 0)
        with listener, socket.create_connection(listener.getsockname()):
            accepted, _ = listener.accept()
            with accepted:
                self.assertEqual(accepted.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF), 2 * SEND_BUFFER_BYTES)
