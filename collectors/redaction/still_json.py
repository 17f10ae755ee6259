"""Replacing inside of a text that is JSON, so that it stays JSON."""

from __future__ import annotations

from collections.abc import Callable

import msgspec


def still_json(text: str, replaced: str, redact: Callable[[str], str]) -> str:
    """Return `replaced` when it is JSON as `text` was; a bare number that was replaced needs quotes."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return replaced
    try:
        msgspec.json.decode(replaced)
    except (msgspec.DecodeError, UnicodeError):
        return msgspec.json.encode(_leaves(value, redact)).decode()
    return replaced


def _leaves(value: object, redact: Callable[[str], str]) -> object:
    if isinstance(value, dict):
        return {redact(key): _leaves(child, redact) for key, child in value.items()}
    if isinstance(value, list):
        return [_leaves(child, redact) for child in value]
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, bool) or value is None:
        return value
    shown = str(value)
    told = redact(shown)
    return value if told == shown else told
