"""Ways to bend a body out of shape. All randomness comes from the generator that is handed in."""

from __future__ import annotations

import gzip
import json
import random
import zlib
from collections.abc import Callable
from typing import Any, Final

import zstandard

Rng = random.Random
HOSTILE: Final = (
    b"\x00",
    b"\xff\xfe",
    b"\xed\xa0\x80",  # a lone surrogate
    b"\xc0\x80",  # an overlong NUL
    b"\xf4\x90\x80\x80",  # beyond Unicode
    b'"',
    b"\\",
    b"{}[],:",
    b"\\ud800",
    b"\xef\xbb\xbf",
    b"1e999",
    b"NaN",
)
BIG: Final = 200_000
DEEP: Final = 20_000


def flipped(data: bytes, rng: Rng) -> bytes:
    """Turn single bits."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 12)):
        if changed:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(data: bytes, rng: Rng) -> bytes:
    """End too early."""
    return data[: rng.randint(0, len(data))]


def spliced(data: bytes, rng: Rng) -> bytes:
    """Repeat, drop or move a piece of itself."""
    begin, end, to = sorted(rng.randint(0, len(data)) for _ in range(3))
    return rng.choice(
        [
            data[:begin] + data[end:],
            data[:end] + data[begin:],
            data[end:to] + data[:end],
            data + data,
            data * rng.randint(2, 30),
        ]
    )


def poisoned(data: bytes, rng: Rng) -> bytes:
    """Put bytes that parsers stumble over in the middle."""
    at = rng.randint(0, len(data))
    return data[:at] + rng.choice(HOSTILE) * rng.choice([1, 1, 1, 500]) + data[at + rng.choice([0, 1]) :]


def noise(data: bytes, rng: Rng) -> bytes:
    """Nothing of the body remains."""
    return rng.randbytes(rng.randint(0, 2 * len(data)))


BYTES: Final[tuple[Callable[[bytes, Rng], bytes], ...]] = (flipped, cut, spliced, poisoned, noise)


# -- protobuf: a message is its fields one after the other, so that more of them can be appended to it


def varint(value: int) -> bytes:
    """The encoding of an unsigned number."""
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def field(number: int, data: bytes) -> bytes:
    """A length-delimited field."""
    return varint(number << 3 | 2) + varint(len(data)) + data


def fields_of(data: bytes) -> list[tuple[int, bytes]] | None:
    """The fields of a message as (tag, value), values of kind 2 without their length; None when it is no message."""
    found, at = [], 0
    while at < len(data):
        tag, at = unvarint(data, at)
        kind = tag & 7
        begin = at
        if kind == 0:
            _, at = unvarint(data, at)
        elif kind == 2:
            length, begin = unvarint(data, at)
            at = begin + length
        else:
            at += {1: 8, 5: 4}.get(kind, len(data) + 1)
        if not tag >> 3 or at > len(data):
            return None
        found.append((tag, data[begin:at]))
    return found


def unvarint(data: bytes, at: int) -> tuple[int, int]:
    """The number at `at`, and where it ends; beyond the data when it does not."""
    value, shift = 0, 0
    while at < len(data) and shift < 70:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value, at
    return 0, len(data) + 1


def joined(fields: list[tuple[int, bytes]]) -> bytes:
    return b"".join(varint(tag) + (varint(len(value)) if tag & 7 == 2 else b"") + value for tag, value in fields)


def bent_field(data: bytes, rng: Rng) -> bytes:
    """The same message with one field somewhere in it changed, repeated or gone; every length around it is right again."""
    fields = fields_of(data)
    if not fields:
        return data
    at = rng.randrange(len(fields))
    tag, value = fields[at]
    if tag & 7 == 2 and fields_of(value) and rng.random() < 0.85:
        fields[at] = (tag, bent_field(value, rng))
        return joined(fields)
    odd = {
        0: [varint(0), varint(1), varint(2**63), varint(2**64 - 1), varint(77)],
        1: [bytes(8), b"\xff" * 8, rng.randbytes(8)],
        2: [b"", b"\0", b"x", "\u202eé✓".encode(), b"-1", value * 2, value[:-1], b"[" * 900, b"{" + value],
        5: [bytes(4), b"\xff" * 4],
    }[tag & 7]
    replaced = [(tag, rng.choice(odd))]
    fields[at : at + 1] = rng.choice([replaced, replaced, replaced, [], [fields[at]] * rng.choice([2, 300])])
    return joined(fields)


def unknown_fields(data: bytes, rng: Rng) -> bytes:
    """Fields that no schema knows, of every wire type, some that lie about their length."""
    number = rng.choice([0, 3, 15, 99, 536_870_911])
    kind = rng.randrange(8)
    return (
        data
        + varint(number << 3 | kind)
        + rng.choice([varint(2**63), b"\xff" * 11, varint(9) + b"x", rng.randbytes(12)])
    )


def deep_attribute(data: bytes, rng: Rng) -> bytes:
    """A span whose attribute is a list in a list in a list."""
    value = field(1, b"x")
    for _ in range(rng.choice([20, 90, 200, 2_000])):
        value = field(5, field(1, value))
    return data + in_span(field(9, field(1, b"own.deep") + field(2, value)), rng)


def big_attribute(data: bytes, rng: Rng) -> bytes:
    """A span with one huge text, or a thousand attributes, under a key that means something."""
    key = rng.choice([b"gen_ai.input.messages", b"input.value", b"metadata", b"own.key", b"user.id", b"service.name"])
    text = rng.choice([b"x", b"\0", b"[", b'{"a":', "é".encode(), b"\xff", b"a@b.co "]) * rng.randint(1, BIG // 6)
    many = rng.choice([1, 1, 1, 1_000])
    attributes = b"".join(
        field(9, field(1, key + b"%d" % index * (index > 0)) + field(2, field(1, text[: BIG // many])))
        for index in range(many)
    )
    return data + in_span(attributes, rng)


def odd_ids(data: bytes, rng: Rng) -> bytes:
    """A span with ids and times as they should not be."""
    ids = field(1, rng.randbytes(rng.choice([0, 8, 15, 17]))) + field(2, bytes(rng.choice([0, 8, 9])))
    times = b"".join(
        varint(number << 3 | 1) + rng.choice([b"\xff" * 8, bytes(8), rng.randbytes(8)]) for number in (7, 8)
    )
    return data + in_span(ids + times, rng)


def in_span(fields: bytes, rng: Rng) -> bytes:
    """An export request of one span that also has `fields`."""
    return field(
        1, field(2, field(2, field(1, rng.randbytes(16)) + field(2, rng.randbytes(8)) + field(5, b"odd") + fields))
    )


PROTOBUF: Final = (*BYTES, *[bent_field] * 6, unknown_fields, deep_attribute, big_attribute, odd_ids)


# -- JSON: change the tree, then perhaps the bytes


def odd_value(rng: Rng) -> Any:
    """A value that has no business where it will stand."""
    return rng.choice(
        [
            None,
            True,
            -1,
            10**30,
            -(2**63) - 1,
            1e308,
            float("nan"),
            float("inf"),
            -0.0,
            10**1000,
            "",
            "\0",
            "\ud800",
            "x" * rng.choice([1, 300, BIG]),
            "[" * DEEP,
            "9" * 400,
            "-1",
            "0x10",
            [],
            {},
            [[]] * 50,
            {"stringValue": 1},
            {"intValue": "many", "stringValue": "both"},
            {"arrayValue": {"values": [None, {"kvlistValue": {"values": [{}]}}]}},
            {"": {"": ""}},
        ]
    )


def places(tree: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a tree."""
    found: list[tuple[Any, Any]] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else []
        found += [(node, key) for key in keys]
        waiting += [node[key] for key in keys]
    return found


