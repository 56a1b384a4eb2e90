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
from terminal import Failure, Stopped, Unheard, say

ADDRESS = re.compile(r"://\S+")  # may have a password in it
HELP = {
    "adduser": "make an account",
    "passwd": "set a password and end the member's sessions",
    "migrate": "bring the database up to date",
    "move": "copy everything to another database",
    "demo": "fill an empty site with people and messages to look at",
    "console": "the models at a Python prompt",
}


def run(words: list[str], here: Place, there: Place) -> None:
    """Run the command that `words` begin with, on the site that is `here`. Raise Failure.

    A move leads `there` unless the words say otherwise: other users of the machine see them, and passwords among them.
    """
    if not all(map(terminal.is_text, words)):
        raise Failure("There is a sign in these words that cannot be shown, or bytes that are no UTF-8.")
    arguments = _parser(there).parse_args(words)
    open_database(here.database)
    arguments.run(arguments, here)


def overview() -> str:
    """Return a line for each command."""
    lines = [f"  {name:<10}{what}" for name, what in HELP.items()]
    return "\n".join(["Commands, after the options; COMMAND --help shows what each wants:\n", *lines, ""])


def _parser(there: Place) -> argparse.ArgumentParser:
    """Return the parser of the commands."""
    parser = Parser(prog="python app.py")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add = commands.add_parser("adduser", help=HELP["adduser"])
    add.add_argument("name", metavar="NAME")
    add.add_argument("email", metavar="EMAIL")
    add.add_argument("--admin", action="store_true", help="may invite others")
    add.set_defaults(run=add_user)
    change = commands.add_parser("passwd", help=HELP["passwd"])
    change.add_argument("name", metavar="NAME")
    change.set_defaults(run=change_password)
    commands.add_parser("migrate", help=HELP["migrate"]).set_defaults(run=migrate)
    moving = commands.add_parser("move", help=HELP["move"])
    moving.add_argument("--to_database", "--to-database", metavar="URL", default=there.database)
    moving.add_argument("--to_mongo", "--to-mongo", metavar="URL", default=there.mongo)
    moving.add_argument("--cancel", action="store_true", help="let the site be written to again after a killed move")
    moving.set_defaults(run=move_site)
    commands.add_parser("demo", help=HELP["demo"]).set_defaults(run=fill_demo)
    commands.add_parser("console", help=HELP["console"]).set_defaults(run=open_console)
    return parser


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong, and its help as everything else is said."""

    def error(self, message: str) -> NoReturn:
        raise Failure(f"{self.prog}: {ADDRESS.sub('://...', message)}")

    def print_help(self, file: object = None) -> None:
        say(self.format_help().rstrip())


def add_user(arguments: argparse.Namespace, here: Place) -> None:
    """adduser NAME EMAIL [--admin]"""
    email = accounts.clean_email(arguments.email)
    name = names.clean_username(arguments.name)
    password = read_password()
    do_and_say(
        lambda: accounts.add_member(name, password, email, arguments.admin),
        f"{name} can sign in now.",
    )


def change_password(arguments: argparse.Namespace, here: Place) -> None:
    """passwd NAME"""
    password = read_password()
    do_and_say(
        lambda: accounts.set_password(arguments.name, password),
        f"{arguments.name} has a new password and is signed out everywhere.",
    )


def read_password() -> passwords.PasswordHash:
    """Return the hash of a password that is typed or piped. Raise Failure, BadPassword."""
    password = terminal.read_password()
    passwords.check_password_length(password)
    return passwords.hash_password(password)


def do_and_say(deed: Callable[[], object], line: str) -> None:
    """Do something in the database and say so, or neither: where nobody can be told, it is taken back."""

    def both() -> None:
        with writing():
            deed()
            say(line)

    with_retries(both)


def migrate(arguments: argparse.Namespace, here: Place) -> None:
    """migrate"""
    say("The database is up to date.")


def move_site(arguments: argparse.Namespace, here: Place) -> None:
    """move --to_database=URL [--to_mongo=URL], each also as an option or in the environment; or move --cancel"""
    there = Place(arguments.to_database, arguments.to_mongo)
    if arguments.cancel:
        move.cancel(here)
        terminal.insist("The site can be written to again.")
        return
    if not there.database:
        raise Failure("move wants --to_database=URL, or --cancel")
    try:
        with contextlib.closing(move.move(here, there)) as steps:
            terminal.show(steps, say)
    except (Stopped, Unheard) as ending:
        state = "is still read-only; move --cancel ends that" if move.is_read_only(here) else "can be written to again"
        why = "" if isinstance(ending, Stopped) else f", since it {ending}"
        raise Failure(f"The move was stopped{why}. The site {state}.", ending.code) from None
    terminal.insist("All is there. The old site stays read-only; from now on start it with " + terminal.start_of(there))


def fill_demo(arguments: argparse.Namespace, here: Place) -> None:
    """demo"""
    messages, password = demo.read_conversation(), secrets.token_hex(5)
    try:
        names = demo.fill(here, messages, passwords.hash_password(password))
    except demo.Occupied:
        raise Failure(
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
