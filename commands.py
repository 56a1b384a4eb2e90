"""The commands: what `python app.py WORD` runs."""

from __future__ import annotations

import argparse
import code
import contextlib
import re
import secrets
import signal
from collections.abc import Callable
from typing import NoReturn

import demo
import models.models
import terminal
from models import accounts, names, passwords
from models.database import open_database, with_retries, writing
from models.moving import move
from models.moving.move import Place
from terminal import ExitError, OutputFailed, Stopped, say

URL_REST = re.compile(r"://\S+")  # may have a password in it
COMMAND_HELP = {
    "adduser": "make an account",
    "passwd": "set a password and end the member's sessions",
    "migrate": "bring the database up to date",
    "move": "copy everything to another database",
    "demo": "fill an empty site with people and messages to look at",
    "console": "the models at a Python prompt",
}


def run(words: list[str], here: Place, there: Place) -> None:
    """Run the command that `words` begin with, on the site at `here`. Raise ExitError.

    `there` is the target of a move unless the words name one, which other users of the machine can see.
    """
    if not all(map(terminal.is_single_line, words)):
        raise ExitError("There is a sign in these words that cannot be shown, or bytes that are no UTF-8.")
    arguments = _parser(there).parse_args(words)
    open_database(here.database)
    arguments.run(arguments, here)


def overview() -> str:
    """Return a line for each command."""
    lines = [f"  {name:<10}{what}" for name, what in COMMAND_HELP.items()]
    return "\n".join(["Commands, after the options; COMMAND --help shows what each wants:\n", *lines, ""])


def _parser(there: Place) -> argparse.ArgumentParser:
    """Return the parser of the commands."""
    parser = Parser(prog="python app.py")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add = commands.add_parser("adduser", help=COMMAND_HELP["adduser"])
    add.add_argument("name", metavar="NAME")
    add.add_argument("email", metavar="EMAIL")
    add.add_argument("--admin", action="store_true", help="may invite others")
    add.set_defaults(run=add_user)
    passwd = commands.add_parser("passwd", help=COMMAND_HELP["passwd"])
    passwd.add_argument("name", metavar="NAME")
    passwd.set_defaults(run=change_password)
    commands.add_parser("migrate", help=COMMAND_HELP["migrate"]).set_defaults(run=migrate)
    moving = commands.add_parser("move", help=COMMAND_HELP["move"])
    moving.add_argument("--to_database", "--to-database", metavar="URL", default=there.database)
    moving.add_argument("--to_mongo", "--to-mongo", metavar="URL", default=there.mongo)
    moving.add_argument("--cancel", action="store_true", help="let the site be written to again after a killed move")
    moving.set_defaults(run=move_site)
    commands.add_parser("demo", help=COMMAND_HELP["demo"]).set_defaults(run=fill_demo)
    commands.add_parser("console", help=COMMAND_HELP["console"]).set_defaults(run=open_console)
    return parser


class Parser(argparse.ArgumentParser):
    """Raises ExitError for wrong words, and writes its help by `say`."""

    def error(self, message: str) -> NoReturn:
        raise ExitError(f"{self.prog}: {URL_REST.sub('://...', message)}")

    def print_help(self, file: object = None) -> None:
        say(self.format_help().rstrip())


def add_user(arguments: argparse.Namespace, here: Place) -> None:
    """adduser NAME EMAIL [--admin]"""
    email = accounts.clean_email(arguments.email)
    name = names.clean_username(arguments.name)
    password = read_password()
    change_and_say(
        lambda: accounts.add_member(name, password, email, arguments.admin),
        f"{name} can sign in now.",
    )


def change_password(arguments: argparse.Namespace, here: Place) -> None:
    """passwd NAME"""
    password = read_password()
    change_and_say(
        lambda: accounts.set_password(arguments.name, password),
        f"{arguments.name} has a new password and is signed out everywhere.",
    )


def read_password() -> passwords.PasswordHash:
    """Return the hash of a password from the terminal or standard input. Raise ExitError, BadPassword."""
    password = terminal.read_password()
    passwords.check_password_length(password)
    return passwords.hash_password(password)


def change_and_say(change: Callable[[], object], line: str) -> None:
    """Change the database and say so, in one transaction: if the line cannot be written, nothing is changed."""

    def change_then_say() -> None:
        with writing():
            change()
            say(line)

    with_retries(change_then_say)


def migrate(arguments: argparse.Namespace, here: Place) -> None:
    """migrate"""
    say("The database is up to date.")


def move_site(arguments: argparse.Namespace, here: Place) -> None:
    """move --to_database=URL [--to_mongo=URL], each also as an option or in the environment; or move --cancel"""
    there = Place(arguments.to_database, arguments.to_mongo)
    if arguments.cancel:
        move.cancel(here)
        terminal.say_anyhow("The site can be written to again.")
        return
    if not there.database:
        raise ExitError("move wants --to_database=URL, or --cancel")
    try:
        with contextlib.closing(move.move(here, there)) as steps:
            terminal.show_move(steps, say)
    except (Stopped, OutputFailed) as ending:
        state = "is still read-only; move --cancel ends that" if move.is_read_only(here) else "can be written to again"
        why = "" if isinstance(ending, Stopped) else f", since it {ending}"
        raise ExitError(f"The move was stopped{why}. The site {state}.", ending.code) from None
    start = terminal.start_command(there)
    terminal.say_anyhow(f"All is there. The old site stays read-only; from now on start it with {start}")


def fill_demo(arguments: argparse.Namespace, here: Place) -> None:
    """demo"""
    messages, password = demo.read_conversation(), secrets.token_hex(5)
    try:
        names = demo.fill(here, messages, passwords.hash_password(password))
    except demo.Occupied:
        raise ExitError(
            "demo fills an empty site, and there are people or messages in this one: serve it as it is, or name another"
        ) from None
    admin, *others = names
    say(f"{len(names)} people have written {len(messages)} messages here.")
    say(f"Sign in as {admin} (administrator), {', '.join(others)}; the password of each is {password}")


def open_console(arguments: argparse.Namespace, here: Place) -> None:
    """console"""
    with contextlib.suppress(ImportError):  # some builds of Python have none
        import readline  # noqa: F401, PLC0415 - lets one change a line, and go back to earlier ones
    for number in (signal.SIGTERM, signal.SIGHUP):  # the prompt goes on after what it takes for ^C
        signal.signal(number, signal.SIG_DFL)
    names = {name: value for name, value in vars(models.models).items() if not name.startswith("_")}
    code.interact(
        "The names of models/models.py are here, as User.select().count(); ^D leaves.", local=names, exitmsg=""
    )
