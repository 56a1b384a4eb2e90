"""Prosa: options, routes and settings; serves the site or runs a command (commands.py)."""

from __future__ import annotations

import os
import signal

if __name__ == "__main__":  # the imports take a moment, and whoever stops them with ^C wants no traceback either
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))

import asyncio
import io
import logging
import math
import socket
import sys
import warnings
from pathlib import Path
from typing import Any

import tornado.locale
import tornado.netutil
import tornado.options
import tornado.web
from tornado.options import define, options

import commands
import configuration
import terminal
from controllers import accounts as account_pages
from controllers import handlers, members
from controllers.chat import chat_router
from controllers.fetching.reach import is_web_url
from controllers.rooms import RoomHandler, RoomsHandler
from controllers.server import Server
from controllers.serving.compression import FileAndPageCompression, FileCompression
from controllers.site import Limits, Site
from controllers.sockjs.framing import LONGEST_BODY, MAX_MESSAGE
from controllers.sockjs.router import RESTARTING, TRANSPORTS, Router
from controllers.statics import StaticHandler
from controllers.web import logs
from controllers.web.cookies import are_good_secrets, cookie_mark, signing_keys
from controllers.web.rendering import MessageRenderer
from models import settings
from models.database import DATABASE_ERRORS, open_database, with_retries
from models.errors import CannotMove, CannotOpen, Refusal, first_of
from models.moving.move import Place
from models.stores import Stores
from models.visible import is_visible
from terminal import Failure, Stopped, say

log = logging.getLogger(__name__)

BASE = Path(__file__).resolve().parent
TEMPLATES = BASE / "views" / "templates"
STATICS = BASE / "views" / "statics"
SOCKJS_CLIENT = BASE / "node_modules" / "sockjs-client" / "dist"

MAX_SITE_NAME_CHARS = 100  # it stands in every page's title
BACKLOG = 1024  # connections that wait to be accepted: everybody comes back at once after a restart
SEND_BUFFER = 128 * 1024  # bytes, twice that in fact: Linux would keep 4 MB for each reader who does not read
SWITCH_INTERVAL = 0.0005  # seconds for which a database thread may keep the loop from running
STOP_TIMEOUT = 4.0  # seconds for what is under way, of the 10 within which the process ends; a write may take 5 more
PING_INTERVAL = 25.0  # seconds; home routers forget silent connections after half a minute
PING_TIMEOUT = 20.0  # seconds for the pong: with the 5 s that a closing handshake has, a silent peer is gone in 50

define("port", default=8888, help="port to listen on; 0 takes a free one", type=int)
define("address", default="127.0.0.1", help="address to listen on")
define("database", default="people.db", help="path of the SQLite database, or postgresql://user:password@host/name")
define("mongo", default="", help="where the log is kept, if not in the database: mongodb://user:password@host/name")
define(
    "cookie_secret",
    default="",
    help="signs the cookies; several, parted by commas: the first signs, all are good; "
    "made at first start and kept in the database if not given",
)
define("site_name", default="Prosa", help="what the site is called on its pages")
define("xheaders", default=False, help="trust X-Real-IP and X-Forwarded-Proto; set it behind a proxy only")
define("messages_per_second", default=5.0, help="messages that one member may send, in bursts of 20; 0: no limit")
define("connections_per_member", default=50, help="chat connections of one member at one process; 0: no limit")
define("transports", default="", help="transports of SockJS that are on, with commas between; all if not given")
define("max_message", default=8000, help=f"characters of a message, at most {LONGEST_BODY}")
define("fetch_url", default="", help="what /async, /gen and /stuff/ fetch; this process's /healthz if not given")
define("debug", default=False, help="show tracebacks and read templates anew; on loopback only")
define("to_database", group="move", default="", help="where the command move copies everything, as in --database")
define("to_mongo", group="move", default="", help="where it copies the log, as in --mongo")
define("config", default="", help="file of options, in Python's syntax: port = 9000")


