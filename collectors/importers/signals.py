"""Which OTLP signal a protobuf body carries, told by the fields of its first record: protobuf itself does not say.

All three requests are built alike (resources, scopes, records, at fields 1, 2 and 2). A span has its times at fields 7 and 8, a log
record at 1 and 11; a metric has none and begins with its name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

Signal = Literal["traces", "logs", "metrics"]

VARINT: Final = 0
FIXED64: Final = 1
BYTES: Final = 2
FIXED32: Final = 5

Field = tuple[int, int, bytes]
"""Number, wire type, and the bytes of a field of type BYTES."""

SPAN: Final = frozenset({(7, FIXED64), (8, FIXED64), (6, VARINT), (10, VARINT), (12, VARINT), (14, VARINT)})
LOG: Final = frozenset({(1, FIXED64), (11, FIXED64), (2, VARINT), (7, VARINT), (8, FIXED32)})
IDS: Final = {1: 16, 2: 8}


def signal_in(body: bytes) -> Signal:
    """Return the signal of an export request; one without a record, or that is none, passes for traces."""
    record = next(_records(body), None)
    if record is None:
        return "traces"
    fields = list(_fields(record))
    kinds = {(number, wire) for number, wire, _ in fields}
    if kinds & SPAN or _has_ids(fields):
        return "traces"
    if kinds & LOG or (1, BYTES) not in kinds:
        return "logs"
    return "metrics"


def _has_ids(fields: list[Field]) -> bool:
    sizes = {number: len(data) for number, wire, data in fields if wire == BYTES and number in IDS}
    return sizes == IDS


def _records(body: bytes) -> Iterator[bytes]:
    for resource in _inside(body, 1):
        for scope in _inside(resource, 2):
            yield from _inside(scope, 2)


def _inside(body: bytes, number: int) -> Iterator[bytes]:
    return (data for found, wire, data in _fields(body) if found == number and wire == BYTES)


def _fields(body: bytes) -> Iterator[Field]:
    """Yield the fields of a message, as far as it can be read."""
    at = 0
    while at < len(body):
        tag, at = _varint(body, at)
        number, wire = tag >> 3, tag & 7
        size = 0
        if wire == BYTES:
            size, at = _varint(body, at)
        elif wire == VARINT:
            _, at = _varint(body, at)
        elif wire in {FIXED64, FIXED32}:
            size = 8 if wire == FIXED64 else 4
        else:
            return
        if at < 0 or at + size > len(body):
            return
        yield number, wire, body[at : at + size] if wire == BYTES else b""
        at += size


def _varint(body: bytes, at: int) -> tuple[int, int]:
    """Return a number and the place after it; a place beyond the body for one that does not end."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(body):
            break
        byte = body[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    return 0, len(body) + 1
