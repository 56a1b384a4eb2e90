"""The tasks of a room and those of a member over all rooms, as pages that work without a script."""

from __future__ import annotations

import datetime
import secrets
from typing import NamedTuple

import tornado.web

from controllers.base import BaseHandler
from controllers.rooms import RoomBase, parse_seq
from controllers.web.dates import due_label
from controllers.web.task_list import Fields, TaskList
from models import messages, tasks
from models.errors.base import Refusal
from models.errors.messages import UnknownTarget
from models.errors.tasks import Conflict, UnknownTask
from models.rooms import RoomInfo, people_of, rooms_of
from models.tasks import MAX_TASK_CHARS, Task

MAX_MY_TASKS = 500  # on the page of them
MAX_CHOICES = 200  # of people to whom a task can be given, in the list of the form
SHOWN = {"all": "All", "active": "Open", "completed": "Done"}


class ShownTask(NamedTuple):
    """A task with the words for its day, and whether that is over."""

    task: Task
    due: str
    is_late: bool


class TasksBase(RoomBase):
    """A page or a form of a room's tasks."""

    @property
    def task_list(self) -> TaskList:
        """The tasks of the room, for the member who asks."""
        return self.site.task_list(self.room.slug, self.member.id)

    @property
    def tasks_path(self) -> str:
        """The path of the page of the room's tasks."""
        return f"{self.room_path}/tasks"

    def fields(self) -> Fields:
        """Return what the form says of a task."""
        return Fields(*(self.get_body_argument(name, "") for name in ("text", "to", "due")))

    def chosen(self) -> str:
        """Return which tasks the address asks for."""
        shown = self.get_argument("show", "all")
        return shown if shown in SHOWN else "all"

    def go_back(self) -> None:
        """Show the list again, the same tasks of it as before."""
        shown = self.chosen()
        self.redirect(self.tasks_path if shown == "all" else f"{self.tasks_path}?show={shown}")

    async def show(self, refusal: Refusal | None = None) -> None:
        """Show the list, with what could not be added to it, and why."""
        everything = await self.task_list.all()
        shown = self.chosen()
        wanted = {"active": (False,), "completed": (True,)}.get(shown, (False, True))
        self.render(
            "tasks.html",
            room=self.room,
            tasks=[shown_task(self, task) for task in everything if task.is_done in wanted],
            count=len(everything),
            left=sum(not task.is_done for task in everything),
            shown=shown,
            choices=SHOWN,
            nonce=self.next_nonce(),
            typed=self.fields() if refusal else Fields("", "", ""),
            errors={refusal.field: self.translate(refusal.sentence)} if refusal else {},
            people=await self.people(),
            max_task=MAX_TASK_CHARS,
            transports=self.site.limits.transports,
            **await self.sidebar(self.room.slug),
        )

    async def people(self) -> list[str]:
        """Return the names of the first people of the room, to whom a task can be given."""
        return [member.username for member in await self.site.read(people_of, self.room.slug)][:MAX_CHOICES]


class TasksHandler(TasksBase):
    """The tasks of a room; adds one."""

    async def get(self, address: str) -> None:
        await self.show()

    async def post(self, address: str) -> None:
        """Add a task without a script: what the form says, or else the first words of the message `source`."""
        fields, source = self.fields(), parse_seq(self.get_body_argument("source", ""))
        try:
            if source is not None and not fields.text:
                fields = fields._replace(text=await self.words_of(source))
            await self.task_list.add(fields, self.nonce(), source)
        except Refusal as refusal:
            self.set_refusal(refusal)
            await self.show(refusal)
            return
        self.go_back()

    async def words_of(self, seq: int) -> str:
        """Return the first words of a message, as the text of a task. Raise UnknownTarget."""
        message = (await messages.load(self.site.log, self.room.slug, [seq])).get(seq)
        if message is None:
            raise UnknownTarget()
        return self.site.renderer.plain(message.words)


