"""Control states of older formats: opened, upgraded in one transaction, gone on with after a kill."""

from __future__ import annotations

import signal
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Connection

from monitor.clock import FakeClock
from monitor.state import ControlState, migrations
from monitor.state.migrations import Migration, upgrade
from tests.state.test_opening import NOW
from tests.support.forks import running

FORMAT_1 = Path(__file__).parent / "formats" / "format_1.sql"

KILLED = """
import os, signal, sys
from pathlib import Path
from monitor.clock import SystemClock
from monitor.state import ControlState, opening
from monitor.state.migrations import Migration, upgrade

def apply(connection):
    connection.exec_driver_sql("DELETE FROM alerts")
    connection.exec_driver_sql("CREATE TABLE half (a INTEGER)")
    os.kill(os.getpid(), signal.SIGKILL)

opening.upgrade = lambda connection, name: upgrade(connection, name, (Migration("never ends", apply),))
ControlState.open(Path(sys.argv[1]), SystemClock())
"""


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A control state that commit 227cbbc has written."""
    path = tmp_path / "plumbline.sqlite"
    raw = sqlite3.connect(path)
    raw.executescript(FORMAT_1.read_text())
    raw.close()
    return path


def alerts_of(path: Path) -> list[str]:
    state = ControlState.open(path, FakeClock(NOW))
    try:
        return [row["fingerprint"] for row in state.alerts_table()]
    finally:
        state.close()


def names_of(path: Path) -> set[str]:
    raw = sqlite3.connect(path)
    try:
        return {name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    finally:
        raw.close()


def test_a_state_of_the_first_format_opens_and_loses_what_nothing_read(older: Path) -> None:
    assert alerts_of(older) == ["f1"]
    assert "jobs" not in names_of(older)
    raw = sqlite3.connect(older)
    assert raw.execute("PRAGMA user_version").fetchone() == (migrations.FIRST + len(migrations.MIGRATIONS),)
    raw.close()


def test_a_killed_upgrade_has_changed_nothing_and_goes_on(older: Path) -> None:
    assert running(KILLED, str(older)).wait() == -signal.SIGKILL
    assert "half" not in names_of(older)
    assert alerts_of(older) == ["f1"]


def test_steps_run_in_order_and_once() -> None:
    ran: list[str] = []

    def step(name: str) -> Migration:
        def apply(connection: Connection) -> None:
            ran.append(name)
            connection.exec_driver_sql(f"CREATE TABLE {name} (a INTEGER)")

        return Migration(name, apply)

    state = ControlState.open(None, FakeClock(NOW))
    with state.transaction() as txn:
        first = (*migrations.MIGRATIONS, step("one"))
        upgrade(txn, "memory", first)
        upgrade(txn, "memory", (*first, step("two")))
        upgrade(txn, "memory", (*first, step("two")))
    assert ran == ["one", "two"]
