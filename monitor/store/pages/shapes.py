"""What a named read is: fixed SQL, the parameters it takes, and how text from a URL becomes values to bind.

The SQL of a read never changes with what a user types: values are always bound, and a choice (a sort, a dimension) is one
of the names listed with the parameter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from monitor.clock import naive_utc
from monitor.errors import UsageError
from monitor.model.dimensions import SEGMENTABLE

Value = str | int | float | bool | datetime | list[str] | None
Forms = Callable[[str], Collection[str]]
"""Tells how an id that a person gives may have been written down."""
Kind = Literal["text", "id", "time", "int", "float", "flag", "choice"]
"""An `id` is text that may be stored in another form: what is bound is every form it may have."""

FIRST: Final = datetime(1, 1, 1)  # noqa: DTZ001 the store keeps naive UTC
LAST: Final = datetime(9999, 12, 31)  # noqa: DTZ001 as above
MAX_TEXT: Final = 1_000


def as_given(given: str) -> tuple[str]:
    """Return the one form of an id that nothing has changed."""
    return (given,)


@dataclass(frozen=True)
class Param:
    """One parameter: how its text is read, its value when it is not given, and for numbers the allowed range."""

    kind: Kind
    default: Value = None
    choices: tuple[str, ...] = ()
    low: float = 0
    high: float = math.inf

    def read(self, name: str, text: str) -> Value:
        """Return `text` as a value to bind; empty text is the default. Raises `UsageError`."""
        if text == "":
            return self.default
        try:
            return self._parse(text)
        except (ValueError, OverflowError) as error:
            raise UsageError(f"parameter {name}: {error}") from None

    def _parse(self, text: str) -> Value:
        if self.kind == "time":
            return _instant(text)
        if self.kind in {"int", "float"}:
            return _number(text, self)
        if self.kind == "flag":
            return _one_of(text, ("true", "false")) == "true"
        if self.kind == "choice":
            return _one_of(text, self.choices)
        if len(text) > MAX_TEXT:
            raise ValueError(f"longer than {MAX_TEXT} characters")
        return text


@dataclass(frozen=True)
class PageRead:
    """One question the dashboard may ask: SQL with named parameters, those parameters, and what a row means.

    `extra` names tables the SQL reads that are not in the store: the caller of the read hands them in.
    """

    sql: str
    params: dict[str, Param]
    doc: str
    extra: tuple[str, ...] = ()

    def bind(self, given: dict[str, str], forms: Forms = as_given) -> dict[str, Value]:
        """Return the value of every parameter; of an id, all its `forms`. Raises `UsageError` for an unknown name or an unreadable value."""
        unknown = sorted(set(given) - set(self.params))
        if unknown:
            raise UsageError(f"unknown parameter {unknown[0]}; there are {', '.join(self.params) or 'none'}")
        values = {name: param.read(name, given.get(name, "")) for name, param in self.params.items()}
        return values | {
            name: sorted(forms(value))
            for name, value in values.items()
            if self.params[name].kind == "id" and isinstance(value, str)
        }


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is not a time such as 2026-11-20T14:00:00Z") from None
    return naive_utc(instant if instant.tzinfo else instant.replace(tzinfo=UTC))


def _number(text: str, param: Param) -> float:
    try:
        value = int(text) if param.kind == "int" else float(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is not a number") from None
    if not param.low <= value <= param.high:  # NaN fails this too
        raise ValueError(f"{text[:40]} is not between {param.low:g} and {param.high:g}")
    return value


def _one_of(text: str, choices: tuple[str, ...]) -> str:
    if text not in choices:
        raise ValueError(f"{text[:40]!r} is not one of {', '.join(choices)}")
    return text


SCOPE: Final = {
    "start": Param("time", FIRST),
    "end": Param("time", LAST),
    "app": Param("text"),
    "environment": Param("text"),
}
"""What the bar on top of every page chooses."""

IN_SCOPE: Final = """t.time >= $start AND t.time < $end
    AND ($app IS NULL OR t.app = $app) AND ($environment IS NULL OR t.environment = $environment)"""
"""The same as SQL over a table `t` with the columns of turns."""

SEGMENT: Final = {
    "dimension": Param("choice", "all", ("all", *SEGMENTABLE)),
    "value": Param("text"),
}
"""One slice of the turns of an app, as findings name it: "all" or column=value."""

IN_SEGMENT: Final = (
    "($dimension = 'all' OR CASE $dimension "
    + " ".join(f"WHEN '{name}' THEN t.{name}" for name in SEGMENTABLE)
    + " END = $value)"
)

PAGE: Final = {"limit": Param("int", 50, low=1, high=500), "offset": Param("int", 0, low=0, high=10_000_000)}

BUCKET: Final = {"bucket_s": Param("int", 3600, low=60, high=366 * 86400)}
"""Width of one step on the time axis, seconds."""

PREVIEW: Final = """
    left(coalesce(i.input_value, user_text(i.input_messages)), 240) AS input_text,
    left(coalesce(o.output_value, answer_text(o.output_messages)), 240) AS output_text"""
"""What the user said and saw, for the rows that are shown and no others: `p` is the page of picked turns."""
