"""What a named read is: fixed SQL, the parameters it takes, and how text from a URL becomes values to bind.

The SQL of a read never changes with what a user types: values are always bound, and a choice (a sort, a dimension) is one
of the names listed with the parameter.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from monitor.clock import naive_utc
from monitor.errors import UsageError
from monitor.model.dimensions import SEGMENTABLE
from monitor.store.opening import Transaction
from monitor.store.precedence import rank

Value = str | int | float | bool | datetime | list[str] | None
Forms = Callable[[str], Collection[str]]
"""Tells how an id that a person gives may have been written down."""
Kind = Literal["text", "id", "time", "int", "float", "flag", "choice", "cursor"]
"""An `id` is text that may be stored in another form: what is bound is every form it may have. A `cursor` is the column of
that name in the last row of a page; the next page begins behind it."""

FIRST: Final = datetime(1, 1, 1)  # noqa: DTZ001 the store keeps naive UTC
LAST: Final = datetime(9999, 12, 31)  # noqa: DTZ001 as above
MAX_TEXT: Final = 1_000
_NAMED: Final = re.compile(r"\$([a-z_]+)")
_CURSOR: Final = re.compile(r"\S+ -?\d+ .+", re.DOTALL)


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
        if self.kind == "cursor" and not _CURSOR.fullmatch(text):
            raise ValueError(f"{text[:40]!r} is not the cursor of a row of this list")
        return text


Made = tuple[pa.Table, dict[str, Value]]
"""The rows of a stage, and values that are bound from then on."""


class Stage(Protocol):
    """A table made for the rest of a read."""

    @property
    def name(self) -> str:
        """What SQL calls it."""
        ...

    @property
    def statements(self) -> tuple[str, ...]:
        """The SQL it runs."""
        ...

    def run(self, reader: Transaction, values: Mapping[str, Value]) -> Made:
        """Return its rows, and what is bound because of them."""
        ...


@dataclass(frozen=True)
class Lent:
    """The rows of a query; with `asked`, only where one of those parameters is given, else none."""

    name: str
    sql: str
    asked: tuple[str, ...] = ()

    @property
    def statements(self) -> tuple[str, ...]:
        """The query."""
        return (self.sql,)

    def run(self, reader: Transaction, values: Mapping[str, Value]) -> Made:
        """Return its rows."""
        wanted = not self.asked or any(values[name] is not None for name in self.asked)
        return reader.read(self.sql if wanted else f"SELECT * FROM ({self.sql}) LIMIT 0", used(self.sql, values)), {}


@dataclass(frozen=True)
class Picked:
    """The turns of a page, as `picked`; binds $near_from and $near_to, between which lies what belongs to them."""

    sql: str
    newest_first: str | None = None  # the same where that is the order: the store follows it without ordering anything
    name: str = "picked"

    @property
    def statements(self) -> tuple[str, ...]:
        """The query, in either order."""
        return (self.sql, self.newest_first or "")

    def run(self, reader: Transaction, values: Mapping[str, Value]) -> Made:
        """Return whole turns."""
        by_time = values.get("sort") == "time" and not values["ascending"]
        sql = self.newest_first if by_time and self.newest_first else self.sql
        turns = reader.read(sql, used(sql, values))
        if not turns.num_rows:
            return turns, {"near_from": FIRST, "near_to": FIRST}
        first, last = (end.as_py() for end in pc.min_max(turns["time"]).values())
        longest = min(max(pc.max(turns["duration_ms"]).as_py() or 0.0, 0.0), MONTH_MS)
        return turns, {"near_from": first - AROUND, "near_to": last + AROUND + timedelta(milliseconds=longest)}


@dataclass(frozen=True)
class PageRead:
    """One question the dashboard may ask: SQL with named parameters, those parameters, and what a row means.

    `extra` names tables the SQL reads that are not in the store: the caller of the read hands them in. `stages` run before,
    in their order, and what each gives is a table to those after it: few rows are picked first, and what is wide or
    costly is then read for them alone.
    """

    sql: str
    params: dict[str, Param]
    doc: str
    extra: tuple[str, ...] = ()
    stages: tuple[Stage, ...] = ()

    @property
    def statements(self) -> tuple[str, ...]:
        """All SQL of this read."""
        return (*(sql for stage in self.stages for sql in stage.statements), self.sql)

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


def used(sql: str, values: Mapping[str, Value]) -> dict[str, Value]:
    """Return the values that `sql` names: DuckDB takes no others."""
    return {name: values[name] for name in set(_NAMED.findall(sql))}


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

PAGE: Final = {"limit": Param("int", 50, low=1, high=500), "after": Param("cursor")}

AROUND: Final = timedelta(days=1)
"""The texts and verdicts of a turn lie this near to it: finishing looks no further for its spans."""

MONTH_MS: Final = 31 * 86_400_000.0
"""No turn is taken for longer than a month, whatever its spans say."""

NEAR: Final = "time >= $near_from AND time <= $near_to"
"""Where the texts and verdicts of picked turns lie, as constants: zone maps prune on nothing else."""

BUCKET: Final = {"bucket_s": Param("int", 3600, low=60, high=366 * 86400)}
"""Width of one step on the time axis, seconds."""


def whole(places: str) -> str:
    """Return SQL for the turns at `places` (rowids): choosing a page by whole rows costs twice as much as by where they stand."""
    return f"SELECT t.* FROM base.turns t WHERE t.rowid IN ({places})"


PREVIEW: Final = """
    left(coalesce(i.input_value, user_text(i.input_messages)), 240) AS input_text,
    left(coalesce(o.output_value, answer_text(o.output_messages)), 240) AS output_text"""
"""What the user said and saw, for the rows that are shown and no others: `p` is the page of picked turns."""

SHOWN: Final = f"""
    WITH verdicts AS (
        SELECT * FROM (SELECT * FROM base.grades WHERE {NEAR}) g SEMI JOIN picked p ON p.trace_id = g.unit_id
        QUALIFY row_number() OVER (PARTITION BY unit_id, rule_id ORDER BY {rank("g")}, g.graded_at DESC) = 1),
    told AS (
        SELECT unit_id, string_agg(rule_id, ', ' ORDER BY rule_id) FILTER (verdict = 'violates') AS violates,
               count(*) AS n_graded
        FROM verdicts GROUP BY unit_id)
    SELECT p.*, w.violates, w.n_graded, {PREVIEW}
    FROM picked p
    LEFT JOIN told w ON w.unit_id = p.trace_id
    LEFT JOIN (SELECT * FROM base.content WHERE {NEAR}) i ON i.trace_id = p.trace_id AND i.span_id = p.input_span_id
    LEFT JOIN (SELECT * FROM base.content WHERE {NEAR}) o ON o.trace_id = p.trace_id AND o.span_id = p.output_span_id"""
"""A page of picked turns with their verdicts and the beginnings of their texts."""
