"""Connections to PostgreSQL, with a timeout for each answer."""

from __future__ import annotations

import contextlib
import select
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import psycopg


class Connection(psycopg.Connection[Any]):
    """Raises OperationalError after `timeout_seconds()`: a server may hang while its kernel keeps connections open."""

    timeout_seconds: Callable[[], float]

    # psycopg declares neither its generators' types nor this method's for subclasses.
    def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().wait(_with_deadline(gen, self.timeout_seconds), *args, **kwargs)
        except ServerTimeout as error:
            self.close()  # a late answer would be taken for the answer to the next query
            raise psycopg.OperationalError("the server does not answer") from error


class ServerTimeout(Exception):
    """The server did not answer in time."""


def _with_deadline(waiting: Any, timeout_seconds: Callable[[], float]) -> Any:
    """Wait as psycopg's generator `waiting` does, which is polled ten times a second. Raise ServerTimeout."""
    began, ready = time.monotonic(), None
    while True:
        try:
            wanted = waiting.send(ready)
        except StopIteration as stop:
            return stop.value
        ready = yield wanted
        if not ready and time.monotonic() - began > timeout_seconds():
            raise ServerTimeout()


def connect(timeout_seconds: Callable[[], float], parameters: dict[str, Any]) -> Connection:
    """Return a new connection, which commits each statement by itself. Raise psycopg.Error."""
    with _release_socket():
        connection = Connection.connect(**parameters, autocommit=True)
    connection.timeout_seconds = timeout_seconds
    return connection


async def connect_async(parameters: dict[str, Any]) -> psycopg.AsyncConnection[Any]:
    """Return a new connection for the event loop, which commits each statement by itself. Raise psycopg.Error."""
    with _release_socket():
        return await psycopg.AsyncConnection.connect(**parameters, autocommit=True)


@contextlib.contextmanager
def _release_socket() -> Iterator[None]:
    """Close the socket of a connection that could not be opened in time.

    psycopg keeps it referenced by its own error until Python's garbage collector finds the cycle. Meanwhile a server
    that is asked to stop would wait up to a minute for the client to authenticate (authentication_timeout).
    """
    try:
        yield
    except psycopg.errors.ConnectionTimeout as error:
        traceback.clear_frames(error.__traceback__)
        raise


def driver_error(error: BaseException) -> BaseException:
    """Return psycopg's error behind one of peewee's."""
    return error.__cause__ or error.__context__ or error


def is_alive(connection: psycopg.Connection[Any]) -> bool:
    """Return whether an idle connection is still open: one that the server has closed has something to read."""
    if connection.closed:
        return False
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    return not waiting.poll(0)
