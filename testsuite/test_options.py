"""The options: the command line, over the environment, over a file; what is refused, and what is only remarked on."""

from __future__ import annotations

import contextlib
import os
import tempfile
import unittest
import unittest.mock
from collections.abc import Iterator
from pathlib import Path

from tornado.log import define_logging_options
from tornado.options import OptionParser

import configuration
from terminal import ExitError, is_single_line
from testsuite.clients import PASSWORD, Client
from testsuite.test_commands import CommandTest


class OptionsTest(CommandTest):
    def site_name(self, *options: str, env: dict[str, str] | None = None) -> str:
        """Return what a server that is started so calls itself."""
        with self.running(*options, env=env) as lines:
            return lines[-1].partition(" listens on ")[0]

    @contextlib.contextmanager
    def running(self, *options: str, env: dict[str, str] | None = None) -> Iterator[list[str]]:
        server = self.start(*options, env=env).wait()
        try:
            yield server.lines
        finally:
            server.stop()

    def test_the_command_line_beats_the_environment_which_beats_the_file(self) -> None:
        config = self.write("prosa.conf", "site_name = 'From the file'\nmax_message = 77\n")
        env = {"PROSA_SITE_NAME": "From the environment"}
        self.assertEqual(self.site_name(), "Prosa")
        self.assertEqual(self.site_name(f"--config={config}"), "From the file")
        self.assertEqual(self.site_name(f"--config={config}", env=env), "From the environment")
        option = "--site_name=From the command line"
        self.assertEqual(self.site_name(f"--config={config}", option, env=env), "From the command line")
        self.assertEqual(self.site_name(env={"PROSA_CONFIG": config}), "From the file")

    def test_every_option_of_a_file_and_of_the_environment_counts(self) -> None:
        config = self.write("prosa.conf", "database = 'from-file.db'\nmax_message = 3\n")
        self.assert_done(self.run_app(f"--config={config}", "adduser", "ana", "a@example.org", stdin=PASSWORD))
        self.assertTrue((Path(self.folder) / "from-file.db").exists())
        server = self.start(f"--config={config}", env={"PROSA_CONNECTIONS_PER_MEMBER": "1"}).wait()
        ana = Client(server.url).sign_in("ana")
        self.assertEqual(ana.post("/rooms/lobby", {"body": "four"}).status, 400)
        self.assertEqual(ana.post("/rooms/lobby", {"body": "abc"}).status, 302)

    def test_wrong_ones_from_a_file_or_the_environment_are_said_in_one_line(self) -> None:
        for text in ("port = 'abc'", "port = ", "import nothing_of_this_name", "1 / 0"):
            with self.subTest(text):
                config = self.write("bad.conf", text)
                self.assert_refused(self.run_app(f"--config={config}", "migrate"), "bad.conf")
        config = self.write("bad.conf", "port = None")
        self.assert_refused(self.run_app(f"--config={config}", "migrate"), "port")
        self.assert_refused(self.run_app("--config=missing.conf", "migrate"), "missing.conf")
        self.assert_refused(self.run_app(f"--config={self.folder}", "migrate"), self.folder)
        self.assert_refused(self.run_app("migrate", env={"PROSA_PORT": "abc"}), "port")
        good = self.write("good.conf", "port = 9000\n")
        self.assert_done(self.run_app(f"--config={good}", "migrate"))

    def test_the_environment_is_not_asked_for_what_the_command_line_gives(self) -> None:
        for value in ("abc", "tcp://10.0.0.1:80"):
            self.assert_done(self.run_app("--port=0", "migrate", env={"PROSA_PORT": value}))

    def test_what_is_not_ours_in_the_environment_is_remarked_on_in_one_line(self) -> None:
        config = self.write("prosa.conf", "site_name = 'From the file'")
        env = {"PROSA_PORT": "tcp://10.0.0.1:80", "PROSA_SERVICE_HOST": "10.0.0.1", "PROSA_SITE_NAME": ""}
        ran = self.run_app(f"--config={config}", "migrate", env=env)
        self.assertEqual((ran.returncode, len(ran.stderr.splitlines())), (0, 1), ran.stderr)
        self.assertIn("PROSA_PORT=tcp://10.0.0.1:80", ran.stderr)
        self.assertEqual(self.site_name(f"--config={config}", env={"PROSA_SITE_NAME": ""}), "From the file")

    def test_a_value_in_bytes_that_are_no_utf_8_is_refused(self) -> None:
        self.assert_refused(self.run_app("--port=0", "--site_name=a\udcff"), "site_name")
        self.assert_refused(self.run_app("--port=0", "--database=a\udcff"), "database")
        self.assert_refused(self.run_app("--port=0", env={"PROSA_SITE_NAME": "\udcff"}), "site_name")
        config = self.write("bad.conf", "site_name = 'a' + chr(0xd800)")
        self.assert_refused(self.run_app("--port=0", f"--config={config}"), "site_name")
        self.assertEqual(self.site_name("--site_name=Café\u3000密"), "Café\u3000密")

    def test_logs_that_cannot_be_written_so_are_said_in_one_line(self) -> None:
        for options, word in (
            (["--logging=loud"], "logging"),
            (["--log_file_prefix=missing/prosa.log"], "missing/prosa.log"),
            (["--log_file_prefix=x.log", "--log_rotate_mode=time", "--log_rotate_when=never"], "NEVER"),
        ):
            with self.subTest(options):
                self.assert_refused(self.run_app("--port=0", *options), word)

    def test_it_listens_on_ipv6_too(self) -> None:
        server = self.start("--address=::1").wait()
        self.assertTrue(server.url.startswith("http://[::1]:"))
        self.assertEqual(Client(server.url).get("/login").status, 200)

    def test_it_stops_when_asked_and_says_nothing(self) -> None:
        server = self.start().wait()
        said = len(server.lines)
        self.assertEqual(server.stop(), 0)
        self.assertEqual(server.lines[said:], [])


