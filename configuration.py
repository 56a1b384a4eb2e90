"""Where the options come from: the command line, over the environment, over a file in Python's syntax."""

from __future__ import annotations

import ast
import logging
import os
import re
import types
import warnings
from itertools import takewhile
from pathlib import Path
from typing import Any

import tornado.options
from tornado.options import OptionParser

from terminal import Failure

PREFIX = "PROSA_"
FOR_THE_COMMAND_LINE = ("help", "config")  # a file cannot have them; nor the environment the first

# What Kubernetes and Docker say of services whose names begin with prosa: where they are.
ABOUT_A_SERVICE = re.compile(
    r"(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?)", re.ASCII
)
SERVICE = re.compile(r"(?:tcp|udp|sctp)://", re.IGNORECASE)

SWITCH = {"true": "true", "t": "true", "1": "true", "yes": "true", "on": "true"} | {
    "false": "false", "f": "false", "0": "false", "no": "false", "off": "false"
}  # fmt: skip
LEVELS = ("debug", "info", "warning", "error", "critical", "none")


def read(options: OptionParser, arguments: list[str]) -> tuple[list[str], list[str]]:
    """Set `options` to what they are given, wherever that is; return the words after them, and remarks. Raise Failure.

    What the command line gives is not looked for elsewhere.
    """
    given, words = _split(arguments)
    path = given.get("config") or os.environ.get(f"{PREFIX}CONFIG", "")
    if path:
        _read_file(options, path)
    remarks = _read_environment(options, given)
    for name, value in given.items():
        if name not in options:
            raise Failure(f"--{name} is no option; python app.py --help shows which there are")
        _parse(options, name, value, f"--{name}" if value is None else f"--{name}={value}")
    return words, remarks


def wants_help(arguments: list[str]) -> bool:
    """Tell whether the options ask for help, rather than a command's own words."""
    return not {"help", "h"}.isdisjoint(_split(arguments)[0])


def start_logging(options: OptionParser) -> None:
    """Log as the options say. Raise Failure."""
    if options.logging is None or options.logging.lower() not in LEVELS:
        raise Failure(f"logging is one of {', '.join(LEVELS)}")
    if options.log_rotate_interval < 1:
        raise Failure("log_rotate_interval is a number, 1 or more")
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False  # which no line names
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # logging does not close the file that it cannot rotate so
        try:
            options.run_parse_callbacks()
            return
        except (OSError, ValueError) as error:
            why = str(error)
    raise Failure(f"cannot log as the options say: {why}")


def _split(arguments: list[str]) -> tuple[dict[str, str | None], list[str]]:
    """Return the options that the arguments begin with, by name, each with its text if it has one; and what follows."""
    leading = list(takewhile(lambda word: word.startswith("-") and word != "--", arguments))
    rest = arguments[len(leading) :]
    given: dict[str, str | None] = {}
    for word in leading:
        name, equals, value = word.lstrip("-").partition("=")
        given[name.replace("-", "_")] = value if equals else None
    return given, rest[1:] if rest[:1] == ["--"] else rest


def _read_environment(options: OptionParser, given: dict[str, str | None]) -> list[str]:
    """Set what the environment says and `given` does not; return remarks on what is not ours. Raise Failure.

    A variable that is empty says nothing. What names no option is perhaps a typing error.
    """
    remarks = []
    for variable, value in sorted(os.environ.items()):
        name = variable.removeprefix(PREFIX)
        option = name.lower()
        if name == variable or not value or option in given or is_about_a_service(name, value):
            continue
        if name != name.upper() or option not in options or option == "help":
            remarks.append(f"{variable} in the environment is no option, and is not used")
        elif option == "port" and SERVICE.match(value):
            remarks.append(f"{variable}={value} is Kubernetes' word for a service called prosa, and is not used")
        else:
            _parse(options, option, value, f"{variable}={value}")
    return remarks


def is_about_a_service(name: str, value: str) -> bool:
    """Tell whether a variable, without PROSA_, is one that Kubernetes sets where a service's name begins with prosa."""
    return bool(ABOUT_A_SERVICE.fullmatch(name) or (name.endswith("_PORT") and SERVICE.match(value)))


def _parse(options: OptionParser, name: str, value: str | None, said: str) -> None:
    """Set an option to what a text means; `said` is how it stood where it was given. Raise Failure."""
    if value is not None and is_switch(options, name):
        value = SWITCH.get(value.lower())
        if value is None:
            raise Failure(f"{said}: {name} is true or false")
    try:
        options.parse_command_line(["", f"--{name}" if value is None else f"--{name}={value}"], final=False)
    except (tornado.options.Error, ValueError) as error:
        why = "needs a value" if value is None else "cannot have this value"
        raise Failure(f"{said}: {name} {why}") from error


def is_switch(options: OptionParser, name: str) -> bool:
    """Tell whether an option is true or false."""
    return isinstance(options[name], bool) or name == "log_to_stderr"


# --- the file


def _read_file(options: OptionParser, path: str) -> None:
    """Set what a file says. It is a program, and may fail in every way. Raise Failure."""
    try:
        for name, value in _run(Path(path)).items():
            _set(options, name, value)
    except (Exception, SystemExit) as error:
        hint = " (write it as Python does: port = 9000)" if isinstance(error, SyntaxError) else ""
        raise Failure(f"cannot read the options in {path}: {str(error) or type(error).__name__}{hint}") from error


def _run(path: Path) -> dict[str, Any]:
    """Run a file; return the names that it has given a value, but for imports, functions and _names."""
    tree = ast.parse(path.read_bytes(), str(path))
    for statement in tree.body:
        if _does_nothing(statement):
            raise SyntaxError(f"line {statement.lineno} sets nothing")
    names: dict[str, Any] = {"__file__": str(path.absolute())}
    exec(compile(tree, str(path), "exec"), names)  # noqa: S102 - it is the file of whoever runs the site
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
    """Tell whether a line only looks as if it set something, as `port: 9000` does."""
    if isinstance(statement, ast.AnnAssign):
        return statement.value is None
    return isinstance(statement, ast.Expr) and not (
        isinstance(statement.value, ast.Call)
        or (isinstance(statement.value, ast.Constant) and isinstance(statement.value.value, str))
    )


def _set(options: OptionParser, name: str, value: object) -> None:
    """Set an option to a value of Python's, or to what a text means. Raise Failure."""
    if name not in options or name in FOR_THE_COMMAND_LINE:
        raise Failure(f"{name} is no option; a name of your own begins with _")
    if isinstance(value, str):
        _parse(options, name, value, f"{name} = {value!r}")
        return
    if isinstance(value, int) and isinstance(options[name], float) and not isinstance(value, bool):
        value = float(value)
    if value is None or isinstance(value, bool) != is_switch(options, name):
        raise Failure(f"{name} = {value!r}: {name} cannot have this value")
    options[name] = value
