"""JSON as traces carry it: whole, cut off in the middle by an SDK limit, or not JSON at all.

Strict parsing comes first; the tolerant parser runs only when that fails, reads as far as the text goes and keeps what was
open. It is iterative and bounded in depth, so hostile nesting costs nothing.
"""

from __future__ import annotations

import re
from json.decoder import scanstring  # type: ignore[attr-defined]  # the C scanner of the standard library, not in typeshed
from typing import Any, Final, NamedTuple

import msgspec

from collectors.decode.wire import MAX_DEPTH


class Parsed(NamedTuple):
    """A value, and whether the text behind it was cut off."""

    value: Any
    truncated: bool


START: Final = re.compile(r"\s*[\[{\"]")
LITERAL: Final = re.compile(r"[^\s,:\[\]{}\"]+")
SPACE: Final = re.compile(r"[\s,]*")
NAMED: Final[dict[str, Any]] = {"true": True, "false": False, "null": None}
NOT_JSON: Final = object()


def load(text: str) -> Parsed:
    """Return the value of JSON text that is an object, a list or a string; anything else is returned as the text it is."""
    if not START.match(text):
        return Parsed(text, truncated=False)
    try:
        return Parsed(msgspec.json.decode(text), truncated=False)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return _read_loosely(text)


def _read_loosely(text: str) -> Parsed:
    reading = _Reading(text)
    if not reading.reached_end() or not reading.root:
        return Parsed(text, truncated=False)
    return Parsed(_without_surrogates(reading.root), truncated=bool(reading.open))


def dump(value: Any) -> str:
    """Return compact JSON."""
    try:
        return msgspec.json.encode(value).decode()
    except RecursionError:
        return '"[nested too deeply]"'


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    return value


class _Reading:
    """One pass over text that is not valid JSON. Containers join their parent when they open, so a stop loses nothing."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.root: Any = None
        self.open: list[list[Any] | dict[str, Any]] = []
        self.keys: list[str | None] = []  # the key that waits for its value, one per open container

    def reached_end(self) -> bool:
        """Read as far as the text is JSON; False when something else follows, which makes it plain text."""
        while self._step():
            pass
        return self.at >= len(self.text)

    def _step(self) -> bool:
        self.at = _end(SPACE, self.text, self.at)
        if self.at >= len(self.text) or (self.root is not None and not self.open):
            return False
        sign = self.text[self.at]
        if sign in "[{":
            return self._opened([] if sign == "[" else {})
        if not self.open:
            return False
        if sign in "]}":
            self.open.pop()
            self.keys.pop()
        elif sign != ":":
            return self._scalar(sign)
        self.at += 1
        return True

    def _opened(self, container: list[Any] | dict[str, Any]) -> bool:
        if len(self.open) >= MAX_DEPTH:
            self.at = len(self.text)
            return False
        self.at += 1
        self._put(container)
        self.open.append(container)
        self.keys.append(None)
        return True

    def _scalar(self, sign: str) -> bool:
        value = self._string() if sign == '"' else self._literal()
        if value is NOT_JSON:
            return False
        if isinstance(self.open[-1], dict) and self.keys[-1] is None:
            self.keys[-1] = str(value)
        else:
            self._put(value)
        return True

    def _literal(self) -> Any:
        end = _end(LITERAL, self.text, self.at)
        text = self.text[self.at : end]
        value = NAMED.get(text, NOT_JSON)
        if value is NOT_JSON:
            value = _number(text)
        if value is NOT_JSON and end == len(self.text):
            value = None  # cut in the middle of a literal
        if value is not NOT_JSON:
            self.at = end
        return value

    def _string(self) -> str:
        try:
            text, self.at = scanstring(self.text, self.at + 1, False)
        except ValueError:
            text, self.at = self._cut_string(), len(self.text)
        return str(text)

    def _cut_string(self) -> str:
        # The cut may have hit an escape: drop its beginning, up to the six characters of \uXXXX.
        for dropped in range(7):
            tail = self.text[self.at + 1 : len(self.text) - dropped] + '"'
            try:
                return str(scanstring(tail, 0, False)[0])
            except ValueError:
                continue
        return self.text[self.at + 1 :]

    def _put(self, value: Any) -> None:
        if not self.open:
            self.root = value
            return
        parent, key = self.open[-1], self.keys[-1]
        if isinstance(parent, list):
            parent.append(value)
        else:
            parent[key or ""] = value
            self.keys[-1] = None


def _number(text: str) -> Any:
    try:
        return float(text) if any(mark in text for mark in ".eEnN") else int(text)
    except ValueError:
        return NOT_JSON


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at
