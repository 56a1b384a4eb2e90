"""HTTP requests to other sites, with limits of time, size and redirects."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urljoin

from tornado.httpclient import HTTPClientError, HTTPRequest, HTTPResponse
from tornado.httputil import HTTPInputError
from tornado.iostream import UnsatisfiableReadError
from tornado.netutil import DefaultLoopResolver, Resolver
from tornado.simple_httpclient import HTTPTimeoutError, SimpleAsyncHTTPClient

from controllers.fetching.reach import PUBLIC, CheckedResolver, OutOfReach, Reach, is_web_url, reach_of
from models.errors import Refusal

TIMEOUT_SECONDS = 5.0  # for everything: names, connections, redirects, answer; as many to wait for a free place
MAX_BODY_BYTES = 1024 * 1024  # decompressed
REDIRECT_STATUSES = (301, 302, 303, 307, 308)


class FetchFailed(Refusal):
    """The other site did not give what was asked."""


class FetchTimedOut(FetchFailed):
    """The other site did not answer in time."""

    sentence = "The other site took too long to answer."


class Fetcher:
    """Fetches from the addresses that `reach` includes."""

    def __init__(self, reach: Reach = PUBLIC, resolver: Resolver | None = None) -> None:
        self._reach = reach
        self._resolver = CheckedResolver(resolver=resolver or DefaultLoopResolver(), reach=reach)
        self._client = SimpleAsyncHTTPClient(force_instance=True, max_body_size=MAX_BODY_BYTES, resolver=self._resolver)

    def close(self) -> None:
        """Cancel the fetches under way."""
        self._client.close()
        self._resolver.close()

    async def get(self, url: str, accept: str = "*/*") -> bytes:
        """Return the body at `url`, or where it redirects to. Raise FetchFailed."""
        deadline = asyncio.get_running_loop().time() + TIMEOUT_SECONDS
        try:
            response = await self._follow(url, accept, deadline)
        except (TimeoutError, HTTPTimeoutError) as error:
            raise FetchTimedOut() from error
        except OutOfReach as error:
            raise FetchFailed("This address is not on the public web.") from error
        except (HTTPClientError, HTTPInputError, UnsatisfiableReadError, OSError, ValueError) as error:
            raise FetchFailed("The other site gave no usable answer.") from error
        return response.body

    async def _follow(self, url: str, accept: str, deadline: float) -> HTTPResponse:
        """Return the answer at the end of the redirects, each of which is checked like the first URL."""
        for _ in range(1 + self._reach.max_redirects):
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
        request = HTTPRequest(
            url,
            connect_timeout=left,
            request_timeout=left,
            follow_redirects=False,  # _follow does
            decompress_response=True,  # MAX_BODY_BYTES counts what comes out
            headers={"Accept": accept},
        )
        return await self._client.fetch(request, raise_error=False)


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
