"""From an attribute value as sent to a value as stored. Anything that cannot be read is unknown (None), never an error.

Senders disagree about types: numbers come as text, integers where doubles are specified, lists as JSON text and scalars
JSON-encoded twice. Each reader takes whatever arrives.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from typing import Any, Final

import msgspec

Reader = Callable[[Any], Any]

MAX_LABEL: Final = 1024
"""Names, ids and labels longer than this are cut: they are no names."""

MAX_PRINTED: Final = 8192
"""Objects longer than this are not read from how Python prints them: that costs more than it tells."""

INT64: Final = 2**63

TRUE: Final = frozenset({"true", "1", "yes"})
FALSE: Final = frozenset({"false", "0", "no"})


def whole(value: Any) -> Any:
    """Return the value untouched: content is read when the kind of the span is known."""
    return value


def label(value: Any) -> str | None:
    """Return a short text. A JSON-encoded string is decoded once; lists and objects are no labels."""
    if isinstance(value, str):
        text = value.strip()
        if text.startswith('"') and text.endswith('"') and len(text) > 1:
            text = _decoded(text)
        return text[:MAX_LABEL] if isinstance(text, str) and text and text != "null" else None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else None


def integer(value: Any) -> int | None:
    """Return a count that fits 64 bits and is not negative."""
    found = number(value)
    if found is None or not 0 <= found < INT64:
        return None
    return value if type(value) is int else int(found)


def number(value: Any) -> float | None:
    """Return a finite number."""
    if isinstance(value, bool):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def boolean(value: Any) -> bool | None:
    """Return a truth value from a boolean or its usual spellings."""
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    return True if text in TRUE else False if text in FALSE else None


def milliseconds(value: Any) -> float | None:
    """Return a non-negative number of milliseconds."""
    found = number(value)
    return found if found is not None and found >= 0 else None


def seconds(value: Any) -> float | None:
    """Return milliseconds from seconds."""
    found = milliseconds(value)
    return None if found is None else found * 1000


def nanoseconds(value: Any) -> float | None:
    """Return milliseconds from nanoseconds."""
    found = milliseconds(value)
    return None if found is None else found / 1e6


def first(value: Any) -> str | None:
    """Return the first label of a list, of a list in JSON text, or the label itself."""
    if isinstance(value, str) and value.lstrip()[:1] == "[":
        value = _decoded(value)
    if isinstance(value, list):
        value = value[0] if value else None
    return label(value)


def mapping(value: Any) -> dict[str, Any] | None:
    """Return an object, also from JSON text or from how Python prints one (LiteLLM)."""
    if isinstance(value, str) and len(value) <= MAX_PRINTED and value.lstrip()[:1] == "{":
        value = _decoded(value)
        value = _printed(value) if isinstance(value, str) else value
    return value if isinstance(value, dict) else None


def _printed(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return text


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return text


READERS: Final[dict[str, Reader]] = {
    "whole": whole,
    "label": label,
    "integer": integer,
    "number": number,
    "boolean": boolean,
    "milliseconds": milliseconds,
    "seconds": seconds,
    "nanoseconds": nanoseconds,
    "first": first,
    "mapping": mapping,
}
"""The readers that dialect files may name."""
