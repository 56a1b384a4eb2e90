"""The URL of a PostgreSQL database, checked; and its name for messages, without a password."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any
from urllib.parse import quote

import psycopg
import psycopg.conninfo

from models.errors.stores import CannotOpen

BAD_URL = (
    "cannot use the database: give it as postgresql://user:password@host/name, "
    "and in a password %40 for an @, %2F for a slash, %3A for a colon and %25 for a %"
)


def read_url(url: str) -> tuple[str, dict[str, Any]]:
    """Return the database's name for messages and the parameters for psycopg.connect. Raise CannotOpen.

    There may be several hosts, and all parts may be in the query. An @ in a host or name means that the password has
    an unquoted character which ends it early: its rest would be taken for a host or a name, and be shown.
    """
    try:
        parameters = psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError:  # its text may contain the password
        raise CannotOpen(BAD_URL) from None
    places = [str(parameters.get(key) or "") for key in ("host", "hostaddr", "dbname")]
    ports = str(parameters.get("port") or "").split(",")
    if not places[2] or "@" in "".join(places) or not all(map(_is_port, ports)):
        raise CannotOpen(BAD_URL)
    return _label(places[0] or places[1], ports, places[2]), parameters


def _is_port(port: str) -> bool:
    return not port or (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536)


def _label(hosts: str, ports: list[str], name: str) -> str:
    """Return the URL without user and password. A single port is that of all hosts."""
    named = hosts.split(",")
    if len(ports) == 1:
        ports = ports * len(named)
    pairs = zip_longest(named, ports[: len(named)], fillvalue="")
    shown = [f"{_host(host)}{f':{port}' if port else ''}" for host, port in pairs]
    return f"postgresql://{','.join(shown)}/{name}"


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else quote(host, safe="")
