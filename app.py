"""Prosa: options, routes and settings; serves the site or runs a command."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import getpass
import io
import logging
import math
import os
import signal
import socket
import sys
import warnings
from itertools import takewhile
from pathlib import Path
from typing import Any, NoReturn

import tornado.locale
import tornado.netutil
import tornado.options
import tornado.web
from tornado.options import define, options

from controllers import accounts as account_pages
from controllers import handlers, logs, terminal
from controllers.chat import chat_router
from controllers.compression import Compression
from controllers.cookies import are_good_secrets, signing_keys
from controllers.framing import LONGEST_BODY, MAX_MESSAGE
from controllers.markup import Artist
from controllers.reach import is_web_url
from controllers.rooms import RoomHandler, RoomsHandler
from controllers.server import Server
from controllers.site import Limits, Site
from controllers.statics import StaticHandler
from controllers.transport import RESTARTING, TRANSPORTS, Router
from models import accounts, move, passwords
from models.database import DatabaseError, open_database, patiently
from models.errors import CannotMove, CannotOpen, Refusal
from models.stores import Stores

BASE = Path(__file__).resolve().parent
TEMPLATES = BASE / "views" / "templates"
STATICS = BASE / "views" / "statics"
SOCKJS_CLIENT = BASE / "node_modules" / "sockjs-client" / "dist"

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
define("config", default="", help="file of options, in Python's syntax: port = 9000")


class Failure(Exception):
    """Why the program ends at once, in one line."""


class App(tornado.web.Application):
    """The routes and the settings."""

    def __init__(self, site: Site, cookie_secret: str, debug: bool = False) -> None:
        self.chat = chat_router(site)
        routes: list[Any] = [
            (r"/", handlers.MainHandler),
            (r"/login", handlers.LoginHandler),
            (r"/logout", handlers.LogoutHandler),
            (r"/rooms", RoomsHandler),
            (r"/rooms/([a-z0-9-]{1,64})", RoomHandler),
            (r"/setup", account_pages.SetupHandler),
            (r"/join/([A-Za-z0-9_-]+)", account_pages.JoinHandler),
            (r"/members", account_pages.MembersHandler),
            (r"/members/([0-9]{1,9})/remove", account_pages.RemoveMemberHandler),
            (r"/members/invitations", account_pages.InvitationsHandler),
            (r"/members/invitations/([0-9]{1,9})/end", account_pages.EndInvitationHandler),
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
            transforms=[Compression],
            site=site,
            debug=debug,
            autoreload=False,
            template_path=str(TEMPLATES),
            default_handler_class=handlers.NotFoundHandler,
            **signing_keys(cookie_secret),
            login_url="/login",
            log_function=logs.log_request,
            sockjs_url=sockjs_url(),
            xsrf_cookies=True,
            xsrf_cookie_kwargs={"httponly": True, "samesite": "Lax"},
            cross_origin_protection=True,
            websocket_ping_interval=PING_INTERVAL,
            websocket_ping_timeout=PING_TIMEOUT,
            websocket_max_message_size=MAX_MESSAGE,
        )
        # For static_url(). Given before, it would put its own route in front of /static/vendor/.
        self.settings.update(static_path=str(STATICS), static_handler_class=StaticHandler)


def sockjs_url() -> str | None:
    """Return where the page finds sockjs-client, with its version; None if npm has not brought it."""
    if not (SOCKJS_CLIENT / "sockjs.min.js").exists():
        return None
    settings = {"static_path": str(SOCKJS_CLIENT), "static_url_prefix": "/static/vendor/"}
    return StaticHandler.make_static_url(settings, "sockjs.min.js")


# --- options


def read_options(arguments: list[str]) -> list[str]:
    """Read the options of the command line, over those of the environment, over those of the config file.

    Return the words that follow them. Raise Failure.
    """
    if "--help" in arguments:
        options.print_help(sys.stdout)
        sys.exit(0)
    for argument in takewhile(lambda word: word.startswith("-"), arguments[1:]):
        read_option(argument)
    read_config()
    for name in options.as_dict():
        value = os.environ.get(f"PROSA_{name.upper()}")
        if value is not None:
            read_option(f"--{name}={value}")
    rest = options.parse_command_line(arguments)
    check_options()
    return rest


def check_options() -> None:
    """Refuse values that cannot be meant; a config file may set anything. Raise Failure."""
    if options.port is None or not 0 <= options.port < 65536:
        raise Failure("port is a number from 0 to 65535")
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
    if options.debug and options.address not in ("127.0.0.1", "::1", "localhost"):
        raise Failure("debug shows the program's inside: it runs on a loopback address only")


def chosen_transports() -> set[str]:
    """Return the names in the option `transports`."""
    return set(options.transports.split(",")) if options.transports else {*TRANSPORTS}


def read_option(argument: str) -> None:
    """Read one option, in the form of the command line. Raise Failure."""
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # an unknown option would be answered by pages of help
            options.parse_command_line(["", argument], final=False)
    except tornado.options.Error as error:
        raise Failure(str(error)) from error
    except ValueError as error:
        raise Failure(f"{argument}: this option cannot have this value") from error


def read_config() -> None:
    """Read the file that --config or PROSA_CONFIG names. Raise Failure."""
    path = options.config or os.environ.get("PROSA_CONFIG", "")
    if not path:
        return
    try:
        options.parse_config_file(path, final=False)
        check_options()
    except Exception as error:  # the file is a program, and may fail in every way
        raise Failure(f"cannot read the options in {path}: {error}") from error


# --- commands


def add_user(arguments: argparse.Namespace) -> None:
    """adduser NAME EMAIL [--admin]"""
    email = accounts.clean_email(arguments.email)
    name = accounts.clean_username(arguments.name)
    patiently(accounts.add_member, name, read_password(), email, arguments.admin)
    say(f"{name} can sign in now.")


def change_password(arguments: argparse.Namespace) -> None:
    """passwd NAME"""
    patiently(accounts.set_password, arguments.name, read_password())
    say(f"{arguments.name} has a new password and is signed out everywhere.")


def migrate(arguments: argparse.Namespace) -> None:
    """migrate"""
    say("The database is up to date.")


def move_site(arguments: argparse.Namespace) -> None:
    """move --to_database=URL [--to_mongo=URL], or move --cancel"""
    here, there = move.Place(options.database, options.mongo), move.Place(arguments.to_database, arguments.to_mongo)
    if arguments.cancel:
        move.cancel(here)
        say("The site can be written to again.")
        return
    if not there.database:
        raise Failure("move wants --to_database=URL, or --cancel")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    try:
        with contextlib.closing(move.move(here, there)) as steps:
            terminal.show(steps, say)
    except KeyboardInterrupt:
        state = "is still read-only; move --cancel ends that" if move.is_read_only(here) else "can be written to again"
        raise Failure(f"The move was stopped. The site {state}.") from None
    say("All is there. The old site stays read-only; from now on start it with " + terminal.start_of(there))


def read_password() -> passwords.PasswordHash:
    """Return the hash of a password from the prompt, or from standard input if that is no terminal."""
    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if getpass.getpass("Once more: ") != password:
            raise Failure("The two passwords are not the same.")
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    passwords.check_password_length(password)
    return passwords.hash_password(password)


class CommandParser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        raise Failure(f"{self.prog}: {message}")


def command_parser() -> CommandParser:
    """Return the parser of the commands."""
    parser = CommandParser(prog="app.py")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add = commands.add_parser("adduser", help="make an account")
    add.add_argument("name", metavar="NAME")
    add.add_argument("email", metavar="EMAIL")
    add.add_argument("--admin", action="store_true", help="may invite others")
    add.set_defaults(run=add_user)
    change = commands.add_parser("passwd", help="set a password and end the member's sessions")
    change.add_argument("name", metavar="NAME")
    change.set_defaults(run=change_password)
    commands.add_parser("migrate", help="bring the database up to date").set_defaults(run=migrate)
    moving = commands.add_parser("move", help="copy everything to another database")
    moving.add_argument("--to_database", "--to-database", metavar="URL", default="")
    moving.add_argument("--to_mongo", "--to-mongo", metavar="URL", default="")
    moving.add_argument("--cancel", action="store_true", help="let the site be written to again after a killed move")
    moving.set_defaults(run=move_site)
    return parser


def run_command(words: list[str]) -> None:
    """Run the command that `words` begin with."""
    arguments = command_parser().parse_args(words)
    open_database(options.database)
    arguments.run(arguments)


# --- serving


def say(line: str) -> None:
    """Tell the person at the terminal."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def serve() -> None:
    """Serve until SIGTERM or SIGINT, then finish what is under way."""
    asked_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked_to_stop.set)
    open_database(options.database)
    secret = options.cookie_secret or patiently(accounts.cookie_secret)
    token = patiently(accounts.setup_token)
    stores = Stores(options.mongo)
    await stores.open()
    sockets = bind()
    host = f"[{options.address}]" if ":" in options.address else options.address
    url = f"http://{host}:{sockets[0].getsockname()[1]}/"
    transports = tuple(name for name in TRANSPORTS if name in chosen_transports())
    limits = Limits(options.max_message, options.messages_per_second, options.connections_per_member, transports)
    site = Site(options.site_name, stores, options.fetch_url or f"{url}healthz", limits, Artist(str(TEMPLATES)))
    application = App(site, secret, options.debug)
    server = Server(application, xheaders=options.xheaders)
    server.add_sockets(sockets)
    site.start()
    if token:
        say(f"Set up: {url}setup?token={token}")
    say(f"{options.site_name} listens on {url}")
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
        except (OSError, OverflowError) as error:
            why = str(error)
    raise Failure(f"cannot listen on {options.address}:{options.port}: {why}")


async def stop(server: Server, chat: Router, site: Site) -> None:
    """Accept nothing more, send the chat clients elsewhere, finish, let go."""
    server.stop()
    try:
        async with asyncio.timeout(STOP_TIMEOUT):
            await site.finish(*RESTARTING)
            await server.close_all_connections()
    except TimeoutError:
        say("Some requests were not finished.")
    chat.stop()
    await site.close()


def main(arguments: list[str]) -> int:
    """Serve, or run a command; return the exit code."""
    try:
        words = read_options(arguments)
        for handler in logging.getLogger().handlers:  # those that Tornado's options have made
            handler.addFilter(logs.shorten)
        tornado.locale.load_translations(str(BASE / "views" / "locale"))
        sys.setswitchinterval(SWITCH_INTERVAL)
        if words:
            run_command(words)
        else:
            asyncio.run(serve())
    except (Failure, CannotMove, CannotOpen, Refusal, DatabaseError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
