"""The tasks of a room by its forms, without a script, what connections are told of them, and who may not."""

from __future__ import annotations

import datetime
import re
from typing import Any, NamedTuple

from tornado.escape import xhtml_escape

from faults.seen import NO_TEXT
from faults.task_seen import look, on_page
from testsuite.clients import Answer, Client
from testsuite.room_case import ARCHIVED, NO_ROOM, RoomCase
from testsuite.roompage import form, make_room, rows
from testsuite.tables import locked, sql
from testsuite.waiting import wait_for

CHANGED = "Somebody has changed this task meanwhile."
NO_TASK = "There is no such task in this room."
NOBODY = "Nobody in this room has this name."
NOTHING = "There is nothing in this task yet."
NO_DAY = "That is not a day. Write it like 2026-12-31."
TOO_LONG = "A task has at most 500 characters."
EXPRESSIONS = ("{{constructor.constructor('alert(1)')()}}", "{{7*7}}", "<b>&amp;</b>", "\u202egnat")


class Shown(NamedTuple):
    """A task as a page without a script shows it."""

    number: int
    text: str
    is_done: bool


class TaskCase(RoomCase):
    """A room of beto's, in which ana and carla are, too."""

    def setUp(self) -> None:
        super().setUp()
        self.room = make_room(self.beto, f"Room of {self._testMethodName[-40:]}")
        for client in (self.ana, self.carla):
            client.post(f"{self.room}/join")
        self.page = f"{self.room}/tasks"

    def add(self, text: str, client: Client | None = None, **fields: str) -> int:
        """Add a task by the form; return its number."""
        answer = (client or self.beto).post(self.page, {"text": text, **fields})
        self.assertEqual((answer.status, answer.location), (302, self.page))
        return max(one.number for one in self.tasks())

    def do(self, number: int | str, deed: str, client: Client | None = None, **fields: str) -> Answer:
        """Press a button of a task's form."""
        return (client or self.beto).post(f"{self.page}/{number}", {"do": deed, **fields})

    def tasks(self, client: Client | None = None, show: str = "") -> list[Shown]:
        """Return the tasks on the page."""
        page = (client or self.carla).get(self.page + (f"?show={show}" if show else "")).text
        found = re.findall(r'<li class="task( done)?">.*?id="task-(\d+)">([^<]*)<', page, re.DOTALL)
        return [Shown(int(number), text, bool(done)) for done, number, text in found]

    def order(self, show: str = "") -> str:
        return "".join(("+" if one.is_done else "") + one.text for one in self.tasks(show=show))


