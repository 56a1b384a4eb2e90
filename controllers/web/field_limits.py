"""What a client may fill in: each field, query and part of an address has its length limit before it is read."""

from __future__ import annotations

from collections.abc import Mapping

import tornado.web
from tornado.httputil import ParseBodyConfig, ParseMultipartConfig, ParseUrlEncodedConfig, set_parse_body_config

MAX_FIELDS = 32  # of one form or query
MAX_PART_HEAD_BYTES = 1024  # of one field, where a form is sent as multipart/form-data
MAX_FIELD_BYTES = 16 * 1024  # the longest password in the most wasteful spelling of Unicode


def limit_fields() -> None:
    """Let Tornado refuse forms and queries of more than MAX_FIELDS; it has one setting for a whole process."""
    multipart = ParseMultipartConfig(max_parts=MAX_FIELDS, max_part_header_size=MAX_PART_HEAD_BYTES)
    set_parse_body_config(ParseBodyConfig(multipart, ParseUrlEncodedConfig(MAX_FIELDS)))


class FieldLimits(tornado.web.RequestHandler):
    """A handler that reads no field of more than MAX_FIELD_BYTES, but for those that it names."""

    max_bytes: Mapping[str, int] = {}  # of fields that may be longer

    def decode_argument(self, value: bytes, name: str | None = None) -> str:
        """Return a field as text. Tornado asks this of whatever it hands to a handler, before anything else."""
        if len(value) > self.max_bytes.get(name or "", MAX_FIELD_BYTES):
            raise tornado.web.HTTPError(413)
        return super().decode_argument(value, name)
