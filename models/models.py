"""The tables, as the tutorial's `models.py` has them: people, rooms, and the log.

At the Python prompt: ``create_tables()``, ``User(username='Bob', password='1234',
email='bob@bob.com').save()``, ``User.get(User.username == 'Bob')``.
"""

from __future__ import annotations

import datetime
import time
from typing import TYPE_CHECKING, Any

from peewee import (
    BooleanField,
    CharField,
    CompositeKey,
    DateTimeField,
    FloatField,
    ForeignKeyField,
    IntegerField,
    Model,
    ModelDelete,
    TextField,
)
from playhouse.sqlite_ext import AutoIncrementField

from models import passwords
from models.database import database, open_database, writing
from models.lookalikes import skeletons
from models.names import fold
from models.passwords import PasswordHash

LOBBY = "lobby"  # the room in which everybody is


def create_tables(url: str = "people.db") -> None:
    """Open the database that `url` names for the models; create it or run its missing migrations first."""
    open_database(url)


class PasswordField(CharField):
    """Holds a PasswordHash; a plain password that is assigned is stored as its hash."""

    def db_value(self, value: str) -> str:
        return value if isinstance(value, PasswordHash) else passwords.hash_password(value)

    def python_value(self, value: str) -> PasswordHash:
        return PasswordHash(value)


class BaseModel(Model):
    """A table of the people's database."""

    class Meta:
        database = database
        legacy_table_names = False

    if TYPE_CHECKING:
        # peewee's stubs have a generic attribute here, which mypy finds ambiguous, depending on the order of files.
        @classmethod
        def delete(cls) -> ModelDelete: ...


class User(BaseModel):
    """A member. `password` is an Argon2id hash; ask with `check_password`. That of a bot, a program, fits nothing.

    Removed members stay here, since the log names its authors.
    """

    id = AutoIncrementField()
    username = CharField(unique=True)
    folded = CharField(unique=True)
    skeleton = TextField(default="", index=True)
    folded_skeleton = TextField(default="", index=True)
    password = PasswordField()
    email = CharField(default="")
    join_date = DateTimeField(default=datetime.datetime.now)
    is_admin = BooleanField(default=False)
    is_bot = BooleanField(default=False)
    removed_at = FloatField(null=True)

    class Meta:
        table_name = "user"

    def save(self, *args: Any, **kwargs: Any) -> Any:
        """Store the member; a new one is in the lobby."""
        self.folded = fold(self.username)
        self.skeleton, self.folded_skeleton = skeletons(self.username)
        is_new = self.id is None
        with writing():
            saved = super().save(*args, **kwargs)
            if is_new:
                Membership.create(room=LOBBY, user=self.id)
        return saved

    def check_password(self, password: str) -> bool:
        """Return whether `password` is this member's."""
        return passwords.verify(User.get_by_id(self.id).password, password)


class Session(BaseModel):
    """A signed-in browser. Only the SHA-256 of its token is stored, so that a stolen database signs nobody in."""

    id = AutoIncrementField()
    token_hash = CharField(64, unique=True)
    user = ForeignKeyField(User, on_delete="CASCADE")
    opened_at = FloatField(default=time.time, index=True)
    ended_at = FloatField(null=True, index=True)
    device = CharField(default="")


class Token(BaseModel):
    """What a program asks with as a member, until it is deleted or `ends_at` has come. Only its SHA-256 is stored.

    `scope` is "read", "write" or, of the secret in a feed's address, "feed"; `used_at` is as of the minute before its
    last use.
    """

    id = AutoIncrementField()
    token_hash = CharField(64, unique=True)
    user = ForeignKeyField(User, on_delete="CASCADE")
    name = CharField()
    scope = CharField(5)
    made_at = FloatField(default=time.time)
    ends_at = FloatField(null=True)
    used_at = FloatField(null=True)


class Invitation(BaseModel):
    """A link with which people can make an account until it is ended or has expired."""

    id = AutoIncrementField()
    token = CharField(unique=True)
    made_by = ForeignKeyField(User, on_delete="CASCADE")
    made_at = FloatField(default=time.time)
    ended_at = FloatField(null=True)


class Failure(BaseModel):
    """A wrong password, or another event with a rate limit (failures.py); `at` in seconds since 1970."""

    id = AutoIncrementField()
    key = CharField()
    at = FloatField(index=True)

    class Meta:
        indexes = ((("key", "at"), False),)


class Setting(BaseModel):
    """What the site stores about itself, such as its cookie secret and the token of the set-up page."""

    name = CharField(primary_key=True)
    value = TextField()


class Room(BaseModel):
    """A room, and how far its log is.

    `slug` never changes: it is what the log knows the room by, and its first address. `kind` is "open", "closed" or
    "direct"; `people_key` names the people of a direct room. `head` is the seq of the newest entry, which stays
    although that entry may be purged; `posts` and `lines` are those of that entry.
    """

    slug = CharField(primary_key=True)
    name = CharField()
    description = CharField(default="")
    kind = CharField(6, default="closed")
    address = CharField(64)
    keeper = ForeignKeyField(User, null=True)
    made_at = FloatField(default=time.time)
    archived_at = FloatField(null=True)
    head = IntegerField(default=0)
    posts = IntegerField(default=0)
    lines = IntegerField(default=0)
    people_key = CharField(null=True, unique=True)

    def save(self, force_insert: bool = False, only: Any = None) -> Any:
        """Store the room; the first address of a new one is its slug."""
        self.address = self.address or self.slug
        with writing():
            saved = super().save(force_insert=force_insert, only=only)
            if force_insert:
                Address.create(address=self.slug, room=self.slug)
        return saved


