"""What breaks within an hour is told against the usual week, by the starter rules, in words with both numbers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from alerts.checks import load_rules
from alerts.evaluation import Look, observe
from alerts.sentence import headline
from alerts.states import decide
from monitor.clock import FakeClock
from monitor.model.values import Signal
from monitor.recent import Recent
from monitor.store.opening import Store
from monitor.workload import operating_signals, operation
from tests.store.rows import START

NOW = START + timedelta(days=9)
HOURS = 9 * 24


def turns(*, lately: int = 60, slow: float = 1.0, failed: int = 0, imported: bool = False) -> pl.DataFrame:
    """Sixty turns an hour of 1 s to 2 s, of which the last hour is as asked for."""
    rows: list[dict[str, Any]] = []
    for hour in range(HOURS):
        last = hour == HOURS - 1
        n = lately if last else 60
        for i in range(n):
            time = (START + timedelta(hours=hour, seconds=60 + 3480 * i / max(n, 1))).replace(tzinfo=None)
            rows.append(
                {
                    "trace_id": f"{hour:08x}{i:024x}",
                    "app": "shop",
                    "time": time,
                    "duration_ms": (1000.0 + 1000.0 * (i % 20) / 20) * (slow if last else 1.0),
                    "cost_usd": 0.001,
                    "error_type": "Timeout" if last and i < failed else None,
                    "finished_at": time + timedelta(days=imported, minutes=1),
                }
            )
    return pl.DataFrame(rows, infer_schema_length=None)


def said(rows: pl.DataFrame) -> tuple[dict[str, str], dict[str, Signal]]:
    """Headlines of what fires by rule, and the signals by name."""
    with_clock = Store.scratch(FakeClock(NOW))
    with with_clock.transaction() as txn:
        txn.insert("turns", rows)
    signals = operating_signals(with_clock, NOW)
    with_clock.close()
    book = load_rules(None)
    firing = [step.alert for step in decide(book.rules, observe(book.rules, signals), [], NOW) if step.kind == "firing"]
    rules = {rule.id: rule for rule in book.rules}
    return {a.rule_id: headline(a, rules[a.rule_id]) for a in firing}, {signal.name: signal for signal in signals}


def test_a_usual_hour_says_nothing() -> None:
    firing, signals = said(turns())
    assert firing == {}
    assert {name: signal.value for name, signal in signals.items()} == {
        "error_rate": 0.0,
        "latency": pytest.approx(1.0, abs=0.01),
        "volume": 1.0,
        "cost": pytest.approx(1.0, abs=0.01),
    }


@pytest.mark.parametrize(
    ("happens", "rule", "sentence"),
    [
        ({"failed": 30}, "errors", "50 % of turns of shop end in an error, usually 0 %"),
        ({"slow": 3.0}, "slow", "shop answers slowly: 95 of 100 turns within 5.7 s, usually 1.9 s"),
        ({"lately": 3}, "little-traffic", "shop had 3 turns in an hour, usually 60 turns"),
        ({"lately": 600}, "much-traffic", "shop had 600 turns in an hour, usually 60 turns"),
    ],
)
def test_what_breaks_is_told_with_the_usual(happens: dict[str, Any], rule: str, sentence: str) -> None:
    firing, _ = said(turns(**happens))
    assert firing == {rule: sentence}


def test_what_an_import_brings_along_is_nobodys_night() -> None:
    firing, signals = said(turns(failed=60, slow=9.0, imported=True))
    assert (firing, signals) == ({}, {})


def test_before_two_days_are_known_nothing_is_unusual() -> None:
    _, signals = said(turns(slow=9.0).filter(pl.col("time") > (NOW - timedelta(days=1)).replace(tzinfo=None)))
    assert (signals["latency"].value, signals["volume"].value, signals["cost"].value) == (None, None, None)
    rules = load_rules(None).rules
    looks = {seen.judged.look for seen in observe(rules, list(signals.values())).values() if seen.rule.id != "errors"}
    assert looks == {Look.UNCLEAR}


def test_eight_days_of_turns_are_read_once_a_minute() -> None:
    store, recent = Store.scratch(FakeClock(NOW)), Recent()
    assert operation(store, NOW, recent) == []
    with store.transaction() as txn:
        txn.insert("turns", turns())
    assert operation(store, NOW + timedelta(seconds=30), recent) == []
    assert len(operation(store, NOW + timedelta(seconds=60), recent)) == 4
    assert operation(store, NOW - timedelta(days=30), recent) == []  # a clock that was set back is looked at anew
    store.close()
