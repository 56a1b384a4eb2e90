"""The values of the options: from the command line, the environment, or a file in Python's syntax; and their checks."""

from __future__ import annotations

import ast
import logging
import math
import os
import re
import types
import warnings
from itertools import takewhile
from pathlib import Path
from typing import Any

import tornado.options
from tornado.options import OptionParser

from controllers.fetching.reach import is_web_url
from controllers.sockjs.framing import MAX_MESSAGE_CHARS
from controllers.sockjs.router import TRANSPORTS
from controllers.web.cookies import are_good_secrets
from models.visible import is_visible
from terminal import ExitError, is_single_line

ENVIRONMENT_PREFIX = "PROSA_"
MAX_SITE_NAME_CHARS = 100  # the name is in every page's title
COMMAND_LINE_ONLY = ("help", "config")  # not in a file; and help not in the environment

# Variables in which Kubernetes and Docker give the addresses of services whose names begin with prosa.
SERVICE_VARIABLE = re.compile(
    r"(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?)", re.ASCII
)
SERVICE_URL = re.compile(r"(?:tcp|udp|sctp)://", re.IGNORECASE)

BOOLEANS = {"true": "true", "t": "true", "1": "true", "yes": "true", "on": "true"} | {
    "false": "false", "f": "false", "0": "false", "no": "false", "off": "false"
}  # fmt: skip
LOG_LEVELS = ("debug", "info", "warning", "error", "critical", "none")


def read(options: OptionParser, arguments: list[str]) -> tuple[list[str], list[str]]:
    """Set `options`; return the words that follow them and warnings to log. Raise ExitError.

    An option on the command line is not read from elsewhere.
    """
    given, words = _split(arguments)
    path = given.get("config") or os.environ.get(f"{ENVIRONMENT_PREFIX}CONFIG", "")
    if path:
        _read_file(options, path)
    warned = _read_environment(options, given)
    for name, value in given.items():
        if name not in options:
            raise ExitError(f"--{name} is no option; python app.py --help shows which there are")
        _parse(options, name, value, f"--{name}" if value is None else f"--{name}={value}")
    return words, warned


def wants_help(arguments: list[str]) -> bool:
    """Return whether --help is among the options, before the command."""
    return not {"help", "h"}.isdisjoint(_split(arguments)[0])


def check(options: OptionParser) -> None:
    """Raise ExitError if an option has a value that it cannot have."""
    for name, value in options.items():
        if isinstance(value, str) and not is_single_line(value):
            raise ExitError(f"{name} has a control character in it, or bytes that are no UTF-8")
    if not 0 <= options.port < 65536:
        raise ExitError("port is a number from 0 to 65535")
    if options.debug and options.address not in ("127.0.0.1", "::1", "localhost"):
        raise ExitError("debug shows the program's inside: it runs on a loopback address only")
    if not options.address:
        raise ExitError("address is what to listen on: 127.0.0.1 for this machine alone, 0.0.0.0 for every network")
    if len(options.site_name) > MAX_SITE_NAME_CHARS or not is_visible(options.site_name):
        raise ExitError(f"site_name is 1 to {MAX_SITE_NAME_CHARS} characters, and some that can be seen")
    if not 0 <= options.messages_per_second < math.inf:
        raise ExitError("messages_per_second is a number, 0 or more")
    if options.connections_per_member < 0:
        raise ExitError("connections_per_member is a number, 0 or more")
    if not chosen_transports(options) <= {*TRANSPORTS}:
        raise ExitError(f"transports are some of {','.join(TRANSPORTS)}, with commas between")
    if not 1 <= options.max_message <= MAX_MESSAGE_CHARS:
        raise ExitError(f"max_message is a number of characters from 1 to {MAX_MESSAGE_CHARS}")
    if options.cookie_secret and not are_good_secrets(options.cookie_secret):
        raise ExitError("cookie_secret needs 32 or more random characters, and none that the whole world has read")
    if options.fetch_url and not is_web_url(options.fetch_url):
        raise ExitError("fetch_url begins with http:// or https://, names a host, and has no password in it")


def chosen_transports(options: OptionParser) -> set[str]:
    """Return the names in the option `transports`; all if it is empty."""
    return set(options.transports.split(",")) if options.transports else {*TRANSPORTS}


def start_logging(options: OptionParser) -> None:
    """Set up logging as the options say. Raise ExitError."""
    if options.logging is None or options.logging.lower() not in LOG_LEVELS:
        raise ExitError(f"logging is one of {', '.join(LOG_LEVELS)}")
    if options.log_rotate_interval < 1:
        raise ExitError("log_rotate_interval is a number, 1 or more")
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False  # which no log line has
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # logging does not close a file that it cannot rotate
        try:
            options.run_parse_callbacks()
            return
        except (OSError, ValueError) as error:
            why = str(error)
    raise ExitError(f"cannot log as the options say: {why}")


