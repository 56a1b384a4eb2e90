"""A bot: it follows a room from its cursor, and greets who says hello to it. PROSA_TOKEN=... bot.py URL ROOM

Stopped and started again it goes on where it was, in a file: it misses nothing, and answers each message once.
"""

import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

url, room = sys.argv[1:]
cursor, new = Path(f"{room}.cursor"), Path(f"{room}.cursor.new")


def call(path, body=None):
    """Ask the API, until it answers; raise HTTPError if it refuses."""
    while True:
        headers = {"Authorization": f"Bearer {os.environ['PROSA_TOKEN']}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{url}/api/{path}", body and json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=90) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code not in (429, 500, 502, 503, 504):
                raise
            time.sleep(float(error.headers.get("Retry-After", 1)))
        except (OSError, http.client.HTTPException):  # the site starts again
            time.sleep(1)


def keep(seq):
    """Write the cursor, all of it or nothing."""
    new.write_text(str(seq))
    new.replace(cursor)


me = call("me")["username"]
if not cursor.exists():
    keep(call(f"rooms/{room}/log")["head"])
after = int(cursor.read_text())
while True:
    for entry in call(f"rooms/{room}/log?after={after}&wait=60")["entries"]:
        after = entry["seq"]
        if entry["kind"] == "post" and entry["author"] != me and f"hello @{me}" in entry["body"].lower():
            answer = {"body": f"Hello @{entry['author']}!", "target": after, "nonce": f"hello-{after}"}
            call(f"rooms/{room}/messages", answer)
        keep(after)
