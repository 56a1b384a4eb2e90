"""SockJS protocol 0.3.3: xhr-streaming, eventsource and htmlfile. The test server ends a stream after 4,096 bytes."""

from __future__ import annotations

import json
import re

from testsuite.sockjs import ProtocolTest, Wire
from testsuite.test_sockjs_polling import BAD_CALLBACKS

ORIGIN = "http://other.example"
HEAD = """<!doctype html>
<html><head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
</head><body><h2>Don't panic!</h2>
  <script>
    document.domain = document.domain;
    var c = parent.{callback};
    c.start();
    function p(d) {{c.message(d);}};
    window.onload = function() {{c.stop();}};
  </script>"""


class StreamTest(ProtocolTest):
    def send(self, session: str, payload: str) -> None:
        self.assert_sent(self.post(f"{session}/xhr_send", payload))


class XhrStreaming(StreamTest):
    def test_pages_of_every_origin_may_ask(self) -> None:
        self.assert_preflight(f"{self.session()}/xhr_streaming", "OPTIONS, POST")

    def test_it_brings_frames(self) -> None:
        session = self.session()
        stream = self.stream("POST", f"{session}/xhr_streaming", Origin=ORIGIN)
        self.assert_type(stream, "application/javascript;charset=UTF-8")
        self.assert_welcome(stream, ORIGIN)
        self.assert_not_cached(stream)
        self.assertEqual([stream.chunk(), stream.chunk()], ["h" * 2048 + "\n", "o\n"])
        self.send(session, '["x"]')
        self.assertEqual(stream.chunk(), 'a["x"]\n')

    def test_it_ends_when_it_has_grown_too_long(self) -> None:
        session = self.session()
        stream = self.stream("POST", f"{session}/xhr_streaming")
        self.assertEqual([stream.chunk(), stream.chunk()][1], "o\n")
        frame = f'["{"x" * 128}"]'
        for _ in range(31):  # 31 x 133 and the "o"
            self.send(session, frame)
            self.assertEqual(stream.chunk(), f"a{frame}\n")
        self.assertEqual(stream.chunk(), "")
        self.send(session, '["between two streams"]')
        following = self.stream("POST", f"{session}/xhr_streaming")
        self.assertEqual([following.chunk(), following.chunk()][1], 'a["between two streams"]\n')


class EventSource(StreamTest):
    def opened(self, session: str) -> Wire:
        """Return a stream that has brought its prelude and the opening frame."""
        stream = self.stream("GET", f"{session}/eventsource")
        self.assertEqual([stream.chunk(), stream.chunk()], ["\r\n", "data: o\r\n\r\n"])
        return stream

    def test_it_brings_frames(self) -> None:
        session = self.session()
        stream = self.opened(session)
        self.assert_type(stream, "text/event-stream")
        self.assert_not_cached(stream)
        self.send(session, '["x"]')
        self.assertEqual(stream.chunk(), 'data: a["x"]\r\n\r\n')
        self.send(session, r'["  \u0000\n\r "]')
        self.assertEqual(stream.chunk(), 'data: a["  \\u0000\\n\\r "]\r\n\r\n')

    def test_it_ends_when_it_has_grown_too_long(self) -> None:
        session = self.session()
        stream = self.opened(session)
        self.send(session, f'["{"x" * 4096}"]')
        self.assertEqual([stream.chunk(), stream.chunk()], [f'data: a["{"x" * 4096}"]\r\n\r\n', ""])


class HtmlFile(StreamTest):
    def opened(self, session: str, query: str = "c=callback") -> Wire:
        """Return a stream that has brought its head and the opening frame."""
        stream = self.stream("GET", f"{session}/htmlfile?{query}")
        self.head = stream.chunk()
        self.assertEqual(stream.chunk(), '<script>\np("o");\n</script>\r\n')
        return stream

    def test_it_brings_frames(self) -> None:
        session = self.session()
        stream = self.opened(session, "c=%63allback")
        self.assert_type(stream, "text/html;charset=UTF-8")
        self.assert_not_cached(stream)
        self.assertEqual(self.head.strip(), HEAD.format(callback="callback"))
        self.assertGreater(len(self.head), 1024)
        self.send(session, '["x"]')
        self.assertEqual(stream.chunk(), '<script>\np("a[\\"x\\"]");\n</script>\r\n')

    def test_it_needs_a_callback(self) -> None:
        for query in ("", "?c=", "?d=x"):
            answer = self.get(f"{self.session()}/htmlfile{query}")
            self.assertEqual((answer.status, answer.text), (500, '"callback" parameter required'))

    def test_a_callback_is_a_name(self) -> None:
        """docs/sockjs.rst 9 and 10: it is looked at, and left as it is."""
        self.opened(self.session(), "c=_jp.a1")
        self.assertEqual(self.head.strip(), HEAD.format(callback="_jp.a1"))
        for callback in BAD_CALLBACKS:
            with self.subTest(callback=callback):
                answer = self.get(f"{self.session()}/htmlfile?c={callback}")
                self.assertEqual((answer.status, answer.text), (500, 'invalid "callback" parameter'))

    def test_a_frame_cannot_end_its_script(self) -> None:
        session = self.session()
        stream = self.opened(session)
        self.send(session, '["</script><script>alert(1)</script><!--"]')
        frame = stream.chunk()
        call = re.fullmatch(r"<script>\np\(([^<>]|\\u003c|>)*\);\n</script>\r\n", frame)
        assert call is not None, frame
        sent = json.loads(frame.partition("p(")[2].partition(");\n")[0])
        self.assertEqual(json.loads(sent[1:]), ["</script><script>alert(1)</script><!--"])

    def test_it_ends_when_it_has_grown_too_long(self) -> None:
        session = self.session()
        stream = self.opened(session)
        self.send(session, f'["{"x" * 4096}"]')
        frame = f'<script>\np("a[\\"{"x" * 4096}\\"]");\n</script>\r\n'
        self.assertEqual([stream.chunk(), stream.chunk()], [frame, ""])
