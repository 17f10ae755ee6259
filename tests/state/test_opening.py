"""The control state as a file: private, synced, transactional, and refused in one line when it cannot be trusted."""

from __future__ import annotations

import sqlite3
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from monitor.clock import FakeClock
from monitor.errors import StoreError
from monitor.state import ControlState, Transaction, alerts, labels, opening, outbox, parts

NOW = datetime(2026, 3, 2, 9, 30, 0, 123456, tzinfo=UTC)
CLOCK = FakeClock(NOW)


def an_alert(**changes: Any) -> dict[str, Any]:
    row = {
        "fingerprint": "f1",
        "episode": 1,
        "rule_id": "rate",
        "severity": "error",
        "state": "firing",
        "started_at": NOW,
        "ended_at": None,
        "labels": '{"app": "support"}',
        "reason": "low 0.1 > 0.05",
        "memory": "{}",
    }
    return row | changes


def raised(state: ControlState, **changes: Any) -> None:
    with state.transaction() as txn:
        alerts.save_alert(txn, an_alert(**changes))


def test_the_file_and_its_log_belong_to_the_owner_only(tmp_path: Path) -> None:
    state = ControlState.open(tmp_path / "c.sqlite", CLOCK)
    raised(state)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes["c.sqlite"] == 0o600
    assert set(modes.values()) == {0o600}
    state.close()