class TasksPageTest(TaskCase):
    """docs/security.rst 28 and 29: of tasks as of messages."""

    def test_tasks_are_added_done_moved_and_removed_by_forms(self) -> None:
        self.assertIn("Nothing is to be done here.", self.carla.get(self.page).text)
        a, b, c = (self.add(text) for text in "abc")
        for deed, number, order in (
            ("done", b, "a+bc"),
            ("up", c, "ac+b"),
            ("up", c, "ca+b"),
            ("up", c, "ca+b"),
            ("down", a, "c+ba"),
            ("down", a, "c+ba"),
            ("down", c, "+bca"),
            ("undone", b, "bca"),
            ("remove", c, "ba"),
        ):
            answer = self.do(number, deed, self.ana)
            self.assertEqual((answer.status, answer.location), (302, self.page))
            self.assertEqual(self.order(), order)

    def test_the_fault_harness_reads_the_page_as_it_is(self) -> None:
        first, second = self.add(f"beto plans {'0a' * 8}", to="carla", due="2030-01-02"), self.add("something else")
        self.do(second, "done")
        shown = [look(first, "0a" * 8, False, "carla", "2030-01-02"), look(second, NO_TEXT, True, "", "")]
        self.assertEqual(on_page(self.carla.get(self.page).text), shown)

    def test_all_at_once_and_what_is_shown_by_address(self) -> None:
        a, *_ = (self.add(text) for text in "abc")
        self.do(a, "done")
        self.assertEqual((self.order("active"), self.order("completed"), self.order("nonsense")), ("bc", "+a", "+abc"))
        text = self.carla.get(f"{self.page}?show=active").text
        self.assertIn("2 tasks left", text)
        self.assertIn('href="' + self.page + '?show=active" aria-current="page"', text)
        answer = self.do("all", "done", show="active")
        self.assertEqual(answer.location, f"{self.page}?show=active")
        self.assertEqual(self.order(), "+a+b+c")
        self.do("all", "undone")
        self.do(a, "done")
        self.assertIn("2 tasks left", self.carla.get(self.page).text)
        self.do("all", "clear")
        self.assertEqual(self.order(), "bc")
        text = self.carla.get(self.page, **{"Accept-Language": "pt-BR"}).text
        self.assertIn("Faltam 2 tarefas", text)

    def test_a_task_says_for_whom_and_by_when_and_leads_to_its_message(self) -> None:
        self.beto.post(self.room, {"body": "please *call* the hall"})
        seq = rows(self.beto.get(self.room))[-1].seq
        filled = form(self.beto.get(f"{self.room}/messages/{seq}"), self.page)
        self.assertEqual(filled["source"], f"{seq}")
        number = self.add("", to="CARLA", due="2020-02-29", source=filled["source"], nonce=filled["nonce"])
        text = self.carla.get(self.page).text
        self.assertEqual(self.tasks()[0].text, "please call the hall")
        self.assertIn(f'href="{self.room}?at={seq}#m{seq}">from #{seq}</a>', text)
        self.assertIn("for carla", text)
        self.assertIn('<time datetime="2020-02-29">Saturday, February 29, 2020</time>', text)
        self.assertIn("overdue", text)
        tomorrow = f"{datetime.date.today() + datetime.timedelta(days=1)}"
        self.change(number, due=tomorrow)
        self.assertIn(f'<time datetime="{tomorrow}">Tomorrow</time>', self.carla.get(self.page).text)

    def change(self, number: int, **fields: str) -> Answer:
        """Send the form of a task's page, filled in as it comes but for these fields."""
        path = f"{self.page}/{number}"
        return self.ana.post(path, {**form(self.ana.get(path), path), "do": "change", **fields})

    def test_its_page_changes_it_and_shows_both_texts_where_somebody_else_was_quicker(self) -> None:
        number = self.add("first words")
        path = f"{self.page}/{number}"
        filled = form(self.carla.get(path), path)
        self.change(number, text="second words")
        self.assertEqual(self.tasks()[0].text, "second words")
        answer = self.carla.post(path, {**filled, "do": "change", "text": "other words"})
        self.assertEqual(answer.status, 409)
        for words in (CHANGED, "second words", 'value="other words"'):
            self.assertIn(words, answer.text)
        self.assertEqual(self.tasks()[0].text, "second words")
        again = {**form(answer, path), "do": "change"}
        self.assertEqual(self.carla.post(path, again).status, 302)
        self.assertEqual(self.tasks()[0].text, "other words")
        self.assertEqual(self.carla.post(path, again).status, 302, "the same form sent twice is one change")
        ((count,),) = sql(self.folder, "SELECT count(*) FROM entry WHERE kind = 'task_changed' AND target = ?", number)
        self.assertEqual(count, 2)

    def test_the_same_form_sent_twice_adds_one_task(self) -> None:
        filled = {**form(self.beto.get(self.page), self.page), "text": "once"}
        for _ in range(2):
            self.assertEqual(self.beto.post(self.page, filled).status, 302)
        self.assertEqual(self.order(), "once")

    def test_what_may_have_been_stored_comes_back_with_its_nonce(self) -> None:
        number = self.add("first")
        for path, nonce in ((self.page, "perhaps"), (f"{self.page}/{number}", "perhaps too")):
            sent = {**form(self.beto.get(path), path), "text": "perhaps stored", "do": "change", "nonce": nonce}
            with locked(self.folder):
                answer = self.beto.post(path, sent)
                self.assertEqual((answer.status, answer.headers["Retry-After"]), (503, "1"))
            self.assertIn(f'name="nonce" value="{nonce}"', answer.text)
            self.assertEqual(self.beto.post(path, sent).status, 302)
        self.assertEqual(self.order(), "perhaps storedperhaps stored")

    def test_what_no_button_says_changes_nothing(self) -> None:
        number = self.add("stays")
        for target in (number, "all"):
            self.assertEqual(self.do(target, "explode").status, 400)
        self.assertEqual(self.order(), "stays")

    def test_what_is_no_task_is_refused_with_what_was_typed(self) -> None:
        for sentence, fields in (
            (NOTHING, {"text": "\u200b"}),
            (TOO_LONG, {"text": "x" * 501}),
            (NOBODY, {"text": "typed", "to": "nobody"}),
            (NO_DAY, {"text": "typed", "due": "soon"}),
        ):
            with self.subTest(sentence):
                answer = self.refused(400, sentence, self.beto.post, self.page, fields)
                self.assertIn(f'value="{fields["text"]}"', answer.text)
        self.refused(404, "", self.beto.post, self.page, {"source": "999999"})
        self.refused(404, "", self.beto.post, self.page, {"text": "x", "source": "999999"})

    def test_only_members_of_the_room_see_and_change_its_tasks(self) -> None:
        number = self.add("secret")
        self.carla.post(f"{self.room}/leave")
        for client, status in ((self.carla, 404), (self.client(), 302)):
            for path in (self.page, f"{self.page}/{number}"):
                answer = client.get(path)
                self.assertEqual(answer.status, status)
                self.assertNotIn("secret", answer.text)
        for path in (self.page, f"{self.page}/all", f"{self.page}/{number}"):
            self.refused(404, NO_ROOM, self.carla.post, path, {"text": "x", "do": "clear"})
        lobby = "/rooms/lobby/tasks"
        self.assertEqual(self.beto.get(f"{lobby}/{number}").status, 404)
        self.refused(404, NO_TASK, self.beto.post, f"{lobby}/{number}", {"do": "remove"})
        self.refused(404, NO_TASK, self.beto.post, f"{lobby}/{number}", {"do": "change", "text": "x"})

    def test_an_archived_room_shows_its_tasks_and_takes_no_change(self) -> None:
        number = self.add("stays")
        self.beto.post(f"{self.room}/archive", {"archived": "on"})
        self.assertEqual([one.text for one in self.tasks()], ["stays"])
        self.assertNotIn(f'action="{self.page}', self.carla.get(self.page).text)
        self.refused(403, ARCHIVED, self.beto.post, self.page, {"text": "x"})
        self.refused(403, "", self.beto.post, f"{self.page}/{number}", {"do": "done"})

    def test_expressions_and_markup_stay_text(self) -> None:
        for text in EXPRESSIONS:
            number = self.add(text)
            for path in (self.page, f"{self.page}/{number}"):
                page = self.carla.get(path).text
                self.assertIn(xhtml_escape(text), page)
        inside = re.search(r"<task-panel.*?</task-panel>", self.carla.get(self.page).text, re.DOTALL)
        assert inside is not None
        self.assertEqual(inside[0], "<task-panel ng-csp></task-panel>", "what AngularJS compiles is empty")

    def test_my_tasks_are_those_of_all_my_rooms(self) -> None:
        carla = self.client("Dora Maar")
        carla.post(f"{self.room}/join")
        self.assertIn("Nothing is given to you", carla.get("/tasks").text)
        number = self.add("here", to="Dora Maar")
        self.beto.post("/rooms/lobby/tasks", {"text": "there", "to": "dora maar"})
        page = carla.get("/tasks").text
        self.assertIn(">here<", page)
        self.assertIn(">there<", page)
        self.assertRegex(page, r'class="tasks-link"[^>]*>Tasks <span class="count">2<')
        self.assertEqual(self.do(number, "done", carla, next="/tasks").location, "/tasks")
        self.assertNotIn(">here<", carla.get("/tasks").text)
        self.assertRegex(carla.get("/rooms/lobby").text, r'class="tasks-link"[^>]*>Tasks <span class="count">1<')
        carla.post(f"{self.room}/leave")
        self.do(number, "undone")
        self.assertNotIn(">here<", carla.get("/tasks").text)


