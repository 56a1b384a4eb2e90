"""What deploy/ says about containers, without an engine: read by the tools' own parsers, and carried out by hand."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from testsuite.cases import add_user
from testsuite.newcomer import Serving
from testsuite.nginx import free_port
from testsuite.servers import ROOT, environment
from testsuite.test_documents import options
from testsuite.waiting import TIMEOUT_SECONDS

DEPLOY = ROOT / "deploy"
COMPOSE = DEPLOY / "compose.yaml"
PROGRAMS = Path(sys.executable).parent
PASSWORDS = {"POSTGRES_PASSWORD": "a1b2", "MONGO_PASSWORD": "c3d4"}


def run(*command: str, folder: Path = ROOT, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
    )


def compose(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Let Compose read deploy/compose.yaml, with these variables and none of this machine's."""
    command = (str(PROGRAMS / "docker-compose"), "--env-file=/dev/null", "-f", str(COMPOSE), *words)
    return run(*command, env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **variables})


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of deploy/Dockerfile, each with what follows its name."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in lines if line)]


def is_tracked(path: Path) -> bool:
    """Tell whether git has this file, or something in this folder."""
    return bool(run("git", "ls-files", "--", str(path.relative_to(ROOT))).stdout)


class Compose(unittest.TestCase):
    config: dict[str, Any]
    services: dict[str, dict[str, Any]]

    @classmethod
    def setUpClass(cls) -> None:
        read = compose("config", "--format=json", **PASSWORDS)
        if read.returncode or read.stderr:
            raise AssertionError(read.stderr)
        cls.config = json.loads(read.stdout)
        cls.services = cls.config["services"]

    def test_it_starts_with_no_password_left_out(self) -> None:
        for name in PASSWORDS:
            refused = compose("config", **{other: PASSWORDS[other] for other in PASSWORDS if other != name})
            self.assertNotEqual(refused.returncode, 0)
            self.assertIn(f"{name} is missing", refused.stderr)

    def test_each_variable_is_required_or_has_a_default(self) -> None:
        used = re.findall(r"\$\{(\w+)([^}]*)\}", COMPOSE.read_text(encoding="utf-8"))
        self.assertEqual({name for name, _ in used}, {*PASSWORDS, "PROSA_SITE_NAME", "PROSA_PORT"})
        for name, rest in used:
            self.assertRegex(rest, r"^:\?." if name in PASSWORDS else r"^:-.", name)

    def test_the_command_at_its_head_makes_the_passwords(self) -> None:
        command = re.search(r"^#   (printf .*)$", COMPOSE.read_text(encoding="utf-8"), re.MULTILINE)
        assert command is not None
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(run("bash", "-c", command[1], folder=Path(folder)).returncode, 0)
            made = dict(line.split("=") for line in (Path(folder) / ".env").read_text().splitlines())
        self.assertEqual(made.keys(), PASSWORDS.keys())
        self.assertEqual(len({*made.values()}), 2)
        for password in made.values():
            self.assertRegex(password, r"^[0-9a-f]{48}$")
        self.assertEqual(run("git", "check-ignore", "--quiet", "deploy/.env").returncode, 0)

    def test_the_passwords_reach_the_databases_and_the_processes(self) -> None:
        self.assertEqual(self.services["postgres"]["environment"]["POSTGRES_PASSWORD"], "a1b2")
        self.assertEqual(self.services["mongo"]["environment"]["MONGO_INITDB_ROOT_PASSWORD"], "c3d4")
        for name in ("prosa1", "prosa2"):
            given = self.services[name]["environment"]
            for option, service, password in (("DATABASE", "postgres", "a1b2"), ("MONGO", "mongo", "c3d4")):
                url = urlsplit(given[f"PROSA_{option}"])
                self.assertEqual((url.username, url.password, url.hostname), ("prosa", password, service))

    def test_the_processes_are_given_only_options_that_they_know(self) -> None:
        known = {f"PROSA_{name.upper()}" for name in options()}
        for name in ("prosa1", "prosa2"):
            self.assertLessEqual({*self.services[name]["environment"]}, known)
        self.assertLessEqual({*re.findall(r"\bPROSA_\w+", (DEPLOY / "prosa.env").read_text(encoding="utf-8"))}, known)

    def test_only_nginx_is_reached_from_outside(self) -> None:
        self.assertEqual([name for name, service in self.services.items() if service.get("ports")], ["nginx"])
        networks = self.config["networks"]
        inner = {name for name, network in networks.items() if network.get("internal")}
        self.assertEqual({*networks} - inner, {"outside"})
        for name, service in self.services.items():
            if name != "nginx":
                self.assertLessEqual({*service["networks"]}, inner)
        self.assertNotIn("stores", self.services["nginx"]["networks"])

    def test_each_is_asked_how_it_is_and_waited_for(self) -> None:
        for name, service in self.services.items():
            self.assertTrue("healthcheck" in service or "build" in service, name)  # or the Dockerfile's
            for other in service.get("depends_on", {}).values():
                self.assertEqual(other["condition"], "service_healthy")
        self.assertEqual({*self.services["nginx"]["depends_on"]}, {"prosa1", "prosa2"})
        for name in ("prosa1", "prosa2"):
            self.assertEqual({*self.services[name]["depends_on"]}, {"postgres", "mongo"})
            self.assertEqual(self.services[name]["stop_grace_period"], "15s")

    def test_each_is_kept_small_and_has_no_more_rights_than_it_needs(self) -> None:
        for name, service in self.services.items():
            with self.subTest(name):
                self.assertTrue(service["read_only"])
                self.assertEqual(service["cap_drop"], ["ALL"])
                self.assertEqual(service["security_opt"], ["no-new-privileges:true"])
                self.assertEqual(service["restart"], "unless-stopped")
                self.assertGreater(int(service["mem_limit"]), 0)
                self.assertGreater(service["pids_limit"], 0)
                self.assertTrue("build" in service or service["user"] not in ("", "0", "root"))
                self.assertRegex(service["image"], r"^prosa$" if "build" in service else r"^\w+:\d+\.\d+(-\w+)?$")

    def test_nginx_finds_its_files_and_the_processes(self) -> None:
        for mount in self.services["nginx"]["volumes"]:
            self.assertTrue(is_tracked(Path(mount["source"])), mount)
            self.assertTrue(mount["read_only"])
        conf = (DEPLOY / "nginx-containers.conf").read_text(encoding="utf-8")
        port = dict(instructions())["EXPOSE"]
        addresses = [self.services[name]["networks"]["inside"]["ipv4_address"] for name in ("prosa1", "prosa2")]
        self.assertEqual(
            re.findall(r"^ +server ([\d.:]+) ", conf, re.MULTILINE), [f"{one}:{port}" for one in addresses]
        )
        listens = re.findall(r"^ +listen (\d+);", conf, re.MULTILINE)
        self.assertEqual([str(one["target"]) for one in self.services["nginx"]["ports"]], listens)


