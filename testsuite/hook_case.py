"""A site with a bot, and another site that its webhooks tell."""

from __future__ import annotations

import html
import re
from typing import Any

from testsuite.api import Api
from testsuite.cases import SiteTest
from testsuite.clients import Client
from testsuite.receiver import Receiver
from testsuite.tables import sql
from testsuite.waiting import wait_for

QUICK = ("controllers.webhooks.turn:FIRST_PAUSE_SECONDS=0.2", "controllers.webhooks.turn:MAX_PAUSE_SECONDS=0.4")
SECRET = re.compile(r'id="secret" class="link" readonly value="([^"]+)"')


def make_bots(folder: str, *names: str) -> None:
    """Let members be bots."""
    for name in names:
        sql(folder, "UPDATE user SET is_bot = TRUE WHERE username = ?", name)


def make_hook(client: Client, room: str, **wish: str) -> tuple[int, str]:
    """Make a webhook by the form of a room; return its number and what is shown only now."""
    answer = client.post(f"/rooms/{room}/hooks", {"name": "Builds", "bot": "robo", **wish})
    assert answer.status == 200, answer.text
    secret = SECRET.search(answer.text)
    assert secret is not None, answer.text
    (number,) = re.findall(r"/hooks/(\d+)/end", answer.text)[-1:]
    return int(number), html.unescape(secret[1])


class HookTest(SiteTest):
    """A site that may tell `receiver`, with the members of every site and the bots robo and robina."""

    members = (*SiteTest.members, "robo", "robina")
    receiver: Receiver

    @classmethod
    def setUpClass(cls) -> None:
        cls.receiver = Receiver()
        cls.addClassCleanup(cls.receiver.close)
        cls.altered = (f"reach={cls.receiver.port}", *QUICK)
        super().setUpClass()
        make_bots(cls.folder, "robo", "robina")

    def setUp(self) -> None:
        self.ana, self.beto = self.client("ana"), self.client("beto")
        self.receiver.told.clear()
        self.addCleanup(self.end_hooks)

    def end_hooks(self) -> None:
        """End all webhooks."""
        sql(self.folder, "DELETE FROM hook")

    def tell(self, room: str = "lobby", **wish: str) -> tuple[int, str]:
        """Make a webhook that tells the receiver; return its number and its key."""
        return make_hook(self.ana, room, **{"kind": "out", "url": self.receiver.url, **wish})

    def hook(self, number: int) -> dict[str, Any]:
        """Return what is stored of a webhook."""
        names = "cursor, next_try_at, failing_since, failures, last_status, off_at, claimed_by, claimed_until"
        (row,) = sql(self.folder, f"SELECT {names} FROM hook WHERE id = ?", number)
        return dict(zip(names.split(", "), row, strict=True))

    def say(self, *texts: str, client: Client | None = None, room: str = "lobby") -> list[int]:
        """Post messages; return their numbers."""
        return [Api(client or self.beto).post(text, room) for text in texts]

    def wait_for_told(self, *seqs: int) -> None:
        """Return once the receiver was told of these messages, in this order, each perhaps several times."""
        wait_for(lambda: list(dict.fromkeys(self.receiver.seqs())) == [*seqs], "the receiver is told")

    def posted(self, text: str, client: Client | None = None) -> int:
        """Return how often robo has posted a text, of the newest messages in the lobby."""
        return self.authors_of(text, client).count("robo")

    def authors_of(self, text: str, client: Client | None = None) -> list[str]:
        """Return who has posted a text, each as often as they have, of the newest messages in the lobby."""
        newest = Api(client or self.beto).get("rooms/lobby/messages?limit=100")["messages"]
        return sorted(message["author"] for message in newest if message["body"] == text)
