"""Rooms, and who belongs to them."""

from models.errors.base import NotYours, Refusal


class UnknownRoom(Refusal):
    """The member does not belong to a room of this name."""

    code = "unknown_room"
    sentence = "There is no such room among yours."


class BadRoomName(Refusal):
    """A room's name that is empty, too long, or cannot be seen."""

    code = "bad_name"
    field = "name"
    sentence = "A room’s name has 1 to 60 characters that can be seen."


class BadDescription(Refusal):
    """A description that is too long."""

    code = "bad_description"
    field = "description"
    sentence = "A description has at most 250 characters."


class AddressTaken(Refusal):
    """Another open room has or had the address that the name makes."""

    code = "name_taken"
    field = "name"
    sentence = "There is or was a room of this name. Please choose another one."


class TooManyRooms(Refusal):
    """The member is in as many rooms as one can be in."""

    code = "too_many_rooms"
    sentence = "You are in so many rooms that there is no place for another one."


class OtherInTooManyRooms(TooManyRooms):
    """The same of another member, who is to be let in or written to."""

    field = "username"
    sentence = "Somebody you chose is in so many rooms that there is no place for another one."


class TooManyNames(Refusal):
    """A room has as many addresses as one may have, since each name made one, and none is given back."""

    code = "too_many_names"
    field = "name"
    sentence = "This room has had so many names that it cannot get another new one."


class StaysInRoom(Refusal):
    """A room that nobody leaves: the lobby, or a conversation with certain people."""

    code = "stays_in_room"
    sentence = "Nobody leaves this room. You can mute it."


class NotYourRoom(NotYours):
    """What only who looks after a room may do: who made it, and administrators."""

    sentence = "Only who made this room, or an administrator, can do that."


class BadPeople(Refusal):
    """Not one to seven other people."""

    field = "username"
    sentence = "Choose one to seven other people."


class NotMember(Refusal):
    """The author is not a member of the room."""

    code = "not_member"
    sentence = "You are not a member of this room."


class Archived(Refusal):
    """The room is archived."""

    code = "archived"
    sentence = "This room is archived: it can be read, and nothing is added to it."
