"""The site's forms, as a browser without a script sends them."""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode

from faults.links import RETRY_STATUS, Client
from faults.web import Answer, Lost, request

ANSWER_TIMEOUT_SECONDS = 3.0
FORM_CONTENT_TYPE = "application/x-www-form-urlencoded"
CODES_BY_STATUS = {403: "not_yours", 404: "unknown_target"}  # of a form that changes a message


class Unwanted(Exception):
    """The site refused a form, for good."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Form:
    """The forms of one member."""

    def __init__(self, client: Client, room: str) -> None:
        self.client = client
        self.place = client.place
        self.cookie = client.cookie
        self.room = room
        self._name = self._token = ""  # of the cookie against forgery

    async def send(self, path: str, fields: dict[str, str], refusals: dict[int, str] | None = None) -> str:
        """Send a form below the site's root; return where it leads when the site said that it is done.

        Raise Lost; Unwanted if the status is one of `refusals`, with its code.
        """
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_SECONDS):
                return await self._send(path, fields, refusals or {})
        except TimeoutError:
            raise Lost("the form was not answered") from None

    async def _send(self, path: str, fields: dict[str, str], refusals: dict[int, str]) -> str:
        if not self._token:
            await self._open_page()
        body = urlencode({"_xsrf": self._token, **fields})
        headers = {"Cookie": f"{self.cookie}; {self._name}={self._token}", "Content-Type": FORM_CONTENT_TYPE}
        async with request(self.client.somewhere(), "POST", path, headers, body.encode()) as answer:
            if answer.status in refusals:
                raise Unwanted(refusals[answer.status])
            if answer.status != 302:  # who posts too often is told when to try again, as by the chat
                is_to_wait = answer.status == 429 and answer.header("Retry-After")
                raise self.place.refused("form", RETRY_STATUS if is_to_wait else answer.status)
            return answer.header("Location")

    async def _open_page(self) -> None:
        async with request(self.client.somewhere(), "GET", f"/rooms/{self.room}", {"Cookie": self.cookie}) as answer:
            if answer.status != 200:
                raise self.place.refused("page", answer.status)
            await answer.read()
            self._name, self._token = _cookie(answer, "_xsrf")


def _cookie(answer: Answer, name: str) -> tuple[str, str]:
    """Return what the site calls this cookie, and its value."""
    given = [value for header, value in answer.headers if header == "set-cookie"]
    found = next((line for line in given if line.startswith(f"{name}_")), "")
    called, _, value = found.partition(";")[0].partition("=")
    return called, value
