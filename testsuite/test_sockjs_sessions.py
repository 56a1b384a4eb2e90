"""SockJS protocol 0.3.3: session URLs, sessions that open and close, JSESSIONID, and any text there and back."""

from __future__ import annotations

import json
import re
import secrets

from testsuite.sockjs import FORM, ProtocolTest
from testsuite.waiting import wait_for

CLOSED = 'c[3000,"Go away!"]'
SECOND = 'c[2010,"Another connection still open"]'
ABORTED = ("o\n", 'c[1002,"Connection interrupted"]\n')  # forgotten, or remembered as what was cut off
# What a server must not send as it is: browsers change it on the way.
MANGLED = re.compile("[\x00-\x1f\u200c-\u200f\u2028-\u202f\u2060-\u206f\ufff0-\uffff]")


class SessionUrls(ProtocolTest):
    def test_server_and_session_are_any_text(self) -> None:
        new = secrets.token_hex(4)
        for session in (
            f"/a/a{new}",
            f"/_/_{new}",
            f"/1/{new}",
            f"/ab_c-d%20/ab_c-d%20{new}",
            f"/%C3%A1/%E2%98%83{new}",
        ):
            with self.subTest(session=session):
                self.assert_text(self.post(f"/echo{session}/xhr"), "o\n")
                self.assert_sent(self.post(f"/echo{session}/xhr_send", '["a"]'))
                self.assert_text(self.post(f"/echo{session}/xhr"), 'a["a"]\n')

    def test_neither_is_empty_or_has_a_dot_and_nothing_else_fits(self) -> None:
        for session in ("//", "/a./a", "/a/a.", "/./.", "/", "///", "/a/a/a"):
            for method in ("GET", "POST"):
                with self.subTest(session=session, method=method):
                    self.assertEqual(self.ask(method, f"/echo{session}/xhr").status, 404)

    def test_the_server_part_says_nothing_about_the_session(self) -> None:
        name = secrets.token_hex(8)
        self.assert_text(self.post(f"/echo/000/{name}/xhr"), "o\n")
        self.assert_sent(self.post(f"/echo/001/{name}/xhr_send", '["a"]'))
        self.assert_text(self.post(f"/echo/999/{name}/xhr"), 'a["a"]\n')


class Sessions(ProtocolTest):
    def test_a_session_opens_hears_and_answers(self) -> None:
        session = self.session()
        self.assertEqual(self.post(f"{session}/xhr_send", '["too early"]').status, 404)
        self.assert_text(self.post(f"{session}/xhr"), "o\n")
        self.assert_sent(self.post(f"{session}/xhr_send", '["a"]'))
        self.assert_text(self.post(f"{session}/xhr"), 'a["a"]\n')

    def test_only_one_request_may_wait_for_a_session(self) -> None:
        session = self.session()
        self.assert_text(self.post(f"{session}/xhr"), "o\n")
        first = self.poll_that_waits(session)
        self.assert_text(self.post(f"{session}/xhr"), SECOND + "\n")
        self.assert_sent(self.post(f"{session}/xhr_send", '["a"]'))
        self.assertIn(b" 200 ", first.file.readline())

    def test_a_session_that_the_server_has_closed_says_so_each_time(self) -> None:
        session = self.session("/close")
        for text in ("o", CLOSED, CLOSED, CLOSED):
            self.assert_text(self.post(f"{session}/xhr"), text + "\n")
        self.assertEqual(self.post(f"{session}/xhr_send", '["too late"]').status, 404)


class Closing(ProtocolTest):
    def frames(self, session: str) -> list[str]:
        """Return the chunks of a stream that the server ends, without the prelude."""
        stream = self.stream("POST", f"{session}/xhr_streaming")
        stream.chunk()
        return list(iter(stream.chunk, ""))

    def test_a_request_on_a_closed_session_hears_why_and_not_of_another_connection(self) -> None:
        session = self.session("/close")
        self.assertEqual(self.frames(session), ["o\n", CLOSED + "\n"])
        self.assertEqual(self.frames(session), [CLOSED + "\n"])

    def test_a_second_stream_is_sent_away_and_ended(self) -> None:
        session = self.session()
        first = self.stream("POST", f"{session}/xhr_streaming")
        self.assertEqual([first.chunk(), first.chunk()][1], "o\n")
        self.assertEqual(self.frames(session), [SECOND + "\n"])
        self.assert_sent(self.post(f"{session}/xhr_send", '["still the first"]'))
        self.assertEqual(first.chunk(), 'a["still the first"]\n')

    def test_a_stream_that_is_cut_off_ends_its_session(self) -> None:
        session = self.session()
        first = self.stream("POST", f"{session}/xhr_streaming")
        self.assertEqual([first.chunk(), first.chunk()][1], "o\n")
        self.assertEqual(self.frames(session), [SECOND + "\n"])
        first.close()
        self.assertIn(wait_for(lambda: self.after_the_first(session), "the server has noticed"), ABORTED)

    def after_the_first(self, session: str) -> str:
        """Return the first frame of a new stream, or nothing while the server holds on to another one."""
        stream = self.stream("POST", f"{session}/xhr_streaming")
        frame = [stream.chunk(), stream.chunk()][1]
        stream.close()
        return "" if frame == SECOND + "\n" else frame

    def test_a_poll_that_is_cut_off_ends_its_session(self) -> None:
        session = self.session()
        self.assert_text(self.post(f"{session}/xhr"), "o\n")
        first = self.poll_that_waits(session)
        self.assert_text(self.post(f"{session}/xhr"), SECOND + "\n")
        first.close()
        found = wait_for(lambda: self.post(f"{session}/xhr").text.replace(SECOND + "\n", ""), "the server has noticed")
        self.assertIn(found, ABORTED)


