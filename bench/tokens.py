"""Tokens for programs of the members of a site: made through the models, in a process of its own.

`python -m bench.tokens --database=...` prints a JSON list with one for each member.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence

from bench.people import ROOT, TIMEOUT_SECONDS
from models.database import database
from models.models import User, create_tables
from models.tokens import WRITE, make_token


def make(home: Sequence[str]) -> list[str]:
    """Make a token for each member of the site where the options `home` say."""
    command = [sys.executable, "-m", "bench.tokens", *home]
    made = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, timeout=TIMEOUT_SECONDS)
    tokens: list[str] = json.loads(made.stdout)
    return tokens


def main() -> None:
    """Make what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", required=True)
    parser.add_argument("--mongo", default="")
    create_tables(parser.parse_args().database)
    with database.connection_context():
        ids = [user.id for user in User.select(User.id).order_by(User.id)]
        json.dump([make_token(member_id, "bench", WRITE, None)[1] for member_id in ids], sys.stdout)


if __name__ == "__main__":
    main()
