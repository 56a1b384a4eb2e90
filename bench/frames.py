"""WebSocket by hand (RFC 6455): no client library's cost may appear in the figures."""

import base64
import os

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
ZERO_MASK = b"\0\0\0\0"  # a legal mask that leaves the bytes as they are: masking costs us nothing


def handshake(path: str, host: str, headers: dict[str, str]) -> bytes:
    """Return the request that asks for a WebSocket without extensions."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        "Sec-WebSocket-Version: 13",
        f"Origin: http://{host}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def client_frame(text: str | bytes, opcode: int = TEXT) -> bytes:
    """Return one whole frame, masked as a client's must be."""
    data = text.encode() if isinstance(text, str) else text
    size = len(data)
    if size < 126:
        head = bytes((0x80 | opcode, 0x80 | size))
    elif size < 1 << 16:
        head = bytes((0x80 | opcode, 0x80 | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, 0x80 | 127)) + size.to_bytes(8, "big")
    return head + ZERO_MASK + data


class Decoder:
    """Turns the bytes of one connection into frames: first the HTTP answer, then WebSocket."""

    def __init__(self) -> None:
        self.open = False
        self._data = bytearray()

    @property
    def partial(self) -> bool:
        """Say whether the last bytes ended within a frame."""
        return bool(self._data)

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Return the frames that `data` completes, as (opcode, payload)."""
        self._data += data
        if not self.open and not self._skip_answer():
            return []
        frames = []
        start = 0
        while (found := self._payload_at(start)) is not None:
            first, end = found
            frames.append((self._data[start] & 0x0F, bytes(self._data[first:end])))
            start = end
        del self._data[:start]
        return frames

    def _skip_answer(self) -> bool:
        """Take the HTTP answer away once it is whole; anything but 101 is an error."""
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            return False
        status = bytes(self._data[: self._data.find(b"\r\n")])
        if b" 101 " not in status:
            raise ConnectionError(f"handshake refused: {status.decode('latin1')}")
        del self._data[: end + 4]
        self.open = True
        return True

    def _payload_at(self, start: int) -> tuple[int, int] | None:
        """Return where the payload of the frame at `start` begins and ends, if all of it is here."""
        data = self._data
        if len(data) < start + 2:
            return None
        if not data[start] & 0x80 or data[start + 1] & 0x80:
            raise ConnectionError("a fragmented or masked frame from the server")
        size, first = data[start + 1], start + 2
        if size >= 126:
            first += 2 if size == 126 else 8
            if len(data) < first:
                return None
            size = int.from_bytes(data[start + 2 : first], "big")
        return (first, first + size) if len(data) >= first + size else None
