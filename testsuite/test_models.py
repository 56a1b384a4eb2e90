"""The tables at the Python prompt: names, passwords, and what a new database has in it."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

import argon2
import peewee

from models import accounts, members, passwords, sessions
from models.database import database
from models.errors.accounts import BadEmail, NameTaken, UnknownMember, WrongPassword
from models.errors.base import NotYours
from models.errors.stores import CannotOpen
from models.models import Membership, Room, Session, User, create_tables
from models.passwords import PasswordHash
from models.rooms import room_of, rooms_of
from testsuite.clients import PASSWORD


class ModelsTest(unittest.TestCase):
    """A test with a new database."""

    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        create_tables(str(self.folder / "people.db"))
        self.addCleanup(database.close)

    def bob(self) -> User:
        """Make the tutorial's user."""
        bob = User(username="Bob", password="1234", email="bob@bob.com")
        bob.save()
        return bob


class PasswordTest(ModelsTest):
    def test_a_password_is_stored_as_argon2id_and_asked_with_check_password(self) -> None:
        for user in (self.bob(), User.get(User.username == "Bob")):
            self.assertTrue(user.check_password("1234"))
            self.assertFalse(user.check_password("12345"))
            self.assertFalse(user.check_password(""))
        ((stored,),) = database.execute_sql("SELECT password FROM user").fetchall()
        self.assertFalse(User.get().check_password(stored))
        found = argon2.extract_parameters(stored)
        self.assertEqual(found.type, argon2.Type.ID)
        self.assertGreaterEqual((found.memory_cost, found.time_cost, found.parallelism), (19 * 1024, 2, 1))

    def test_the_same_password_of_two_members_is_stored_differently(self) -> None:
        self.assertNotEqual(passwords.hash_password(PASSWORD), passwords.hash_password(PASSWORD))

    def test_no_plain_password_is_left_in_any_file(self) -> None:
        User(username="Eva", password="s3cret-p4ssword").save()
        files = b"".join(path.read_bytes() for path in self.folder.iterdir())
        self.assertIn(b"Eva", files)
        self.assertNotIn(b"s3cret-p4ssword", files)

    def test_saving_again_keeps_the_password(self) -> None:
        bob = self.bob()
        bob.email = "bob@example.org"
        bob.save()
        again = User.get(User.username == "Bob")
        again.email = "bob@example.net"
        again.save()
        self.assertTrue(User.get(User.username == "Bob").check_password("1234"))

    def test_a_new_password_replaces_the_old_one(self) -> None:
        bob = self.bob()
        bob.password = "a better one"
        bob.save()
        found = User.get(User.username == "Bob")
        self.assertTrue(found.check_password("a better one"))
        self.assertFalse(found.check_password("1234"))

    def test_nobody_and_nothing_have_no_right_password(self) -> None:
        self.assertTrue(passwords.verify(passwords.hash_password("right"), "right"))
        self.assertFalse(passwords.verify(None, "right"))
        self.assertFalse(passwords.verify("", ""))
        self.assertFalse(passwords.verify("plain", "plain"))

    def test_a_weaker_hash_is_outdated(self) -> None:
        weak = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("1234")
        self.assertTrue(passwords.is_outdated(weak))
        self.assertFalse(passwords.is_outdated(passwords.hash_password("1234")))


class EmailTest(ModelsTest):
    def test_an_email_address_has_something_on_both_sides(self) -> None:
        self.assertEqual(accounts.clean_email(" bob@bob.com "), "bob@bob.com")
        for email in ("", "@", "bob", "bob@", "@bob.com", "a b@c", "a@b@c", "a@" + "x" * 300, "a@b\nc"):
            with self.subTest(email), self.assertRaises(BadEmail):
                accounts.clean_email(email)


