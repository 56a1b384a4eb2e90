"""docs/api.rst: each call in it is typed and answers what is shown; and the bot of the examples does what it says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from controllers.api.openapi import errors_of
from controllers.api.routes import OPERATIONS
from models.errors.base import Refusal
from models.errors.hooks import BadPayload
from testsuite.api import Api
from testsuite.cases import FolderTest, SiteTest, add_members
from testsuite.clients import Client
from testsuite.documents import Document
from testsuite.hook_case import make_bots
from testsuite.ports import free_ports
from testsuite.servers import ROOT
from testsuite.test_documents import refusals
from testsuite.waiting import TIMEOUT_SECONDS, wait_for

PATH = "docs/api.rst"


def commands() -> Iterator[tuple[str, str]]:
    """Yield each line that is typed, with what it prints."""
    for block in Document(PATH).blocks():
        if block.kind == "curl":
            for typed in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
                command, _, shown = typed.replace("\\\n", "").partition("\n")
                yield command, shown.strip()


def shown_json(text: str) -> Any:
    """Return an answer as the document shows it: "..." stands for any value, and at the end of an object for more."""
    return json.loads(re.sub(r"\.\.\.(?=[,}\]])", '"..."', re.sub(r", \.\.\.\}", ', "...": "..."}', text)))


def fits(shown: Any, answered: Any, name: str = "") -> bool:
    """Tell whether an answer is what is shown."""
    if shown == "...":
        return True
    if isinstance(shown, dict) and isinstance(answered, dict):
        fields = shown.keys() - {"..."}
        has_all = fields <= answered.keys() if "..." in shown else fields == answered.keys()
        return has_all and all(fits(shown[field], answered[field], field) for field in fields)
    if isinstance(shown, list) and isinstance(answered, list):
        return len(shown) == len(answered) and all(map(fits, shown, answered))
    if isinstance(shown, str) and isinstance(answered, str):
        return re.fullmatch(re.escape(shown).replace(r"\.\.\.", "(?s:.*)"), answered) is not None
    if isinstance(shown, float) and shown:
        return isinstance(answered, float) and answered > 0
    return bool(shown == answered)


class ApiDocument(unittest.TestCase):
    def test_each_call_is_typed_once_at_least(self) -> None:
        typed = set()
        for command, _ in commands():
            method = next(iter(re.findall(r"-X (\w+)", command)), "POST" if " --json " in command else "GET")
            for path in re.findall(r"\$API([^\s\"?]+)", command):
                typed.add((method, path_of(f"/api{path}")))
        self.assertEqual({(one.method, one.path) for one in OPERATIONS} - typed, set())

    def test_it_and_the_protocol_name_every_code(self) -> None:
        rows = {row[0]: row[1] for row in Document(PATH).table("Code", "Status", "Meaning")}
        of_the_chat = {row[0] for row in Document("docs/protocol.rst").table("Code", "Meaning")}
        answered: dict[str, set[int]] = {"method_not_allowed": {405}}
        for one in OPERATIONS:
            for status, codes in errors_of(one).items():
                for code in codes:
                    answered.setdefault(code, set()).add(status)
        self.assertEqual({*answered} - of_the_chat - {Refusal.code}, {*rows})
        self.assertEqual({code for code in rows if int(rows[code]) not in answered[code]}, set())
        said_without_code = {Refusal.code, BadPayload.code}  # the other one by an incoming webhook, in plain text
        self.assertLessEqual(refusals(Refusal) - said_without_code, rows.keys() | of_the_chat)

    def test_an_answer_that_is_not_given_is_found_out(self) -> None:
        shown = shown_json('{"a": 1, "b": [{"c": "x...", ...}], "at": 1.5, "d": ...}')
        self.assertTrue(fits(shown, {"a": 1, "b": [{"c": "xyz", "e": 2}], "at": 7.25, "d": {}}))
        wrongs: list[dict[str, Any]] = [{"a": 2}, {"b": [{"c": "y"}]}, {"b": []}, {"at": "1.5"}, {"f": 3}]
        for wrong in wrongs:
            self.assertFalse(fits(shown, {"a": 1, "b": [{"c": "x"}], "at": 1.0, "d": 0} | wrong))


def path_of(path: str) -> str:
    """Return the path of the operations that answer there: that with the fewest fields."""
    paths = {one.path for one in OPERATIONS if re.fullmatch(one.pattern, path)}
    return min(paths, key=lambda path: path.count("{"), default="")


class Curl(SiteTest):
    members = (*SiteTest.members, "robo")

    def test_each_call_answers_what_is_shown(self) -> None:
        make_bots(self.folder, "robo")
        ana = Api(self.client("ana"))
        folder = self.enterContext(tempfile.TemporaryDirectory())
        host = self.server.url.partition("//")[2].partition(":")[0]
        jar = [f"{host}\tFALSE\t/\tFALSE\t0\t{name}\t{value}" for name, value in ana.client.cookies.items()]
        (Path(folder) / "cookies.txt").write_text("\n".join(["# Netscape HTTP Cookie File", *jar, ""]))
        token = ana.token()
        env = {
            **os.environ,
            "API": f"{self.server.url}/api",
            "XSRF": ana.client.xsrf,
            "AUTH": f"Authorization: Bearer {token}",
            "TOKEN": token,
        }
        for command, shown in commands():
            with self.subTest(command):
                line = command.replace("curl ", "curl --silent --show-error ")
                ran = subprocess.run(
                    ["bash", "-c", line], cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False
                )
                self.assertEqual((ran.returncode, ran.stderr), (0, ""))
                if shown:
                    answered = json.loads(ran.stdout)
                    self.assertTrue(fits(shown_json(shown), answered), f"answered:\n{ran.stdout}")


class Bot(FolderTest):
    def start_bot(self, url: str, token: str, folder: str) -> subprocess.Popen[bytes]:
        """Start the bot of the examples in a folder."""
        command = [sys.executable, "-W", "error", str(ROOT / "examples" / "bot.py"), url, "lobby"]
        bot = subprocess.Popen(command, cwd=folder, env={**os.environ, "PROSA_TOKEN": token})
        self.addCleanup(bot.wait, TIMEOUT_SECONDS)
        self.addCleanup(bot.kill)
        return bot

    def answered(self, api: Api) -> list[int]:
        """Return which messages the bot has answered, in order."""
        messages = api.get("rooms/lobby/messages?limit=100")["messages"]
        return [one["target"] for one in messages if one["body"] == "Hello @ana!"]

    def test_it_answers_each_message_once_however_often_it_and_the_site_start_again(self) -> None:
        add_members(self.folder, ("ana", "beto"))
        (port,) = free_ports(1)
        site = self.start(f"--port={port}", "--messages_per_second=0").wait()
        ana = Api(Client(site.url).sign_in("ana"))
        token = Api(Client(site.url).sign_in("beto")).token()
        place = self.enterContext(tempfile.TemporaryDirectory())
        bot = self.start_bot(site.url, token, place)
        wait_for(Path(place, "lobby.cursor").exists, "it keeps where the room was")
        bot.kill()
        bot.wait(TIMEOUT_SECONDS)
        asked = [ana.post("hello @beto")]
        bot = self.start_bot(site.url, token, place)
        wait_for(lambda: self.answered(ana) == asked, "it answers")
        bot.kill()
        bot.wait(TIMEOUT_SECONDS)
        asked.append(ana.post("Hello @beto, are you there?"))
        ana.post("Hello everybody else")
        self.start_bot(site.url, token, place)
        wait_for(lambda: self.answered(ana) == asked, "it goes on from its cursor")
        site.stop()
        site = self.start(f"--port={port}", "--messages_per_second=0").wait()
        asked.append(ana.post("hello @beto once more"))
        wait_for(lambda: self.answered(ana) == asked, "it goes on when the site is back")
