"""The lookup from attribute key to rule, built from the dialect files.

A rule is `[key, field, priority, reader]`: the value of `key` fills `field` unless a rule with a lower priority already
did. A key that begins with `re:` is a regular expression over the whole key; its groups are the path of the value inside
the field, so that flattened lists (`llm.input_messages.0.message.role`) can be put together again. A field named `-`
drops the value, one named `+` keeps it among the attributes of the span as understood. What no rule names is kept among the attributes of the span, and counted when its key looks like GenAI:
it begins with one of a dialect's `namespaces`, or one of its words is of the trade.

`scope_rows`, `scope_names` and `scope_events` hold only for spans and records of the dialect's own `scopes`: keys and names that mean
something else elsewhere (`model`, `Function: *`).

`bags` are key prefixes under which applications put keys of their own; `bag_rows` are rules for what stands behind the
prefix. A key without dots and prefix is looked up there too, since baggage is often copied onto spans as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from collectors.dialects.readers import READERS, Reader, whole
from monitor.plain_yaml import plain

Row = tuple[str, str, int, str]

MAX_KEYS: Final = 4096
"""Distinct keys remembered; keys are chosen by whoever sends, so the memory is emptied when it is full."""

MAX_KEY: Final = 256
MAX_STEPS: Final = 16
"""No convention has longer keys or flattens deeper; what does is kept as it is."""


class Dialect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One dialect file, described in docs/dialects.md; where two files rule the same name, the first one wins.

    The dialect with the highest `rank` among the rules that matched names the span's dialect.
    """

    dialect: str
    rank: int = 100
    scopes: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    scope_rows: tuple[Row, ...] = ()
    scope_names: dict[str, str] = {}
    scope_events: dict[str, str] = {}
    namespaces: tuple[str, ...] = ()
    bags: tuple[str, ...] = ()
    bag_rows: tuple[Row, ...] = ()
    kinds: dict[str, str] = {}
    span_names: dict[str, str] = {}
    operations: dict[str, tuple[str, str]] = {}
    events: dict[str, str] = {}
    first_token_events: tuple[str, ...] = ()
    model_prefixes: tuple[str, ...] = ()
    estimates_streams: bool = False
    cached_apart: tuple[str, ...] = ()


class KeyRule(NamedTuple):
    """What to do with the values of one key. No field: keep as attribute. Field "": drop."""

    field: str | None
    priority: int
    read: Reader
    path: tuple[str | int, ...]
    rank: int
    dialect: str


KEEP: Final = KeyRule(None, 0, whole, (), -1, "")
UNKNOWN: Final = KEEP._replace(priority=1)
"""Keep, and count: somebody's GenAI key that we do not understand."""

OF_THE_TRADE: Final = re.compile(
    r"(?:.*[._])?(?:llm|gen_?ai|prompts?|completions?|tokens?|model|agents?|embeddings?|tools?|retriev\w*)(?:[._].*)?"
)


