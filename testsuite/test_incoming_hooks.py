"""Webhooks by which other sites post, and the page on which all are looked after."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from models.hooks import MAX_HOOKS
from testsuite.api import Api
from testsuite.clients import Answer
from testsuite.hook_case import HookTest, make_hook
from testsuite.roompage import refusals
from testsuite.tables import sql

FORM = "application/x-www-form-urlencoded"
NOBODYS = "/hooks/99999/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
KEEPERS = "Only who made this room, or an administrator, can do that."


class IncomingTest(HookTest):
    """docs/security.rst 34: whoever has a webhook's address can post there as its bot, and nothing else."""

    options = ("--messages_per_second=5",)

    def setUp(self) -> None:
        super().setUp()
        _, url = make_hook(self.ana, "lobby", kind="in")
        self.assertTrue(url.startswith(self.server.url))
        self.path = urlsplit(url).path
        self.stranger = self.client()

    def send(self, body: str | bytes, path: str = "", **headers: str) -> Answer:
        return self.stranger.request("POST", path or self.path, body, **{"Content_Type": "application/json", **headers})

    def posted_now(self) -> str:
        """Return what robo has posted last."""
        newest = Api(self.beto).get("rooms/lobby/messages?limit=100")["messages"]
        return next((message["body"] for message in reversed(newest) if message["author"] == "robo"), "")

    def test_texts_are_posted_as_the_bot_in_whichever_shape_they_come(self) -> None:
        attached = {"text": "*Build*", "username": "x", "icon_emoji": ":x:", "attachments": [
            {"fallback": "it failed", "color": "danger"}, {"text": "see there", "fallback": "no"}, 7, {"text": 7}
        ]}  # fmt: skip
        for body, headers, text in (
            (json.dumps({"text": "olá 👍"}), {}, "olá 👍"),
            (json.dumps({"text": "cru"}), {"Content_Type": "text/plain"}, "cru"),
            (json.dumps({"text": "as curl -d sends it"}), {"Content_Type": FORM}, "as curl -d sends it"),
            (urlencode({"payload": json.dumps({"text": "a & b = c"})}), {"Content_Type": FORM}, "a & b = c"),
            (json.dumps(attached), {}, "*Build*\n\nit failed\n\nsee there"),
            (json.dumps({"text": "from a page"}), {"Origin": "https://x.example", "Sec_Fetch_Site": "cross-site"},
             "from a page"),
        ):  # fmt: skip
            with self.subTest(text):
                answer = self.send(body, **headers)
                self.assertEqual((answer.status, answer.text), (200, "ok"))
                self.assertTrue(answer.headers["Content-Type"].startswith("text/plain"))
                self.assertNotIn("Access-Control-Allow-Origin", answer.headers)
                self.assertEqual(self.posted_now(), text)

    def test_the_same_key_posts_once(self) -> None:
        for text in ("first", "second"):
            self.assertEqual(self.send(json.dumps({"text": text}), Idempotency_Key="k" * 255).status, 200)
        self.assertEqual([self.posted(text) for text in ("first", "second")], [1, 0])
        self.assertEqual(self.send('{"text": "x"}', Idempotency_Key="k" * 256).status, 400)

    def test_a_wrong_secret_and_a_number_that_no_webhook_has_are_the_same(self) -> None:
        before = self.posted_now()
        number = int(self.path.split("/")[2])
        out, key = self.tell()
        sql(self.folder, "DELETE FROM hook WHERE id = ?", self.tell()[0])
        wrong = (
            self.path[:-1] + "é"[:0] + ("A" if self.path[-1] != "A" else "B"),
            NOBODYS,
            self.path + "A",
            self.path[:-1],
        )
        others = (self.path.replace(f"/{number}/", f"/{out}/"), f"/hooks/{out}/{key}", f"/hooks/999999999/{key}")
        answers = [self.send('{"text": "no"}', path) for path in (*wrong, *others)]
        self.assertEqual({answer.status for answer in answers}, {404})
        self.assertEqual(
            {answer.body for answer in answers}, {b"unknown_hook: There is no such webhook, or it has ended.\n"}
        )
        self.assertEqual(self.posted_now(), before)

    def test_what_is_no_message_is_refused_in_a_line(self) -> None:
        before = self.posted_now()
        no_text = ("", "{", "[]", "7", '{"text": 7}', '{"text": null}', '{"body": "x"}', "[" * 60_000, "\ufeff{}")
        for body, status, code in (
            *((body, 400, "bad_payload") for body in no_text),
            ('{"text": " "}', 400, "empty"),
            (json.dumps({"text": "x" * 8001}), 400, "too_long"),
            ('{"text": "\\ud800"}', 400, "unstorable"),
            (json.dumps({"text": "x" * 65_536}), 413, "error"),
            (urlencode({"payload": json.dumps({"text": "x" * 65_536})}), 413, "error"),
        ):
            with self.subTest(body[:20]):
                answer = self.send(body)
                self.assertEqual((answer.status, answer.text.partition(":")[0]), (status, code))
                self.assertTrue(answer.headers["Content-Type"].startswith("text/plain"))
        self.assertEqual(self.send("x" * 300_000).status, 413)
        answer = self.stranger.get(self.path)
        self.assertEqual((answer.status, answer.headers["Allow"]), (405, "POST"))
        self.assertEqual(self.posted_now(), before)

    def test_too_many_are_told_to_slow_down(self) -> None:
        path = urlsplit(make_hook(self.ana, "lobby", kind="in", bot="robina")[1]).path
        answers = [self.send('{"text": "much"}', path) for _ in range(30)]
        slow = next(answer for answer in answers if answer.status != 200)
        self.assertEqual((slow.status, slow.text.partition(":")[0]), (429, "slow_down"))
        self.assertGreater(int(slow.headers["Retry-After"]), 0)

    def test_it_ends_with_the_place_of_its_bot_and_with_its_room(self) -> None:
        room = self.ana.post("/rooms", {"name": "Attic", "kind": "closed"}).location.removeprefix("/rooms/")
        path = urlsplit(make_hook(self.ana, room, kind="in", bot="robina")[1]).path
        ((robina,),) = sql(self.folder, "SELECT id FROM user WHERE username = 'robina'")
        self.ana.post(f"/rooms/{room}/members/{robina}/remove")
        answer = self.send('{"text": "x"}', path)
        self.assertEqual((answer.status, answer.text.partition(":")[0]), (403, "not_member"))
        self.ana.post(f"/rooms/{room}/members", {"username": "robina"})
        self.assertEqual(self.send('{"text": "x"}', path).status, 200)
        self.ana.post(f"/rooms/{room}/archive", {"archived": "on"})
        answer = self.send('{"text": "x"}', path)
        self.assertEqual((answer.status, answer.text.partition(":")[0]), (403, "archived"))
        self.assertEqual(self.ana.post(f"/rooms/{room}/hooks", {"name": "x", "bot": "robo", "kind": "in"}).status, 403)
        self.assertIn("This room is archived", self.ana.get(f"/rooms/{room}/hooks").text)

    def test_secrets_are_shown_once_and_kept_nowhere_else(self) -> None:
        _, key = self.tell()
        secret = self.path.rsplit("/", 1)[1]
        self.send('{"text": "hello"}')
        page = self.ana.get("/rooms/lobby/hooks").text
        log = "".join(self.server.lines)
        for text in (secret, key):
            self.assertNotIn(text, page)
            self.assertNotIn(text, log)
        self.assertIn("POST /hooks/...", log)
        stored = sql(self.folder, "SELECT secret, secret_hash FROM hook ORDER BY id")
        self.assertEqual(stored, [("", hashlib.sha256(secret.encode()).hexdigest()), (key, "")])
        self.assertNotIn(secret.encode(), b"".join(file.read_bytes() for file in Path(self.folder).iterdir()))


