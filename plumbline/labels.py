"""The door for people's verdicts: checked against the store, durable in the control state, each once."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from monitor.clock import Clock, aware_utc
from monitor.errors import BadRows
from monitor.graders.cascade import RuleSet
from monitor.labels import Asked, Judged, LabelCheck, NewLabel, Redact, Unit
from monitor.state import ControlState, Transaction, labels, reviews
from monitor.state.parts import LABELS
from monitor.state.public import PublicTable, PublicTables, column_of
from monitor.store.opening import Store
from monitor.store.removal.age_limits import Limits
from monitor.store.verdicts import units_named

BATCH: Final = 5_000
"""Labels the cycle takes at once."""

_TEXTS: Final = ("unit_id", "rule_id", "verdict", "person", "note", "corrected", "review_id", "plan")
_COLUMNS: Final[dict[str, pa.DataType]] = {
    **{name: pa.string() for name in _TEXTS[:4]},
    "at": pa.timestamp("us"),
    **{name: pa.string() for name in _TEXTS[4:]},
    "adjudicated": pa.bool_(),
    "inclusion_probability": pa.float64(),
}
SCHEMA: Final = pa.schema(_COLUMNS)
"""The public table `labels`."""

_SAME: Final = (
    "unit_id",
    "rule_id",
    "verdict",
    "note",
    "corrected",
    "plan",
    "inclusion_probability",
    "review_id",
    "adjudicated",
)
"""What two labels have in common that are one, sent twice."""


@dataclass(frozen=True)
class LabelBook:
    """The labels of one data directory."""

    state: ControlState
    store: Store
    policies: Sequence[RuleSet]
    redact: Redact
    clock: Clock
    taking: threading.Lock

    def take(self, person: str, given: Sequence[NewLabel], apps: Collection[str] | None = None) -> dict[str, int]:
        """Keep what `person` says, all of it or nothing; return how many labels are new and how many were known already.

        Known is what came under the same key before, and without a key what the person said last of the same turn and rule.
        `apps` are those whose turns `person` may see, None is all. Raises `BadRows`.
        """
        with self.taking:
            units = self.units([label.unit_id for label in given], apps)
            with self.state.transaction() as txn:
                told = self.take_within(txn, person, given, units)
        new = sum(told)
        return {"new": new, "known": len(told) - new}

    def units(self, unit_ids: Sequence[str], apps: Collection[str] | None) -> dict[str, Unit]:
        """Return the turns of these names that are stored and that who sees `apps` may see."""
        found = units_named(self.store, unit_ids).iter_rows()
        return {unit: Unit(aware_utc(time), app) for unit, time, app in found if apps is None or app in apps}

    def take_within(
        self, txn: Transaction, person: str, given: Sequence[NewLabel], units: Mapping[str, Unit]
    ) -> list[bool]:
        """Keep labels within a transaction of the control state, for who holds `taking`; return which are new. Raises `BadRows`."""
        asked = {
            (label.review_id, label.unit_id): found
            for label in given
            if label.review_id is not None and (found := _asked(txn, label.review_id, label.unit_id)) is not None
        }
        check = LabelCheck(units, self._rules, self.redact, asked)
        told = [_taken(txn, row) for row in check.rows(given, person, self.clock.now())]
        problems = [f"labels[{number}]: {said}" for number, said in enumerate(told) if isinstance(said, str)]
        if problems:
            raise BadRows(f"a batch of {len(given)}", problems)  # which undoes what was added
        return [said is True for said in told]

    def _rules(self, app: str) -> dict[str, Judged]:
        return {
            rule.id: Judged(policy.id, policy.version, policy.hash)
            for policy in self.policies
            if policy.grades(app)
            for rule in policy.rules
        }

    def after(self, seq: int) -> list[dict[str, Any]]:
        """Return the labels that the cycle has yet to see, oldest first, at most `BATCH`."""
        with self.state.transaction() as txn:
            return labels.after(txn, seq, BATCH)

    def age(self, limits: Limits) -> int:
        """Drop the labels and texts of turns that are too old to be kept, also from the bytes of the file; return how many."""
        with self.state.transaction() as txn:
            content, spans = (at and aware_utc(at) for at in (limits.content, limits.spans))
            changed = labels.age(txn, content, spans, limits.held.traces)
            changed += reviews.age(txn, spans, limits.held.traces)
        if changed:
            self.state.compact()
        return changed

    def public(self) -> PublicTables:
        """Return what SQL reads of it."""
        return PublicTables({"labels": PublicTable(SCHEMA, self.table)})

    def table(self) -> pa.Table:
        """Return the public table `labels`."""
        return self.state.in_parts(LABELS, _part, _together)

    def read_ahead(self) -> None:
        """Read it before anybody asks for it."""
        self.state.read_ahead(LABELS, _part)


def _part(txn: Transaction, part: str) -> pa.Table:
    told = labels.listed(txn, part)
    return pa.table({name: column_of(told[name], kind) for name, kind in _COLUMNS.items()}, schema=SCHEMA)


def _together(parts: list[pa.Table]) -> pa.Table:
    return pa.concat_tables([SCHEMA.empty_table(), *parts])


def _taken(txn: Transaction, row: dict[str, Any]) -> bool | str:
    """Add one label; False where it is known, and what is wrong where its key is another label's."""
    if row["key"] is None:
        there = labels.newest_of(txn, row["person"], row["unit_id"], row["rule_id"])
        there = there if there is not None and _same(there, row) else None
    else:
        there = labels.of_key(txn, row["person"], row["key"])
    if there is None:
        labels.add(txn, row | {"key": row["key"] or secrets.token_hex(8)})
        return True
    if _same(there, row):
        return False
    return f"the key {row['key']} stands for another label of yours (give every label a key of its own)"


def _asked(txn: Transaction, review_id: str, unit_id: str) -> Asked | None:
    review, item = reviews.named(txn, review_id), reviews.item(txn, review_id, unit_id)
    if review is None or item is None:
        return None
    rules = {
        rule: Judged(one["policy"], one["version"], hash_)
        for hash_, one in review["policies"].items()
        if hash_ in item["policy_hash"].split()
        for rule in one["rules"]
    }
    plan = f"review {review_id}"
    return Asked(rules, frozenset(item["rules"]), plan, item["inclusion_probability"], review["closed_at"] is not None)


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(one[name] == other[name] for name in _SAME)
