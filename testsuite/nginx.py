"""The real Nginx with the site's own configuration of deploy/, in a folder of the test's."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

from testsuite.needs import need
from testsuite.ports import free_ports
from testsuite.servers import ROOT
from testsuite.waiting import TIMEOUT_SECONDS, wait_for

DEPLOY = ROOT / "deploy"

# What Debian's nginx.conf says around the site; everything that is written stays in the folder.
MAIN = """
daemon off;
worker_processes 1;
worker_rlimit_nofile 8192;
pid "{folder}/nginx.pid";
error_log "{folder}/error.log";
{user}
events {{ worker_connections 4096; }}
http {{
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    client_body_temp_path "{folder}/body";
    proxy_temp_path "{folder}/proxy";
    fastcgi_temp_path "{folder}/fastcgi";
    uwsgi_temp_path "{folder}/uwsgi";
    scgi_temp_path "{folder}/scgi";
    set_real_ip_from 127.0.0.0/8;  # so that a test can come from an address that this machine has not
    real_ip_header X-Test-Address;
    include "{folder}/site.conf";
}}
"""


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def write_conf(folder: Path, shipped: str, listen: int, processes: Sequence[int | str], tls: bool) -> Path:
    """Write what deploy/ ships into `folder`, for these processes and this port; return what Nginx is to be given.

    Nothing is changed but addresses, ports and folders. A process is a port on 127.0.0.1, or an address with its port.
    With `tls` the lines for TLS count, with the files cert.pem and key.pem in `folder`.
    """
    shutil.copytree(DEPLOY / "nginx", folder / "prosa", dirs_exist_ok=True)  # they may be there from an earlier start
    server = folder / "prosa" / "server.conf"
    text = server.read_text(encoding="utf-8").replace("/var/log/nginx/access.log", f'"{folder}/access.log"')
    server.write_text(text.replace("/etc/nginx/prosa/", f"{folder}/prosa/"), encoding="utf-8")
    conf = re.sub(r"/tmp/(\w[\w.]*)", rf'"{folder}/\1"', (DEPLOY / shipped).read_text(encoding="utf-8"))
    conf = _listen(conf, listen, tls, folder)
    addresses = [f"127.0.0.1:{process}" if isinstance(process, int) else process for process in processes]
    lines = "".join(f"    server {address}\\1;\n" for address in addresses)
    conf = _replace(r"(?: +server [\d.]+:\d+([^;]*);\n)+", lines, conf).replace("/srv/prosa/", f"{ROOT}/")
    user = "user root;" if os.geteuid() == 0 else ""  # the test's folders are closed to everybody else
    if shipped == "nginx-containers.conf":  # is all of it
        whole = _replace(r"include mime.types;", "include /etc/nginx/mime.types;", conf)
        whole = _replace(r"error_log stderr", f'error_log "{folder}/error.log"', whole)
        whole = _replace(r"worker_connections 30000", "worker_connections 4096", whole)
        whole = f"daemon off;\n{user}\n" + _replace(r"(worker_rlimit_nofile) 65536", r"\1 8192", whole)
    else:
        (folder / "site.conf").write_text(conf, encoding="utf-8")
        whole = MAIN.format(folder=folder, user=user)
    (folder / "nginx.conf").write_text(whole, encoding="utf-8")
    return folder / "nginx.conf"


def _listen(conf: str, listen: int, tls: bool, folder: Path) -> str:
    if not tls:
        return _replace(r"( +)listen \d+;\n(?: +listen \[::\]:80;\n)?", rf"\1listen 127.0.0.1:{listen};\n", conf)
    conf = _replace(r" +listen \d+;\n(?: +listen \[::\]:80;\n)?", "", conf)
    conf = _replace(r"# listen \d+ ssl( http2)?;\n", rf"listen 127.0.0.1:{listen} ssl\1;\n", conf)
    conf = _replace(r"# (ssl_certificate +)\S+;", rf'\1"{folder}/cert.pem";', conf)
    return _replace(r"# (ssl_certificate_key +)\S+;", rf'\1"{folder}/key.pem";', conf)


def _replace(pattern: str, by: str, text: str) -> str:
    changed, count = re.subn(pattern, by, text)
    if count != 1:
        raise AssertionError(f"{pattern} is {count} times in the configuration")
    return changed


class Nginx:
    """A running Nginx that balances `processes`, as a file of deploy/ says.

    `url` is its address, without the slash at the end.
    """

    def __init__(
        self, folder: str, processes: Sequence[int | str], tls: bool = False, shipped: str = "nginx.conf"
    ) -> None:
        need("nginx")
        program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        if program is None:
            raise AssertionError("nginx is missing (apt-get install nginx)")
        (self.port,) = free_ports(1)
        self.url = f"http{'s' * tls}://127.0.0.1:{self.port}"
        self.folder = Path(folder)
        conf = write_conf(self.folder, shipped, self.port, processes, tls)
        self.process = subprocess.Popen(
            [program, "-p", folder, "-c", str(conf), "-e", f"{folder}/error.log"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for(self._answers, "nginx does not answer")
        except BaseException:
            self.stop()
            raise

    def _answers(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"nginx ended:\n{self.errors()}")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("HEAD", "/static/site.css")
            return connection.getresponse().status > 0
        except ConnectionError:
            return False
        finally:
            connection.close()

    def errors(self) -> str:
        """Return what it has complained about."""
        log = self.folder / "error.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def accesses(self) -> str:
        """Return its access log."""
        return (self.folder / "access.log").read_text(errors="replace")

    def stop(self) -> None:
        """End it."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("nginx did not stop") from None