class ReadTest(unittest.TestCase):
    """What is given, as configuration.py reads it: each kind of option, in each place."""

    def setUp(self) -> None:
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.options = OptionParser()
        define_logging_options(self.options)
        for name, default in (("port", 8888), ("site_name", "Prosa"), ("xheaders", False), ("config", "")):
            self.options.define(name, default)
        self.options.define("messages_per_second", 5.0)

    def read(self, *arguments: str, **env: str) -> list[str]:
        """Read the options; return the remarks."""
        given = {f"PROSA_{name}": value for name, value in env.items()}
        with unittest.mock.patch.dict(os.environ, given):
            return configuration.read(self.options, list(arguments))[1]

    def refused(self, *arguments: str, **env: str) -> str:
        """Return why options are refused."""
        with self.assertRaises(ExitError) as raised:
            self.read(*arguments, **env)
        return str(raised.exception)

    def write(self, text: str) -> str:
        """Write a file of options, and return its option."""
        path = Path(self.folder) / "bad.conf"
        path.write_bytes(text.encode("latin-1"))
        return f"--config={path}"

    def test_an_unknown_name_or_a_wrong_kind_in_a_file_is_refused_by_its_name(self) -> None:
        for text in (
            "prot = 9000",
            "PORT = 9000",
            "help = True",
            "config = 'other.conf'",
            "port = True",
            "port = 9000.5",
            "port = [9000]",
            "port = None",
            "port = 'eighty'",
            "xheaders = 1",
            "xheaders = 'maybe'",
            "site_name = 7",
            "site_name = b'Ours'",
            "site_name = None",
            "messages_per_second = True",
            "messages_per_second = 10 ** 400",
        ):
            with self.subTest(text):
                why = self.refused(self.write(text))
                self.assertIn("bad.conf", why)
                if "400" not in text:
                    self.assertIn(text.partition(" ")[0], why)
        for text in (
            "raise SystemExit(0)",
            "import nothing_of_this_name",
            "1 / 0",
            "site_name = '\xff'",
            "a = (" * 999,
        ):
            with self.subTest(text):
                self.assertIn("bad.conf", self.refused(self.write(text)))

    def test_what_is_no_python_or_sets_nothing_is_refused_with_a_hint(self) -> None:
        for text in ("--port 9000", "--port=9000", "port 9000", "port: 9000", "port == 9000", '{"port": 9000}', "port"):
            with self.subTest(text):
                self.assertIn("port = 9000", self.refused(self.write(text)))

    def test_a_file_may_import_and_have_names_of_its_own(self) -> None:
        text = "import os.path\nfrom os import environ, sep as slash\n_name = 'Ours'\ndef join(a):\n    return a\n"
        self.read(self.write(f'"""Ours."""\n{text}site_name = join(_name)\nmessages_per_second = 5\nport = "9"\n'))
        self.assertEqual((self.options.site_name, self.options.messages_per_second), ("Ours", 5.0))
        self.assertEqual(self.options.port, 9)

    def test_a_switch_is_true_or_false(self) -> None:
        for word, is_on in (("no", False), ("off", False), ("FALSE", False), ("0", False), ("yes", True), ("On", True)):
            self.read(f"--xheaders={word}")
            self.assertEqual(self.options.xheaders, is_on, word)
        self.read("--xheaders=no", XHEADERS="yes")
        self.assertFalse(self.options.xheaders)
        self.read("--log-to-stderr")
        self.assertTrue(self.options.log_to_stderr)
        self.assertIn("--xheaders=maybe", self.refused("--xheaders=maybe"))
        self.assertIn("PROSA_XHEADERS=maybe", self.refused(XHEADERS="maybe"))
        self.assertIn("--log_to_stderr=2", self.refused("--log_to_stderr=2"))

    def test_an_empty_variable_says_nothing(self) -> None:
        self.assertEqual(self.read(PORT="", SITE_NAME="", XHEADERS="", CONFIG="", MISSING=""), [])
        self.assertEqual((self.options.port, self.options.site_name), (8888, "Prosa"))

    def test_what_kubernetes_says_of_a_service_called_prosa_is_not_used(self) -> None:
        env = {
            "SERVICE_HOST": "10.0.0.1",
            "SERVICE_PORT": "80",
            "SERVICE_PORT_HTTP": "80",
            "PORT_80_TCP": "tcp://10.0.0.1:80",
            "PORT_80_TCP_PROTO": "tcp",
            "PORT_80_TCP_PORT": "80",
            "PORT_80_TCP_ADDR": "10.0.0.1",
            "MONGO_SERVICE_HOST": "10.0.0.2",
            "MONGO_PORT": "tcp://10.0.0.2:27017",
            "DNS_PORT_53_UDP_ADDR": "10.0.0.3",
        }
        self.assertEqual(self.read(**env), [])
        for url in ("tcp://10.0.0.1:80", "udp://[fd00::1]:80", "TCP://10.0.0.1:80"):
            (remark,) = self.read(**env, PORT=url)
            self.assertIn(f"PROSA_PORT={url} ", remark)
            self.assertEqual(self.options.port, 8888)
        self.assertEqual(self.read("--port=9", PORT="tcp://10.0.0.1:80"), [])
        self.assertIn("PROSA_PORT=eighty", self.refused(PORT="eighty"))

    def test_a_variable_that_names_no_option_is_remarked_on_without_its_value(self) -> None:
        for name in ("COOKIE_SECERT", "HELP", "port", "", "MONGO_PORT"):
            with self.subTest(name):
                (remark,) = self.read(**{name: "between ourselves"})
                self.assertIn(f"PROSA_{name} in the environment is no option", remark)
                self.assertNotIn("ourselves", remark)

    def test_words_after_the_options_are_a_commands(self) -> None:
        for arguments in (["--port=9", "adduser", "--help"], ["-port=9", "--", "adduser", "--help"]):
            self.assertFalse(configuration.wants_help(arguments))
            self.assertEqual(configuration.read(self.options, arguments)[0], ["adduser", "--help"])
        self.assertTrue(configuration.wants_help(["--port=abc", "--help", "adduser"]))

    def test_a_value_is_text_that_can_stand_in_a_line(self) -> None:
        for text in ("a\udcff", "a\nb", "\x1b[2J", "a\x85", "a\u2028b", "a\u2029b", "\x00", "\x7f"):
            self.assertFalse(is_single_line(text), text)
        for text in ("", "Café 密", "a\u00a0b", "😀", "\u0915\u094d\u200d\u0937"):
            self.assertTrue(is_single_line(text), text)
