"""What messages say, as text: the macros of `monitor.store.views` in Python, for reads whose rows become values here anyway.

The same answers for messages as collectors and importers write them, at a fortieth of the cost: what SQL does with JSON is planned anew
for every question. SQL of people and of pages goes on with the macros. What is no JSON says nothing here, where the macros raise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import msgspec

Messages = str | None
"""JSON as it is stored: `[{"role": ..., "parts": [{"type": "text", "content": ...}, ...]}, ...]`."""


def user_text(messages: Messages) -> str | None:
    """Return what the last message of the user says, a line a part; None where it says nothing.

    >>> user_text('[{"role": "user", "parts": [{"type": "text", "content": "Hello"}]}, {"role": "system", "parts": []}]')
    'Hello'
    """
    return _text(_of_user(messages)[-1:])


def users_texts(messages: Messages) -> str | None:
    """Return all that the user wrote, not only the last message."""
    return _text(_of_user(messages))


def answer_text(messages: Messages) -> str | None:
    """Return what the first message with text says: a call that asked for several choices has several, and that is what the user saw."""
    return next((text for message in _read(messages) if (text := _text([message]))), None)


def _of_user(messages: Messages) -> list[Any]:
    return [message for message in _read(messages) if isinstance(message, dict) and message.get("role") == "user"]


@lru_cache(maxsize=1)  # the same messages are asked for one text after the other
def _read(messages: Messages) -> Sequence[Any]:
    if messages is None:
        return []
    try:
        told = msgspec.json.decode(messages)
    except (msgspec.DecodeError, RecursionError):
        return []
    return told if isinstance(told, list) else []


def _text(messages: Iterable[Any]) -> str | None:
    said = (part.get("content") for message in messages for part in _parts(message) if part.get("type") == "text")
    lines = [one if isinstance(one, str) else msgspec.json.encode(one).decode() for one in said if one is not None]
    return "\n".join(lines) or None


def _parts(message: Any) -> list[dict[str, Any]]:
    parts = message.get("parts") if isinstance(message, dict) else None
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