def bent(tree: Any, rng: Rng) -> Any:
    """The tree with some values replaced, renamed, repeated or gone; it may be changed in place."""
    for _ in range(rng.choice([1, 1, 2, 5])):
        found = places(tree)
        if not found or rng.random() < 0.03:
            return odd_value(rng)
        node, key = rng.choice(found)
        match rng.randrange(5):
            case 0 | 1:
                node[key] = odd_value(rng)
            case 2:
                del node[key]
            case 3 if isinstance(node, dict):
                node[rng.choice(["", "unknown", key.upper(), "\udfff", "snake_case"])] = node.pop(key)
            case 4 if isinstance(node, list):
                node.extend([node[key]] * rng.choice([1, 200]))
            case _:
                node[key] = [node[key]]
    return tree


def written(tree: Any, rng: Rng) -> bytes:
    """JSON as different writers write it; surrogates and other encodings included."""
    text = json.dumps(tree, ensure_ascii=rng.random() < 0.5, indent=rng.choice([None, None, 1]))
    return text.encode(rng.choice(["utf-8"] * 12 + ["utf-16", "utf-8-sig"]), "surrogatepass")


def nested(rng: Rng) -> bytes:
    """Brackets without end."""
    depth, opening, closing = (
        rng.choice([50, 900, DEEP]),
        *rng.choice([("[", "]"), ('{"a":', "}"), ('{"resourceSpans":[', "]}")]),
    )
    return (opening * depth + rng.choice(["", "1" + closing * depth])).encode()


# -- compression


def bomb(rng: Rng, size: int) -> bytes:
    """A small body that is large inside; `size` in bytes."""
    return packed(bytes(size), rng.choice(["gzip", "deflate", "zstd"]))


def packed(data: bytes, encoding: str) -> bytes:
    """Compress as `encoding` says; an unknown one changes nothing."""
    if encoding == "gzip":
        return gzip.compress(data, 1, mtime=0)
    if encoding == "deflate":
        return zlib.compress(data, 1)
    return zstandard.compress(data, 1) if encoding == "zstd" else data
