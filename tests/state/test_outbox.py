"""The outbox as rows: first in first out per alert and receiver, leases that run out, keys that cannot be added twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from monitor.clock import FakeClock
from monitor.state import ControlState, Transaction, outbox

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SOON = NOW + timedelta(minutes=1)


@pytest.fixture
def txn() -> Iterator[Transaction]:
    with ControlState.open(None, FakeClock(NOW)).transaction() as txn:
        yield txn


def add(txn: Transaction, fingerprint: str, receiver: str, kind: str, due: datetime = NOW) -> bool:
    row = {"key": f"{fingerprint}:{receiver}:1:{kind}:1", "fingerprint": fingerprint, "receiver": receiver}
    return outbox.queue(txn, row | {"episode": 1, "kind": kind, "body": "{}", "created_at": NOW, "due_at": due})


def keys(txn: Transaction, now: datetime) -> list[str]:
    return [row["key"] for row in outbox.due(txn, now)]


def test_a_key_is_queued_once(txn: Transaction) -> None:
    assert add(txn, "f", "r", "firing")
    assert not add(txn, "f", "r", "firing")
    assert outbox.counts(txn) == {"pending": 1}


def test_only_the_oldest_open_message_of_an_alert_and_receiver_is_due(txn: Transaction) -> None:
    for kind in ("firing", "resolved"):
        add(txn, "f", "r", kind)
        add(txn, "g", "r", kind)
        add(txn, "f", "s", kind)
    assert keys(txn, NOW) == ["f:r:1:firing:1", "g:r:1:firing:1", "f:s:1:firing:1"]
    outbox.settle(txn, 1, state="sent", sent_at=NOW)
    assert set(keys(txn, NOW)) == {"f:r:1:resolved:1", "g:r:1:firing:1", "f:s:1:firing:1"}


def test_a_head_that_waits_holds_the_rest_back(txn: Transaction) -> None:
    add(txn, "f", "r", "firing", due=SOON)
    add(txn, "f", "r", "resolved")
    assert keys(txn, NOW) == []
    assert keys(txn, SOON) == ["f:r:1:firing:1"]


def test_a_claim_is_exclusive_until_its_lease_runs_out(txn: Transaction) -> None:
    add(txn, "f", "r", "firing")
    [row] = outbox.due(txn, NOW)
    assert outbox.claim(txn, row, NOW, SOON)
    assert not outbox.claim(txn, row, NOW, SOON)
    assert outbox.due(txn, NOW) == []
    [orphan] = outbox.due(txn, SOON)
    assert orphan["attempts"] == 1
    assert outbox.claim(txn, orphan, SOON, SOON + timedelta(minutes=1))


def test_a_dead_message_lets_the_next_one_leave(txn: Transaction) -> None:
    add(txn, "f", "r", "firing")
    add(txn, "f", "r", "resolved")
    outbox.settle(txn, 1, state="dead")
    assert keys(txn, NOW) == ["f:r:1:resolved:1"]


def test_quiet_is_kept_for_one_receiver_and_hurry_ends_only_waits_after_a_failure(txn: Transaction) -> None:
    add(txn, "f", "r", "firing")
    add(txn, "g", "r", "firing", due=SOON + timedelta(hours=1))
    add(txn, "f", "s", "firing")
    outbox.hold_back(txn, "r", SOON)
    assert keys(txn, NOW) == ["f:s:1:firing:1"]
    outbox.settle(txn, 1, state="pending", attempts=1, next_at=SOON)
    outbox.hurry(txn, "r", NOW)
    assert keys(txn, NOW) == ["f:r:1:firing:1", "f:s:1:firing:1"]


def test_superseded_messages_do_not_leave(txn: Transaction) -> None:
    add(txn, "f", "r", "reminder")
    add(txn, "g", "r", "reminder")
    outbox.supersede(txn, "f", 1, "reminder")
    assert keys(txn, NOW) == ["g:r:1:reminder:1"]
