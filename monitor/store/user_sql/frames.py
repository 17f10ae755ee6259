"""How the agent and its child that reads talk: a length, then that many bytes of MessagePack; a child that is silent has a deadline."""

from __future__ import annotations

import os
import select
import struct
import time
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

HEAD: Final = struct.Struct("<Q")
_PIECE: Final = 1 << 20


class Asked(msgspec.Struct, frozen=True, tag="asked"):
    """One SELECT; `extra` are tables by name, as Arrow streams."""

    sql: str
    max_rows: int
    extra: Mapping[str, bytes]


class Rows(msgspec.Struct, frozen=True, tag="rows"):
    """The answer as an Arrow stream; `grown` where the process should take no other snapshot."""

    stream: bytes
    grown: bool = False


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """Why there is no answer; `spent` where the process has had its memory and is not asked again, `grown` as of rows."""

    reason: str
    spent: bool = False
    grown: bool = False


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """One step is done: the child has started, has copied the store, has opened its copy, has let go of it. From the agent: copy now, or let go."""


Reply = Rows | Refused | Ready
FRAMES: Final[msgspec.msgpack.Decoder[Asked | Ready]] = msgspec.msgpack.Decoder(Asked | Ready)
REPLIES: Final[msgspec.msgpack.Decoder[Reply]] = msgspec.msgpack.Decoder(Reply)


def packed(value: msgspec.Struct) -> bytes:
    """Return `value` as one frame."""
    body = msgspec.msgpack.encode(value)
    return HEAD.pack(len(body)) + body


def read_frame(handle: int, wait: Callable[[int], None] = lambda _: None) -> bytes:
    """Return the bytes of one frame. Raises `EOFError` when the other side is gone, and whatever `wait` raises."""
    (length,) = HEAD.unpack(_exactly(handle, HEAD.size, wait))
    return _exactly(handle, length, wait)


def _exactly(handle: int, length: int, wait: Callable[[int], None]) -> bytes:
    found = bytearray()
    while len(found) < length:
        wait(handle)
        piece = os.read(handle, min(length - len(found), _PIECE))
        if not piece:
            raise EOFError
        found += piece
    return bytes(found)


def until(deadline: float) -> Callable[[int], None]:
    """Return a wait that raises `TimeoutError` at `deadline`, in seconds of the monotonic clock."""

    def wait(handle: int) -> None:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([handle], [], [], left)[0]:
            raise TimeoutError

    return wait
