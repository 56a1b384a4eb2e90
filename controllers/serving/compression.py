"""Compresses what the site serves, for whoever takes gzip: files once, pages as they are made, streams never."""

from __future__ import annotations

import functools
import re
import zlib

import tornado.httputil
import tornado.web

MIN_BYTES = 512  # of what is shorter there is little to save, and a head to add
MAX_HEADER_CHARS = 1000
PAGE_LEVEL = 2  # 30 KB in 0.1 to 0.2 ms, to 20 %; the highest level takes several times as long for 2 % more
PAGES = {"text/html", "application/json"}
FILES = {"text/css", "text/javascript", "application/javascript", "application/json", "image/svg+xml"}
GZIP = zlib.MAX_WBITS + 16

_REFUSED = re.compile(r"[ \t]*q[ \t]*=[ \t]*0(?:\.0{0,3})?[ \t]*")


def takes_gzip(header: str) -> bool:
    """Tell whether an Accept-Encoding header asks for gzip (RFC 9110, 12.5.3)."""
    for wish in header[:MAX_HEADER_CHARS].lower().split(","):
        coding, _, quality = wish.partition(";")
        if coding.strip(" \t") == "gzip":
            return not _REFUSED.fullmatch(quality)
    return False


@functools.lru_cache(maxsize=64)  # all the files that there are, together less than 1 MB
def packed(content: bytes) -> bytes:
    """Return a file as gzip, as small as it gets."""
    return zlib.compress(content, zlib.Z_BEST_COMPRESSION, GZIP)


class FileCompression(tornado.web.OutputTransform):
    """Compresses files. Pages are left to whoever stands before this process: they cost it a quarter of its pages."""

    def __init__(self, request: tornado.httputil.HTTPServerRequest) -> None:
        self._takes_gzip = takes_gzip(request.headers.get("Accept-Encoding", ""))

    def transform_first_chunk(
        self, status_code: int, headers: tornado.httputil.HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, tornado.httputil.HTTPHeaders, bytes]:
        is_whole = status_code != 206 and headers.get("Content-Length") == str(len(chunk))
        if is_whole and len(chunk) >= MIN_BYTES and self.includes(headers):
            headers["Vary"] = "Accept-Encoding"
            if self._takes_gzip:
                chunk = self.compressed(headers, chunk)
                headers["Content-Encoding"] = "gzip"
                headers["Content-Length"] = str(len(chunk))
        return status_code, headers, chunk

    def includes(self, headers: tornado.httputil.HTTPHeaders) -> bool:
        """Tell whether these are the headers of something that is compressed."""
        return is_file(headers) and kind(headers) in FILES

    def compressed(self, headers: tornado.httputil.HTTPHeaders, chunk: bytes) -> bytes:
        """Return a file as gzip. It is the same file, but not the same bytes: its Etag says so (RFC 9110, 8.8.1)."""
        headers["Etag"] = f"W/{headers['Etag']}"
        return packed(chunk)


class Compression(FileCompression):
    """Compresses pages, too, as far as the whole is known at once: a stream of the chat leaves as it is written.

    A page may be compressed although it carries a secret, the form's token, and repeats what a stranger chose, such
    as `next`: Tornado masks the token anew for each answer, so that no two have a byte of it in common (BREACH).
    """

    def includes(self, headers: tornado.httputil.HTTPHeaders) -> bool:
        is_page = kind(headers) in PAGES and "Etag" not in headers  # SockJS's own pages have one
        return super().includes(headers) if is_file(headers) else is_page

    def compressed(self, headers: tornado.httputil.HTTPHeaders, chunk: bytes) -> bytes:
        return super().compressed(headers, chunk) if is_file(headers) else zlib.compress(chunk, PAGE_LEVEL, GZIP)


def is_file(headers: tornado.httputil.HTTPHeaders) -> bool:
    """Tell a file from everything else: only StaticHandler offers parts of what it sends."""
    return "Accept-Ranges" in headers


def kind(headers: tornado.httputil.HTTPHeaders) -> str:
    """Return the media type without its parameters."""
    return headers.get("Content-Type", "").partition(";")[0]
