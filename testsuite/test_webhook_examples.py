"""docs/webhooks.rst and the receiver in examples/: what is typed there does what it says."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from controllers.webhooks.payloads import sign
from testsuite.documents import Document
from testsuite.hook_case import HookTest, make_hook
from testsuite.servers import ROOT
from testsuite.waiting import TIMEOUT_SECONDS, wait_for

ADDRESS = "https://chat.example.org/hooks/12/SECRET"
MINUTE_SECONDS = 60


class DocumentTest(HookTest):
    """docs/security.rst 34: the receiver refuses what is not signed, and what is old."""

    incoming: str  # what the document says to type, with what is printed then
    start: str

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.receiver.close()  # the example takes its place
        cls.incoming, cls.start = (block.text for block in Document("docs/webhooks.rst").blocks() if block.kind == "sh")

    def run_example(self, key: str) -> list[str]:
        """Start the receiver as the document does; return its lines, as they come, once it listens."""
        command, _, self.printed = self.start.removeprefix("$ ").partition("\n")
        command = command.replace("prosa_hook_...", key).replace("8890", str(self.receiver.port))
        command = command.replace("python", f"exec {shlex.quote(sys.executable)} -W error")
        output = Path(self.folder) / "output"
        with output.open("w") as file:
            process = subprocess.Popen(["bash", "-c", command], cwd=ROOT, stdout=file, stderr=file)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        wait_for(lambda: self.send(b"", {}) == 403, "it listens")
        return [str(output)]

    def send(self, body: bytes, headers: dict[str, str]) -> int:
        """Send a request to the example; return its status, 0 if it does not listen yet."""
        request = urllib.request.Request(f"http://127.0.0.2:{self.receiver.port}/", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except OSError:
            return 0

    def test_what_is_typed_posts_a_message(self) -> None:
        _, url = make_hook(self.ana, "lobby", kind="in")
        command, _, printed = self.incoming.removeprefix("$ ").partition("\n")
        self.assertIn(ADDRESS, command)
        env = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
        done = subprocess.run(
            ["bash", "-c", command.replace(ADDRESS, url)], env=env, capture_output=True, text=True, check=True
        )
        self.assertEqual(done.stdout.strip(), printed.strip())
        self.assertEqual(self.posted("The build is **green**."), 1)

    def test_the_receiver_takes_what_is_signed_and_new_and_answers(self) -> None:
        _, key = self.tell(url=self.receiver.url.replace("/hook", "/"))
        (output,) = self.run_example(key)
        self.say("ping")
        wait_for(lambda: self.posted("pong, beto"), "it has answered")
        body = json.dumps({"author": "carla", "text": "hello"}).encode()
        for age, used, status in (
            (0, key, 200),
            (4 * MINUTE_SECONDS, key, 200),
            (6 * MINUTE_SECONDS, key, 403),
            (-6 * MINUTE_SECONDS, key, 403),
            (0, key + "x", 403),
        ):
            with self.subTest(age, used=used):
                stamp = str(int(time.time() - age))
                headers = {"Prosa-Timestamp": stamp, "Prosa-Signature": f"v1={sign(used, stamp, body)}"}
                self.assertEqual(self.send(body, {**headers, "Prosa-Key": "lobby/7"}), status)
        lines = [line for line in Path(output).read_text().splitlines() if not line.startswith("403 ")]
        self.assertEqual(lines, [self.printed.strip(), "carla: hello"])
