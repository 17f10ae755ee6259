"""The attributes no rule understood, as one small JSON object: evidence for people, capped so that it cannot grow."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from collectors.decode.binary import without_blobs
from collectors.decode.loose_json import dump
from collectors.decode.wire import Attributes

MAX_VALUE: Final = 1024
MAX_TOTAL: Final = 8192
MAX_KEY: Final = 128
MAX_UNKNOWN: Final = 32
"""Keys counted a span: enough to see that a dialect is not understood."""

DIGITS: Final = re.compile(r"\d+")


def unknown_keys(keys: Sequence[str]) -> str | None:
    """Return GenAI-looking keys, one a line, positions of flattened lists as N; None without any."""
    if not keys:
        return None
    found = {DIGITS.sub("N", key[:MAX_KEY]) for key in keys}
    return "\n".join(sorted(found)[:MAX_UNKNOWN])


def attrs_json(rest: Attributes, flags: list[str]) -> str | None:
    """Return the object as text, or None when nothing is left; what does not fit is dropped and flagged."""
    if not rest:
        return None
    text = dump(rest)
    if len(text) <= MAX_VALUE and ";base64," not in text:
        return text
    return dump(_fitting(rest, flags))


def _fitting(rest: Attributes, flags: list[str]) -> Attributes:
    kept: Attributes = {}
    room = MAX_TOTAL
    for key, value in rest.items():
        small = _small(value)
        room -= len(key) + len(str(small)) + 6
        if room < 0 or len(key) > MAX_KEY:
            flags.append("attrs_cut")
            break
        kept[key] = small
    return kept


def _small(value: Any) -> Any:
    if isinstance(value, bool | int | float | None):
        return value
    text = without_blobs(value if isinstance(value, str) else dump(value))
    return text if len(text) <= MAX_VALUE else text[:MAX_VALUE] + "…"