class App(tornado.web.Application):
    """The routes and the settings."""

    def __init__(self, site: Site, secret: str, mark: str, debug: bool = False, is_behind_proxy: bool = False) -> None:
        sockjs = sockjs_url()
        self.chat = chat_router(site, sockjs)
        routes: list[Any] = [
            (r"/", handlers.MainHandler),
            (r"/login", handlers.LoginHandler),
            (r"/logout", handlers.LogoutHandler),
            (r"/rooms", RoomsHandler),
            (r"/rooms/([a-z0-9-]{1,64})", RoomHandler),
            (r"/setup", account_pages.SetupHandler),
            (r"/join/([A-Za-z0-9_-]+)", account_pages.JoinHandler),
            (r"/members", members.MembersHandler),
            (r"/members/([0-9]{1,9})/remove", members.RemoveMemberHandler),
            (r"/members/invitations", members.InvitationsHandler),
            (r"/members/invitations/([0-9]{1,9})/end", members.EndInvitationHandler),
            (r"/account", account_pages.AccountHandler),
            (r"/account/devices/([0-9]{1,9})/end", account_pages.EndDeviceHandler),
            (r"/async", handlers.AsyncHandler),
            (r"/gen", handlers.GenAsyncHandler),
            (r"/stuff/", handlers.FutureHandler),
            (r"/healthz", handlers.HealthHandler),
            (r"/static/vendor/(.*)", StaticHandler, {"path": str(SOCKJS_CLIENT)}),
            (r"/static/(.*)", StaticHandler, {"path": str(STATICS)}),
            *self.chat.urls,
        ]
        super().__init__(
            routes,
            transforms=[FileCompression if is_behind_proxy else FileAndPageCompression],
            site=site,
            debug=debug,
            autoreload=False,
            template_path=str(TEMPLATES),
            default_handler_class=handlers.NotFoundHandler,
            **signing_keys(secret),
            cookie_mark=mark,
            login_url="/login",
            log_function=logs.log_request,
            sockjs_url=sockjs if (SOCKJS_CLIENT / "sockjs.min.js").exists() else None,
            xsrf_cookies=True,
            xsrf_cookie_kwargs={"httponly": True, "samesite": "Lax"},
            cross_origin_protection=True,
            websocket_ping_interval=PING_INTERVAL,
            websocket_ping_timeout=PING_TIMEOUT,
            websocket_max_message_size=MAX_MESSAGE,
        )
        # For static_url(). Given before, it would put its own route in front of /static/vendor/.
        self.settings.update(static_path=str(STATICS), static_handler_class=StaticHandler)


def sockjs_url() -> str:
    """Return where pages find sockjs-client, with its version, once npm has brought it."""
    settings = {"static_path": str(SOCKJS_CLIENT), "static_url_prefix": "/static/vendor/"}
    return StaticHandler.make_static_url(settings, "sockjs.min.js")


# --- options


def read_options(arguments: list[str]) -> list[str]:
    """Read the options, wherever they are given; return the words that follow them. Raise Failure."""
    words, remarks = configuration.read(options, arguments)
    check_options()
    configuration.start_logging(options)
    for handler in logging.getLogger().handlers:
        handler.addFilter(logs.shorten_record)
    for remark in remarks:
        log.warning("%s", remark)
    return words


def check_options() -> None:
    """Refuse values that cannot be meant. Raise Failure."""
    for name, value in options.items():
        if isinstance(value, str) and not terminal.is_text(value):
            raise Failure(f"{name} has a control character in it, or bytes that are no UTF-8")
    if not 0 <= options.port < 65536:
        raise Failure("port is a number from 0 to 65535")
    if options.debug and options.address not in ("127.0.0.1", "::1", "localhost"):
        raise Failure("debug shows the program's inside: it runs on a loopback address only")
    if not options.address:
        raise Failure("address is what to listen on: 127.0.0.1 for this machine alone, 0.0.0.0 for every network")
    if len(options.site_name) > MAX_SITE_NAME_CHARS or not is_visible(options.site_name):
        raise Failure(f"site_name is 1 to {MAX_SITE_NAME_CHARS} characters, and some that can be seen")
    if not 0 <= options.messages_per_second < math.inf:
        raise Failure("messages_per_second is a number, 0 or more")
    if options.connections_per_member < 0:
        raise Failure("connections_per_member is a number, 0 or more")
    if not chosen_transports() <= {*TRANSPORTS}:
        raise Failure(f"transports are some of {','.join(TRANSPORTS)}, with commas between")
    if not 1 <= options.max_message <= LONGEST_BODY:
        raise Failure(f"max_message is a number of characters from 1 to {LONGEST_BODY}")
    if options.cookie_secret and not are_good_secrets(options.cookie_secret):
        raise Failure("cookie_secret needs 32 or more random characters, and none that the whole world has read")
    if options.fetch_url and not is_web_url(options.fetch_url):
        raise Failure("fetch_url begins with http:// or https://, names a host, and has no password in it")


def chosen_transports() -> set[str]:
    """Return the names in the option `transports`."""
    return set(options.transports.split(",")) if options.transports else {*TRANSPORTS}


# --- serving


