"""A client's cookies, which tests call by their short names: "session" is `session_1a2b3c4d`, as this site has it."""

from __future__ import annotations

import re
from typing import Any

MARK = re.compile(r"_[0-9a-f]{8}$")


def short(name: str) -> str:
    """Return a cookie's name without the mark of its site."""
    return MARK.sub("", name)


class Jar(dict[str, str]):
    """Cookies by what the browser calls them, found by their short names too; sent as they came."""

    def called(self, name: str) -> str:
        """Return what the cookie with this short name is called here; a name that nothing here has is its own."""
        return next((full for full in self if full != name and short(full) == name), name)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(self.called(str(name)))

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(self.called(name))

    def __setitem__(self, name: str, value: str) -> None:
        super().__setitem__(self.called(name), value)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a cookie's value."""
        return super().get(self.called(name), default)

    def pop(self, name: str, default: Any = None) -> Any:
        """Take a cookie away; return its value."""
        return super().pop(self.called(name), default)
