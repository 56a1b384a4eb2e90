"""Prosa: options, routes and settings; serves the site or runs a command (commands.py)."""

from __future__ import annotations

import gc
import os
import signal

if __name__ == "__main__":  # the imports take a moment, and ^C shall show no traceback meanwhile
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    gc.disable()  # they leave no garbage, and looking for some takes a fifth of that moment

import asyncio
import io
import logging
import socket
import sys
from pathlib import Path
from typing import Any

import tornado.locale
import tornado.options
import tornado.web
from tornado.options import define, options

import commands
import configuration
import terminal
from controllers import accounts as account_pages
from controllers import (
    bots,
    emojis,
    feeds,
    handlers,
    hooks,
    members,
    messages,
    people,
    rooms,
    search,
    tasks,
    tokens,
    unread,
    vendor,
)
from controllers.api import routes as api
from controllers.chat import chat_router
from controllers.server import Server
from controllers.serving.compression import FileAndPageCompression, FileCompression
from controllers.serving.listening import listen, url_of
from controllers.site import Limits, Site
from controllers.sockjs.close_reasons import RESTARTING
from controllers.sockjs.framing import MAX_FRAME_BYTES, MAX_MESSAGE_CHARS
from controllers.sockjs.router import TRANSPORTS, Router
from controllers.statics import CountedIconHandler, StaticHandler
from controllers.web import logs
from controllers.web.cookies import cookie_mark, signing_keys
from controllers.web.rendering import MessageRenderer
from models import settings
from models.database import DATABASE_ERRORS, open_database, with_retries
from models.errors.base import Refusal
from models.errors.stores import CannotMove, CannotOpen, first_of
from models.moving.move import Place
from models.stores import Stores
from terminal import ExitError, Stopped, say

logger = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parent
TEMPLATES_FOLDER = ROOT / "views" / "templates"
STATICS_FOLDER = ROOT / "views" / "statics"
NODE_MODULES = ROOT / "node_modules"

SWITCH_INTERVAL_SECONDS = 0.0005  # for which a database thread may keep the loop from running
STOP_TIMEOUT_SECONDS = 4.0  # for requests under way, of the 10 until the process ends; a write may take 5 more
PING_INTERVAL_SECONDS = 25.0  # home routers forget silent connections after half a minute
PING_TIMEOUT_SECONDS = 20.0  # with the 5 s of a closing handshake, a silent peer is gone after 50

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
define("max_message", default=8000, help=f"characters of a message, at most {MAX_MESSAGE_CHARS}")
define("fetch_url", default="", help="what /async, /gen and /stuff/ fetch; this process's /healthz if not given")
define("debug", default=False, help="show tracebacks and read templates anew; on loopback only")
define("to_database", group="move", default="", help="where the command move copies everything, as in --database")
define("to_mongo", group="move", default="", help="where it copies the log, as in --mongo")
define("config", default="", help="file of options, in Python's syntax: port = 9000")


