"""SockJS protocol 0.3.3: xhr-polling and jsonp-polling."""

from __future__ import annotations

from testsuite.clients import Answer
from testsuite.sockjs import FORM, ProtocolTest

ORIGIN = "http://other.example"
BAD_CALLBACKS = ("%20", "*", "abc(", "abc%28", "%C3%A1", "a%0Ab", "%FF", "c" * 129)


class XhrPolling(ProtocolTest):
    def opened(self) -> str:
        """Return the path of a session that is open."""
        session = self.session()
        self.assert_text(self.post(f"{session}/xhr"), "o\n")
        return session

    def test_pages_of_every_origin_may_ask(self) -> None:
        for name in ("xhr", "xhr_send"):
            self.assert_preflight(f"{self.session()}/{name}", "OPTIONS, POST")

    def test_it_brings_frames_and_takes_messages(self) -> None:
        session = self.session()
        poll = self.post(f"{session}/xhr", Origin=ORIGIN)
        self.assert_text(poll, "o\n")
        self.assert_type(poll, "application/javascript;charset=UTF-8")
        sent = self.post(f"{session}/xhr_send", '["x"]', Origin=ORIGIN)
        self.assert_sent(sent)
        self.assert_type(sent, "text/plain;charset=UTF-8")
        for answer in (poll, sent):
            self.assert_welcome(answer, ORIGIN)
            self.assert_not_cached(answer)
        self.assert_text(self.post(f"{session}/xhr"), 'a["x"]\n')

    def test_a_session_that_does_not_exist_hears_nothing(self) -> None:
        self.assertEqual(self.post(f"{self.session()}/xhr_send", '["x"]').status, 404)

    def test_what_is_no_json_is_refused_and_the_session_goes_on(self) -> None:
        session = self.opened()
        for payload, words in (('["x', "Broken JSON encoding."), ("", "Payload expected.")):
            answer = self.post(f"{session}/xhr_send", payload)
            self.assertEqual(answer.status, 500)
            self.assertIn(words, answer.text)
        self.assert_sent(self.post(f"{session}/xhr_send", '["a"]'))
        self.assert_text(self.post(f"{session}/xhr"), 'a["a"]\n')

    def test_the_content_type_of_what_is_sent_does_not_matter(self) -> None:
        session = self.opened()
        types = ("text/plain", "T", "application/json", "application/xml", "", "application/json; charset=utf-8",
                 "text/xml; charset=utf-8", "text/xml", FORM)  # fmt: skip
        for content_type in types:
            with self.subTest(content_type=content_type):
                self.assert_sent(self.post(f"{session}/xhr_send", '["a"]', Content_Type=content_type))
        self.assert_text(self.post(f"{session}/xhr"), "a[" + ",".join(['"a"'] * len(types)) + "]\n")

    def test_the_headers_that_a_page_wants_to_send_are_allowed(self) -> None:
        for method in ("OPTIONS", "POST"):
            for asked in ("a, b, c", "", None):
                with self.subTest(method=method, asked=asked):
                    wanted = {} if asked is None else {"Access_Control_Request_Headers": asked}
                    answer = self.ask(method, f"{self.session()}/xhr", Origin=ORIGIN, **wanted)
                    self.assertIn(answer.status, (200, 204))
                    self.assert_welcome(answer, ORIGIN)
                    self.assertEqual(answer.headers["Access-Control-Allow-Headers"], asked or None)

    def test_a_list_without_messages_may_be_sent(self) -> None:
        session = self.opened()
        for payload in ("[]", '["a"]'):
            self.assert_sent(self.post(f"{session}/xhr_send", payload))
        self.assert_text(self.post(f"{session}/xhr"), 'a["a"]\n')

    def test_many_messages_may_be_sent_at_once(self) -> None:
        session = self.opened()
        messages = "[" + ",".join(f'"{number}"' for number in range(1000)) + "]"
        self.assert_sent(self.post(f"{session}/xhr_send", messages))
        self.assert_text(self.post(f"{session}/xhr"), f"a{messages}\n")


class JsonpPolling(ProtocolTest):
    def opened(self) -> str:
        """Return the path of a session that is open."""
        session = self.session()
        self.assert_text(self.poll(session), '/**/x("o");\r\n')
        return session

    def poll(self, session: str) -> Answer:
        return self.get(f"{session}/jsonp?c=x")

    def send(self, session: str, form: str) -> Answer:
        return self.post(f"{session}/jsonp_send", form, Content_Type=FORM)

    def test_it_brings_frames_and_takes_messages(self) -> None:
        session = self.session()
        poll = self.get(f"{session}/jsonp?c=%63allback")
        self.assert_text(poll, '/**/callback("o");\r\n')
        self.assert_type(poll, "application/javascript;charset=UTF-8")
        sent = self.send(session, "d=%5B%22x%22%5D")
        self.assert_text(sent, "ok")
        self.assert_type(sent, "text/plain;charset=UTF-8")
        for answer in (poll, sent):
            self.assert_not_cached(answer)
        self.assert_text(self.get(f"{session}/jsonp?c=%63allback"), '/**/callback("a[\\"x\\"]");\r\n')

    def test_it_needs_a_callback(self) -> None:
        for query in ("", "?c=", "?d=x"):
            answer = self.get(f"{self.session()}/jsonp{query}")
            self.assertEqual((answer.status, answer.text), (500, '"callback" parameter required'))

    def test_a_callback_is_a_name(self) -> None:
        self.assert_text(self.get(f"{self.session()}/jsonp?c=_jp.a1"), '/**/_jp.a1("o");\r\n')
        for callback in BAD_CALLBACKS:
            with self.subTest(callback=callback):
                answer = self.get(f"{self.session()}/jsonp?c={callback}")
                self.assertEqual((answer.status, answer.text), (500, 'invalid "callback" parameter'))

    def test_what_is_no_json_is_refused_and_the_session_goes_on(self) -> None:
        session = self.opened()
        for form, words in (
            ("d=%5B%22x", "Broken JSON encoding."),
            *((form, "Payload expected.") for form in ("", "d=", "p=p")),
        ):
            with self.subTest(form=form):
                answer = self.send(session, form)
                self.assertEqual(answer.status, 500)
                self.assertIn(words, answer.text)
        self.assert_text(self.send(session, "d=%5B%22b%22%5D"), "ok")
        self.assert_text(self.poll(session), '/**/x("a[\\"b\\"]");\r\n')

    def test_messages_come_as_a_form_or_as_they_are(self) -> None:
        session = self.opened()
        self.assert_text(self.send(session, "d=%5B%22abc%22%5D"), "ok")
        self.assert_text(self.post(f"{session}/jsonp_send", '["%61bc"]', Content_Type="text/plain"), "ok")
        self.assert_text(self.poll(session), '/**/x("a[\\"abc\\",\\"%61bc\\"]");\r\n')

    def test_a_session_that_the_server_has_closed_says_so_each_time(self) -> None:
        session = self.session("/close")
        for frame in ("o", 'c[3000,\\"Go away!\\"]', 'c[3000,\\"Go away!\\"]'):
            self.assert_text(self.poll(session), f'/**/x("{frame}");\r\n')

    def test_a_list_without_messages_may_be_sent(self) -> None:
        session = self.opened()
        for form in ("d=%5B%5D", "d=%5B%22x%22%5D"):
            self.assert_text(self.send(session, form), "ok")
        self.assert_text(self.poll(session), '/**/x("a[\\"x\\"]");\r\n')
