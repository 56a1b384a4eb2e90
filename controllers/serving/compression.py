"""Gzip for what the site serves: files once, pages each time, streams of the chat never."""

from __future__ import annotations

import functools
import re
import zlib

import tornado.httputil
import tornado.web

MIN_BYTES = 512  # of what is shorter, compression saves little and adds a header
MAX_HEADER_CHARS = 1000  # of an Accept-Encoding header; the rest is ignored
PAGE_LEVEL = 2  # 30 KB in 0.1 to 0.2 ms, to 20 %; the highest level takes several times as long for 2 % more
PAGE_TYPES = {"text/html", "application/json"}
FILE_TYPES = {"text/css", "text/javascript", "application/javascript", "application/json", "image/svg+xml"}
GZIP_WBITS = zlib.MAX_WBITS + 16  # zlib's way to ask for a gzip header

_ZERO_QUALITY = re.compile(r"[ \t]*q[ \t]*=[ \t]*0(?:\.0{0,3})?[ \t]*")


def accepts_gzip(header: str) -> bool:
    """Tell whether an Accept-Encoding header asks for gzip (RFC 9110, 12.5.3)."""
    for item in header[:MAX_HEADER_CHARS].lower().split(","):
        coding, _, quality = item.partition(";")
        if coding.strip(" \t") == "gzip":
            return not _ZERO_QUALITY.fullmatch(quality)
    return False


@functools.lru_cache(maxsize=64)  # all files of the site, together less than 1 MB
def gzip_file(content: bytes) -> bytes:
    """Return the content of a file as gzip, as small as possible; from a cache after the first time."""
    return zlib.compress(content, zlib.Z_BEST_COMPRESSION, GZIP_WBITS)


class FileCompression(tornado.web.OutputTransform):
    """Compresses files only. Behind a proxy, the proxy compresses the pages: here that costs a quarter of the speed."""

    def __init__(self, request: tornado.httputil.HTTPServerRequest) -> None:
        self._accepts_gzip = accepts_gzip(request.headers.get("Accept-Encoding", ""))

    def transform_first_chunk(
        self, status_code: int, headers: tornado.httputil.HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, tornado.httputil.HTTPHeaders, bytes]:
        is_whole = status_code != 206 and headers.get("Content-Length") == str(len(chunk))
        if is_whole and len(chunk) >= MIN_BYTES and self.includes(headers):
            headers["Vary"] = ", ".join(dict.fromkeys((*headers.get_list("Vary"), "Accept-Encoding")))
            if self._accepts_gzip:
                chunk = self.compress(headers, chunk)
                headers["Content-Encoding"] = "gzip"
                headers["Content-Length"] = str(len(chunk))
        return status_code, headers, chunk

    def includes(self, headers: tornado.httputil.HTTPHeaders) -> bool:
        """Tell whether an answer with these headers is compressed."""
        return is_file(headers) and media_type(headers) in FILE_TYPES

    def compress(self, headers: tornado.httputil.HTTPHeaders, chunk: bytes) -> bytes:
        """Return a file as gzip; its Etag becomes weak, since the bytes are others (RFC 9110, 8.8.1)."""
        headers["Etag"] = f"W/{headers['Etag']}"
        return gzip_file(chunk)


class FileAndPageCompression(FileCompression):
    """Compresses files and pages, but no stream: only an answer whose whole content is known at once.

    A page may be compressed although it contains a secret, the form's token, beside text that a stranger chose, such
    as `next`: Tornado masks the token anew for each answer, so that no two have a byte of it in common (BREACH).
    """

    def includes(self, headers: tornado.httputil.HTTPHeaders) -> bool:
        is_page = media_type(headers) in PAGE_TYPES and "Etag" not in headers  # SockJS's own pages have one
        return super().includes(headers) if is_file(headers) else is_page

    def compress(self, headers: tornado.httputil.HTTPHeaders, chunk: bytes) -> bytes:
        return super().compress(headers, chunk) if is_file(headers) else zlib.compress(chunk, PAGE_LEVEL, GZIP_WBITS)


def is_file(headers: tornado.httputil.HTTPHeaders) -> bool:
    """Tell whether these are the headers of a file: only StaticHandler offers parts of its content."""
    return "Accept-Ranges" in headers


def media_type(headers: tornado.httputil.HTTPHeaders) -> str:
    """Return the Content-Type without its parameters."""
    return headers.get("Content-Type", "").partition(";")[0]
