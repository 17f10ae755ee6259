"""A model that is served otherwise under the same name is the cause of what changes with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.clock import FakeClock
from monitor.drift.cause import NOTHING
from monitor.drift.served import with_served
from monitor.store.fingerprints import served
from monitor.store.opening import Store
from tests.drift.traffic import a_finding
from tests.store.rows import START, a_call

FINDING = a_finding(START, metric="rule:R-1")


@pytest.mark.parametrize(
    ("cause", "told"),
    [
        (NOTHING, "the model was served otherwise: fingerprint fp_b went from 0 % to 100 % of calls on 2026-11-20"),
        ("release went from 1 to 2", "release went from 1 to 2; the model was served otherwise: fingerprint fp_b"),
        ("model changed from a to b on 2026-11-20", "model changed from a to b on 2026-11-20"),
    ],
)
def test_a_shift_of_fingerprints_is_named_unless_the_model_itself_changed(cause: str, told: str) -> None:
    found = with_served(replace(FINDING, cause=cause), {"fp_a": 80}, {"fp_b": 40}, {"fp_b": START})
    assert found.cause.startswith(told)


def test_few_calls_or_the_same_mix_are_no_cause() -> None:
    assert with_served(FINDING, {"fp_a": 80}, {"fp_b": 5}, {}).cause == NOTHING
    assert with_served(FINDING, {"fp_a": 50, "fp_b": 50}, {"fp_a": 45, "fp_b": 55}, {}).cause == NOTHING


def test_calls_are_counted_before_and_since_by_fingerprint() -> None:
    store = Store.scratch(FakeClock(START))
    calls = [a_call(f"{n:016x}", at=60 * n, fingerprint="fp_a" if n < 30 else "fp_b") for n in range(60)] + [
        a_call("f" * 16, at=0)
    ]
    with store.transaction() as txn:
        txn.insert("spans", calls)
    change = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
    app = calls[0]["app"]
    known = served(store, app, change, change + timedelta(minutes=5), change + timedelta(days=1))
    store.close()
    assert (known.before, known.since) == ({"fp_a": 30}, {"fp_b": 25})
    assert known.began["fp_b"] == datetime(2026, 11, 20, 12, 30)  # noqa: DTZ001 as stored
