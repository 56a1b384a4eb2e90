"""Texts of messages and what is stored of them: one table for the server's and for the page's rules (body.js)."""

from __future__ import annotations

MAX_MESSAGE_CHARS = 50

# The text as written, and as stored: '' if it is refused as empty, None if it is too long.
BODIES: tuple[tuple[str, str | None], ...] = (
    ("hello", "hello"),
    ("x" * 50, "x" * 50),
    ("x" * 51, None),
    ("\U0001f600" * 50, "\U0001f600" * 50),
    ("\U0001f600" * 51, None),
    ("e\u0301" * 25, "e\u0301" * 25),
    ("e\u0301" * 25 + "e", None),
    ("\U0001f469\u200d\U0001f680" * 16 + "xx", "\U0001f469\u200d\U0001f680" * 16 + "xx"),
    ("\U0001f469\u200d\U0001f680" * 17, None),
    ("x" * 50 + " " * 50, "x" * 50),
    ("\n" * 50 + "x" * 50, "x" * 50),
    (" " + "x" * 50, None),
    (" " + "x" * 49, " " + "x" * 49),
    ("a\r\n" * 25, "a\n" * 24 + "a"),
    ("a\r" * 25 + "b", None),
    ("a\rb\nc\r\nd", "a\nb\nc\nd"),
    ("\r\n\r\nx\r\n", "x"),
    ("\n  x\n \n", "  x"),
    ("a\0b\0" + "\0" * 60, "ab"),
    ("\0\nx", "x"),
    ("x\x1c\x1d\x1e\x1f\x85", "x"),
    ("x\x0b\x0c\t", "x"),
    ("x\u2028\u2029\u3000\u1680\u202f", "x"),
    ("x\ufeff", "x\ufeff"),
    ("\ufeffx", "\ufeffx"),
    ("x\u200b", "x\u200b"),
    ("x\x07\x1b\x7f", "x\x07\x1b\x7f"),
    ("x" * 49 + "\ufeff", "x" * 49 + "\ufeff"),
    ("x" * 50 + "\ufeff", None),
    ("", ""),
    ("   \n\t ", ""),
    ("\0\0", ""),
    ("\ufeff", ""),
    ("\u200b\u2800\u3164", ""),
    ("\x07\x1b", ""),
    ("\u2060" * 60, ""),
    ("\u0301", "\u0301"),
    ("\ufffd", "\ufffd"),
)
