"""How much of gRPC messages is in the house before our handlers see it: read from the frames that pass the front.

grpcio keeps a message until it is whole and tells nobody how much there is of it. The heads of HTTP/2 frames do: DATA brings
bytes to a call that HEADERS opened, and the call is over with the last HEADERS of the server or RST_STREAM of either side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from collectors.doors.wrong_protocol import PREFACE
from collectors.inflight import Held

HEAD: Final = 9
"""Bytes of the head of every frame: length (3), kind, flags, stream (4)."""

DATA: Final = 0
HEADERS: Final = 1
RST_STREAM: Final = 3
END_STREAM: Final = 1


class Frame(NamedTuple):
    """What the head of a frame says."""

    length: int
    kind: int
    flags: int
    stream: int


class Frames:
    """Finds the heads of frames in a stream of bytes that comes in any pieces."""

    def __init__(self, skip: int = 0) -> None:
        """`skip` bytes come before the first frame."""
        self._skip, self._head = skip, b""

    def heads(self, data: bytes) -> Iterator[Frame]:
        """Yield the heads that `data` completes."""
        at = 0
        while True:
            passed = min(self._skip, len(data) - at)
            at, self._skip = at + passed, self._skip - passed
            piece = data[at : at + HEAD - len(self._head)]
            at, self._head = at + len(piece), self._head + piece
            if self._skip or len(self._head) < HEAD:
                return
            head, self._head = self._head, b""
            self._skip = int.from_bytes(head[:3], "big")
            yield Frame(self._skip, head[3], head[4], int.from_bytes(head[5:], "big") & 0x7FFFFFFF)


@dataclass
class Arriving:
    """The calls of one connection that are open, and what each has brought."""

    held: Held
    _calls: dict[int, int] = field(default_factory=dict)
    _from_client: Frames = field(default_factory=lambda: Frames(len(PREFACE)))
    _from_server: Frames = field(default_factory=Frames)

    def came(self, data: bytes) -> None:
        """Count what the client sends. Raises `RetryLater` when there is no room for it; the connection must end then."""
        for frame in self._from_client.heads(data):
            if frame.kind == DATA and frame.stream in self._calls:  # of a call that is over, grpcio keeps nothing
                self.held.resize(self.held.size + frame.length)
                self._calls[frame.stream] += frame.length
            elif frame.kind == HEADERS:
                self._calls.setdefault(frame.stream, 0)
            elif frame.kind == RST_STREAM:
                self._over(frame.stream)

    def went(self, data: bytes) -> None:
        """Forget the calls that the server's `data` ends."""
        for frame in self._from_server.heads(data):
            if frame.kind == RST_STREAM or (frame.kind == HEADERS and frame.flags & END_STREAM):
                self._over(frame.stream)

    def close(self) -> None:
        """The connection has ended."""
        self._calls.clear()
        self.held.resize(0)

    def _over(self, stream: int) -> None:
        self.held.resize(self.held.size - self._calls.pop(stream, 0))
