"""Two machines behind the real Nginx, as deploy/nginx-machines.conf has it: two addresses, with two processes each.

They have one PostgreSQL, and not a folder in common.
"""

from __future__ import annotations

import contextlib
import gzip
import re
import secrets
import signal
import socket
import subprocess
import tempfile
import unittest
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from testsuite.clients import Client
from testsuite.nginx import Nginx
from testsuite.postgresql import OnPostgresql
from testsuite.servers import ROOT, Server
from testsuite.survivor import Survivor
from testsuite.tables import address
from testsuite.test_four_processes import BehindNginxTest
from testsuite.test_nginx_config import upstream
from testsuite.test_nginx_tls import CERTIFICATE
from testsuite.waiting import TIMEOUT_SECONDS, wait_for

MACHINES = ("127.0.0.2", "127.0.0.3")
SHIPPED = "nginx-machines.conf"
SILENT_PROCESSES = 4  # of a machine that is switched off
REQUEST_COUNT = 30


class TwoMachines(OnPostgresql, BehindNginxTest):
    """docs/security.rst 22, with machines instead of processes."""

    processes = 0  # `machines` has them

    machines: dict[str, list[Server]]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.machines = {machine: [cls.serve(machine) for _ in range(2)] for machine in MACHINES}
        cls.addClassCleanup(lambda: [server.stop() for servers in cls.machines.values() for server in servers])
        cls.servers = [server.wait() for servers in cls.machines.values() for server in servers]
        processes = [f"{machine}:{server.port}" for machine, servers in cls.machines.items() for server in servers]
        cls.nginx = Nginx(cls.folder, processes, shipped=SHIPPED)
        cls.addClassCleanup(cls.nginx.stop)

    @classmethod
    def serve(cls, machine: str, port: int = 0) -> Server:
        """Start a process in its machine's own folder."""
        folder = Path(cls.folder) / machine
        folder.mkdir(exist_ok=True)
        database = f"--database={address(cls.folder)}"
        return Server(str(folder), *cls.options, f"--address={machine}", database, port=port)

    def process(self, server: Server | Nginx) -> str:
        """Return the name of the process that answers there."""
        name: str = Client(server.url).get("/healthz").json()["process"]
        return name

    def by_clients(self, survivors: list[Survivor]) -> list[str]:
        """Return the machines, the one that has most of them last."""
        at = Counter(survivor.processes[-1] for survivor in survivors)
        return sorted(MACHINES, key=lambda machine: sum(at[self.process(one)] for one in self.machines[machine]))

    def test_clients_of_a_machine_that_goes_away_are_on_the_other_and_use_it_again_when_it_is_back(self) -> None:
        head = self.chat("ana").head
        survivors = self.survivors(head)
        self.progress(survivors)
        staying, leaving = self.by_clients(survivors)
        ports = [server.port for server in self.machines[leaving]]
        for server in self.machines[leaving]:
            server.process.send_signal(signal.SIGKILL)
        for server in self.machines[leaving]:
            server.stop()
        self.progress(survivors)
        left = {self.process(server) for server in self.machines[staying]}
        self.assertLessEqual({self.process(self.nginx) for _ in range(REQUEST_COUNT)}, left)
        self.machines[leaving] = [self.serve(leaving, port) for port in ports]
        back = {self.process(server.wait()) for server in self.machines[leaving]}
        wait_for(lambda: self.process(self.nginx) in back, "the machine is used again")
        self.progress(survivors)
        self.check(survivors, head, self.settled(survivors))

    def test_the_processes_serve_the_files_and_browsers_keep_them(self) -> None:
        client = Client(self.nginx.url)
        page = client.get("/login").text
        versioned = next(word for word in page.split('"') if re.fullmatch(r"/static/v-[0-9a-f]+/site\.css", word))
        answer = client.get(versioned, Accept_Encoding="gzip")
        self.assertEqual(gzip.decompress(answer.body), (ROOT / "views/statics/site.css").read_bytes())
        self.assertEqual(answer.headers["Content-Type"], "text/css; charset=utf-8")
        script = client.get("/static/chat.js", Accept_Encoding="gzip")
        self.assertEqual(gzip.decompress(script.body), (ROOT / "views/statics/chat.js").read_bytes())
        self.assertEqual(script.headers["Content-Type"], "text/javascript; charset=utf-8")
        self.assertEqual(answer.headers["Cache-Control"], "public, max-age=31536000, immutable")
        self.assertEqual(client.get("/static/v-0a1b/site.css").headers.get_all("Cache-Control"), ["no-cache"])
        sockjs = client.get("/static/vendor/sockjs.min.js")
        self.assertEqual(sockjs.body, (ROOT / "node_modules/sockjs-client/dist/sockjs.min.js").read_bytes())


class Files(unittest.TestCase):
    """What deploy/ ships for Nginx."""

    needs = ("nginx", "openssl")

    def setUp(self) -> None:
        self.folder = self.enterContext(tempfile.TemporaryDirectory())

    def start(self, processes: list[int | str], shipped: str, tls: bool = False) -> Nginx:
        """Run Nginx with a file of deploy/."""
        nginx = Nginx(self.folder, processes, tls, shipped)
        self.addCleanup(nginx.stop)
        return nginx

    def test_each_is_good_for_nginx_with_and_without_tls(self) -> None:
        shipped = sorted(path.name for path in (ROOT / "deploy").glob("*.conf"))
        self.assertEqual(shipped, ["nginx-containers.conf", SHIPPED, "nginx.conf"])
        for name in shipped:
            for tls in (False, True):
                with self.subTest(name, tls=tls), tempfile.TemporaryDirectory() as folder:
                    if tls:
                        subprocess.run(
                            CERTIFICATE.split(), cwd=folder, check=True, capture_output=True, timeout=TIMEOUT_SECONDS
                        )
                    Nginx(folder, [1], tls, name).stop()  # it started and answered

    def test_nginx_starts_again_in_a_folder_where_it_was(self) -> None:
        for _ in range(2):
            Nginx(self.folder, [1]).stop()

    def test_a_machine_that_is_silent_is_put_aside(self) -> None:
        with contextlib.ExitStack() as away, upstream() as port:
            silent = [f"{MACHINES[1]}:{away.enter_context(silence(MACHINES[1]))}" for _ in range(SILENT_PROCESSES)]
            nginx = self.start([port, *silent], SHIPPED)
            client = Client(nginx.url)
            for _ in range(REQUEST_COUNT):
                answer = client.get(f"/chat/1/{secrets.token_hex(4)}/xhr")
                self.assertEqual(answer.json()["port"], port)
            timeouts = nginx.errors().count("upstream timed out")
            self.assertGreater(timeouts, 0)  # so this machine was silent indeed
            self.assertLess(timeouts, REQUEST_COUNT // 2)  # it was not asked each time

    def test_two_containers_share_the_sessions(self) -> None:
        with upstream() as first, upstream() as second:
            client = Client(self.start([first, second], "nginx-containers.conf").url)
            paths = [f"/chat/1/{secrets.token_hex(4)}/xhr" for _ in range(REQUEST_COUNT)]
            reached = [client.get(path).json()["port"] for path in paths]
            self.assertEqual({*reached}, {first, second})
            self.assertEqual([client.get(path).json()["port"] for path in paths], reached)


@contextlib.contextmanager
def silence(address: str) -> Iterator[int]:
    """Yield a port that neither refuses nor answers connections, as if the machine were switched off."""
    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket())
        listener.bind((address, 0))
        listener.listen(0)
        for _ in range(4):  # when its queue is full the kernel drops what else comes
            client = sockets.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
