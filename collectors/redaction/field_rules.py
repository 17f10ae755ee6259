"""Rules per app and field: keep, drop, hash, or cap at so many bytes; applied before anything else looks at a text.

The rules of an app stand in front of those of `*`, field by field. A field that a rule dropped leaves a flag on its span
(`by_rule:input_messages`), and a log event that lost its text becomes part `dropped`: nobody should be told to switch texts on.
Scores and exposures belong to the app they name as their source; where no app is known, the rules of `*` hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import msgspec
import polars as pl

from collectors.redaction.caps import MESSAGES, flagged, messages_within, text_within
from collectors.redaction.pseudonyms import COLUMNS
from monitor.config.field_rules import FieldRule
from monitor.privacy.keyed import digest, pseudonym

LOGGED: Final = {"system": "system_text", "input": "input_messages", "output": "output_messages"}
"""What a log event of a part holds."""

ANY: Final = "*"
_KEPT: Final = frozenset({"type", "id", "name", "role", "mime_type", "modality"})
"""Keys of a message part that are words of the protocol; all others are hashed."""


@dataclass
class FieldRules:
    """The rules by app, and the key for hashes. `failed` counts fields that could not be hashed or cut and were dropped."""

    key: bytes
    rules: Mapping[str, Mapping[str, FieldRule]]
    failed: int = field(default=0)

    def applied(self, frames: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
        """Return the tables with every rule applied, and flags on the spans of what was dropped or cut."""
        apps = _apps_of_spans(frames["spans"]) if "spans" in frames else {}
        told = dict(frames)
        marks: dict[str, list[tuple[str, str]]] = {}
        for table in frames.keys() & {"spans", "content", "scores", "exposures", "events"}:
            rows = frames[table]
            whose = _whose(table, rows, apps)
            told[table] = self._logged(rows, whose) if table == "events" else rows
            for name in self._ruled() & set(rows.columns):
                told[table] = told[table].with_columns(self._column(table, rows, name, whose, marks))
        for flag in sorted(marks):
            which = pl.DataFrame(marks[flag], schema={"trace_id": pl.String, "span_id": pl.String}, orient="row")
            told["spans"] = flagged(told["spans"], which, flag)
        return told

    def _ruled(self) -> set[str]:
        """Fields that some rule names: no other needs a look."""
        return {name for rules in self.rules.values() for name in rules}

    def _for(self, app: str | None, name: str) -> FieldRule | None:
        own = self.rules.get(app, {}) if app is not None else {}
        return own.get(name) or self.rules.get(ANY, {}).get(name)

    def _column(
        self,
        table: str,
        rows: pl.DataFrame,
        name: str,
        whose: list[str | None],
        marks: dict[str, list[tuple[str, str]]],
    ) -> pl.Series:
        values = rows[name].to_list()
        places = zip(rows["trace_id"], rows["span_id"], strict=True) if table in {"spans", "content"} else None
        spans = list(places) if places else []
        for at, value in enumerate(values):
            rule = self._for(whose[at], name)
            if value is None or rule is None or rule.action == "keep":
                continue
            values[at] = self._told(name, value, rule)
            if spans and (flag := _flag(name, value, values[at])):
                marks.setdefault(flag, []).append(spans[at])
        return pl.Series(name, values, dtype=pl.String)

    def _told(self, name: str, value: str, rule: FieldRule) -> str | None:
        if rule.action == "drop":
            return None
        try:
            if rule.action == "cap":
                return (messages_within if name in MESSAGES else text_within)(value, rule.limit)
            return _messages(value, self._hashed(name)) if name in MESSAGES else self._hashed(name)(value)
        except Exception:  # noqa: BLE001 - whatever went wrong, what the rule was to hide must not be stored
            self.failed += 1
            return None

    def _hashed(self, name: str) -> Callable[[str], str]:
        if name in COLUMNS:
            return partial(pseudonym, self.key, COLUMNS[name])
        return lambda value: f"hash_{digest(self.key, 'field', name, value)[:20]}"

    # -- texts that come as log events, and are joined to their calls in the store

    def _logged(self, rows: pl.DataFrame, whose: list[str | None]) -> pl.DataFrame:
        told = [self._event(*event) for event in zip(rows["part"], rows["body"], whose, strict=True)]
        parts, bodies = zip(*told, strict=True) if told else ((), ())
        return rows.with_columns(pl.Series("part", parts, dtype=pl.String), pl.Series("body", bodies, dtype=pl.String))

    def _event(self, part: str | None, body: str | None, app: str | None) -> tuple[str | None, str | None]:
        if body is None or part not in {*LOGGED, "details"}:
            return part, body
        if part == "details":
            return self._details(body, app)
        rule = self._for(app, LOGGED[part])
        if rule is None or rule.action == "keep":
            return part, body
        told = self._told("input_messages", f"[{body}]", rule)  # one message; its shape is that of a list of them
        return (part, told[1:-1]) if told else ("dropped", None)

    def _details(self, body: str, app: str | None) -> tuple[str, str | None]:
        rules = {name: rule for name in LOGGED.values() if (rule := self._for(app, name)) and rule.action != "keep"}
        if not rules:
            return "details", body
        try:
            said: dict[str, Any] = msgspec.json.decode(body, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            self.failed += 1
            return "dropped", None
        for name in rules.keys() & {key for key, value in said.items() if value}:
            plain = name not in MESSAGES
            told = self._told(name, said[name] if plain else msgspec.json.encode(said[name]).decode(), rules[name])
            said[name] = told if plain or told is None else msgspec.json.decode(told)
        left = any(said.get(name) for name in LOGGED.values())
        if not left and not said.get("facts"):
            return "dropped", None
        return "details" if left else "dropped", msgspec.json.encode(said).decode()


def _flag(name: str, before: str, after: str | None) -> str | None:
    """Return what to note on the span: that a rule took the field away, or cut it."""
    if after is None:
        return f"by_rule:{name}"
    return "truncated" if after != before and after.endswith("[cut]") else None


def _messages(text: str, hashed: Callable[[str], str]) -> str:
    """Return JSON messages in which everything that was said is a hash."""
    messages: list[dict[str, Any]] = msgspec.json.decode(text, type=list[dict[str, Any]])
    for message in messages:
        message["parts"] = [dict(_part(part, hashed)) for part in message.get("parts", [])]
    return msgspec.json.encode([{k: m[k] for k in ("role", "parts") if k in m} for m in messages]).decode()


def _part(part: Mapping[str, Any], hashed: Callable[[str], str]) -> Iterator[tuple[str, Any]]:
    for key, value in part.items():
        kept = key in _KEPT or value is None
        yield key, value if kept else hashed(value if isinstance(value, str) else msgspec.json.encode(value).decode())


def _apps_of_spans(spans: pl.DataFrame) -> dict[tuple[str, str], str | None]:
    return {(trace, span): app for trace, span, app in spans.select("trace_id", "span_id", "app").iter_rows()}


def _whose(table: str, rows: pl.DataFrame, apps: Mapping[tuple[str, str], str | None]) -> list[str | None]:
    if table == "content":
        return [apps.get(place) for place in rows.select("trace_id", "span_id").iter_rows()]
    return rows["app" if "app" in rows.columns else "source"].to_list()