class Table(dict[str, KeyRule]):
    """Key -> rule. Reading a key for the first time resolves it; after that it is one dictionary lookup."""

    def __init__(self, dialects: Sequence[Dialect], own: Dialect | None = None) -> None:
        super().__init__()
        self._dialects = dialects
        self._within: dict[str, Table] = {}
        self._by_scope: dict[str, Table] = {}
        self._dialect_of: dict[str, str | None] = {}
        names = dict(own.scope_names) if own else {}
        self._own_names = {name: kind for name, kind in names.items() if not name.endswith("*")}
        self._own_beginnings = [(name[:-1], kind) for name, kind in names.items() if name.endswith("*")]
        last_first = dialects[::-1]  # of two meanings of a name the first file's stays
        self.scopes = sorted(
            ((scope, one.dialect) for one in dialects for scope in one.scopes), key=lambda pair: -len(pair[0])
        )
        self.kinds = {name: kind for one in last_first for name, kind in one.kinds.items()}
        self.operations = {name: meaning for one in last_first for name, meaning in one.operations.items()}
        self.events = {name: part for one in last_first for name, part in one.events.items()}
        self.events |= own.scope_events if own else {}
        self.any_event = self.events.pop("*", "")
        self.span_names = {name: kind for one in last_first for name, kind in one.span_names.items()}
        self.model_prefixes = frozenset(prefix for one in dialects for prefix in one.model_prefixes)
        self.estimators = frozenset(one.dialect for one in dialects if one.estimates_streams)
        self.cached_apart = {one.dialect: frozenset(one.cached_apart) for one in dialects if one.cached_apart}
        self.first_token_events = frozenset(name for one in dialects for name in one.first_token_events)
        own_rows = [(row, own) for row in own.scope_rows] if own else []
        self._rules = _Rules([*own_rows, *((row, one) for one in dialects for row in one.rows)])
        self._bag_rules = _Rules((row, one) for one in dialects for row in one.bag_rows)
        self._namespaces = tuple(name for one in dialects for name in one.namespaces)
        self._bags = tuple(bag for one in dialects for bag in one.bags)

    def __missing__(self, key: str) -> KeyRule:
        if len(key) > MAX_KEY:
            return KEEP
        if len(self) >= MAX_KEYS:
            self.clear()
        rule = self[key] = self._resolved(key)
        return rule

    def kind_of_name(self, name: str) -> str | None:
        """Return the kind of the spans of a name; a name that ends in `*` is a beginning."""
        kind = self.span_names.get(name)
        if kind is not None or not (self._own_names or self._own_beginnings):
            return kind
        return self._own_names.get(name) or next(
            (kind for begin, kind in self._own_beginnings if name.startswith(begin)), None
        )

    def within(self, scope: str) -> Table:
        """Return the table that holds for spans and records of `scope`."""
        if scope in self._by_scope:
            return self._by_scope[scope]
        if len(self._by_scope) >= MAX_KEYS:
            self._by_scope.clear()
        found = self._by_scope[scope] = self._table_of(self.scope_dialect(scope))
        return found

    def _table_of(self, dialect: str | None) -> Table:
        if dialect is None:
            return self
        if dialect not in self._within:
            own = next((one for one in self._dialects if one.dialect == dialect), None)
            scoped = own is not None and bool(own.scope_rows or own.scope_names or own.scope_events)
            self._within[dialect] = Table(self._dialects, own) if scoped else self
        return self._within[dialect]

    def scope_dialect(self, scope: str) -> str | None:
        """Return the dialect whose instrumentation scopes `scope` belongs to."""
        if scope not in self._dialect_of:
            if len(self._dialect_of) >= MAX_KEYS:
                self._dialect_of.clear()
            found = next((dialect for prefix, dialect in self.scopes if _within(scope, prefix)), None)
            self._dialect_of[scope] = found
        return self._dialect_of[scope]

    def _resolved(self, key: str) -> KeyRule:
        rule = self._rules.find(key)
        if rule is not None:
            return rule
        for bag in self._bags:
            if key.startswith(bag):
                return self._bag_rules.find(key[len(bag) :]) or KEEP
        found = None if "." in key else self._bag_rules.find(key)
        return found or (UNKNOWN if key.startswith(self._namespaces) or OF_THE_TRADE.fullmatch(key) else KEEP)


def _within(scope: str, prefix: str) -> bool:
    """Tell that `scope` is `prefix` or lies below it: `ai` is not the beginning of `aiohttp`."""
    return scope.startswith(prefix) and not (scope[len(prefix) : len(prefix) + 1].isalnum() and prefix[-1].isalnum())


class _Rules:
    """Exact rules and patterns of one namespace; of two exact rules for a key the first file wins."""

    def __init__(self, rows: Iterable[tuple[Row, Dialect]]) -> None:
        self.exact: dict[str, KeyRule] = {}
        self.patterns: list[tuple[re.Pattern[str], KeyRule]] = []
        for (key, field, priority, reader), one in rows:
            filled = {"-": "", "+": None}.get(field, field)
            rule = KeyRule(filled, 0 if filled is None else priority, READERS[reader], (), one.rank, one.dialect)
            if key.startswith("re:"):
                self.patterns.append((re.compile(key[3:]), rule))
            else:
                self.exact.setdefault(key, rule)

    def find(self, key: str) -> KeyRule | None:
        if key in self.exact:
            return self.exact[key]
        for pattern, rule in self.patterns:
            match = pattern.fullmatch(key)
            if match:
                path = _path(match.groups())
                return rule._replace(path=path) if len(path) <= MAX_STEPS else None
        return None


def _path(groups: Sequence[str | None]) -> tuple[str | int, ...]:
    steps = [step for group in groups if group for step in group.split(".")]
    return tuple(int(step) if step.isdecimal() and len(step) < 5 else step for step in steps)


def dialect_of(text: str) -> Dialect:
    """Read one dialect file; a wrong shape is a `msgspec.ValidationError` that names the place."""
    return msgspec.convert(plain(text), Dialect)


def shipped() -> list[Dialect]:
    """Return the dialects that come with Plumbline, in a fixed order."""
    return [dialect_of(path.read_text("utf-8")) for path in sorted(Path(__file__).parent.glob("*.yaml"))]


@cache
def table() -> Table:
    """Return the table of the shipped dialects; built once per process."""
    return Table(shipped())


def known_fields(dialects: Iterable[Dialect]) -> set[str]:
    """Return every field that some rule fills."""
    return {row[1] for one in dialects for row in (*one.rows, *one.bag_rows)} - {"-", "+"}


Values = dict[str, Any]
"""Field -> value, as the rules read it."""