def start() -> None:
    """Open the database and serve. Raise Failure."""
    open_database(options.database)
    secret = options.cookie_secret or with_retries(settings.cookie_secret)
    mark = cookie_mark(with_retries(settings.site_id))
    token = with_retries(settings.setup_token)
    asyncio.run(serve(secret, mark, token))


async def serve(secret: str, mark: str, token: str | None) -> None:
    """Serve until a signal ends it, then finish what is under way. Raise Failure."""
    asked_to_stop = asyncio.Event()
    for number in terminal.ending_signals():
        asyncio.get_running_loop().add_signal_handler(number, asked_to_stop.set)
    stores = Stores(options.mongo)
    await stores.open()
    sockets = bind()
    url = url_of(sockets)
    transports = tuple(name for name in TRANSPORTS if name in chosen_transports())
    limits = Limits(options.max_message, options.messages_per_second, options.connections_per_member, transports)
    site = Site(
        options.site_name, stores, options.fetch_url or f"{url}healthz", limits, MessageRenderer(str(TEMPLATES))
    )
    application = App(site, secret, mark, options.debug, options.xheaders)
    server = Server(application, xheaders=options.xheaders)
    announce(url, token, sockets)
    server.add_sockets(sockets)
    site.start()
    stopping = [asyncio.create_task(asked_to_stop.wait()), asyncio.create_task(site.watch())]
    done, _ = await asyncio.wait(stopping, return_when=asyncio.FIRST_COMPLETED)
    await stop(server, application.chat, site)
    if stopping[0] not in done:
        raise Failure("The site could not go on; the lines above say why.")
    for task in stopping:
        task.cancel()


def bind() -> list[Any]:
    """Return the listening sockets. Raise Failure."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # Tornado does not close the socket that cannot be bound
        try:
            sockets = tornado.netutil.bind_sockets(options.port, options.address, backlog=BACKLOG)
            for one in sockets:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)  # those that it accepts take it over
            return sockets
        except (OSError, OverflowError, UnicodeError) as error:
            why = str(error)
    raise Failure(f"cannot listen on {options.address}:{options.port}: {why}")


def url_of(sockets: list[Any]) -> str:
    """Return the address under which these sockets are reached."""
    host = f"[{options.address}]" if ":" in options.address else options.address
    return f"http://{host}:{sockets[0].getsockname()[1]}/"


def announce(url: str, token: str | None, sockets: list[Any]) -> None:
    """Say where the site is; who comes at once waits until it serves. Raise Failure, and listen no more."""
    try:
        if token:
            say(f"Set up: {url}setup?token={token}")
        say(f"{options.site_name} listens on {url}")
    except Failure:
        for one in sockets:
            one.close()
        raise


async def stop(server: Server, chat: Router, site: Site) -> None:
    """Accept nothing more, send the chat clients elsewhere, finish, let go."""
    server.stop()
    try:
        async with asyncio.timeout(STOP_TIMEOUT):
            await site.finish(*RESTARTING)
            await server.close_all_connections()
    except TimeoutError:
        log.warning("some requests were not finished")
    chat.stop()
    await site.close()


def main(arguments: list[str]) -> int:
    """Serve, or run a command; return the exit code."""
    terminal.prepare()
    os.umask(0o077)  # whatever is made here, logs too, is for its owner only
    logging.raiseExceptions = False  # a log that cannot be written is no reason for a traceback on the terminal
    try:
        terminal.be_stopped()
        run(arguments[1:])
    except Stopped as stopped:
        terminal.complain("Stopped.")
        return stopped.code
    except Failure as failure:
        terminal.complain(str(failure))
        return failure.code
    except (CannotMove, CannotOpen, Refusal, OSError) as error:
        terminal.complain(str(error))
        return 2
    except DATABASE_ERRORS as error:
        terminal.complain(str(first_of(error)))
        return 2
    finally:
        terminal.be_left_alone()
    return 0


def run(arguments: list[str]) -> None:
    """Do what the command line says. Raise Failure."""
    if configuration.wants_help(arguments):
        say(help_text())
        return
    words = read_options(arguments)
    tornado.locale.load_translations(str(BASE / "views" / "locale"))
    sys.setswitchinterval(SWITCH_INTERVAL)
    if words:
        commands.run(words, Place(options.database, options.mongo), Place(options.to_database, options.to_mongo))
    else:
        start()


def help_text() -> str:
    """Return which options and commands there are."""
    text = io.StringIO()
    options.print_help(text)
    return text.getvalue() + commands.overview()


if __name__ == "__main__":
    sys.exit(main(sys.argv))