def routes() -> list[Any]:
    """Return all of the site's addresses but the chat's, and who answers there."""
    return [
        (r"/", handlers.MainHandler),
        (r"/login", handlers.LoginHandler),
        (r"/logout", handlers.LogoutHandler),
        (r"/rooms", rooms.RoomsHandler),
        (r"/direct", members.DirectHandler),
        (r"/new", unread.NewHandler),
        (r"/search", search.SearchHandler),
        (r"/read", unread.ReadAllHandler),
        (r"/rooms/([^/]+)", messages.RoomHandler),
        (r"/rooms/([^/]+)/settings", rooms.SettingsHandler),
        (r"/rooms/([^/]+)/join", rooms.JoinHandler),
        (r"/rooms/([^/]+)/leave", rooms.LeaveHandler),
        (r"/rooms/([^/]+)/archive", rooms.ArchiveHandler),
        (r"/rooms/([^/]+)/members", rooms.PeopleHandler),
        (r"/rooms/([^/]+)/members/([0-9]{1,9})/remove", rooms.PutOutHandler),
        (r"/rooms/([^/]+)/hooks", hooks.HooksHandler),
        (r"/rooms/([^/]+)/hooks/([0-9]{1,9})/end", hooks.EndHookHandler),
        (r"/rooms/([^/]+)/hooks/([0-9]{1,9})/on", hooks.SwitchHookHandler),
        (r"/rooms/([^/]+)/people", people.MembersOfRoomHandler),
        (r"/rooms/([^/]+)/read", unread.ReadHandler),
        (r"/rooms/([^/]+)/tasks", tasks.TasksHandler),
        (r"/rooms/([^/]+)/tasks/all", tasks.AllTasksHandler),
        (r"/rooms/([^/]+)/tasks/([0-9]{1,15})", tasks.TaskHandler),
        (r"/tasks", tasks.MyTasksHandler),
        (r"/rooms/([^/]+)/messages/([0-9]{1,15})", messages.MessageHandler),
        (r"/rooms/([^/]+)/messages/([0-9]{1,15})/edit", messages.EditHandler),
        (r"/rooms/([^/]+)/messages/([0-9]{1,15})/delete", messages.DeleteHandler),
        (r"/rooms/([^/]+)/messages/([0-9]{1,15})/react", messages.ReactHandler),
        (r"/rooms/([^/]+)/messages/([0-9]{1,15})/unread", unread.UnreadHandler),
        (r"/rooms/([^/]+)/messages/([0-9]{1,15})/history", messages.HistoryHandler),
        (r"/setup", account_pages.SetupHandler),
        (r"/join/([A-Za-z0-9_-]+)", account_pages.JoinHandler),
        (r"/hooks/([0-9]{1,9})/([A-Za-z0-9_-]{1,100})", hooks.IncomingHandler),
        (r"/emoji\.json", emojis.EmojisHandler),
        (r"/people", people.MembersOfSiteHandler),
        (r"/people/([^/]+)", people.PersonHandler),
        (r"/members", members.MembersHandler),
        (r"/members/([0-9]{1,9})/remove", members.RemoveMemberHandler),
        (r"/members/invitations", members.InvitationsHandler),
        (r"/members/invitations/([0-9]{1,9})/end", members.EndInvitationHandler),
        (r"/members/bots", bots.BotsHandler),
        (r"/members/bots/([0-9]{1,9})", bots.BotHandler),
        (r"/members/bots/([0-9]{1,9})/tokens", bots.BotTokensHandler),
        (r"/members/bots/([0-9]{1,9})/tokens/([0-9]{1,9})/end", bots.EndBotTokenHandler),
        (r"/account", account_pages.AccountHandler),
        (r"/account/devices/([0-9]{1,9})/end", account_pages.EndDeviceHandler),
        (r"/account/tokens", tokens.OwnTokensHandler),
        (r"/account/tokens/([0-9]{1,9})/end", tokens.EndOwnTokenHandler),
        (r"/account/feed", feeds.OwnFeedHandler),
        (r"/account/feed/end", feeds.EndOwnFeedHandler),
        (r"/feed/([A-Za-z0-9_-]{43})", feeds.FeedHandler),
        *api.routes(),
        (r"/async", handlers.AsyncHandler),
        (r"/gen", handlers.GenAsyncHandler),
        (r"/stuff/", handlers.FutureHandler),
        (r"/healthz", handlers.HealthHandler),
        (r"/favicon-([1-9]|many)\.svg", CountedIconHandler),
        *vendor.routes(NODE_MODULES),
        (r"/static/(.*)", StaticHandler, {"path": str(STATICS_FOLDER)}),
    ]


class App(tornado.web.Application):
    """The routes and the settings."""

    def __init__(self, site: Site, secret: str, mark: str, debug: bool = False, is_behind_proxy: bool = False) -> None:
        self.chat = chat_router(site, vendor.url(NODE_MODULES, vendor.SOCKJS))
        super().__init__(
            [*routes(), *self.chat.urls],
            transforms=[FileCompression if is_behind_proxy else FileAndPageCompression],
            site=site,
            debug=debug,
            autoreload=False,
            template_path=str(TEMPLATES_FOLDER),
            default_handler_class=handlers.NotFoundHandler,
            **signing_keys(secret),
            cookie_mark=mark,
            login_url="/login",
            log_function=logs.log_request,
            vendor=vendor.urls(NODE_MODULES),
            xsrf_cookies=True,
            xsrf_cookie_kwargs={"httponly": True, "samesite": "Lax"},
            cross_origin_protection=True,
            websocket_ping_interval=PING_INTERVAL_SECONDS,
            websocket_ping_timeout=PING_TIMEOUT_SECONDS,
            websocket_max_message_size=MAX_FRAME_BYTES,
        )
        # For static_url(). Given before, it would put its own route in front of /static/vendor/.
        self.settings.update(static_path=str(STATICS_FOLDER), static_handler_class=StaticHandler)


# --- options


