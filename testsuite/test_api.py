"""The nouns of the API: what a program reads and changes is what pages and chat show."""

from __future__ import annotations

from typing import Any

from testsuite.api import Api
from testsuite.cases import SiteTest
from testsuite.tables import sql
from testsuite.waiting import wait_for

THUMB = "%F0%9F%91%8D"


class ApiTest(SiteTest):
    def setUp(self) -> None:
        self.ana, self.beto = Api(self.client("ana")), Api(self.client("beto"))

    def code(self, api: Api, method: str, path: str, body: object = None) -> tuple[int, str]:
        """Return the status and the code with which a request is refused."""
        answer = api.call(method, path, body)
        return answer.status, answer.json()["error"]["code"]

    # --- messages

    def test_a_message_that_is_sent_twice_is_posted_once(self) -> None:
        body = {"body": "once", "nonce": "the same"}
        first = self.ana.expect(201, "POST", "rooms/lobby/messages", body)
        second = self.ana.expect(200, "POST", "rooms/lobby/messages", {**body, "body": "twice"})
        self.assertEqual((second["seq"], second["body"]), (first["seq"], "once"))
        self.assertNotEqual(self.beto.post("mine", nonce="the same"), first["seq"])

    def test_what_is_posted_is_on_the_page_and_in_the_chat(self) -> None:
        chat = self.chat("beto")
        seq = self.ana.post("by a *program*")
        self.assertEqual(chat.until("entry", seq=seq)["body"], "by a *program*")
        self.assertIn("by a <em>program</em>", self.beto.client.get("/rooms/lobby").text)

    def test_a_message_is_what_its_changes_make_of_it(self) -> None:
        seq = self.ana.post("hello @beto")
        self.assertEqual(self.beto.get(f"rooms/lobby/messages/{seq}")["mentions"], ["beto"])
        reply = self.beto.post("hello", target=seq)
        path = f"rooms/lobby/messages/{seq}"
        self.beto.expect(200, "PUT", f"{path}/reactions/{THUMB}")
        self.ana.expect(200, "PATCH", path, {"body": "good day"})
        message = self.ana.get(path)
        self.assertEqual((message["body"], message["edited"], message["replies"]), ("good day", True, 1))
        self.assertEqual(message["reactions"], [{"emoji": "👍", "names": ["beto"]}])
        self.assertIn("good day", message["html"])
        self.assertEqual(self.code(self.beto, "PATCH", path, {"body": "mine"}), (403, "not_yours"))
        self.assertEqual(self.code(self.beto, "DELETE", path), (403, "not_yours"))
        self.beto.expect(200, "DELETE", f"{path}/reactions/{THUMB}")
        self.ana.expect(204, "DELETE", path)
        message = self.ana.get(path)
        self.assertEqual((message["body"], message["deleted"], message["reactions"]), ("", True, []))
        self.assertEqual(self.ana.get(f"rooms/lobby/messages/{reply}")["target"], seq)
        self.assertEqual(self.code(self.ana, "DELETE", path), (404, "unknown_target"))
        self.assertEqual(self.code(self.ana, "PUT", f"{path}/reactions/x"), (400, "not_emoji"))

    def test_a_reaction_that_is_there_is_not_added_once_more(self) -> None:
        path = f"rooms/lobby/messages/{self.ana.post('to react to')}/reactions/{THUMB}"
        self.ana.expect(200, "PUT", path)
        head = self.ana.get("rooms/lobby")["head"]
        self.ana.expect(200, "PUT", path)
        self.beto.expect(200, "DELETE", path)
        self.assertEqual(self.ana.get("rooms/lobby")["head"], head)

    def test_pages_of_messages_lead_to_one_another(self) -> None:
        posted = [self.ana.post(f"number {number}") for number in range(7)]
        pages, query = list[list[int]](), ""
        while len(pages) < 3:
            page = self.ana.get(f"rooms/lobby/messages?limit=3{query}")
            pages.insert(0, [one["seq"] for one in page["messages"]])
            query = f"&before={page['older']}"
        self.assertEqual([seq for page in pages for seq in page][-7:], posted)
        page = self.ana.get(f"rooms/lobby/messages?limit=3&after={posted[0]}")
        self.assertEqual([one["seq"] for one in page["messages"]], posted[1:4])
        page = self.ana.get(f"rooms/lobby/messages?limit=3&after={page['newer']}")
        self.assertEqual(([one["seq"] for one in page["messages"]], page["newer"]), (posted[4:], None))

    def test_a_text_that_is_no_message_is_refused_as_in_the_chat(self) -> None:
        for body, code in (("", "empty"), (" \u200b\n", "empty"), ("x" * 8001, "too_long")):
            answer = self.ana.call("POST", "rooms/lobby/messages", {"body": body})
            self.assertEqual((answer.status, answer.json()["error"]["code"]), (400, code))
            self.assertEqual([*answer.json()["error"]["fields"]], ["body"])

    # --- lists

    def test_a_list_that_has_not_changed_is_not_sent_again(self) -> None:
        self.ana.expect(201, "POST", "rooms/lobby/tasks", {"text": "to list", "to": "ana"})
        self.ana.post("to list")
        paths = (
            "rooms",
            "rooms/lobby",
            "rooms/lobby/messages",
            "rooms/lobby/tasks",
            "tasks",
            "members",
            "openapi.json",
        )
        for path in paths:
            with self.subTest(path):
                first = self.ana.call("GET", path)
                second = self.ana.call("GET", path, **{"If-None-Match": first.headers["Etag"]})
                self.assertEqual((second.status, second.body), (304, b""))
                self.assertEqual(second.headers["Cache-Control"], "private, no-cache")
                head = self.ana.call("HEAD", path)
                self.assertEqual((head.status, head.body), (200, b""))
                self.assertEqual(head.headers["Content-Length"], str(len(first.body)))
        etags = {path: self.ana.call("GET", path).headers["Etag"] for path in paths[:5]}
        task = self.ana.get("tasks")["tasks"][0]["id"]
        self.ana.post("more")
        self.ana.expect(200, "PATCH", f"rooms/lobby/tasks/{task}", {"done": True})
        for path, etag in etags.items():
            self.assertEqual(self.ana.call("GET", path, **{"If-None-Match": etag}).status, 200)

    def test_members_are_listed_page_by_page(self) -> None:
        found, after, more = list[str](), "", True
        while more:
            page = self.ana.get(f"members?limit=2&after={after}")
            found += [one["username"] for one in page["members"]]
            after, more = found[-1], page["more"]
        self.assertEqual(found, ["ana", "beto", "carla"])

    # --- rooms

    def test_a_room_is_made_and_looked_after(self) -> None:
        room = self.beto.expect(201, "POST", "rooms", {"name": "Cellar", "description": "below", "kind": "open"})
        self.assertEqual((room["kept"], room["kind"], room["description"]), (True, "open", "below"))
        self.ana.client.post("/rooms/cellar/join")
        self.client("carla").post("/rooms/cellar/join")
        carla = Api(self.client("carla"))
        self.assertEqual(self.code(carla, "PATCH", "rooms/cellar", {"name": "Attic"}), (403, "not_yours"))
        own = carla.expect(200, "PATCH", "rooms/cellar", {"muted": True, "notify": "all"})
        self.assertEqual((own["muted"], own["notify"], own["pinned"]), (True, "all", False))
        self.assertFalse(self.beto.get("rooms/cellar")["muted"])
        self.assertEqual(self.beto.expect(200, "PATCH", "rooms/cellar", {"name": "Vault"})["address"], "vault")
        self.assertEqual(carla.get("rooms/cellar")["name"], "Vault")
        self.beto.expect(200, "PATCH", "rooms/vault", {"archived": True})
        self.assertEqual(self.code(carla, "POST", "rooms/vault/messages", {"body": "late"}), (403, "archived"))
        self.beto.expect(200, "PATCH", "rooms/vault", {"archived": False, "description": "above"})
        notes = [one["body"] for one in carla.get("rooms/vault/messages")["messages"] if one["kind"] == "note"]
        self.assertIn("renamed this room to Vault", notes)
        self.assertEqual(notes[-3:], ["archived this room", "opened this room again", "changed the description"])
        self.assertEqual(self.code(self.beto, "POST", "rooms", {"name": "vault"}), (400, "name_taken"))
        self.assertEqual(self.code(self.ana, "PATCH", "rooms/lobby", {"archived": True}), (400, "stays_in_room"))

    def test_what_is_new_is_counted_until_it_is_read(self) -> None:
        self.beto.expect(200, "PUT", "rooms/lobby/read", {"seq": self.ana.get("rooms/lobby")["head"]})
        seq = self.ana.post("new for @beto")
        self.assertEqual([self.beto.get("rooms/lobby")[name] for name in ("unread", "mentions")], [1, 1])
        read = self.beto.expect(200, "PUT", "rooms/lobby/read", {"seq": seq})
        self.assertEqual([read[name] for name in ("read", "unread", "mentions")], [seq, 0, 0])
        self.assertEqual(self.beto.expect(200, "PUT", "rooms/lobby/read", {"seq": 0})["read"], seq)

    def test_a_room_that_one_is_not_in_is_none(self) -> None:
        """docs/security.rst 28."""
        self.ana.expect(201, "POST", "rooms", {"name": "Den", "kind": "closed"})
        den = next(one["address"] for one in self.ana.get("rooms")["rooms"] if one["name"] == "Den")
        seq = self.ana.post("secret", den)
        task = self.ana.expect(201, "POST", f"rooms/{den}/tasks", {"text": "secret", "to": "ana"})["id"]
        before = sql(self.folder, "SELECT * FROM entry")
        requests: tuple[tuple[str, str, Any], ...] = (
            *(("GET", one, None) for one in ("", "/messages", f"/messages/{seq}", "/log?after=0&wait=1", "/tasks")),
            *(("POST", "/messages", {"body": "x"}), ("POST", "/messages", {"body": "x", "target": seq})),
            *(("PATCH", f"/messages/{seq}", {"body": "x"}), ("DELETE", f"/messages/{seq}", None)),
            *((method, f"/messages/{seq}/reactions/{THUMB}", None) for method in ("PUT", "DELETE")),
            *(("PATCH", "", {"name": "x"}), ("PUT", "/read", {"seq": seq}), ("POST", "/tasks", {"text": "x"})),
            *(("PATCH", f"/tasks/{task}", {"done": True}), ("DELETE", f"/tasks/{task}", None)),
            *(("PUT", "/tasks/done", {"done": True}), ("DELETE", "/tasks/done", None)),
        )
        for method, path, body in requests:
            with self.subTest(method, path=path):
                told = self.beto.call(method, f"rooms/{den}{path}", body)
                other = self.beto.call(method, f"rooms/nowhere{path}", body)
                self.assertEqual((told.status, told.text), (404, other.text))
        self.assertEqual(sql(self.folder, "SELECT * FROM entry"), before)

    # --- tasks

    def test_a_task_is_changed_moved_done_and_removed(self) -> None:
        new = {"text": "water", "to": "beto", "due": "2026-12-31", "nonce": "task"}
        task = self.ana.expect(201, "POST", "rooms/lobby/tasks", new)
        self.assertEqual(self.ana.expect(200, "POST", "rooms/lobby/tasks", new)["id"], task["id"])
        other = self.ana.expect(201, "POST", "rooms/lobby/tasks", {"text": "dig"})
        path = f"rooms/lobby/tasks/{task['id']}"
        self.assertIn(task["id"], [one["id"] for one in self.beto.get("tasks")["tasks"]])
        changes = {"version": task["version"], "text": "water all", "to": "", "due": None, "done": True, "before": None}
        changed = self.beto.expect(200, "PATCH", path, changes)
        self.assertEqual([changed[name] for name in ("text", "to", "due", "done")], ["water all", None, None, True])
        listed = [one["id"] for one in self.ana.get("rooms/lobby/tasks")["tasks"]]
        self.assertEqual(listed[-2:], [other["id"], task["id"]])
        self.ana.expect(200, "PATCH", path, {"before": other["id"]})
        listed = [one["id"] for one in self.ana.get("rooms/lobby/tasks")["tasks"]]
        self.assertEqual(listed[-2:], [task["id"], other["id"]])
        self.assertEqual(self.code(self.ana, "PATCH", path, {"before": other["id"] + 999}), (409, "unknown_neighbour"))
        self.ana.expect(204, "DELETE", "rooms/lobby/tasks/done")
        self.assertEqual(self.code(self.ana, "PATCH", path, {"done": False}), (404, "unknown_task"))
        every = self.ana.expect(200, "PUT", "rooms/lobby/tasks/done", {"done": True})
        self.assertTrue(all(one["done"] for one in every["tasks"]))

    def test_who_changes_an_older_version_gets_both_texts(self) -> None:
        task = self.ana.expect(201, "POST", "rooms/lobby/tasks", {"text": "first"})
        path, version = f"rooms/lobby/tasks/{task['id']}", task["version"]
        self.ana.expect(200, "PATCH", path, {"version": version, "text": "second"})
        answer = self.beto.expect(409, "PATCH", path, {"version": version, "text": "mine", "nonce": "n"})
        self.assertEqual(answer["error"]["code"], "conflict")
        self.assertEqual(answer["task"]["text"], "second")
        self.assertEqual(answer["yours"], {"version": version, "text": "mine", "nonce": "n"})
        answer = self.beto.expect(400, "PATCH", path, {"text": "mine"})
        self.assertEqual([*answer["error"]["fields"]], ["version"])
        for field, value, code in (("to", "nobody", "not_in_room"), ("due", "2026-02-30", "bad_day")):
            refused = self.ana.expect(400, "POST", "rooms/lobby/tasks", {"text": "x", field: value})
            self.assertEqual((refused["error"]["code"], [*refused["error"]["fields"]]), (code, [field]))

    def test_a_list_of_tasks_says_after_which_entry_the_chat_goes_on(self) -> None:
        listed = self.ana.get("rooms/lobby/tasks")
        task = self.ana.expect(201, "POST", "rooms/lobby/tasks", {"text": "live"})
        entries = self.beto.get(f"rooms/lobby/log?after={listed['seq']}")["entries"]
        self.assertEqual([(one["kind"], one["task"]) for one in entries], [("task_made", task)])

    # --- tokens

    def test_a_token_is_listed_with_its_last_use_and_ends(self) -> None:
        program = self.beto.program("read")
        self.assertEqual(program.get("me"), {"username": "beto", "admin": False, "bot": False, "scope": "read"})
        wait_for(lambda: self.beto.get("tokens")["tokens"][0]["used_at"], "its use is noted")
        newest = self.beto.get("tokens")["tokens"][0]
        self.assertNotIn("token", newest)
        self.assertEqual(self.code(self.ana, "DELETE", f"tokens/{newest['id']}"), (404, "unknown_token"))
        self.assertEqual(program.call("GET", "me").status, 200)
