"""HTTPS: the real Nginx with its lines for TLS before a process, as docs/deploy.rst says."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import socket
import ssl
import subprocess
import warnings
from typing import Any
from urllib.parse import urlencode

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from testsuite.cases import SiteTest
from testsuite.clients import PASSWORD
from testsuite.nginx import Nginx
from testsuite.waiting import TIMEOUT_SECONDS

CERTIFICATE = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=prosa "
    "-addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem"
)


class Tls(SiteTest):
    """docs/security.rst 3 and 13, with real TLS: cookies that never leave it, and HSTS."""

    needs = ("nginx", "openssl")
    options = ("--xheaders",)
    nginx: Nginx
    trusting: ssl.SSLContext
    page: str  # the last answer's body

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        subprocess.run(CERTIFICATE.split(), cwd=cls.folder, check=True, capture_output=True, timeout=TIMEOUT_SECONDS)
        cls.trusting = ssl.create_default_context(cafile=f"{cls.folder}/cert.pem")
        cls.nginx = Nginx(cls.folder, [cls.servers[0].port], tls=True)
        cls.addClassCleanup(cls.nginx.stop)

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> http.client.HTTPResponse:
        """Return the answer to one request over TLS, read to its end."""
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.nginx.port, timeout=TIMEOUT_SECONDS, context=self.trusting
        )
        self.addCleanup(connection.close)
        form = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        connection.request(method, path, body, {**form, **headers})
        answer = connection.getresponse()
        self.page = answer.read().decode()
        return answer

    def sign_in(self) -> str:
        """Sign ana in by the form; return her cookies."""
        xsrf = self.ask("GET", "/login").headers["Set-Cookie"].split(";")[0]
        token = re.findall(r'name="_xsrf" value="([^"]+)"', self.page)[0]
        form = urlencode({"username": "ana", "password": PASSWORD, "_xsrf": token})
        answer = self.ask("POST", "/login", form, Cookie=xsrf, Origin=self.nginx.url)
        self.assertEqual(answer.status, 302)
        kept = answer.headers.get_all("Set-Cookie") or []
        for line in kept:
            self.assertTrue(line.startswith("__Host-"), line)
            self.assertIn("; Secure", line)
        return "; ".join([xsrf, *(line.split(";")[0] for line in kept)])

    def test_cookies_are_bound_to_https_and_browsers_are_told_to_stay(self) -> None:
        cookies = self.sign_in()
        answer = self.ask("GET", "/rooms/lobby", Cookie=cookies)
        self.assertEqual(answer.status, 200)
        self.assertIn("max-age=31536000", answer.headers["Strict-Transport-Security"])
        self.assertIn("max-age=31536000", self.ask("GET", "/static/site.css").headers["Strict-Transport-Security"])
        self.assertEqual(self.client("ana").get("/rooms/lobby").headers["Strict-Transport-Security"], None)

    def cipher(self, version: ssl.TLSVersion, ciphers: str) -> str:
        """Return the cipher that Nginx takes of these."""
        client = ssl.create_default_context(cafile=f"{self.folder}/cert.pem")
        client.set_ciphers(f"{ciphers}:@SECLEVEL=0")
        client.minimum_version = client.maximum_version = version
        raw = socket.create_connection(("127.0.0.1", self.nginx.port), TIMEOUT_SECONDS)
        with raw, client.wrap_socket(raw, server_hostname="127.0.0.1") as connected:
            return (connected.cipher() or ("",))[0]

    def test_only_ciphers_and_protocols_of_mozillas_intermediate_list_are_taken(self) -> None:
        for good in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"):
            name = f"ECDHE-ECDSA-{good}"
            self.assertEqual(self.cipher(ssl.TLSVersion.TLSv1_2, name), name)
        for weak in ("ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384", "ECDHE-ECDSA-CAMELLIA128-SHA256"):
            with self.subTest(weak), self.assertRaisesRegex(ssl.SSLError, "handshake failure"):
                self.cipher(ssl.TLSVersion.TLSv1_2, weak)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of the old version's name
            with self.assertRaisesRegex(ssl.SSLError, "protocol version"):
                self.cipher(ssl.TLSVersion.TLSv1_1, "ALL")
        self.assertRegex(self.cipher(ssl.TLSVersion.TLSv1_3, "ALL"), "^TLS_")

    def test_the_chat_goes_through_tls_and_only_for_our_own_pages(self) -> None:
        given = {"Cookie": self.sign_in()}
        self.assertEqual(asyncio.run(self.knock(given, self.nginx.url))["you"]["username"], "ana")
        with self.assertRaisesRegex(InvalidStatus, "403"):
            asyncio.run(self.knock(given, self.nginx.url.replace("https", "http")))

    async def knock(self, headers: dict[str, str], origin: str) -> dict[str, Any]:
        """Return the chat's first message to a page of `origin`.

        In one thread: the client with threads reads while it writes, and OpenSSL then forgot answers on a busy machine.
        """
        address = f"wss://127.0.0.1:{self.nginx.port}/chat/websocket"
        opening = connect(address, ssl=self.trusting, origin=Origin(origin), additional_headers=headers, proxy=None)
        async with opening as chat, asyncio.timeout(TIMEOUT_SECONDS):
            first: dict[str, Any] = json.loads(await chat.recv())
            return first