class Address(BaseModel):
    """An address that a room has or had: each leads to it for ever."""

    address = CharField(64, primary_key=True)
    room = ForeignKeyField(Room, on_delete="CASCADE")


class Membership(BaseModel):
    """A member of a room; nobody else can read or write there. And what is one's own in it.

    `read_seq` is the read position, None before the room was seen first; `read_posts` is how many posts there are up to
    it, and `read_version` the setting `reads_version` when it moved last. `notify` is "all", "mentions" or "none".
    """

    room = ForeignKeyField(Room, on_delete="CASCADE")
    user = ForeignKeyField(User, on_delete="CASCADE")
    joined_at = FloatField(default=time.time)
    read_seq = IntegerField(null=True)
    read_posts = IntegerField(default=0)
    read_version = IntegerField(default=0, index=True)
    notify = CharField(8, default="mentions")
    is_muted = BooleanField(default=False)
    pinned_at = FloatField(null=True)

    class Meta:
        primary_key = CompositeKey("user", "room")


class Hook(BaseModel):
    """A webhook of a room: with `kind` "in" others post there as `bot`, with "out" `url` is sent what is posted.

    `secret_hash` is the SHA-256 of what is in the address of one that goes in, `secret` the key that signs what goes
    out. `cursor` is the seq up to which all was sent; `last_status` what became of the last try: an HTTP status or a
    sentence. Times in seconds since 1970, those of tries by the database's clock.
    """

    id = AutoIncrementField()
    room = ForeignKeyField(Room, on_delete="CASCADE")
    bot = ForeignKeyField(User, on_delete="CASCADE")
    kind = CharField(3)
    name = CharField()
    secret = CharField(default="")
    secret_hash = CharField(64, default="")
    url = TextField(default="")
    events = CharField(8, default="posts")
    cursor = IntegerField(default=0)
    next_try_at = FloatField(default=0)
    failing_since = FloatField(null=True)
    failures = IntegerField(default=0)
    last_status = CharField(default="")
    off_at = FloatField(null=True)
    made_by = ForeignKeyField(User, backref="made_hooks", on_delete="CASCADE")
    made_at = FloatField(default=time.time)


class EntryRow(BaseModel):
    """One entry of a room's log; `at` in seconds since 1970, `mentions` a name in each line (models/logs/base.py)."""

    room = ForeignKeyField(Room, on_delete="CASCADE")
    seq = IntegerField()
    kind = CharField()
    target = IntegerField(null=True)
    author = ForeignKeyField(User)
    body = TextField()
    at = FloatField()
    nonce = CharField()
    posts = IntegerField()
    lines = IntegerField()
    is_drawn = BooleanField()
    mentions = TextField(default="")

    class Meta:
        table_name = "entry"
        primary_key = CompositeKey("room", "seq")
        indexes = ((("nonce", "author"), True),)


class Mention(BaseModel):
    """A message names somebody; `user_id` 0 is everybody in the room."""

    user_id = IntegerField()
    room = ForeignKeyField(Room, on_delete="CASCADE")
    seq = IntegerField()

    class Meta:
        primary_key = CompositeKey("user_id", "room", "seq")


class AnswerRow(BaseModel):
    """A message answers one of another member, `user_id`."""

    room = ForeignKeyField(Room, on_delete="CASCADE")
    seq = IntegerField()
    user_id = IntegerField()

    class Meta:
        table_name = "answer"
        primary_key = CompositeKey("room", "seq")


class TaskRow(BaseModel):
    """A task as it is after all entries that name it (models/tasks.py); `id` is the seq of the entry that made it."""

    room = ForeignKeyField(Room, on_delete="CASCADE")
    id = IntegerField()
    version = IntegerField()
    is_done = BooleanField()
    rank = CharField()
    given_to = CharField()
    changed_seq = IntegerField()

    class Meta:
        table_name = "task"
        primary_key = CompositeKey("room", "id")


class Process(BaseModel):
    """A running process. Those without a recent heartbeat are ignored. `version` is that of its newest change."""

    id = CharField(primary_key=True)
    beat_at = FloatField()
    version = IntegerField(default=0)


class PresenceRow(BaseModel):
    """How many connections a member has to a room at a process, and until when they are typing."""

    process = ForeignKeyField(Process, on_delete="CASCADE")
    room = ForeignKeyField(Room, on_delete="CASCADE")
    user = ForeignKeyField(User, on_delete="CASCADE")
    connections = IntegerField()
    typing_until = FloatField(default=0)

    class Meta:
        table_name = "presence"
        primary_key = CompositeKey("process", "room", "user")


class PresenceChange(BaseModel):
    """A row of PresenceRow as it became at a version of its process; without connections it was deleted.

    Only the newest changes are kept.
    """

    process = ForeignKeyField(Process, on_delete="CASCADE")
    version = IntegerField()
    room_id = CharField()
    user_id = IntegerField()
    connections = IntegerField()
    typing_until = FloatField()

    class Meta:
        table_name = "presence_change"
        primary_key = CompositeKey("process", "version", "room_id", "user_id")