class LiveTest(TaskCase):
    """Two processes: whoever has joined gets each change with the task as it is then."""

    processes = 2

    def test_everybody_in_the_room_gets_each_change(self) -> None:
        slug = self.room.rpartition("/")[2]
        chats = [self.listen(self.ana, room=slug), self.listen(self.elsewhere(self.carla, 1), room=slug)]
        number = self.add("buy milk", to="carla")
        self.do(number, "done")
        self.change(number)
        self.do(number, "remove")
        for chat in chats:
            entries = [chat.until("entry", kind=f"task_{kind}") for kind in ("made", "done", "changed", "removed")]
            told = [one["task"] for one in entries if "task" in one]  # else it comes with a later one
            self.assertIsNone(told[-1])
            self.assertEqual([one.get("target") for one in entries], [None, number, number, number])
            self.assertEqual({one["body"] for one in entries}, {""})
            states = [task for task in told if task is not None]
            self.assertEqual(told, states + [None] * (len(told) - len(states)), "what is gone does not come back")
            for task in states:
                self.assertEqual((task["id"], task["to"], task["author"]), (number, "carla", "beto"))
        late = self.listen(self.ana, room=slug, after=0)
        replayed = [late.until("entry", kind=f"task_{kind}") for kind in ("made", "done", "changed", "removed")]
        self.assertEqual([one.get("task", "later") for one in replayed], ["later", "later", "later", None])
        self.assertNotIn("milk", str(replayed), "the text of a removed task is not sent again")

    def change(self, number: int) -> None:
        self.do(number, "change", text="buy oat milk", to="carla", version=str(number))

    def test_a_member_is_told_how_many_open_tasks_they_have(self) -> None:
        chat = self.listen(self.elsewhere(self.carla, 1), join=False)
        self.assertEqual(chat.until("rooms")["tasks"], 0)
        number = self.add("a", to="carla")
        self.assertEqual(chat.until("tasks")["open"], 1)
        self.do(number, "done")
        self.assertEqual(chat.until("tasks")["open"], 0)
        self.do(number, "undone")
        self.assertEqual(chat.until("tasks")["open"], 1)
        self.do(number, "change", text="a", to="beto", version=str(number))
        self.assertEqual(chat.until("tasks")["open"], 0)
        self.assertEqual(self.listen(self.beto, join=False).until("rooms")["tasks"], 1)
        self.do(number, "remove")
        beto = self.listen(self.elsewhere(self.beto, 1), join=False)
        wait_for(lambda: self.open_of(beto) == 0, "beto has no open task any more")

    def open_of(self, chat: Any) -> int:
        """Return how many open tasks a connection was told of last."""
        chat.send("ping")
        chat.until("pong")
        told = [one.get("open", one.get("tasks")) for one in chat.heard if one["type"] in ("tasks", "rooms")]
        return int(told[-1]) if told else -1
