"""Usernames: the same name in other spellings, invisible characters, names that look alike."""

from __future__ import annotations

import unicodedata
from unittest import mock

import peewee

from models import accounts, lookalikes, members, names
from models.database import database, execute
from models.errors.accounts import BadUsername, InvisibleName, LooksLikeAnother, MixedScripts, NameRemoved, NameTaken
from models.models import User, create_tables
from models.passwords import PasswordHash
from testsuite.test_models import ModelsTest


class NameTest(ModelsTest):
    """docs/security.rst 36: no two members have names that can be mistaken for each other."""

    def test_one_name_has_one_member_in_whatever_spelling(self) -> None:
        made = accounts.add_member("Straße", PasswordHash("x"))
        for other in ("Straße", "STRASSE", "strasse", "\uff33trasse", "  straße  "):
            with self.subTest(other), self.assertRaises(NameTaken):
                accounts.add_member(other, PasswordHash("x"))
        found = members.find_member("strasse")
        assert found is not None
        self.assertEqual(found[0], made)
        self.assertEqual(found[0].username, "Straße")

    def test_a_name_that_is_taken_while_it_is_looked_at_is_not_said_to_look_like_another(self) -> None:
        def take(name: str) -> bool:
            User(username="gil", password=PasswordHash("x")).save()
            return False

        with mock.patch("models.accounts.lookalikes.is_mixed", take):
            accounts.check_username("GIL")
        with self.assertRaisesRegex(NameTaken, "already has this name"):
            accounts.check_username("GIL")

    def test_the_tutorials_unique_names_hold_at_the_prompt_too(self) -> None:
        self.bob()
        with self.assertRaises(peewee.IntegrityError):
            User(username="Bob", password="1234", email="other@bob.com").save()
        self.assertEqual(User.select().count(), 1)

    def test_any_script_is_welcome(self) -> None:
        for name in ("José", "Жанна", "王小明", "محمد", "O'Neill", "anne-marie", "mr. x", "x", "7", "x" * 40, "é" * 40):
            with self.subTest(name):
                self.assertEqual(names.clean_username(name), name)

    def test_joiners_stand_where_spelling_needs_them_and_an_emoji_has_its_style(self) -> None:
        for name in (
            "می\u200cخواهم",
            "ශ්\u200dරී",
            "ക്\u200d",
            "Nguyễn",
            "שָׁלוֹם",
            "بِسْمِ اللَّهِ",
            "❤\ufe0f Ana",
            "র\u200d্যাচেল",
            "क्\u200dष",
        ):
            with self.subTest(name):
                self.assertEqual(names.clean_username(name), unicodedata.normalize("NFC", name))

    def test_an_emoji_is_seen_whatever_it_is_put_together_of(self) -> None:
        for emoji in (
            "👩\u200d🚀",
            "👨\u200d👩\u200d👧",
            "🏃🏽\u200d♀\ufe0f",
            "❤\ufe0f\u200d🔥",
            "1\ufe0f\u20e3",
            "🇧🇷",
            "✌🏽",
        ):
            with self.subTest(emoji):
                self.assertEqual(names.clean_username(f"Ana {emoji}"), f"Ana {emoji}")
        for name in ("Ana 👩\u200d", "Ana\u200d🚀", "\u200d🚀 Ana", "Ana 1\ufe0f", "র\u200d Ana", "Ana 👩\u200c🚀"):
            with self.subTest(name), self.assertRaises(InvisibleName):
                names.clean_username(name)

    def test_a_name_is_found_as_it_was_typed_when_it_was_made(self) -> None:
        accounts.add_member(" Ana   Maria\u00a0", PasswordHash("x"))
        for typed in ("Ana   Maria", "ana maria ", "Ana\tMaria", "ANA\u2003MARIA"):
            self.assertIsNotNone(members.find_member(typed), typed)
        self.assertIsNone(members.find_member("AnaMaria"))
        self.assertIsNone(members.find_member("Ana Maria" + " " * 1_000_000))

    def test_a_name_that_can_be_mistaken_for_a_members_is_refused(self) -> None:
        for name in ("ana", "Bill", "COCA", "modern", "سلام", "José Lima", "Bob", "ivan", "zoë 👩🚀"):
            accounts.add_member(name, PasswordHash("x"))
        for name in (
            "BiIl",
            "Bi1l",
            "СОСА",
            "соса",
            "rnodern",
            "سلا\u200cم",
            "Ａna",
            "ana\ufe0f",
            "ANA",
            "b0b",
            "B0B",
            "i\u0307van",
            "İvan",
            "zoë 👩\u200d🚀",
        ):
            with self.subTest(name), self.assertRaises((NameTaken, InvisibleName)):
                accounts.add_member(name, PasswordHash("x"))

    def test_a_name_keeps_to_one_script_or_to_those_that_are_written_together(self) -> None:
        for name in ("аna", "Ana Ωmega", "Ивaн", "שלום ana", "ไทย ana"):
            with self.subTest(name), self.assertRaises(MixedScripts):
                accounts.add_member(name, PasswordHash("x"))
        for name in ("Ana 7!", "Tanaka 田中たなかタナカ", "Kim 김", "Ли", "王小明 2", "Zoë 👍"):
            accounts.add_member(name, PasswordHash("x"))

    def test_ordinary_names_stand_beside_each_other(self) -> None:
        for name in (
            "Ana",
            "Anna",
            "Ann",
            "Anne",
            "Maria",
            "Mario",
            "Marta",
            "José",
            "Jose",
            "João",
            "Joao",
            "Paul",
            "Paula",
        ):
            accounts.add_member(name, PasswordHash("x"))

    def test_the_name_of_somebody_who_was_removed_is_nobodys_and_looks_like_nobodys(self) -> None:
        ana = accounts.add_member("ana", PasswordHash("x"), is_admin=True)
        accounts.remove_member(ana.id, accounts.add_member("Bill", PasswordHash("x")).id)
        for name, error in (("bill", NameRemoved), ("BiIl", LooksLikeAnother)):
            with self.assertRaises(error):
                accounts.add_member(name, PasswordHash("x"))
        with self.assertRaises(NameRemoved):
            accounts.set_password("Bill", PasswordHash("y"))

    def test_who_has_a_name_already_that_can_be_mistaken_keeps_it(self) -> None:
        for name in ("Bill", "BiIl", "аna"):
            User(username=name, password="1234").save()
        self.assertEqual({user.username for user in User.select()}, {"Bill", "BiIl", "аna"})
        self.assertIsNotNone(members.find_member("аna"))

    def test_two_spellings_that_look_alike_are_stored_as_one(self) -> None:
        self.assertEqual(names.clean_username("Jose\u0301"), "José")
        self.assertEqual(names.clean_username("  a \t b\n"), "a b")

    def test_names_that_cannot_be_read_are_refused(self) -> None:
        for name in (
            "",
            " ",
            "\n",
            "...",
            "\u200b",
            "a\u200db",
            "a\u202eb",
            "a\x07b",
            "\ue000",
            "x" * 41,
            "\ud800",
            "\u2028",
            "\u3164",
            "\u115f\uffa0",
            "\u2800",
            "ana\u2800",
            "ana\ufe0f",
            "ana\u034f",
            "ana\u2066",
            "ana\u200c",
            "a\u0301\u0301",
            "a" + "\u0301\u0302" * 3,
            "\ufdfa" * 15,
            "a" * 1_000_000,
        ):
            with self.subTest(name), self.assertRaises(BadUsername):
                names.clean_username(name)

    def test_members_of_an_older_version_are_compared_as_well(self) -> None:
        User(username="Bill", password="1234").save()
        with database.connection_context():
            for index in ("user_skeleton", "user_folded_skeleton"):
                execute(f"DROP INDEX {index}")
            for column in ("skeleton", "folded_skeleton"):
                execute(f'ALTER TABLE "user" DROP COLUMN {column}')
            execute("DELETE FROM schema_migration WHERE name LIKE '0004%'")
        database.close()
        create_tables(str(self.folder / "people.db"))
        user = User.get(User.username == "Bill")
        self.assertEqual((user.skeleton, user.folded_skeleton), lookalikes.skeletons("Bill"))
        with self.assertRaises(LooksLikeAnother):
            accounts.add_member("BiIl", PasswordHash("x"))

    def test_what_looks_alike_is_unicodes(self) -> None:
        for one, other in (
            ("l", "I"),
            ("1", "l"),
            ("0", "O"),
            ("m", "rn"),
            ("а", "a"),
            ("ſ", "f"),
            ("ʘ", "⊙"),
            ("ﬃ", "ffi"),
        ):
            self.assertEqual(lookalikes.skeleton(one), lookalikes.skeleton(other), (one, other))
        for one, other in (("a", "b"), ("é", "e"), ("n", "m"), ("ц", "u")):
            self.assertNotEqual(lookalikes.skeleton(one), lookalikes.skeleton(other))
