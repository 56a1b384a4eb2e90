"""A connection to PostgreSQL on the event loop: it hears each NOTIFY, and asks without a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import psycopg
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

OnNotice = Callable[[str, int], None]  # with the payload, and the number of the connection that committed it


class ListeningConnection:
    """Calls `on_notice` for each NOTIFY, and runs statements that were prepared, one at a time.

    It works on libpq: psycopg's `notifies` takes three times as long, at each process for each batch of messages, and
    so does a thread that asks.
    """

    def __init__(self, server: PGconn, on_notice: OnNotice) -> None:
        self._server = server
        self._on_notice = on_notice
        self._turn = asyncio.Lock()
        self._results: list[PGresult] = []  # of the statement that runs
        self._answer: asyncio.Future[list[PGresult]] | None = None
        self._loop = asyncio.get_running_loop()
        self._lost: asyncio.Future[None] = self._loop.create_future()
        self._socket = server.socket
        self._loop.add_reader(self._socket, self._take)

    async def hear(self, seconds: float) -> None:
        """Wait. Raise psycopg.Error when the server is gone."""
        await asyncio.wait([self._lost], timeout=seconds)
        if self._lost.done():
            self._lost.result()

    async def ask(self, statement: str, *values: str) -> list[tuple[str, ...]]:
        """Return the rows of a prepared statement, as texts. Raise psycopg.Error; TimeoutError if others gave up.

        To give up waiting ends the connection: a late answer would be taken for the next one.
        """
        async with self._turn:
            if self._lost.done():
                self._lost.result()
            self._answer = self._loop.create_future()
            try:
                self._server.send_query_prepared(statement.encode(), [value.encode() for value in values])
                self._server.flush()
                result = (await self._answer)[-1]
            except BaseException as error:
                self.close(error if isinstance(error, psycopg.Error) else TimeoutError())
                raise
        if result.status != ExecStatus.TUPLES_OK:
            raise psycopg.OperationalError(result.error_message.decode(errors="replace"))
        return [
            tuple((result.get_value(row, column) or b"").decode() for column in range(result.nfields))
            for row in range(result.ntuples)
        ]

    def close(self, error: Exception) -> None:
        """Take nothing more from the server; who waits for an answer is told `error`."""
        if not self._lost.done():
            self._loop.remove_reader(self._socket)  # whose number may soon be that of another one
            self._lost.set_exception(error)
            self._lost.exception()  # it is known, even if nobody waits any more
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)

    def _take(self) -> None:
        try:
            self._server.consume_input()
            while (notice := self._server.notifies()) is not None:
                self._on_notice(notice.extra.decode(), notice.be_pid)
            while self._answer is not None and not self._answer.done() and not self._server.is_busy():
                self._take_result(self._answer)
        except psycopg.Error as error:
            self.close(error)

    def _take_result(self, answer: asyncio.Future[list[PGresult]]) -> None:
        result = self._server.get_result()
        if result is not None:
            self._results.append(result)
        else:
            answer.set_result(self._results)
            self._results = []