def read_options(arguments: list[str]) -> list[str]:
    """Set the options and the logging; return the words that follow the options. Raise ExitError."""
    words, warned = configuration.read(options, arguments)
    configuration.check(options)
    configuration.start_logging(options)
    for handler in logging.getLogger().handlers:
        handler.addFilter(logs.shorten_record)
    for line in warned:
        logger.warning("%s", line)
    return words


# --- serving


def start() -> None:
    """Open the database and serve. Raise ExitError."""
    open_database(options.database)
    secret = options.cookie_secret or with_retries(settings.cookie_secret)
    mark = cookie_mark(with_retries(settings.site_id))
    token = with_retries(settings.setup_token)
    asyncio.run(serve(secret, mark, token))


async def serve(secret: str, mark: str, token: str | None) -> None:
    """Serve until a signal comes, then stop. Raise ExitError if the site ends by itself, OSError, CannotOpen."""
    asked_to_stop = asyncio.Event()
    for number in terminal.ending_signals():
        asyncio.get_running_loop().add_signal_handler(number, asked_to_stop.set)
    stores = Stores(options.mongo)
    await stores.open()
    sockets = listen(options.address, options.port)
    url = url_of(options.address, sockets)
    transports = tuple(name for name in TRANSPORTS if name in configuration.chosen_transports(options))
    limits = Limits(options.max_message, options.messages_per_second, options.connections_per_member, transports)
    renderer = MessageRenderer(str(TEMPLATES_FOLDER), reloads_templates=options.debug)
    site = Site(options.site_name, stores, options.fetch_url or f"{url}healthz", limits, renderer)
    application = App(site, secret, mark, options.debug, options.xheaders)
    server = Server(application, xheaders=options.xheaders)
    announce(url, token, sockets)
    server.add_sockets(sockets)
    site.start()
    stopping = [asyncio.create_task(asked_to_stop.wait()), asyncio.create_task(site.watch())]
    done, _ = await asyncio.wait(stopping, return_when=asyncio.FIRST_COMPLETED)
    await stop(server, application.chat, site)
    if stopping[0] not in done:
        raise ExitError("The site could not go on; the lines above say why.")
    for task in stopping:
        task.cancel()


def announce(url: str, token: str | None, sockets: list[socket.socket]) -> None:
    """Say where the site is; clients may connect already. If nothing can be written, raise ExitError."""
    try:
        if token:
            say(f"Set up: {url}setup?token={token}")
        say(f"{options.site_name} listens on {url}")
    except ExitError:
        for listener in sockets:
            listener.close()
        raise


async def stop(server: Server, chat: Router, site: Site) -> None:
    """Accept nothing more, close the chat's connections, wait for requests under way, and close everything."""
    server.stop()
    try:
        async with asyncio.timeout(STOP_TIMEOUT_SECONDS):
            await site.stop(*RESTARTING)
            await server.close_all_connections()
    except TimeoutError:
        logger.warning("some requests were not finished")
    chat.close()
    await site.close()


def main(arguments: list[str]) -> int:
    """Serve, or run a command; return the exit code."""
    gc.freeze()  # what is imported stays: it need not be looked through again and again
    gc.enable()
    terminal.prepare_streams()
    os.umask(0o077)  # new files, logs too, are for their owner only
    logging.raiseExceptions = False  # no traceback on the terminal when the log cannot be written
    try:
        terminal.raise_on_signals()
        run(arguments[1:])
    except Stopped as stopped:
        terminal.say_error("Stopped.")
        return stopped.code
    except ExitError as error:
        terminal.say_error(str(error))
        return error.code
    except (CannotMove, CannotOpen, Refusal, OSError) as error:
        terminal.say_error(str(error))
        return 2
    except DATABASE_ERRORS as error:
        terminal.say_error(str(first_of(error)))
        return 2
    finally:
        terminal.ignore_signals()
    return 0


def run(arguments: list[str]) -> None:
    """Do what the command line says. Raise ExitError."""
    if configuration.wants_help(arguments):
        say(help_text())
        return
    words = read_options(arguments)
    tornado.locale.load_translations(str(ROOT / "views" / "locale"))
    sys.setswitchinterval(SWITCH_INTERVAL_SECONDS)
    if words:
        commands.run(words, Place(options.database, options.mongo), Place(options.to_database, options.to_mongo))
    else:
        start()


def help_text() -> str:
    """Return the help on all options and commands."""
    text = io.StringIO()
    options.print_help(text)
    return text.getvalue() + commands.overview()


if __name__ == "__main__":
    sys.exit(main(sys.argv))
