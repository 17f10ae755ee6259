"""Undo the transport encoding of a body, never beyond the limit: a bomb is cut while it inflates."""

from __future__ import annotations

import zstandard
from isal import isal_zlib

from collectors.decode import BadBody

ENCODINGS = ("gzip", "zstd", "deflate")
GZIP_WBITS = 31
ZLIB_WBITS = 15  # what HTTP calls deflate
CHUNK = 1 << 16


class TooLarge(Exception):
    """More bytes than the limit allows, compressed or not."""


class Unsupported(Exception):
    """An encoding this door does not speak."""


def unpacked(raw: bytes, encoding: str, limit: int) -> bytes:
    """Return the body that `raw` carries. Raises `TooLarge`, `Unsupported`, or `BadBody` for broken compression."""
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        return raw
    if name in {"gzip", "x-gzip"}:
        return _inflated(raw, "gzip", GZIP_WBITS, limit)
    if name == "deflate":
        return _inflated(raw, "deflate", ZLIB_WBITS, limit)
    if name == "zstd":
        return _unzstd(raw, limit)
    raise Unsupported(f"content encoding {name[:40]} is not supported (send {', '.join(ENCODINGS)} or none)")


def _inflated(raw: bytes, name: str, wbits: int, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while raw:  # a gzip body may have several members
        member = isal_zlib.decompressobj(wbits=wbits)
        try:
            data = member.decompress(raw, limit - size + 1)
        except isal_zlib.IsalError as error:  # type: ignore[misc]  # the stub does not say what it derives from
            raise BadBody(f"not valid {name}: {error}") from None
        size += len(data)
        if size > limit:
            raise TooLarge
        if not member.eof:
            raise BadBody(f"not valid {name}: the data ends too early")
        parts.append(data)
        raw = member.unused_data
    return b"".join(parts)


def _unzstd(raw: bytes, limit: int) -> bytes:
    """Measure first, in small pieces: a frame need not tell its size, and may lie. Only then inflate, frame by frame."""
    inflater = zstandard.ZstdDecompressor(max_window_size=max(limit, 1 << 23))
    parts: list[bytes] = []
    try:
        _measure(inflater.stream_reader(raw, read_across_frames=True), limit)
        while raw:
            frame = inflater.decompressobj()
            parts.append(frame.decompress(raw))
            if not frame.eof:
                raise BadBody("not valid zstd: the data ends too early")
            raw = frame.unused_data
    except zstandard.ZstdError as error:
        raise BadBody(f"not valid zstd: {error}") from None
    return b"".join(parts)


def _measure(reader: zstandard.ZstdDecompressionReader, limit: int) -> None:
    size = 0
    while data := reader.read(CHUNK):
        size += len(data)
        if size > limit:
            raise TooLarge
