"""How one frame of the spool is written down: a header, and tables of bytes, packed so that they can be changed in place.

A header is magic, sequence, length of the payload, and CRC32 of all three. In a payload of now stand its own length and the tables,
compressed; what comes behind is padding. So a frame whose rows went can be made to fill the room it had. Frames of before
(`PLAIN`) hold the tables as they are, and are read for as long as there are any.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec
import zstandard

Tables = dict[str, bytes]

PLAIN: Final = b"PLF1"
MAGIC: Final = b"PLF2"
BEGINNING: Final = b"PLF"
HEADER: Final = struct.Struct("<4sQII")  # magic, sequence, payload length, CRC32 over sequence, length and payload
INNER: Final = struct.Struct("<I")  # how much of the payload is not padding
MAX_PAYLOAD: Final = 1 << 30
FAST: Final = 1
CLOSE: Final = 12
"""Levels of compression: when data comes in, and when what is left must fit where more stood."""

FILLERS: Final = ("", "_", "__", "___")
"""Names of the padding of plain frames; the loader ignores tables it does not know."""


def packed(tables: Mapping[str, bytes], level: int = FAST) -> bytes:
    """Return the payload of `tables`."""
    inner = zstandard.compress(msgspec.msgpack.encode(dict(tables)), level)
    return INNER.pack(len(inner)) + inner


def unpacked(magic: bytes, payload: bytes | memoryview) -> Tables:
    """Return the tables of a payload whose checksum is right."""
    if magic == MAGIC:
        (length,) = INNER.unpack_from(payload)
        payload = zstandard.decompress(payload[INNER.size : INNER.size + length], max_output_size=MAX_PAYLOAD)
    return msgspec.msgpack.decode(payload, type=Tables)


def framed(magic: bytes, sequence: int, payload: bytes) -> bytes:
    """Return a whole frame."""
    return HEADER.pack(magic, sequence, len(payload), checksum_of(sequence, payload)) + payload


def checksum_of(sequence: int, payload: bytes | memoryview) -> int:
    """Return what the header of a frame says about the whole."""
    return zlib.crc32(payload, zlib.crc32(struct.pack("<QI", sequence, len(payload))))


def filling(magic: bytes, tables: Mapping[str, bytes], length: int) -> bytes:
    """Return the payload of `tables`, filled up to exactly `length` bytes; one that cannot be is emptied."""
    if magic == PLAIN:
        return _plainly_filling(tables, length)
    nothing: Tables = {}
    tries = (packed(held, level) for held, level in ((tables, FAST), (tables, CLOSE), (nothing, FAST)))
    return next(payload for payload in tries if len(payload) <= length).ljust(length, b"\0")


def _plainly_filling(tables: Mapping[str, bytes], length: int) -> bytes:
    exact = msgspec.msgpack.encode(dict(tables))
    if len(exact) == length:
        return exact
    for payload in _filled(tables, length - len(exact)):
        if len(payload) == length:
            return payload
    return _plainly_filling({}, length) if tables else exact


def _filled(tables: Mapping[str, bytes], gap: int) -> Iterator[bytes]:
    for name in FILLERS:
        for header in (2, 3, 5):  # bytes that msgpack needs to say how long the filler is
            size = gap - 1 - len(name) - header
            if size >= 0:
                yield msgspec.msgpack.encode({**tables, name: bytes(size)})