def test_commits_are_synced_and_readers_do_not_block(tmp_path: Path) -> None:
    state = ControlState.open(tmp_path / "c.sqlite", CLOCK)
    with state.transaction() as txn:
        pragmas = {name: txn.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")}
        assert txn.exec_driver_sql("PRAGMA busy_timeout").scalar() == 30_000
    assert pragmas == {"journal_mode": "wal", "synchronous": 2}  # 2 is FULL
    state.close()


def test_what_was_committed_is_there_after_reopening(tmp_path: Path) -> None:
    state = ControlState.open(tmp_path / "c.sqlite", CLOCK)
    with state.transaction() as txn:
        alerts.save_alert(txn, an_alert())
    state.close()
    again = ControlState.open(tmp_path / "c.sqlite", CLOCK)
    assert [row["fingerprint"] for row in again.alerts_table()] == ["f1"]
    again.close()


def test_a_block_that_raises_leaves_nothing() -> None:
    state = ControlState.open(None, CLOCK)
    with pytest.raises(ZeroDivisionError), state.transaction() as txn:  # noqa: PT012 - the write must be inside
        alerts.save_alert(txn, an_alert())
        raise ZeroDivisionError
    assert state.alerts_table() == []


def test_two_open_episodes_of_one_alert_cannot_be_stored() -> None:
    state = ControlState.open(None, CLOCK)
    with state.transaction() as txn:
        alerts.save_alert(txn, an_alert())
    with pytest.raises(IntegrityError), state.transaction() as txn:
        alerts.save_alert(txn, an_alert(episode=2))
    with state.transaction() as txn:
        alerts.save_alert(txn, an_alert(state="resolved", ended_at=NOW))
        alerts.save_alert(txn, an_alert(episode=2))
    assert [row["state"] for row in state.alerts_table()] == ["resolved", "firing"]


def test_public_tables_have_their_columns_and_naive_utc_times() -> None:
    state = ControlState.open(None, CLOCK)
    with state.transaction() as txn:
        alerts.save_alert(txn, an_alert())
        row = {"key": "k", "fingerprint": "f1", "receiver": "r", "episode": 1, "kind": "firing", "body": "{}"}
        outbox.queue(txn, row | {"created_at": NOW, "due_at": NOW})
    [alert], [message] = state.alerts_table(), state.notifications_table()
    names = "fingerprint rule_id severity state started_at ended_at labels reason"
    assert list(alert) == names.split()
    assert list(message) == ["fingerprint", "receiver", "kind", "state", "attempts", "sent_at", "key"]
    assert alert["started_at"] == datetime(2026, 3, 2, 9, 30, 0, 123456)  # noqa: DTZ001 - the store keeps naive UTC
    assert alert["ended_at"] is None
    assert alert["labels"] == '{"app": "support"}'
    assert (message["state"], message["attempts"], message["sent_at"]) == ("pending", 0, None)


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    ControlState.open(tmp_path / "c.sqlite", CLOCK).close()
    raw = sqlite3.connect(tmp_path / "c.sqlite")
    raw.execute("PRAGMA user_version=99")
    raw.close()
    with pytest.raises(StoreError, match="newer Plumbline"):
        ControlState.open(tmp_path / "c.sqlite", CLOCK)


@pytest.mark.parametrize(
    "content", [b"not a database, but long enough to look at" * 30, b"SQLite format 3\x00" + b"\xff" * 4096]
)
def test_a_damaged_file_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c.sqlite").write_bytes(content)
    with pytest.raises(StoreError) as raised:
        ControlState.open(tmp_path / "c.sqlite", CLOCK)
    assert "\n" not in str(raised.value)
    assert (tmp_path / "c.sqlite").read_bytes() == content


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened"):
        ControlState.open(tmp_path / "absent" / "c.sqlite", CLOCK)


def test_a_file_that_another_process_holds_is_waited_for_then_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "BUSY_TIMEOUT_MS", 50)
    state = ControlState.open(tmp_path / "c.sqlite", CLOCK)
    holder = sqlite3.connect(tmp_path / "c.sqlite", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked"):
        raised(state)
    holder.execute("ROLLBACK")
    holder.close()
    raised(state)
    assert len(state.alerts_table()) == 1
    state.close()


def test_threads_queue_up(tmp_path: Path) -> None:
    state = ControlState.open(tmp_path / "c.sqlite", CLOCK)
    raised(state, memory="0")

    def count() -> None:
        for _ in range(10):
            with state.transaction() as txn:
                n = txn.exec_driver_sql("SELECT memory FROM alerts").scalar_one()
                txn.exec_driver_sql("UPDATE alerts SET memory = ?", (str(int(n) + 1),))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with state.transaction() as txn:
        assert txn.exec_driver_sql("SELECT memory FROM alerts").scalar_one() == "40"
    state.close()


def a_label(number: int) -> dict[str, Any]:
    """The label of one answer, about an hour after the one before, so that each lies in a part of its own."""
    policy = dict.fromkeys(("policy", "policy_version", "policy_hash"), "1")
    said = {"rule_id": "r", "verdict": "violates", "adjudicated": 0, "person": "ana", "key": f"k{number}"}
    return {**policy, **said, "unit_id": f"u{number}", "time": NOW, "at": NOW + timedelta(hours=2 * number)}


def test_what_was_read_ahead_is_not_made_again_by_who_asks(tmp_path: Path) -> None:
    state = ControlState.open(tmp_path / "c.sqlite", CLOCK)
    with state.transaction() as txn:
        labels.add(txn, a_label(0))
        labels.add(txn, a_label(1))
    made: list[str] = []

    def part(txn: Transaction, name: str) -> list[Any]:
        made.append(name)
        return list(labels.listed(txn, name)["unit_id"])

    def whole(told: list[list[Any]]) -> list[Any]:
        return [unit for units in told for unit in units]

    state.read_ahead(parts.LABELS, part)
    assert len(made) == 2
    assert state.in_parts(parts.LABELS, part, whole) == ["u0", "u1"]
    state.read_ahead(parts.LABELS, part)
    assert len(made) == 2
    with state.transaction() as txn:
        labels.add(txn, a_label(2))
    state.read_ahead(parts.LABELS, part)
    assert len(made) == 3
    assert state.in_parts(parts.LABELS, part, whole) == ["u0", "u1", "u2"]
    assert len(made) == 3
    state.close()
