"""Tasks."""

from models.errors.base import Refusal


class UnknownTask(Refusal):
    """There is no such task in the room, or no longer."""

    code = "unknown_task"
    sentence = "There is no such task in this room."


class UnknownNeighbour(Refusal):
    """The task in front of which another one is to go is not in the room, or no longer."""

    code = "unknown_neighbour"
    field = "before"
    sentence = "The task in front of which this one was to go is not there any more."


class NotInRoom(Refusal):
    """Nobody of this name is in the room."""

    code = "not_in_room"
    field = "to"
    sentence = "Nobody in this room has this name."


class Conflict(Refusal):
    """Somebody has changed a task since the version that was to be changed."""

    code = "conflict"
    field = "text"
    sentence = "Somebody has changed this task meanwhile."


class TooManyTasks(Refusal):
    """A room has as many tasks as it can have."""

    code = "too_many_tasks"
    field = "text"
    sentence = "This room has so many tasks that there is no place for another one. Remove some that are done."


class TaskTooLong(Refusal):
    """The text of a task that is longer than one may be."""

    code = "too_long"
    field = "text"
    sentence = "A task has at most 500 characters."


class TaskEmpty(Refusal):
    """A task without a visible character."""

    code = "empty"
    field = "text"
    sentence = "There is nothing in this task yet."


class BadDay(Refusal):
    """A text that is no day."""

    code = "bad_day"
    field = "due"
    sentence = "That is not a day. Write it like 2026-12-31."