class TablesTest(ModelsTest):
    def test_a_new_member_is_in_the_lobby(self) -> None:
        Room.create(slug="attic", name="Attic")
        bob = self.bob()
        (room,) = rooms_of(bob.id)
        self.assertEqual(room.slug, "lobby")
        self.assertIs(rooms_of(bob.id)[0].name, room.name)  # which is kept once for all members
        self.assertEqual(room_of(bob.id, "lobby").name, "Lobby")

    def test_create_tables_can_be_called_again_and_keeps_what_there_is(self) -> None:
        self.bob()
        database.close()
        create_tables(str(self.folder / "people.db"))
        self.assertEqual(User.get().email, "bob@bob.com")
        self.assertEqual(Room.select().count(), 1)

    def test_the_database_is_safe_for_several_writers(self) -> None:
        for pragma, value in (("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)):
            ((found,),) = database.execute_sql(f"PRAGMA {pragma}").fetchall()
            self.assertEqual(found, value)
        with self.assertRaises(peewee.IntegrityError):
            Membership.create(room="nowhere", user=1)

    def test_the_number_of_a_member_is_never_used_again(self) -> None:
        bob = self.bob()
        User.delete().execute()
        self.assertGreater(accounts.add_member("Eva", PasswordHash("x")).id, bob.id)

    def test_a_new_password_ends_the_sessions_of_that_member_only(self) -> None:
        bob, eva = self.bob(), accounts.add_member("Eva", PasswordHash("x"))
        tokens = [sessions.open_session(member_id) for member_id in (bob.id, bob.id, eva.id)]
        self.assertTrue(all(sessions.find_sign_in(token) for token in tokens))
        accounts.set_password("bob", passwords.hash_password(PASSWORD))
        self.assertEqual([sessions.find_sign_in(token) is not None for token in tokens], [False, False, True])
        with self.assertRaises(UnknownMember):
            accounts.set_password("nobody", PasswordHash("x"))

    def test_whoever_proved_a_password_that_was_changed_meanwhile_gets_nothing_by_it(self) -> None:
        bob = self.bob()
        old, new = User.get().password, passwords.hash_password(PASSWORD)
        token = sessions.open_session(bob.id, old)
        accounts.change_password(bob.id, old, new)
        self.assertIsNone(sessions.find_sign_in(token))
        with self.assertRaises(WrongPassword):
            sessions.open_session(bob.id, old)
        with self.assertRaises(WrongPassword):
            accounts.change_password(bob.id, old, passwords.hash_password("1234"))
        accounts.rehash_password(bob.id, old, passwords.hash_password("1234"))
        self.assertEqual(User.get().password, new)
        self.assertIsNotNone(sessions.find_sign_in(sessions.open_session(bob.id, new)))

    def test_a_session_that_was_just_being_opened_is_of_no_use_to_a_removed_member(self) -> None:
        bob, eva = self.bob(), accounts.add_member("Eva", PasswordHash("x"), is_admin=True)
        self.assertIsNotNone(sessions.find_sign_in(sessions.open_session(bob.id)))
        accounts.remove_member(eva.id, bob.id)
        self.assertIsNone(sessions.find_sign_in(sessions.open_session(bob.id)))
        self.assertEqual(members.list_members(), [eva])
        self.assertIsNone(members.find_member("Bob"))
        with self.assertRaises(NameTaken):
            accounts.add_member("bob", PasswordHash("x"))

    def test_of_two_administrators_who_remove_each_other_one_stays(self) -> None:
        ana = accounts.add_member("Ana", PasswordHash("x"), is_admin=True)
        eva = accounts.add_member("Eva", PasswordHash("x"), is_admin=True)
        accounts.remove_member(ana.id, eva.id)
        with self.assertRaises(UnknownMember):
            accounts.remove_member(eva.id, ana.id)
        with self.assertRaises(NotYours):
            accounts.remove_member(ana.id, ana.id)
        self.assertEqual(members.list_members(), [ana])

    def test_sessions_that_are_too_old_are_cleared_away(self) -> None:
        bob = self.bob()
        sessions.open_session(bob.id)
        Session.update(opened_at=Session.opened_at - 31 * sessions.DAY_SECONDS).execute()
        sessions.open_session(bob.id)
        self.assertEqual(Session.select().count(), 1)

    def test_only_sqlite_is_understood(self) -> None:
        create_tables(f"sqlite:///{self.folder}/other.db")
        for url in ("mysql://localhost/people", "", "sqlite://", f"{self.folder}/missing/people.db", str(self.folder)):
            with self.subTest(url), self.assertRaises(CannotOpen):
                create_tables(url)
