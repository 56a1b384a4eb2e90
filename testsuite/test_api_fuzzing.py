"""The API as schemathesis tries it, by its own description: signed in, by a token, and signed out."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from testsuite.api import Api
from testsuite.cases import SiteTest
from testsuite.mongodb import OnMongodb
from testsuite.servers import ROOT

EXAMPLES = 4  # made up for each call and phase
TIMEOUT_SECONDS = 300.0
# A text can be refused although it is one as described: nothing of it is visible, or the room's name is taken.
CHECKS = {"positive_data_acceptance": {"expected-statuses": ["2xx", "400", "401", "403", "404", "409", "429"]}}


def aimed(description: dict[str, Any]) -> dict[str, Any]:
    """Return a description by which requests get to a room that there is, and none waits for what never comes."""
    for operations in description["paths"].values():
        for operation in operations.values():
            operation["parameters"] = [one for one in operation["parameters"] if one["name"] != "wait"]
            for parameter in operation["parameters"]:
                if parameter["name"] == "room":
                    parameter["schema"]["examples"] = ["lobby"]
    return description


class FuzzedApiTest(SiteTest):
    """docs/security.rst 33: no answer is an error of ours, or other than the description says."""

    def setUp(self) -> None:
        self.ana = Api(self.client("ana"))
        self.description = aimed(self.ana.get("openapi.json"))
        self.ana.post("to be changed")
        self.ana.expect(201, "POST", "rooms/lobby/tasks", {"text": "to be done"})

    maxDiff = None

    def try_all(self, headers: dict[str, str], examples: int = EXAMPLES, **more_checks: object) -> dict[str, int]:
        """Fail with what is found; return how often each status was answered."""
        asked = {
            "url": self.server.url,
            "headers": headers,
            "examples": examples,
            "checks": CHECKS | more_checks,
            "description": self.description,
        }
        ran = subprocess.run(
            [sys.executable, "-W", "error", "-m", "testsuite.schema_fuzzer"],
            cwd=ROOT,
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        self.assertEqual(ran.returncode, 0, ran.stderr)
        *found, statuses = map(json.loads, ran.stdout.splitlines())
        self.assertEqual([f"{one['where']}: {one['what']}" for one in found], [])
        answered: dict[str, int] = json.loads(statuses["what"])
        return answered

    def test_by_a_token(self) -> None:
        answered = self.try_all({"Authorization": f"Bearer {self.ana.token()}"})
        self.assertLessEqual({"200", "201", "204", "400", "401", "403", "404", "405", "415"}, answered.keys())

    def test_by_a_session(self) -> None:
        cookies = "; ".join(f"{name}={value}" for name, value in self.ana.client.cookies.items())
        headers = {"Cookie": cookies, "X-Xsrftoken": self.ana.client.xsrf}
        answered = self.try_all(headers, ignored_auth={"enabled": False})  # it knows no cookie by our names
        self.assertLessEqual({"200", "201", "204", "400", "404", "405", "415"}, answered.keys())

    def test_signed_out(self) -> None:
        answered = self.try_all({}, 1)
        self.assertLessEqual(answered.keys(), {"400", "401", "405"})


class FuzzedApiOnMongodbTest(OnMongodb, FuzzedApiTest):
    pass
