"""What the steps of the cycle write and remember, one named change each; all run in the transaction of the step."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any, Protocol

import polars as pl

from monitor.clock import aware_utc, naive_utc
from monitor.model.values import ChangeEvent, Comparison, Estimate, Finding, ToldChange, stable_id
from monitor.store.opening import Store, Transaction
from monitor.store.reads import Reader
from monitor.store.replayed import forget_replayed


class Rise(Protocol):
    """How far the change of a finding has come."""

    @property
    def finding(self) -> str: ...
    @property
    def current_value(self) -> float: ...
    @property
    def change(self) -> float: ...
    @property
    def change_low(self) -> float: ...
    @property
    def change_high(self) -> float: ...
    def retold(self, reason: str) -> str: ...


class Moved(Protocol):
    """What became of findings of before."""

    @property
    def returned(self) -> Sequence[str]: ...
    @property
    def rises(self) -> Sequence[Rise]: ...


def replace_estimates(txn: Transaction, start: datetime, end: datetime, estimates: Sequence[Estimate]) -> None:
    """Publish `estimates` instead of those of the windows that begin in [start, end)."""
    txn.execute("DELETE FROM base.estimates WHERE window_start >= ? AND window_start < ?", [start, end])
    txn.insert("estimates", estimates)


def tracker_states(store: Store) -> dict[str, str]:
    """Return the state of every change detector as JSON, by its stream."""
    return dict(store.rows("SELECT stream, state FROM base.trackers"))


def save_trackers(txn: Transaction, states: Mapping[str, str], at: datetime) -> None:
    """Remember how the detectors that moved stand now."""
    txn.execute("DELETE FROM base.trackers WHERE list_contains(?, stream)", [list(states)])
    txn.insert("trackers", [{"stream": s, "state": v, "updated_at": naive_utc(at)} for s, v in states.items()])


def add_findings(txn: Transaction, findings: Sequence[Finding]) -> None:
    """Keep what was found; what a replay had told of the same change gives way."""
    forget_replayed(txn, findings)
    txn.insert("findings", [finding_row(finding) for finding in findings])


def finding_row(finding: Finding) -> dict[str, Any]:
    """Return a finding as a row of the store."""
    times = {name: naive_utc(getattr(finding, name)) for name in ("detected_at", "since", "since_low", "since_high")}
    return {**asdict(finding), **times, "examples": json.dumps(finding.examples), "origin": "live", "state": "open"}


def finding_of(row: Mapping[str, Any]) -> Finding:
    """Return the finding that a row of the store is."""
    times = {name: aware_utc(row[name]) for name in ("detected_at", "since", "since_low", "since_high")}
    same = {field.name: row[field.name] for field in fields(Finding)}
    return Finding(**{**same, **times, "examples": tuple(json.loads(row["examples"] or "[]"))})


def causes_around(reader: Reader, finding: Finding) -> list[str]:
    """Return the causes of open changes of the same application that may have begun when this one did, oldest first."""
    rows = reader.frame(
        """SELECT cause FROM base.findings
           WHERE state = 'open' AND app = ? AND since_low <= ? AND since_high >= ? ORDER BY detected_at, id""",
        [finding.app, finding.since_high, finding.since_low],
    )
    return rows["cause"].to_list()


def say_again(txn: Transaction, findings: Sequence[Finding]) -> None:
    """Keep what is known by now of findings: their cause and reason."""
    for finding in findings:
        txn.execute(
            "UPDATE base.findings SET cause = ?, reason = ? WHERE id = ?", [finding.cause, finding.reason, finding.id]
        )


def accepted_findings(reader: Reader) -> list[str]:
    """Return the findings that people have called the new normal."""
    return [name for (name,) in reader.rows("SELECT id FROM base.findings WHERE state = 'accepted'")]


def move_findings(txn: Transaction, outcome: Moved, now: datetime, expired: datetime) -> None:
    """Close what returned, and what was found before `expired` and is open still; say how far rises have come."""
    txn.execute(
        """UPDATE base.findings SET state = 'returned', state_at = ?, state_by = NULL, state_reason = NULL
           WHERE state = 'open' AND list_contains(?::VARCHAR[], id)""",
        [naive_utc(now), list(outcome.returned)],
    )
    txn.execute(
        "UPDATE base.findings SET state = 'expired', state_at = ? WHERE state = 'open' AND detected_at < ?",
        [naive_utc(now), naive_utc(expired)],
    )
    for rise in outcome.rises:
        _raise(txn, rise)


def _raise(txn: Transaction, rise: Rise) -> None:
    known = txn.frame("SELECT reason FROM base.findings WHERE id = ? AND state = 'open'", [rise.finding])["reason"]
    for reason in known:
        txn.execute(
            """UPDATE base.findings SET current_value = ?, change = ?, change_low = ?, change_high = ?, reason = ? WHERE id = ?""",
            [
                rise.current_value,
                rise.change,
                rise.change_low,
                rise.change_high,
                rise.retold(reason or ""),
                rise.finding,
            ],
        )


def set_finding_state(txn: Transaction, finding: str, state: str, by: str, reason: str, now: datetime) -> None:
    """Keep what a person said of a finding."""
    txn.execute(
        "UPDATE base.findings SET state = ?, state_at = ?, state_by = ?, state_reason = ? WHERE id = ?",
        [state, naive_utc(now), by, reason, finding],
    )


def add_change(txn: Transaction, row: Mapping[str, Any], at: datetime, now: datetime) -> None:
    """Keep what somebody said was changed at `at`."""
    key = stable_id("change", *row.values(), at)
    times = {"time": naive_utc(at), "received_at": naive_utc(now)}
    txn.execute("DELETE FROM base.changes WHERE key = ?", [key])
    txn.insert("changes", [{**row, **times, "key": key, "source": "plumbline"}])


def told_changes(reader: Reader, since: datetime) -> list[ToldChange]:
    """Return what was changed after `since` (naive UTC), oldest first."""
    rows = reader.rows("SELECT time, kind, app, what FROM base.changes WHERE time > ? ORDER BY time", [since])
    return [ToldChange(aware_utc(time), kind, app, what) for time, kind, app, what in rows]


def told_events(reader: Reader, since: datetime) -> list[ChangeEvent]:
    """Return the same with who told it, and under the key by which each is known."""
    rows = reader.frame(
        """SELECT key, time, kind, app, what, coalesce(told_by, source) AS source
           FROM base.changes WHERE time > ? ORDER BY time, key""",
        [since],
    )
    return [ChangeEvent(**{**row, "time": aware_utc(row["time"])}) for row in rows.iter_rows(named=True)]


def findings_since(reader: Reader, since: datetime) -> list[Finding]:
    """Return what was found live after `since` (naive UTC), oldest first."""
    asked = "SELECT * FROM base.findings WHERE origin = 'live' AND detected_at > ? ORDER BY detected_at, id"
    return [finding_of(row) for row in reader.frame(asked, [since]).iter_rows(named=True)]


def readings(reader: Reader) -> list[Comparison]:
    """Return the present readout of every experiment."""
    names = [field.name for field in fields(Comparison)]
    rows = reader.frame(f"SELECT {', '.join(names)} FROM base.comparisons").iter_rows(named=True)
    unknown = {"app": "", "role": "other"}  # of before these were kept
    whole = [{**row, **{name: row[name] or value for name, value in unknown.items()}} for row in rows]
    return [Comparison(**{**row, "computed_at": aware_utc(row["computed_at"])}) for row in whole]


def replace_readout(
    txn: Transaction, sums: pl.DataFrame, comparisons: Sequence[Comparison], failing: Sequence[str] = ()
) -> None:
    """Keep the per-unit sums of all experiments and what they read now, instead of what they were and read before.

    Experiments that are `failing` could not be read: what they read last stays.
    """
    txn.execute("DELETE FROM base.arm_units")
    txn.execute("DELETE FROM base.comparisons WHERE NOT list_contains(?::VARCHAR[], experiment)", [list(failing)])
    txn.insert("arm_units", sums)
    txn.insert("comparisons", comparisons)


def ask_rereads(txn: Transaction, experiments: Sequence[str]) -> None:
    """Ask the cycle to read these experiments again."""
    forget_rereads(txn, experiments)
    txn.insert("rereads", [{"experiment": name} for name in experiments])


def forget_rereads(txn: Transaction, experiments: Sequence[str]) -> None:
    """Say that these experiments have been summed up again."""
    txn.execute("DELETE FROM base.rereads WHERE list_contains(?, experiment)", [list(experiments)])
