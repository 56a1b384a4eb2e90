"""Files from disk, below an address that names their version."""

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
_VERSION = re.compile(r"v-[0-9a-f]{1,64}")


@functools.lru_cache(maxsize=8)  # there are two such folders
def version_of(folder: str) -> str:
    """Return the name of this version of a folder's files: one for all of them, since modules import each other."""
    digest = hashlib.sha256()
    for file in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(folder)}\0{len(content)}\0".encode() + content)
    return f"v-{digest.hexdigest()[:HASH_CHARS]}"


class StaticHandler(tornado.web.StaticFileHandler):
    """Files from disk, with the headers of every other answer. Nginx serves them where there is one.

    A page finds them in /static/v-<version>/, where a browser keeps them for good: the relative imports of a module
    stay in that folder. There is no such folder on disk.
    """

    CACHE_MAX_AGE = headers.YEAR_SECONDS
    asked_version = ""

    def set_default_headers(self) -> None:
        headers.set_security_headers(self, headers.EMPTY_POLICY)

    def check_xsrf_cookie(self) -> None:
        """Say so before anything else is asked: a file takes no forms."""
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
        if _VERSION.fullmatch(first):
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
        """Return a file in one piece: only what is whole can be compressed once for all."""
        yield b"".join(super().get_content(abspath, start, end))

    @classmethod
    def get_content_version(cls, abspath: str) -> str:
        """Return a hash for the Etag, no longer than it takes: it is sent with each of some twenty files."""
        return super().get_content_version(abspath)[:HASH_CHARS]

    def get_cache_time(self, path: str, modified: datetime.datetime | None, mime_type: str) -> int:
        """Return for how many seconds a browser may keep the file: for long, if its address names this version.

        While one machine has the new version and another the old one, a page of the one may ask the other for its
        files: what comes then must not be kept.
        """
        return self.CACHE_MAX_AGE if self.asked_version == version_of(self.root) else 0

    def set_extra_headers(self, path: str) -> None:
        """Let every other file be asked for each time."""
        is_kept = "Cache-Control" in self._headers
        kept = f"public, max-age={self.CACHE_MAX_AGE}, immutable"
        self.set_header("Cache-Control", kept if is_kept else "no-cache")
        for name in ("Expires", "Last-Modified"):  # which say less than this and the Etag
            self.clear_header(name)
        self.set_header("Vary", "Accept-Encoding")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say it in words alone: a page would need the very files that cannot be had."""
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.finish(f"{status_text(status_code)[1]}\n")