class PageTest(HookTest):
    """docs/security.rst 28: a room's webhooks are its keeper's."""

    def test_who_does_not_look_after_a_room_sees_and_changes_nothing(self) -> None:
        number, _ = self.tell()
        room = self.ana.post("/rooms", {"name": "Cellar", "kind": "closed"}).location.removeprefix("/rooms/")
        wish = {"name": "Mine", "bot": "robo", "kind": "in"}
        for answer in (
            self.beto.get("/rooms/lobby/hooks"),
            self.beto.post("/rooms/lobby/hooks", wish),
            self.beto.post(f"/rooms/lobby/hooks/{number}/end"),
            self.beto.post(f"/rooms/lobby/hooks/{number}/on"),
        ):
            self.assertEqual((answer.status, KEEPERS in answer.text), (403, True))
        self.assertEqual(self.beto.get(f"/rooms/{room}/hooks").status, 404)
        self.ana.post(f"/rooms/{room}/hooks/{number}/end")  # of another room
        self.assertEqual(len(sql(self.folder, "SELECT 1 FROM hook")), 1)
        direct = self.ana.post("/direct", {"username": "beto"}).location
        self.assertEqual(self.ana.get(f"{direct}/hooks").status, 403)
        self.ana.post(f"/rooms/lobby/hooks/{number}/end")
        self.assertEqual(self.ana.post(f"/rooms/lobby/hooks/{number}/end").status, 302)
        self.assertEqual(sql(self.folder, "SELECT 1 FROM hook"), [])

    def test_the_keeper_of_a_room_makes_them_with_a_bot_that_is_let_in(self) -> None:
        room = self.beto.post("/rooms", {"name": "Den", "kind": "closed"}).location.removeprefix("/rooms/")
        self.assertIn(f"/rooms/{room}/hooks", self.beto.get(f"/rooms/{room}/settings").text)
        self.assertNotIn("/rooms/lobby/hooks", self.beto.get("/rooms/lobby/settings").text)
        make_hook(self.beto, room, kind="in", name="Deploys")
        self.assertIn("robo", self.beto.get(f"/rooms/{room}/settings").text)
        told = sql(self.folder, "SELECT body FROM entry WHERE room_id = ? AND kind = 'note' ORDER BY seq", room)
        self.assertIn('"let_in"', told[-1][0])
        page = self.beto.get(f"/rooms/{room}/hooks", Accept_Language="pt-BR").text
        self.assertIn("Deploys", page)
        self.assertIn("Funciona.", page)

    def test_what_cannot_be_made_is_said_beside_its_field(self) -> None:
        good = {"name": "x", "bot": "robo", "kind": "out", "url": self.receiver.url, "events": "posts"}
        url = "An address begins with http:// or https://, and names no port of its own and no password."
        name = "A webhook’s name has 1 to 60 characters that can be seen."
        bot = "No bot has this name. Administrators make bots on the page of the members."
        for field, values, sentence in (
            ("url", ("", "x", "ftp://x", "http://x:8080/", "http://a@x/", "http://[", f"http://{'x' * 1000}/"), url),
            ("name", ("", " ", "x" * 61, "x" * 999), name),
            ("bot", ("", "beto", "nobody", "x" * 999), bot),
            ("kind", ("", "both"), "Choose whether this webhook brings messages here or tells another site."),
            ("events", ("all",), "Choose which messages are sent."),
        ):
            for value in values:
                with self.subTest(field, value=value):
                    answer = self.ana.post("/rooms/lobby/hooks", {**good, field: value})
                    self.assertEqual((answer.status, refusals(answer)), (400, [sentence]))
        self.fill_up()
        answer = self.ana.post("/rooms/lobby/hooks", good)
        self.assertEqual(
            refusals(answer), ["This room has as many webhooks as it can have. End one that is not needed any more."]
        )

    def test_programs_look_after_them_by_the_api_but_make_none_with_a_token(self) -> None:
        api, hooks = Api(self.ana), "rooms/lobby/hooks"
        wish = {"name": "Builds", "bot": "robo", "kind": "out", "url": self.receiver.url, "events": "mentions"}
        made = api.expect(201, "POST", hooks, wish)
        key = made.pop("secret")
        self.assertTrue(key.startswith("prosa_hook_"))
        self.assertEqual(api.get(hooks), {"hooks": [made]})
        self.assertEqual({name: made[name] for name in wish}, wish)
        program = api.program()
        self.assertEqual(program.get(hooks), {"hooks": [made]})
        self.assertEqual(program.expect(403, "POST", hooks, wish)["error"]["code"], "forbidden")
        incoming = api.expect(201, "POST", hooks, {"name": "In", "bot": "robo", "kind": "in"})
        sent = self.client().request("POST", f"/hooks/{incoming['id']}/{incoming['secret']}", '{"text": "by the API"}')
        self.assertEqual((sent.status, self.posted("by the API")), (200, 1))
        sql(self.folder, "UPDATE hook SET off_at = 1 WHERE id = ?", made["id"])
        on = program.expect(200, "PATCH", f"{hooks}/{made['id']}", {"on": True})
        self.assertEqual((on["state"], on["off_at"]), ("working", None))
        for wrong in ({"on": False}, {}, {"on": True, "url": "x"}):
            self.assertEqual(api.call("PATCH", f"{hooks}/{made['id']}", wrong).status, 400)
        error = api.expect(400, "POST", hooks, {**wish, "url": "http://site.example:8080/"})["error"]
        self.assertEqual(list(error["fields"]), ["url"])
        for member, status in (("beto", 403), ("ana", 404)):
            other = Api(self.client(member))
            self.assertEqual(other.call("DELETE", f"{hooks}/{made['id'] if member == 'beto' else 99}").status, status)
        self.assertEqual(Api(self.beto).call("GET", hooks).status, 403)
        for hook in (made, incoming):
            self.assertEqual(program.call("DELETE", f"{hooks}/{hook['id']}").status, 204)
        self.assertEqual(api.get(hooks), {"hooks": []})

    def fill_up(self) -> None:
        """Give the lobby as many webhooks as it can have."""
        number, _ = self.tell()
        columns = "room_id, bot_id, kind, name, secret, secret_hash, url, events, cursor, next_try_at, failures, "
        columns += "last_status, made_by_id, made_at"
        copy = f"INSERT INTO hook ({columns}) SELECT {columns} FROM hook WHERE id = ?"
        for _ in range(MAX_HOOKS - 1):
            sql(self.folder, copy, number)
