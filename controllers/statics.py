"""Static files, below an address that contains their version."""

from __future__ import annotations

import datetime
import functools
import hashlib
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

import tornado.web

from controllers.web import headers
from controllers.web.http_status import status_text

HASH_CHARS = 16
ICON_AGE_SECONDS = 24 * 3600
COUNT_MARK = """<circle cx="22" cy="10" r="10" fill="#a84e08"/>
<text x="22" y="15" text-anchor="middle" fill="#fff" font-family="system-ui" font-size="15">COUNT</text>
"""
VERSION = "v-[0-9a-f]{1,64}"
_IS_VERSION = re.compile(VERSION)


@functools.lru_cache(maxsize=8)  # there are three such folders
def version_of(folder: str) -> str:
    """Return the version of a folder's files: one for all of them, since modules import each other."""
    digest = hashlib.sha256()
    for file in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(folder)}\0{len(content)}\0".encode() + content)
    return f"v-{digest.hexdigest()[:HASH_CHARS]}"


class StaticHandler(tornado.web.StaticFileHandler):
    """Serves static files with the headers of every other answer; behind Nginx, that serves them.

    Pages link to /static/v-<version>/, which browsers cache for a year; the relative imports of a module stay below
    that address. There is no such folder on disk.
    """

    CACHE_MAX_AGE = headers.YEAR_SECONDS
    asked_version = ""

    def set_default_headers(self) -> None:
        headers.set_security_headers(self, headers.EMPTY_POLICY)

    def check_xsrf_cookie(self) -> None:
        """Raise 405 before the token is checked: a file takes no forms."""
        raise tornado.web.HTTPError(405)

    def head(self, path: str) -> Any:
        """Answer as to a GET, so that the headers are the same; Tornado leaves the body out."""
        return self.get(path)

    @classmethod
    def make_static_url(cls, settings: dict[str, Any], path: str, include_version: bool = True) -> str:
        """Return the address of a file, with the version of its folder."""
        version = f"{version_of(settings['static_path'])}/" if include_version else ""
        return f"{settings.get('static_url_prefix', '/static/')}{version}{path}"

    def parse_url_path(self, url_path: str) -> str:
        """Return the path below the folder, without the version before it."""
        first, _, rest = url_path.partition("/")
        if _IS_VERSION.fullmatch(first):
            self.asked_version, url_path = first, rest
        return super().parse_url_path(url_path)

    @classmethod
    def get_absolute_path(cls, root: str, path: str) -> str:
        """Return where a file would be; a NUL is in no file's name."""
        return super().get_absolute_path(root, path.replace("\0", "/"))

    @classmethod
    def get_content(
        cls, abspath: str, start: int | None = None, end: int | None = None
    ) -> Generator[bytes, None, None]:
        """Yield a file in one piece: only a whole file can be compressed once for all requests."""
        yield b"".join(super().get_content(abspath, start, end))

    @classmethod
    def get_content_version(cls, abspath: str) -> str:
        """Return a hash for the Etag, a short one, since each of some twenty files has one."""
        return super().get_content_version(abspath)[:HASH_CHARS]

    def get_cache_time(self, path: str, modified: datetime.datetime | None, mime_type: str) -> int:
        """Return for how many seconds a browser may cache the file: for a year if its address has this version.

        While machines run different versions, a page of one version may load files from a machine of the other; such
        a file must not be cached.
        """
        return self.CACHE_MAX_AGE if self.asked_version == version_of(self.root) else 0

    def set_extra_headers(self, path: str) -> None:
        """Make browsers ask again for every other file."""
        is_kept = "Cache-Control" in self._headers
        kept = f"public, max-age={self.CACHE_MAX_AGE}, immutable"
        self.set_header("Cache-Control", kept if is_kept else "no-cache")
        for name in ("Expires", "Last-Modified"):  # which Cache-Control and the Etag replace
            self.clear_header(name)
        self.set_header("Vary", "Accept-Encoding")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with plain text: a page would need static files itself."""
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.finish(f"{status_text(status_code)[1]}\n")


class CountedIconHandler(tornado.web.RequestHandler):
    """The site's sign with a number on it: the icon of a page while so much is new."""

    def set_default_headers(self) -> None:
        headers.set_security_headers(self, headers.EMPTY_POLICY)

    def get(self, count: str) -> None:
        self.set_header("Content-Type", "image/svg+xml")
        self.set_header("Cache-Control", f"public, max-age={ICON_AGE_SECONDS}")
        logo = (Path(self.settings["static_path"]) / "logo.svg").read_text(encoding="utf-8")
        self.finish(logo.replace("</svg>", COUNT_MARK.replace("COUNT", count.replace("many", "9+")) + "</svg>"))