class AllTasksHandler(TasksBase):
    """Does or undoes all tasks of a room, or removes those that are done."""

    async def post(self, address: str) -> None:
        match self.get_body_argument("do", ""):
            case "clear":
                await self.task_list.remove_done(self.nonce())
            case "done" | "undone" as deed:
                await self.task_list.set_all_done(deed == "done", self.nonce())
            case _:
                raise tornado.web.HTTPError(400)
        self.go_back()


class TaskHandler(TasksBase):
    """One task with the form for what it says; `do` says what a form wants."""

    @property
    def number(self) -> int:
        """The number of the task."""
        return int(self.path_args[1])

    async def get(self, address: str, number: str) -> None:
        await self.show_task(await self.task_list.get(self.number))

    async def post(self, address: str, number: str) -> None:
        deed = self.get_body_argument("do", "change")
        if deed == "change":
            await self.change()
            return
        await self.do(deed, self.nonce())
        if self.get_body_argument("next", "") == "/tasks":
            self.redirect("/tasks")
        else:
            self.go_back()

    async def do(self, deed: str, nonce: str) -> None:
        """Do what a form of one button wants: done, undone, up, down or remove. Raise Refusal, HTTPError 400."""
        match deed:
            case "done" | "undone":
                await self.task_list.set_done(self.number, deed == "done", nonce)
            case "up" | "down":
                await self.task_list.step(self.number, deed == "up", nonce)
            case "remove":
                await self.task_list.remove(self.number, nonce)
            case _:
                raise tornado.web.HTTPError(400)

    async def change(self) -> None:
        """Store what the task says now, or show the form again, with what somebody else has written meanwhile."""
        version = parse_seq(self.get_body_argument("version", "")) or 0
        try:
            await self.task_list.change(self.number, version, self.fields(), self.nonce())
        except UnknownTask:
            raise
        except Refusal as refusal:
            self.set_refusal(refusal)
            await self.show_task(await self.task_list.get(self.number), refusal)
            return
        self.go_back()

    async def show_task(self, task: Task, refusal: Refusal | None = None) -> None:
        """Show the form for a task, with what could not be stored, and why."""
        self.render(
            "task.html",
            room=self.room,
            one=shown_task(self, task),
            typed=self.fields() if refusal else Fields(task.text, task.to, task.due),
            is_conflict=isinstance(refusal, Conflict),
            errors={refusal.field: self.translate(refusal.sentence)} if refusal else {},
            people=await self.people(),
            nonce=self.next_nonce(),
            **await self.sidebar(self.room.slug),
        )


class MyTasksHandler(BaseHandler):
    """The open tasks that are given to the member, in all rooms."""

    async def get(self) -> None:
        rooms = {room.slug: room for room in await self.site.query_cache.get(rooms_of, self.member.id)}
        found = await tasks.load_given_to(self.site.log, self.member.username, list(rooms), MAX_MY_TASKS)
        self.render(
            "my_tasks.html",
            rooms=self.in_order(rooms, found),
            nonce=secrets.token_hex(12),
            is_full=sum(map(len, found.values())) >= MAX_MY_TASKS,
            **await self.sidebar("/tasks"),
        )

    def in_order(
        self, rooms: dict[str, RoomInfo], found: dict[str, list[Task]]
    ) -> list[tuple[RoomInfo, list[ShownTask]]]:
        """Return the rooms with the member's tasks, by name."""
        return [
            (room, [shown_task(self, task) for task in found[slug]]) for slug, room in rooms.items() if slug in found
        ]


def shown_task(handler: BaseHandler, task: Task) -> ShownTask:
    """Return a task as a page shows it, by the server's day, since a page without a script knows no other."""
    today = datetime.date.today()
    due = datetime.date.fromisoformat(task.due) if task.due else None
    is_late = due is not None and due < today and not task.is_done
    return ShownTask(task, due_label(due, today, handler.locale) if due else "", is_late)
