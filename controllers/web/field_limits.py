"""Length limits of form fields, queries and parts of an address, checked before they are decoded."""

from __future__ import annotations

from collections.abc import Mapping

import tornado.web
from tornado.httputil import ParseBodyConfig, ParseMultipartConfig, ParseUrlEncodedConfig, set_parse_body_config

MAX_FIELDS = 32  # in one form or query
MAX_PART_HEAD_BYTES = 1024  # of one field in a form that is sent as multipart/form-data
MAX_FIELD_BYTES = 16 * 1024  # the longest password in the longest encoding of Unicode


def limit_fields() -> None:
    """Make Tornado refuse forms and queries of more than MAX_FIELDS; the setting is for the whole process."""
    multipart = ParseMultipartConfig(max_parts=MAX_FIELDS, max_part_header_size=MAX_PART_HEAD_BYTES)
    set_parse_body_config(ParseBodyConfig(multipart, ParseUrlEncodedConfig(MAX_FIELDS)))


class FieldLimits(tornado.web.RequestHandler):
    """A handler that refuses fields of more than MAX_FIELD_BYTES, or of their own limit in `max_bytes`."""

    max_bytes: Mapping[str, int] = {}  # by the names of fields that may be longer

    def decode_argument(self, value: bytes, name: str | None = None) -> str:
        """Return a field as text. Tornado calls this first for all that it passes to a handler."""
        if len(value) > self.max_bytes.get(name or "", MAX_FIELD_BYTES):
            raise tornado.web.HTTPError(413)
        return super().decode_argument(value, name)