def _split(arguments: list[str]) -> tuple[dict[str, str | None], list[str]]:
    """Return the leading options by name, each with its text or None, and the words that follow."""
    leading = list(takewhile(lambda word: word.startswith("-") and word != "--", arguments))
    rest = arguments[len(leading) :]
    given: dict[str, str | None] = {}
    for word in leading:
        name, equals, value = word.lstrip("-").partition("=")
        given[name.replace("-", "_")] = value if equals else None
    return given, rest[1:] if rest[:1] == ["--"] else rest


def _read_environment(options: OptionParser, given: dict[str, str | None]) -> list[str]:
    """Set options from PROSA_ variables unless they are in `given`; return warnings. Raise ExitError.

    Empty variables are ignored. One that names no option may be a typing error, and is warned of.
    """
    warned = []
    for variable, value in sorted(os.environ.items()):
        name = variable.removeprefix(ENVIRONMENT_PREFIX)
        option = name.lower()
        if name == variable or not value or option in given or is_service_variable(name, value):
            continue
        if name != name.upper() or option not in options or option == "help":
            warned.append(f"{variable} in the environment is no option, and is not used")
        elif option == "port" and SERVICE_URL.match(value):
            warned.append(f"{variable}={value} is Kubernetes' word for a service called prosa, and is not used")
        else:
            _parse(options, option, value, f"{variable}={value}")
    return warned


def is_service_variable(name: str, value: str) -> bool:
    """Return whether a variable, named without PROSA_, is one that Kubernetes sets for a service."""
    return bool(SERVICE_VARIABLE.fullmatch(name) or (name.endswith("_PORT") and SERVICE_URL.match(value)))


def _parse(options: OptionParser, name: str, value: str | None, source: str) -> None:
    """Set an option from text; `source` is how it was given, for errors. Raise ExitError."""
    if value is not None and is_boolean(options, name):
        value = BOOLEANS.get(value.lower())
        if value is None:
            raise ExitError(f"{source}: {name} is true or false")
    try:
        options.parse_command_line(["", f"--{name}" if value is None else f"--{name}={value}"], final=False)
    except (tornado.options.Error, ValueError) as error:
        why = "needs a value" if value is None else "cannot have this value"
        raise ExitError(f"{source}: {name} {why}") from error


def is_boolean(options: OptionParser, name: str) -> bool:
    """Return whether an option is a boolean."""
    return isinstance(options[name], bool) or name == "log_to_stderr"


# --- the file


def _read_file(options: OptionParser, path: str) -> None:
    """Set options from a file, which is a program and may raise anything. Raise ExitError."""
    try:
        for name, value in _run(Path(path)).items():
            _set(options, name, value)
    except (Exception, SystemExit) as error:
        hint = " (write it as Python does: port = 9000)" if isinstance(error, SyntaxError) else ""
        raise ExitError(f"cannot read the options in {path}: {str(error) or type(error).__name__}{hint}") from error


def _run(path: Path) -> dict[str, Any]:
    """Run a file; return the values of its names, except imports, functions and _names."""
    tree = ast.parse(path.read_bytes(), str(path))
    for statement in tree.body:
        if _does_nothing(statement):
            raise SyntaxError(f"line {statement.lineno} sets nothing")
    names: dict[str, Any] = {"__file__": str(path.absolute())}
    exec(compile(tree, str(path), "exec"), names)  # noqa: S102 - it belongs to the site's operator
    imported = {
        (alias.asname or alias.name).partition(".")[0]
        for statement in ast.walk(tree)
        if isinstance(statement, ast.Import | ast.ImportFrom)
        for alias in statement.names
    }
    return {
        name: value
        for name, value in names.items()
        if not (name.startswith("_") or name in imported or isinstance(value, types.ModuleType) or callable(value))
    }


def _does_nothing(statement: ast.stmt) -> bool:
    """Return whether a statement only looks like an assignment, as `port: 9000` does."""
    if isinstance(statement, ast.AnnAssign):
        return statement.value is None
    return isinstance(statement, ast.Expr) and not (
        isinstance(statement.value, ast.Call)
        or (isinstance(statement.value, ast.Constant) and isinstance(statement.value.value, str))
    )


def _set(options: OptionParser, name: str, value: object) -> None:
    """Set an option to a Python value; text is read as on the command line. Raise ExitError."""
    if name not in options or name in COMMAND_LINE_ONLY:
        raise ExitError(f"{name} is no option; a name of your own begins with _")
    if isinstance(value, str):
        _parse(options, name, value, f"{name} = {value!r}")
        return
    if isinstance(value, int) and isinstance(options[name], float) and not isinstance(value, bool):
        value = float(value)
    if value is None or isinstance(value, bool) != is_boolean(options, name):
        raise ExitError(f"{name} = {value!r}: {name} cannot have this value")
    options[name] = value
