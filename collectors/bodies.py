"""Undo the transport encoding of a body, never beyond the limit: a bomb is cut while it inflates."""

from __future__ import annotations

from isal import isal_zlib

from collectors.decode import BadBody

GZIP_WBITS = 31


class TooLarge(Exception):
    """More bytes than the limit allows, compressed or not."""


class Unsupported(Exception):
    """An encoding this door does not speak."""


def unpacked(raw: bytes, encoding: str, limit: int) -> bytes:
    """Return the body that `raw` carries. Raises `TooLarge`, `Unsupported`, or `BadBody` for broken compression."""
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        return raw
    if name not in {"gzip", "x-gzip"}:
        raise Unsupported(f"content encoding {name} is not supported (send gzip or none)")
    return _gunzipped(raw, limit)


def _gunzipped(raw: bytes, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while raw:  # a gzip body may have several members
        member = isal_zlib.decompressobj(wbits=GZIP_WBITS)
        try:
            data = member.decompress(raw, limit - size + 1)
        except isal_zlib.IsalError as error:  # type: ignore[misc]  # the stub does not say what it derives from
            raise BadBody(f"not valid gzip: {error}") from None
        size += len(data)
        if size > limit:
            raise TooLarge
        if not member.eof:
            raise BadBody("not valid gzip: the data ends too early")
        parts.append(data)
        raw = member.unused_data
    return b"".join(parts)
