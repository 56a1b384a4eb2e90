"""HTTP requests to other sites, with limits of time, size and redirects."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from tornado.httpclient import HTTPClientError, HTTPRequest, HTTPResponse
from tornado.httputil import HTTPInputError
from tornado.iostream import UnsatisfiableReadError
from tornado.netutil import DefaultLoopResolver, Resolver
from tornado.simple_httpclient import HTTPTimeoutError, SimpleAsyncHTTPClient

from controllers.fetching.reach import PUBLIC, CheckedResolver, OutOfReach, Reach, is_web_url, reach_of
from models.errors.base import Refusal

TIMEOUT_SECONDS = 5.0  # for everything: names, connections, redirects, answer; as many to wait for a free place
MAX_BODY_BYTES = 1024 * 1024  # decompressed
USER_AGENT = "Prosa"
REDIRECT_STATUSES = (301, 302, 303, 307, 308)


class FetchFailed(Refusal):
    """The other site did not give what was asked."""


class FetchTimedOut(FetchFailed):
    """The other site did not answer in time."""

    sentence = "The other site took too long to answer."


@dataclass(frozen=True, slots=True)
class Reply:
    """What another site has answered to a POST, whatever its status."""

    status: int
    body: bytes


class Fetcher:
    """Fetches from the addresses that `reach` includes, answers of at most `max_body_bytes`."""

    def __init__(
        self, reach: Reach = PUBLIC, resolver: Resolver | None = None, max_body_bytes: int = MAX_BODY_BYTES
    ) -> None:
        self.reach = reach
        self._resolver = CheckedResolver(resolver=resolver or DefaultLoopResolver(), reach=reach)
        self._client = SimpleAsyncHTTPClient(force_instance=True, max_body_size=max_body_bytes, resolver=self._resolver)

    def close(self) -> None:
        """Cancel the fetches under way."""
        self._client.close()
        self._resolver.close()

    async def get(self, url: str, accept: str = "*/*") -> bytes:
        """Return the body at `url`, or where it redirects to. Raise FetchFailed."""
        deadline = asyncio.get_running_loop().time() + TIMEOUT_SECONDS
        with _in_our_words():
            return (await self._follow(url, accept, deadline)).body

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Send `body` to `url` with these headers and no others of a member's, and follow no redirect.

        Raise FetchFailed if there is no answer.
        """
        with _in_our_words():
            if not is_web_url(url):
                raise OutOfReach("not an http or https URL")
            request = _request(url, TIMEOUT_SECONDS, headers, method="POST", body=body)
            response = await self._client.fetch(request, raise_error=False)
            return Reply(response.code, response.body)

    async def _follow(self, url: str, accept: str, deadline: float) -> HTTPResponse:
        """Return the answer at the end of the redirects, each of which is checked like the first URL."""
        for _ in range(1 + self.reach.max_redirects):
            if not is_web_url(url):
                raise OutOfReach("not an http or https URL")
            response = await self._ask(url, accept, deadline)
            if response.code not in REDIRECT_STATUSES or "Location" not in response.headers:
                response.rethrow()
                return response
            url = urljoin(url, response.headers["Location"])
        raise ValueError("too many redirects")

    async def _ask(self, url: str, accept: str, deadline: float) -> HTTPResponse:
        left = deadline - asyncio.get_running_loop().time()
        if left <= 0:
            raise TimeoutError
        return await self._client.fetch(_request(url, left, {"Accept": accept}), raise_error=False)


@contextlib.contextmanager
def _in_our_words() -> Iterator[None]:
    """Raise FetchFailed for whatever keeps another site from answering."""
    try:
        yield
    except (TimeoutError, HTTPTimeoutError) as error:
        raise FetchTimedOut() from error
    except OutOfReach as error:
        raise FetchFailed("This address is not on the public web.") from error
    except (HTTPClientError, HTTPInputError, UnsatisfiableReadError, OSError, ValueError) as error:
        raise FetchFailed("The other site gave no usable answer.") from error


def _request(
    url: str, seconds: float, headers: Mapping[str, str], method: str = "GET", body: bytes | None = None
) -> HTTPRequest:
    return HTTPRequest(
        url,
        method,
        body=body,
        connect_timeout=seconds,
        request_timeout=seconds,
        follow_redirects=False,  # Fetcher.get does, and checks each
        decompress_response=True,  # the limit of the body counts what comes out
        headers=dict(headers),
        user_agent=USER_AGENT,
    )


class JsonSource:
    """The URL that the three asynchronous handlers fetch; an option sets it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._fetcher = Fetcher(reach_of(url))

    def fetch(self) -> asyncio.Future[Any]:
        """Return a future of the JSON object at the URL. Its exception is FetchFailed."""
        return asyncio.ensure_future(self._fetch())

    def close(self) -> None:
        """Cancel the fetches under way."""
        self._fetcher.close()

    async def _fetch(self) -> dict[str, Any]:
        return _json_object(await self._fetcher.get(self._url, "application/json"))


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise FetchFailed("The other site did not answer with JSON.") from error
    if not isinstance(found, dict):
        raise FetchFailed("The other site did not answer with a JSON object.")
    return found


def _no_number(name: str) -> None:
    """Refuse NaN and Infinity, which Python reads and JSON does not have (RFC 8259, section 6)."""
    raise ValueError(f"{name} is no number")
