"""What SockJS serves besides its transports: the greeting, the info and the page for the iframe transports."""

from __future__ import annotations

import base64
import hashlib
import secrets

import tornado.escape

from controllers.sockjs.handler import SockJSHandler
from controllers.sockjs.interfaces import Router
from controllers.web import headers

# The protocol prescribes it to the letter. The iframe transports of sockjs-client live in it.
IFRAME_SCRIPT = """
    document.domain = document.domain;
    SockJS.bootstrap_iframe();
  """
IFRAME_PAGE = """\
<!DOCTYPE html>
<html>
<head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
  <script src="{url}"></script>
  <script>{script}</script>
</head>
<body>
  <h2>Don't panic!</h2>
  <p>This is a SockJS hidden iframe. It's used for cross domain magic.</p>
</body>
</html>
"""
IFRAME_SCRIPT_SHA256 = base64.b64encode(hashlib.sha256(IFRAME_SCRIPT.encode()).digest()).decode()


class Page(SockJSHandler):
    """An answer without a session, and without a class of the library beneath it."""

    def initialize(self, server: Router) -> None:
        self.server = server
        self.set_default_headers()


class Greeting(Page):
    """The base URL."""

    def get(self) -> None:
        self.enable_cache()
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.write("Welcome to SockJS!\n")


class Info(Page):
    """/info: what the server can do; sockjs-client asks for it before each session."""

    def get(self) -> None:
        self.disable_cache()
        self.set_header("Content-Type", "application/json; charset=UTF-8")
        self.write(
            {
                "websocket": self.server.websockets_enabled,
                "cookie_needed": self.server.cookie_needed,
                "origins": ["*:*"],
                "entropy": secrets.randbelow(2**32),
            }
        )


class Iframe(Page):
    """/iframe*.html, with a Content-Security-Policy of its own that has the script's hash."""

    def initialize(self, server: Router) -> None:
        super().initialize(server)
        if not server.is_public:
            sources = headers.script_sources(self.request, server.settings["sockjs_url"].partition("?")[0])
            self.content_policy = (
                f"default-src 'none'; script-src {sources} 'sha256-{IFRAME_SCRIPT_SHA256}'; connect-src 'self'; "
                "frame-src 'self'; frame-ancestors 'self'"
            )
            self.set_default_headers()

    def get(self) -> None:
        self.enable_cache()
        if not self.server.is_public:  # it names the version of sockjs-client, which must be the room page's
            self.set_header("Cache-Control", "no-cache")
        url = tornado.escape.xhtml_escape(self.server.settings["sockjs_url"])
        self.write(IFRAME_PAGE.format(url=url, script=IFRAME_SCRIPT))
