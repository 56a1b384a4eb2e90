"""Files from disk."""

from __future__ import annotations

import datetime

import tornado.web

from controllers import policy


class StaticHandler(tornado.web.StaticFileHandler):
    """Files from disk, with the headers of every other answer. Nginx serves them where there is one."""

    def set_default_headers(self) -> None:
        policy.set_headers(self, policy.NOTHING)

    def check_xsrf_cookie(self) -> None:
        """Say so before anything else is asked: a file takes no forms."""
        raise tornado.web.HTTPError(405)

    @classmethod
    def get_absolute_path(cls, root: str, path: str) -> str:
        """Return where a file would be; a NUL is in no file's name."""
        return super().get_absolute_path(root, path.replace("\0", "/"))

    def get_cache_time(self, path: str, modified: datetime.datetime | None, mime_type: str) -> int:
        """Return for how many seconds a browser may keep the file: for long, if its URL names this version of it.

        chat.js imports its modules without one. And while one machine has the new version and another the old one, a
        page of the one may ask the other for its files: what comes then must not be kept.
        """
        is_this_one = self.compute_etag() == f'"{self.get_query_argument("v", "")}"'
        return self.CACHE_MAX_AGE if is_this_one else 0

    def set_extra_headers(self, path: str) -> None:
        """Let every other file be asked for each time."""
        if "Cache-Control" not in self._headers:
            self.set_header("Cache-Control", "no-cache")
