"""Who may ask the API, how often, and with what: everything else is refused in one shape."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from controllers.api.fields import Fields
from controllers.api.operation import ROOT, Operation
from controllers.api.routes import OPERATIONS
from testsuite.api import Api
from testsuite.cases import SiteTest
from testsuite.clients import Answer, Client
from testsuite.tables import sql
from testsuite.test_forgery import FOREIGN, STORED, filled

PLACES = {"room": "lobby", "seq": "1", "id": "1", "emoji": quote("👍")}
# What is no value of any field of a body, in JSON.
NO_VALUES = (
    *('{"a": 1}', "[]", "[[[[1]]]]", "1.5", "1e999", "-1e999", "NaN", "Infinity", "-Infinity", "9" * 5000),
    *('"\\ud800"', '"a\\u0000b"', '"\\udfff\\ud800"'),
)
TOKENS = {**STORED, "token": "user_id, name"}


def path_of(one: Operation) -> str:
    """Return a path of an operation, without the beginning that all have."""
    return one.path.format_map(PLACES)


class RequestsTest(SiteTest):
    def setUp(self) -> None:
        self.ana = Api(self.client("ana"))

    def state(self) -> list[object]:
        """Return everything that a request could change."""
        return [sql(self.folder, f"SELECT {columns} FROM {table}") for table, columns in TOKENS.items()]

    def refusal(self, answer: Answer) -> tuple[int, str]:
        """Return the status and the code of a refusal; fail if it has another shape than all."""
        error = answer.json()["error"]
        self.assertLessEqual({"code", "status", "message"}, error.keys())
        self.assertLessEqual(error.keys(), {"code", "status", "message", "fields", "retry_after"})
        self.assertEqual(error["status"], answer.status)
        self.assertEqual(answer.headers["Content-Type"], "application/json; charset=utf-8".replace("utf", "UTF"))
        self.assertIsNone(answer.headers["Access-Control-Allow-Origin"])
        return answer.status, error["code"]

    # --- who asks

    def test_signed_out_nothing_is_answered_nor_changed(self) -> None:
        """docs/security.rst 1."""
        before = self.state()
        for one in OPERATIONS:
            with self.subTest(one.method, path=one.path):
                for headers in ({}, {"Authorization": "Bearer prosa_" + "x" * 43}, {"Authorization": "bearer"}):
                    answer = Client(self.server.url).request(one.method, ROOT + path_of(one), "{}", **headers)
                    self.assertEqual(self.refusal(answer), (401, "unauthorized"))
                    self.assertTrue((answer.headers["WWW-Authenticate"] or "").startswith("Bearer"))
        self.assertEqual(self.state(), before)

    def test_a_session_needs_the_header_against_forgery_for_whatever_changes_something(self) -> None:
        """docs/security.rst 2 and 32."""
        other, before = self.client("beto").xsrf, self.state()
        for one in OPERATIONS:
            if one.method == "GET":
                self.assertNotEqual(self.ana.client.get(ROOT + path_of(one)).status, 403)
                continue
            with self.subTest(one.method, path=one.path):
                tokens: list[dict[str, str]] = [
                    {},
                    {"X_Xsrftoken": ""},
                    {"X_Xsrftoken": other},
                    {"X_Xsrftoken": f"1:{other}"},
                ]
                for headers in tokens:
                    answer = self.ana.client.request(one.method, ROOT + path_of(one), "{}", **headers)
                    self.assertEqual(self.refusal(answer), (403, "forbidden"))
                for foreign in FOREIGN:
                    headers = filled(foreign, self.server.url)
                    answer = self.ana.call(one.method, path_of(one), {}, **headers)
                    self.assertEqual(self.refusal(answer), (403, "forbidden"))
        self.assertEqual(self.state(), before)

    def test_a_page_that_was_made_for_another_member_changes_nothing(self) -> None:
        """docs/security.rst 44."""
        before = self.state()
        answer = self.ana.call("POST", "rooms", {"name": "x"}, **{"X-Xsrftoken": f"2:{self.ana.client.xsrf}"})
        self.assertEqual(self.refusal(answer), (403, "made_for_another"))
        self.assertEqual(self.state(), before)
        own = {"X-Xsrftoken": f"1:{self.ana.client.xsrf}"}
        self.assertEqual(self.ana.call("POST", "rooms", {"name": "Own"}, **own).status, 201)

    def test_with_a_token_no_cookie_counts_whatever_the_token_is_worth(self) -> None:
        """docs/security.rst 32."""
        betos = Api(self.client("beto")).token()
        for scheme in ("Bearer", "bearer", "BEARER"):
            answer = self.ana.client.get("/api/me", Authorization=f"{scheme} {betos}")
            self.assertEqual(answer.json()["username"], "beto")
        for token in ("", "x", betos[:-1], betos + "x", betos.upper(), "\xff" * 49):
            with self.subTest(token):
                answer = self.ana.call("POST", "rooms", {"name": "x"}, Authorization=f"Bearer {token}")
                self.assertEqual(self.refusal(answer), (401, "unauthorized"))
        basic = self.ana.client.get("/api/me", Authorization="Basic eDp4")  # of a proxy in front of the site
        self.assertEqual(basic.json()["username"], "ana")

    def test_a_token_that_reads_changes_nothing_and_none_makes_tokens(self) -> None:
        """docs/security.rst 32."""
        reads, writes = self.ana.program("read"), self.ana.program("write")
        before = self.state()
        for one in OPERATIONS:
            with self.subTest(one.method, path=one.path):
                answer = reads.call(one.method, path_of(one), None if one.method == "GET" else {})
                if one.method != "GET" or not one.is_for_tokens:
                    self.assertEqual(self.refusal(answer), (403, "forbidden"))
                if not one.is_for_tokens:
                    body = {"name": "more", "scope": "write", "days": None} if one.takes_body else None
                    self.assertEqual(self.refusal(writes.call(one.method, path_of(one), body)), (403, "forbidden"))
        self.assertEqual(self.state(), before)
        never = {(one.method, one.path) for one in OPERATIONS if not one.is_for_tokens}
        own = {("GET", "tokens"), ("POST", "tokens"), ("DELETE", "tokens/{id}")}
        self.assertEqual(never, {*own, ("POST", "rooms/{room}/hooks")})  # whose answer has a secret, too
        self.assertEqual(writes.expect(201, "POST", "rooms", {"name": "By a token"})["address"], "by-a-token")

    def test_an_ended_token_is_refused_at_once(self) -> None:
        program = self.ana.program()
        self.assertEqual(program.get("me")["scope"], "write")
        newest = self.ana.get("tokens")["tokens"][0]["id"]
        self.ana.expect(204, "DELETE", f"tokens/{newest}")
        self.assertEqual(self.refusal(program.call("GET", "me")), (401, "unauthorized"))
        self.assertEqual(self.refusal(self.ana.call("DELETE", f"tokens/{newest}")), (404, "unknown_token"))

    def test_what_is_not_taken_is_told_with_what_is(self) -> None:
        methods: dict[str, set[str]] = {}
        for one in OPERATIONS:
            methods.setdefault(one.path, set()).update({one.method, *(("HEAD",) if one.method == "GET" else ())})
        for path, taken in methods.items():
            for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"} - taken:
                with self.subTest(method, path=path):
                    answer = self.ana.call(method, path.format_map(PLACES))
                    self.assertEqual(self.refusal(answer), (405, "method_not_allowed"))
                    self.assertEqual({*(answer.headers["Allow"] or "").split(", ")}, taken)
        self.assertEqual(self.refusal(self.ana.call("GET", "nothing")), (404, "not_found"))

    # --- what is sent

    def body_fields(self) -> list[tuple[Operation, type[Fields]]]:
        """Return the operations that take a body, and what is in it."""
        return [(one, one.fields["body"]) for one in OPERATIONS if one.takes_body]

    def test_a_wrong_value_in_any_field_of_any_call_is_named(self) -> None:
        """docs/security.rst 33."""
        before = self.state()
        for one, fields in self.body_fields():
            for value in NO_VALUES:
                with self.subTest(one.method, path=one.path, value=value[:20]):
                    body = "{" + ", ".join(f'"{name}": {value}' for name in fields.model_fields) + "}"
                    answer = self.ana.call(one.method, path_of(one), body)
                    self.assertEqual(self.refusal(answer), (400, "bad_request"))
                    self.assertEqual(answer.json()["error"]["fields"].keys(), fields.model_fields.keys())
        self.assertEqual(self.state(), before)

    def test_what_is_no_object_in_utf_8_is_refused(self) -> None:
        """docs/security.rst 33."""
        bodies: tuple[Any, ...] = (
            *("", "null", "[]", '"x"', "1", "{", '{"body": "x"', '{"body": "x"} x', "{'body': 'x'}", '{"body": "x",}'),
            *("[" * 200_000, '{"body":' * 30_000, '{"a":' * 30_000 + "1" + "}" * 30_000, '\ufeff{"body": "x"}'),
            *(b'{"body": "\xff"}', '{"body": "x"}'.encode("utf-16"), b'{"body": "\xed\xa0\x80"}', '{"body": "\t\n"}'),
            "{" + ", ".join(f'"{number}": 1' for number in range(20_000)) + "}",
        )
        for one, _ in self.body_fields():
            for body in bodies if one.path.endswith("messages") else bodies[:5]:
                with self.subTest(one.path, body=body[:20]):
                    self.assertEqual(self.refusal(self.ana.call(one.method, path_of(one), body)), (400, "bad_request"))
            for media_type in ("text/plain", "application/x-www-form-urlencoded", "application/json-patch+json", ""):
                answer = self.ana.call(one.method, path_of(one), "{}", Content_Type=media_type)
                self.assertEqual(self.refusal(answer), (415, "not_json"))
            self.assertEqual(self.refusal(self.ana.call(one.method, path_of(one), " " * 262_145)), (413, "too_large"))

    def test_names_that_are_unknown_missing_or_there_twice_are_told(self) -> None:
        """docs/security.rst 33."""
        twice = self.ana.call("POST", "rooms/lobby/messages", '{"body": "a", "body": "b"}')
        self.assertEqual(twice.json()["error"]["fields"], {"body": "This is there twice."})
        several = self.ana.call("POST", "rooms/lobby/messages", {"nonce": "", "\ud800": 1, "x" * 99: 1, "target": 0})
        self.assertEqual({*several.json()["error"]["fields"]}, {"body", "nonce", "?", "x" * 64, "target"})
        for query in ("limit=0", "limit=101", "limit=1.0", "limit=", "limit=-1", "limit=1&limit=2", "limit=%ff", "x=1"):
            with self.subTest(query):
                answer = self.ana.call("GET", f"rooms/lobby/messages?{query}")
                self.assertEqual(self.refusal(answer), (400, "bad_request"))
                self.assertEqual([*answer.json()["error"]["fields"]], [query.partition("=")[0]])
        for query in ("limit=%EF%BC%91", "limit=1_0", "limit=+1", "after=-1", "after=99999999999999999999", "before=x"):
            self.assertEqual(self.ana.call("GET", f"rooms/lobby/messages?{query}").status, 400)
        self.assertEqual(self.refusal(self.ana.call("DELETE", "rooms/lobby/messages/1", "{}")), (400, "bad_request"))

    def test_what_no_path_can_have_is_nowhere(self) -> None:
        for path in ("x" * 65, "%00", "a%00b", "lobby/messages/0", "lobby/messages/x", f"lobby/messages/{10**16}"):
            with self.subTest(path):
                self.assertEqual(self.ana.call("GET", f"rooms/{path}").status, 404)
        for path in ("%ff", "lobby/messages/1%ff"):
            self.assertEqual(self.ana.call("GET", f"rooms/{path}").status, 400)

    def test_errors_are_in_the_language_of_who_asks(self) -> None:
        answer = self.ana.call("GET", "rooms/nowhere", **{"Accept-Language": "pt-BR"})
        self.assertEqual(answer.json()["error"]["message"], "Não há uma sala assim entre as suas.")
        self.assertEqual(answer.json()["error"]["code"], "unknown_room")


class RatesTest(SiteTest):
    """docs/security.rst 37: a token's requests have a limit, and so have a member's."""

    options = ("--messages_per_second=0.001",)

    def until_refused(self, api: Api, method: str, path: str, body: object = None) -> tuple[int, Answer]:
        """Repeat a request until it is refused; return how often it was not, and the refusal."""
        for count in range(1000):
            answer = api.call(method, path, body)
            if answer.status == 429:
                self.assertEqual(answer.json()["error"]["code"], "slow_down")
                self.assertGreater(answer.json()["error"]["retry_after"], 1)
                self.assertGreater(int(answer.headers["Retry-After"] or 0), 1)
                return count, answer
            self.assertIn(answer.status, (200, 201, 204))
        raise AssertionError("it is never refused")

    def test_each_token_and_the_member_have_limits_of_their_own(self) -> None:
        beto = Api(self.client("beto"))
        first, second = beto.program(), beto.program()
        self.assertEqual(self.until_refused(first, "POST", "rooms/lobby/messages", {"body": "x"})[0], 20)
        self.assertEqual(self.until_refused(second, "POST", "rooms/lobby/tasks", {"text": "x"})[0], 20)
        self.assertEqual(self.until_refused(beto, "PUT", "rooms/lobby/read", {"seq": 1})[0], 18)  # with two tokens
        self.assertEqual(first.call("GET", "rooms").status, 200)

    def test_reads_are_limited_too(self) -> None:
        program = Api(self.client("carla")).program()
        self.assertEqual(self.until_refused(program, "GET", "me")[0], 200)
        self.assertEqual(program.call("GET", "me", **{"If-None-Match": "*"}).status, 429)
