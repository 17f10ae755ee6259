"""Pictures, sound and files inside texts: replaced by their type, size and hash before anything is kept.

They are no text, may show people, and are many times larger than what was said. The hash tells that two are the same. They
come as `data:` URIs, and as base64 under the keys that providers and conventions give them (`data`, `content`, `b64_json`, ...).
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator
from typing import Any, Final

LONG: Final = 192
SHORT: Final = 64
TINY: Final = 24
"""Base64 of fewer characters is an id or a signature, not a picture, unless its part says that it is one."""

DATA_URI: Final = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w=.+-]+)*;base64,([A-Za-z0-9+/=_-]*)")
NAMES: Final = ('data"', 'content"', '_json"', 'b64"', 'blob"', 'bytes"', 'image"', 'audio"', 'base64"')
KEYED: Final = re.compile(r"""\s*:\s*\\*"((?:[A-Za-z0-9+/_-]|\\/){128,}={0,2})(?=\\*")""")
"""What follows such a name where it is a key of JSON, or of JSON inside JSON, and its value is base64."""

ENCODED: Final = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
MAGIC: Final = (
    ("iVBORw0KGgo", "image/png"),
    ("/9j/", "image/jpeg"),
    ("R0lGOD", "image/gif"),
    ("UklGR", "image/webp"),
    ("JVBERi0", "application/pdf"),
    ("SUQz", "audio/mpeg"),
    ("T2dnUw", "audio/ogg"),
)
"""How base64 of well-known formats begins."""

TYPES: Final = ("mime_type", "mimeType", "media_type", "mediaType", "format", "modality")


def without_uris(text: str) -> str:
    """Replace the `data:` URIs of a text; that is all there can be where the parts of a message went through `bare`."""
    return DATA_URI.sub(lambda match: told(match[2], match[1]), text) if ";base64," in text else text


def without_blobs(text: str) -> str:
    """Replace what is binary in a text or in JSON text."""
    text = without_uris(text)
    spots = sorted(_spots(text)) if len(text) > LONG else []
    if not spots:
        return text
    parts, done = [], 0
    for start, end in spots:
        if start >= done:
            parts += [text[done:start], told(text[start:end].replace("\\/", "/"))]
            done = end
    return "".join([*parts, text[done:]])


def _spots(text: str) -> Iterator[tuple[int, int]]:
    """Yield where base64 stands. Keys are looked for as plain text: a pattern over a long text costs a hundred times more."""
    keys = [*NAMES, *(name.replace('"', '\\"') for name in NAMES)] if '\\"' in text else NAMES
    for key in keys:
        at = text.find(key)
        while at >= 0:
            found = KEYED.match(text, at + len(key))
            if found is not None:
                yield found.span(1)
            at = text.find(key, at + len(key))


def told(encoded: str, kind: str | None = None) -> str:
    """Return what stands for base64: `<image/png 1234 bytes sha256:0123456789ab>`."""
    try:
        data = b64decode(encoded.replace("-", "+").replace("_", "/") + "=" * (-len(encoded) % 4))
    except (Base64Error, ValueError):
        data = encoded.encode()
    named = kind or next((mime for begin, mime in MAGIC if encoded.startswith(begin)), "data")
    return f"<{named} {len(data)} bytes sha256:{hashlib.sha256(data).hexdigest()[:12]}>"


def bare(part: Any, kind: str | None = None, least: int = SHORT) -> Any:
    """Return a message part of another kind than text without its binary values of `least` characters or more."""
    if isinstance(part, dict):
        named = next((part[name] for name in TYPES if isinstance(part.get(name), str)), kind)
        return {
            key: bare(value, named, least) if key not in TYPES and key != "type" else value
            for key, value in part.items()
        }
    if isinstance(part, list):
        return [bare(item, kind, least) for item in part]
    if isinstance(part, str) and _is_binary(part, least):
        return told(part, kind)
    return part


def _is_binary(text: str, least: int) -> bool:
    """Base64 of something: a run without spaces, as long as base64 is, that is no plain word or address."""
    enough = len(text) >= least or (len(text) >= TINY and text.startswith(tuple(begin for begin, _ in MAGIC)))
    return enough and ENCODED.fullmatch(text) is not None
