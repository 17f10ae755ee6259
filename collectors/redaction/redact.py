"""Redaction: what must not be stored is replaced before the first durable write.

Column by column, Rust looks for texts that could hold something of a kind (`monitor.privacy.patterns.hint`), and only those go through the
exact patterns of that kind, with escapes undone. A placeholder such as `<EMAIL_3fa2>` names the kind and carries a keyed hash of
trace and value: the same value looks the same within a trace, whatever body or process it came through, and says nothing without
the key. Redaction fails closed: a field that cannot be redacted is dropped, counted, and flagged on its span.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Final

import polars as pl

from collectors.redaction.field_rules import FieldRules
from collectors.redaction.likely import likely
from collectors.redaction.pseudonyms import WHO, People
from collectors.redaction.still_json import still_json
from collectors.redaction.terms import Terms, read_terms
from monitor.config.field_rules import read_rules
from monitor.config.schema import CollectorSettings
from monitor.model.rows import TABLES
from monitor.privacy.canonical import WIDE_HINT, canonical, narrow
from monitor.privacy.escapes import HIDING, HINT, View, plain_view
from monitor.privacy.keyed import placeholder
from monitor.privacy.nobodys import publisher
from monitor.privacy.pattern import Found, Pattern
from monitor.privacy.patterns import apart, find_by, of_kinds

Patterns = tuple[Pattern, ...]

OURS: Final = frozenset(
    {
        "kind",
        "status",
        "dialect",
        "usage_source",
        "cost_source",
        "flags",
        "origin",
        "part",
        "key",
        "series",
        "temporality",
    }
)
"""Columns whose values are words of ours or hashes: nothing of a client stands in them."""

PEOPLE: Final = frozenset({"user_id", "session_id", "message_id", "unit", "user", "session"})
"""Columns that name somebody: placeholders in them are the same in every trace, so that one user stays one user."""

NAMES: Final = frozenset(
    [
        "trace_id",
        "span_id",
        "parent_id",
        "app",
        "environment",
        "release",
        "scope",
        "operation",
        "provider",
        "request_model",
        "response_model",
        "response_id",
        "fingerprint",
        "finish_reason",
        "prompt_name",
        "prompt_version",
        "experiment",
        "variant",
        "arm",
        "tool_call_id",
        "source",
        "error_type",
        "scope_version",
        "sdk",
        "metric",
        "model",
    ]
)
"""Columns that name things and join rows: stable everywhere too, and only for what no sane name looks like by chance."""

IN_NAMES: Final = ("secret", "password", "email")


@dataclass
class Redactor:
    """Replaces personal data and secrets of `kinds`, `terms` of your own, and the ids of `people`.

    `failed` counts fields that were dropped.
    """

    key: bytes
    kinds: tuple[str, ...]
    terms: Terms = field(default_factory=Terms)
    people: People | None = None
    rules: FieldRules | None = None
    failed: int = field(default=0)

    _said: dict[tuple[str, str, bool], str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Put the hints together once."""
        self._all = of_kinds(self.kinds)
        self._named = of_kinds([kind for kind in self.kinds if kind in IN_NAMES])

    def tables(self, frames: Mapping[str, pl.DataFrame]) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
        """Return all tables redacted, and (trace_id, span_id) of the spans that lost a field to a failure."""
        redacted: dict[str, pl.DataFrame] = {}
        lost = [pl.DataFrame(schema={"trace_id": pl.String, "span_id": pl.String})]
        known = self.people and self.people.among(frames)
        for name, rows in self._ruled(frames).items():
            nameless, unnamed = known.nameless(name, rows) if known else (rows, set[int]())
            redacted[name], failed = self._frame(name, nameless)
            self.failed += len(unnamed)
            failed |= unnamed
            if failed and {"trace_id", "span_id"} <= set(rows.columns):
                lost.append(redacted[name][sorted(failed)].select("trace_id", "span_id"))
        self._said.clear()  # the same text often stands in several spans of a trace, seldom in two batches
        return redacted, pl.concat(lost)

    def _ruled(self, frames: Mapping[str, pl.DataFrame]) -> Mapping[str, pl.DataFrame]:
        if self.rules is None:
            return frames
        before = self.rules.failed
        told = self.rules.applied(frames)
        self.failed += self.rules.failed - before
        return told

    def frame(self, table: str, rows: pl.DataFrame) -> pl.DataFrame:
        """Return `rows` of `table` with every text column redacted."""
        return self._frame(table, rows)[0]

    def _frame(self, table: str, rows: pl.DataFrame) -> tuple[pl.DataFrame, set[int]]:
        if not rows.height or not (self.kinds or self.terms):
            return rows, set()
        texts = _texts(table, rows)
        named = [column for column in texts if column.name in NAMES]
        rest = [column for column in texts if column.name not in OURS | NAMES]
        traces = rows["trace_id"] if "trace_id" in rows.columns else None
        failed: set[int] = set()
        columns = [
            self._column(column, where, None if column.name in PEOPLE | NAMES else traces, patterns, failed)
            for among, patterns, every in ((rest, self._all, bool(self.terms)), (named, self._named, False))
            for column, where in likely(among, patterns, every=every)
        ]
        return (rows.with_columns(columns) if columns else rows), failed

    def _column(
        self, column: pl.Series, likely: pl.Series, traces: pl.Series | None, patterns: Patterns, failed: set[int]
    ) -> pl.Series:
        """Return the column redacted."""
        at = likely.arg_true()
        texts = column[at]
        scopes: Sequence[str | None] = [""] * len(texts) if traces is None else traces[at].to_list()
        values = []
        for index, text, scope, wanted in zip(at, texts, scopes, _wanted(texts, patterns), strict=True):
            told = self._safely(text, scope or "", wanted, patterns is self._named)
            values.append(told)
            if told is None:
                failed.add(index)
        return column.scatter(at, pl.Series(values, dtype=pl.String))

    def _safely(self, text: str, scope: str, wanted: tuple[Patterns, bool], named: bool) -> str | None:
        try:
            known = (text, scope, named)
            if known not in self._said:
                self._said[known] = self._redacted(text, scope, *wanted)
            return self._said[known]
        except Exception:  # noqa: BLE001 - whatever went wrong, the raw text must not be stored
            self.failed += 1
            return None

    def text(self, text: str, scope: str) -> str:
        """Return `text` with placeholders; `scope` is the trace id, or "" for a placeholder that is stable everywhere."""
        return self._redacted(text, scope, self._all, True)

    def _redacted(self, text: str, scope: str, patterns: Patterns, escaped: bool) -> str:
        replaced = self._replaced(text, scope, patterns, escaped)
        if replaced is text or text[:1] not in {"{", "["}:
            return replaced
        return still_json(text, replaced, lambda leaf: self._replaced(leaf, scope, patterns, True))

    def _replaced(self, text: str, scope: str, patterns: Patterns, escaped: bool) -> str:
        view = plain_view(text) if escaped else None
        plain = narrow(view.plain if view else text)
        found = find_by(plain, patterns)
        if self.terms:
            found = sorted([*found, *apart(sorted(self.terms.find(plain)), found)])
        return "".join(self._pieces(text, plain, view, scope, found)) if found else text

    def _pieces(self, text: str, plain: str, view: View | None, scope: str, found: Iterable[Found]) -> Iterator[str]:
        reached = 0
        for start, end, kind in found:
            begin, stop = view.original(start, end) if view else (start, end)
            yield text[reached:begin]
            yield self._stands_for(scope, kind, plain[start:end])
            reached = stop
        yield text[reached:]

    def _stands_for(self, scope: str, kind: str, value: str) -> str:
        """In the texts of a trace a value looks the same however it is written, and a published test value says that it is one."""
        if not scope:
            return placeholder(self.key, scope, kind, value)
        form = canonical(kind, value)
        return placeholder(self.key, scope, f"{kind}_test" if publisher(kind, form) else kind, form)