class Cookie(ProtocolTest):
    """JSESSIONID, by which some load balancers keep a session at one server."""

    def assert_cookie(self, answer: object, value: str = "dummy") -> None:
        parts = [part.strip() for part in answer.headers["Set-Cookie"].split(";")]  # type: ignore[attr-defined]
        self.assertEqual([parts[0], parts[1].lower()], [f"JSESSIONID={value}", "path=/"])

    def test_the_info_says_that_it_is_needed_and_does_not_set_it(self) -> None:
        answer = self.get("/cookie_needed_echo/info")
        self.assertIs(answer.json()["cookie_needed"], True)
        self.assertIsNone(answer.headers["Set-Cookie"])

    def test_polls_and_sends_set_it(self) -> None:
        session = self.session("/cookie_needed_echo")
        poll = self.post(f"{session}/xhr")
        self.assert_text(poll, "o\n")
        self.assert_cookie(poll)
        self.assert_cookie(self.post(f"{session}/xhr_send", '["x"]'))

    def test_whoever_has_it_keeps_it(self) -> None:
        for value in ("abcdef", "0A1B.node-7", "x!1:2~3_4"):
            with self.subTest(value=value):
                answer = self.post(f"{self.session('/cookie_needed_echo')}/xhr", Cookie=f"JSESSIONID={value}")
                self.assert_text(answer, "o\n")
                self.assert_cookie(answer, value)

    def test_streams_set_it(self) -> None:
        for method, name in (("POST", "xhr_streaming"), ("GET", "eventsource"), ("GET", "htmlfile?c=callback")):
            with self.subTest(transport=name):
                self.assert_cookie(self.stream(method, f"{self.session('/cookie_needed_echo')}/{name}"))

    def test_jsonp_sets_it(self) -> None:
        session = self.session("/cookie_needed_echo")
        poll = self.get(f"{session}/jsonp?c=callback")
        self.assert_text(poll, '/**/callback("o");\r\n')
        self.assert_cookie(poll)
        sent = self.post(f"{session}/jsonp_send", "d=%5B%22x%22%5D", Content_Type=FORM)
        self.assert_text(sent, "ok")
        self.assert_cookie(sent)

    def test_no_answer_sets_it_where_it_is_not_needed(self) -> None:
        session = self.session()
        for answer in (self.post(f"{session}/xhr"), self.post(f"{session}/xhr_send", '["x"]')):
            self.assertIsNone(answer.headers["Set-Cookie"])


class Texts(ProtocolTest):
    """Any text comes as it was sent."""

    def test_what_browsers_change_on_the_way_is_sent_escaped(self) -> None:
        session = self.session()
        self.assert_text(self.post(f"{session}/xhr"), "o\n")
        text = "".join(filter(MANGLED.match, map(chr, range(0x10000))))
        self.assertGreater(len(text), 60)
        as_it_is = json.dumps([text.replace("\x00", "")], ensure_ascii=False).encode()
        self.assert_sent(self.post(f"{session}/xhr_send", as_it_is))
        frame = self.post(f"{session}/xhr").text.removesuffix("\n")
        self.assertIsNone(MANGLED.search(frame))
        self.assertEqual(json.loads(frame[1:]), [text.replace("\x00", "")])

    def test_what_browsers_escape_is_understood(self) -> None:
        session = self.session()
        self.assert_text(self.post(f"{session}/xhr"), "o\n")
        numbers = [number for number in range(0x10000) if not 0xD800 <= number < 0xE000]
        for start in range(0, len(numbers), 8000):
            some = numbers[start : start + 8000]
            self.assert_sent(self.post(f"{session}/xhr_send", '["' + "".join(f"\\u{n:04x}" for n in some) + '"]'))
            frame = self.post(f"{session}/xhr").text
            self.assertEqual(json.loads(frame[1:]), ["".join(map(chr, some))])

    def test_characters_beyond_16_bits_come_and_go(self) -> None:
        session = self.session()
        self.assert_text(self.post(f"{session}/xhr"), "o\n")
        for payload in ('["\U0001f980 \U0010ffff"]', '["\\ud83e\\udd80 \\udbff\\udfff"]'):
            self.assert_sent(self.post(f"{session}/xhr_send", payload))
            self.assertEqual(json.loads(self.post(f"{session}/xhr").text[1:]), ["\U0001f980 \U0010ffff"])