class Dockerfile(unittest.TestCase):
    def test_the_linter_has_nothing_to_say(self) -> None:
        read = run(str(PROGRAMS / "hadolint"), "--no-color", str(DEPLOY / "Dockerfile"))
        self.assertEqual((read.returncode, read.stdout), (0, ""))

    def test_it_copies_what_git_has_and_what_reaches_the_builder(self) -> None:
        copied = {source for name, rest in instructions() if name == "COPY" for source in self.sources(rest)}
        for source in copied:
            self.assertTrue(is_tracked(ROOT / source), source)
        ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        self.assertEqual([line for line in ignored if line[0] not in "#!"], ["*", "**/__pycache__"])
        self.assertEqual({line[1:] for line in ignored if line[0] == "!"}, copied)

    def sources(self, rest: str) -> list[str]:
        """Return what a COPY takes from the project's folder."""
        return [] if rest.startswith("--from") else rest.split()[:-1]

    def test_it_ends_up_with_an_unprivileged_user_and_one_program(self) -> None:
        last = instructions()
        last = last[max(number for number, (name, _) in enumerate(last) if name == "FROM") :]
        self.assertEqual([rest for name, rest in last if name == "USER"], ["10001:10001"])
        self.assertIn(("STOPSIGNAL", "SIGTERM"), last)
        self.assertIn("--uid 10001 ", dict(last)["RUN"])
        self.assertTrue(dict(last)["CMD"].startswith("["))

    def test_what_it_copies_runs_answers_its_health_check_and_writes_nothing(self) -> None:
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as data:
            place = Path(folder) / "prosa"
            self.copy_to(place)
            before = sorted(place.rglob("*"))
            add_user(data, "ana")
            port = str(free_port())
            env = environment({**self.environment(), "PROSA_DATABASE": f"{data}/people.db"})
            serving = Serving(self.program("CMD", port), place, env)
            try:
                serving.wait()
                self.assertEqual(run(*self.program("HEALTHCHECK", port), env=env).returncode, 0)
            finally:
                serving.stop()
            self.assertNotEqual(run(*self.program("HEALTHCHECK", port), env=env).returncode, 0)
            self.assertEqual(sorted(place.rglob("*")), before)

    def copy_to(self, place: Path) -> None:
        """Do what the COPY instructions of the last stage do."""
        place.mkdir()
        last = [rest.split() for name, rest in instructions() if name == "COPY"][-8:]
        self.assertEqual(last.pop(0), ["--from=packages", "/venv", "/venv"])  # here: the tests' own
        for words in last:
            target = place / words[-1]
            for word in self.sources(" ".join(words)) or [words[-2].removeprefix("/build/")]:
                if (ROOT / word).is_dir():
                    shutil.copytree(ROOT / word, target, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy(ROOT / word, target)

    def environment(self) -> dict[str, str]:
        """Return what the last ENV sets, but the PATH."""
        words = [rest for name, rest in instructions() if name == "ENV"][-1].split()
        return {name: value for name, _, value in (word.partition("=") for word in words) if name != "PATH"}

    def program(self, instruction: str, port: str) -> list[str]:
        """Return the program that an instruction starts, with a loopback port instead of the instruction's."""
        rest = dict(instructions())[instruction]
        words: list[str] = json.loads(rest[rest.index("[") :])
        self.assertEqual(words.pop(0), "python")
        here = [word.replace("8888", port).replace("0.0.0.0", "127.0.0.1") for word in words]
        return [sys.executable, "-W", "error", *here]