def _texts(table: str, rows: pl.DataFrame) -> list[pl.Series]:
    """Return the columns of text that hold anything."""
    kinds = TABLES[table]
    held = (column for column in rows.get_columns() if kinds.get(column.name) in {"str", "text"})
    return [column for column in held if column.null_count() < rows.height]


def _wanted(texts: pl.Series, patterns: Patterns) -> Iterator[tuple[Patterns, bool]]:
    """Yield for each text the patterns it may match, and whether it has escapes."""
    masks = (
        texts.alias("text")
        .to_frame()
        .select(
            pl.col("text").str.contains(f"{HIDING}|{WIDE_HINT}").alias("hiding"),
            pl.col("text").str.contains(HINT).alias("escaped"),
            *(pl.col("text").str.contains(pattern.hint).alias(f"{n}") for n, pattern in enumerate(patterns)),
        )
    )
    for hiding, escaped, *may in masks.iter_rows():
        yield patterns if hiding else tuple(compress(patterns, may)), escaped


def redactor_for(settings: CollectorSettings, key: bytes) -> Redactor:
    """Return what these settings ask for. Raises `ConfigError` for patterns and dictionaries that cannot work."""
    redaction = settings.redaction
    people = People(key, WHO[redaction.pseudonyms]) if redaction.pseudonyms != "none" else None
    given = read_rules(settings.fields, "plumbline.yaml")
    rules = FieldRules(key, given) if given else None
    if not redaction.enabled:
        return Redactor(key, (), people=people, rules=rules)
    terms = read_terms(redaction.patterns, redaction.dictionaries, key, "plumbline.yaml")
    return Redactor(key, redaction.kinds, terms, people, rules)
