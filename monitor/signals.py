"""What the alert rules look at, read from the store: violation rates, drift findings, A/B decisions, silence.

A signal is a measured fact with its interval, its size and example traces. Rules decide; signals only say.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any, Final

from monitor.clock import aware_utc, naive_utc
from monitor.model.values import Signal
from monitor.store import reads

RATE_FRESH: Final = timedelta(days=2)
"""A rate older than this says nothing about now."""

FINDING_FRESH: Final = timedelta(days=7)
"""A change found longer ago is the new normal: its stream has re-baselined since."""

EXAMPLES: Final = 3


def read_signals(reader: reads.Reader, now: datetime) -> list[Signal]:
    """Return all signals as of `now`."""
    at = naive_utc(now)
    return [
        *_rates(reader, at),
        *(_finding(row, now) for row in reads.recent_findings(reader, at - FINDING_FRESH).iter_rows(named=True)),
        *(_comparison(row) for row in reads.latest_comparisons(reader).iter_rows(named=True)),
        *(_pulse(row, now) for row in reads.app_pulse(reader, at).iter_rows(named=True)),
    ]


def _rates(reader: reads.Reader, now: datetime) -> list[Signal]:
    signals = []
    for row in reads.recent_estimates(reader, now - RATE_FRESH).iter_rows(named=True):
        window = (row["window_start"], row["window_end"])
        examples = reads.violating_units(reader, row["rule_id"], row["app"], *window, EXAMPLES) if row["value"] else []
        signals.append(_rate(row, examples))
    return signals


def _rate(row: dict[str, Any], examples: list[str]) -> Signal:
    return Signal(
        name="violation_rate",
        labels={"app": row["app"], "rule": row["rule_id"]},
        at=aware_utc(row["window_end"]),
        value=row["value"],
        low=row["low"],
        high=row["high"],
        n=row["n_graded"],
        since=aware_utc(row["window_start"]),
        examples=tuple(examples),
        summary=f"{row['rule_id']} is violated in {_percent(row['value'])} of answers of {row['app']} "
        f"({_percent(row['low'])} to {_percent(row['high'])}, {row['n_graded']} graded, {row['method']})",
    )


def _finding(row: dict[str, Any], now: datetime) -> Signal:
    return Signal(
        name="drift",
        labels={"app": row["app"], "metric": row["metric"], "segment": row["segment"], "finding": row["id"]},
        at=now,
        value=row["change"],
        low=row["change_low"],
        high=row["change_high"],
        n=0,
        since=aware_utc(row["since"]),
        examples=tuple(json.loads(row["examples"] or "[]"))[:EXAMPLES],
        summary=row["reason"],
    )


def _comparison(row: dict[str, Any]) -> Signal:
    return Signal(
        name="ab",
        labels={
            "experiment": row["experiment"],
            "metric": row["metric"],
            "arm": row["arm"],
            "decision": row["decision"],
        },
        at=aware_utc(row["computed_at"]),
        value=row["effect"],
        low=row["low"],
        high=row["high"],
        n=row["n_control"] + row["n_arm"],
        since=None,
        examples=(),
        summary=row["reason"],
    )


def _pulse(row: dict[str, Any], now: datetime) -> Signal:
    """How long an app has been silent, in units of its usual gap between two turns: 1 is normal, 50 is not."""
    gap = (row["last"] - row["first"]).total_seconds() / max(1, row["n"] - 1)
    silent = (now - aware_utc(row["last"])).total_seconds()
    enough = row["n"] >= PULSE_MIN_TURNS and gap > 0
    value = silent / gap if enough else None
    return Signal(
        name="no_data",
        labels={"app": row["app"]},
        at=now,
        value=value,
        low=value,
        high=value,
        n=row["n"],
        since=aware_utc(row["last"]),
        examples=(),
        summary=f"{row['app']} has been silent for {silent / 60:.0f} min; a turn usually comes every {gap / 60:.1f} min",
    )


PULSE_MIN_TURNS: Final = 100
"""Below this many turns in two weeks the usual gap is not known, so silence means nothing."""


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{100 * share:.1f} %"
