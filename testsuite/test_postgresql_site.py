"""The site on PostgreSQL: what the tests say of it on SQLite, and what happens while the server is away."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

from playwright.sync_api import expect

from testsuite import (
    outage,
    test_accounts,
    test_changes,
    test_changes_refused,
    test_cursors,
    test_failures,
    test_feeds,
    test_four_processes,
    test_fuzzing_forms,
    test_removal,
    test_rooms,
    test_signing,
    test_unread,
    test_unread_pages,
)
from testsuite.browser import BrowserTest, expect_message, write
from testsuite.postgresql import OnPostgresql, PostgresqlServer
from testsuite.tables import elsewhere


class SetupTest(OnPostgresql, test_accounts.SetupTest):
    pass


class InvitationTest(OnPostgresql, test_accounts.InvitationTest):
    pass


class PostingTest(OnPostgresql, test_rooms.PostingTest):
    pass


class RoomsOfOthersTest(OnPostgresql, test_rooms.RoomsOfOthersTest):
    pass


class Replay(OnPostgresql, test_cursors.Replay):
    pass


class Removal(OnPostgresql, test_removal.Removal):
    pass


class Changes(OnPostgresql, test_changes.Changes):
    pass


class ChangesRefused(OnPostgresql, test_changes_refused.Refused):
    pass


class Unread(OnPostgresql, test_unread.Unread):
    pass


class UnreadPages(OnPostgresql, test_unread_pages.UnreadTest):
    pass


class Feeds(OnPostgresql, test_feeds.Content):
    pass


class Balanced(OnPostgresql, test_four_processes.Balanced):
    pass


class SignOutTest(OnPostgresql, test_signing.SignOutTest):
    pass


class Counted(OnPostgresql, test_failures.Counted):
    pass


class Right(OnPostgresql, test_failures.Right):
    pass


class FormTest(OnPostgresql, test_fuzzing_forms.FormTest):
    pass


class OnOwnServer:
    """Put before a SiteTest: its site has a PostgreSQL of its own, which may be stopped."""

    needs = ("postgres",)
    postgresql: PostgresqlServer

    @classmethod
    @contextlib.contextmanager
    def database(cls, folder: str) -> Iterator[None]:
        """Start the server, and use its first database."""
        cls.postgresql = PostgresqlServer()
        cls.postgresql.start()
        elsewhere[folder] = cls.postgresql.url()
        try:
            yield
        finally:
            del elsewhere[folder]
            cls.postgresql.close()


class ServerAway(OnOwnServer, outage.Outage):
    """PostgreSQL is away."""

    signals = (signal.SIGKILL, signal.SIGINT)
    unavailable_pages = ("/rooms/lobby", "/members")

    def stop_server(self, how: signal.Signals) -> None:
        self.postgresql.stop(how)

    def start_server(self) -> None:
        self.postgresql.start()


class Browsing(OnOwnServer, BrowserTest):
    """What the browser shows meanwhile."""

    def test_the_chat_says_that_nothing_can_be_saved_and_keeps_what_was_typed(self) -> None:
        ana, bia = self.member("ana"), self.member("beto", locale="pt-BR")
        self.postgresql.stop(signal.SIGKILL)
        write(ana, "kept for later")
        write(bia, "guardada")
        expect(ana.locator("#refusal")).to_contain_text("The site cannot save messages just now.")
        expect(bia.locator("#refusal")).to_contain_text("O site não consegue salvar mensagens agora.")
        expect(ana.locator("#outbox .row.pending")).to_contain_text("kept for later")
        self.shoot(ana, "room-unavailable")
        self.postgresql.start()
        expect_message(ana, "kept for later")
        expect_message(bia, "guardada")
        expect(ana.locator("#refusal")).to_be_hidden()
        expect(ana.locator("#outbox .row")).to_have_count(0)
