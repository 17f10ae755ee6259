"""Backups: consistent while everything runs, read back, killed anywhere, tampered with, restored, and gone on with."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from monitor.backup import MANIFEST, newest_backup, restore_backup, take_backup, verify_backup
from monitor.clock import FakeClock
from monitor.config.schema import AgentSettings, BackupSettings, Settings
from monitor.errors import PlumblineError, UsageError
from monitor.privacy.keyed import install_key
from plumbline.agent import Agent
from plumbline.opening import open_agent
from tests.acceptance.traffic import START, records, spooled
from tests.support.forks import running

NOW = START + timedelta(days=14)

KILLED = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from monitor.backup import restore_backup
from monitor.clock import FakeClock
from monitor.config.schema import Settings
from plumbline.opening import open_agent

def step(share, note):
    if note == sys.argv[3]:
        os.kill(os.getpid(), signal.SIGKILL)

agent = open_agent(Settings(), Path(sys.argv[1]), FakeClock(datetime.fromisoformat(sys.argv[4])))
agent.backup(Path(sys.argv[2]), step)
"""


def some(first: int, last: int) -> Iterator[dict[str, Any]]:
    """Interactions `first` to `last` of one story."""
    return islice(records(5_000, swap=None), first, last)


def silent(_: float, __: str) -> None:
    """Tell nobody."""


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a house at rest, with its traffic and somebody in it."""
    found = open_agent(Settings(), tmp_path_factory.mktemp("lived") / "data", FakeClock(NOW))
    install_key(found.places.root)
    spooled(found.places.spool, some(0, 100))
    found.settle()
    found.cycle()
    found.access.register.add("kim", "reviewer")
    found.close()
    return found.places.root


@pytest.fixture
def agent(lived: Path, tmp_path: Path) -> Iterator[Agent]:
    shutil.copytree(lived, tmp_path / "data")
    found = open_agent(Settings(), tmp_path / "data", FakeClock(NOW))
    yield found
    found.close()


def turns_of(root: Path) -> int:
    agent = open_agent(Settings(), root, FakeClock(NOW))
    try:
        agent.settle()
        assert agent.check() == []
        assert [person["name"] for person in agent.access.register.people()] == ["kim"]
        return int(agent.status()["turns"])
    finally:
        agent.close()


def test_what_was_backed_up_comes_back_and_the_spool_is_gone_on_with(agent: Agent, tmp_path: Path) -> None:
    spooled(agent.places.spool, some(100, 140))  # acknowledged, not loaded yet
    backup = agent.backup(tmp_path / "backups", silent)
    assert newest_backup(tmp_path / "backups") == NOW
    restored = tmp_path / "restored"
    assert restore_backup(backup, restored).rows["turns"] == 100
    assert (restored / "redaction.key").read_bytes() == (agent.places.root / "redaction.key").read_bytes()
    assert not (restored / "token").exists()
    modes = {path.stat().st_mode & 0o077 for path in [restored, *restored.rglob("*")]}
    assert modes == {0}
    assert turns_of(restored) == 140


def test_it_is_consistent_while_rows_arrive(agent: Agent, tmp_path: Path) -> None:
    stop = threading.Event()

    def arrive() -> None:
        first = 100
        while not stop.is_set():
            spooled(agent.places.spool, some(first, first + 5))
            agent.load(flush=True)
            first += 5

    arriving = threading.Thread(target=arrive)
    arriving.start()
    try:
        for _ in range(3):
            agent.clock.move_to(agent.clock.now() + timedelta(seconds=1))  # type: ignore[attr-defined]  # a fake clock
            agent.backup(tmp_path / "backups", silent)
    finally:
        stop.set()
        arriving.join()
    for number, backup in enumerate(sorted((tmp_path / "backups").glob("plumbline-*"))):
        manifest = restore_backup(backup, tmp_path / f"restored-{number}")
        assert turns_of(tmp_path / f"restored-{number}") >= manifest.rows["turns"] >= 100


@pytest.mark.parametrize("at", ["copying the stores", "copying the spool", "reading back"])
def test_a_kill_leaves_no_backup_and_the_next_one_is_whole(agent: Agent, tmp_path: Path, at: str) -> None:
    agent.close()
    root, folder = agent.places.root, tmp_path / "backups"
    assert running(KILLED, str(root), str(folder), at, NOW.isoformat()).wait() == -signal.SIGKILL
    assert newest_backup(folder) is None
    again = open_agent(Settings(), root, FakeClock(NOW))
    backup = again.backup(folder, silent)
    again.close()
    assert [path.name for path in folder.iterdir()] == [backup.name]
    restore_backup(backup, tmp_path / "restored")
    assert turns_of(tmp_path / "restored") == 100


@pytest.mark.parametrize("change", ["flipped", "gone", "cut", "outside", "newer"])
def test_a_backup_that_is_not_what_it_says_is_refused_in_one_line(agent: Agent, tmp_path: Path, change: str) -> None:
    backup = agent.backup(tmp_path / "backups", silent)
    file, manifest = backup / "plumbline.sqlite", json.loads((backup / MANIFEST).read_text())
    data = bytearray(file.read_bytes())
    if change == "flipped":
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
    elif change == "gone":
        file.unlink()
    elif change == "cut":
        file.write_bytes(data[:-10])
    elif change == "outside":
        manifest["files"]["../evil"] = {"bytes": 0, "sha256": ""}
    else:
        manifest["format"] = 99
    (backup / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(UsageError) as refused:
        restore_backup(backup, tmp_path / "restored")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "restored").exists()


def test_nothing_is_overwritten(agent: Agent, tmp_path: Path) -> None:
    backup = agent.backup(tmp_path / "backups", silent)
    with pytest.raises(UsageError, match="is not empty"):
        restore_backup(backup, agent.places.root)
    with pytest.raises(UsageError, match="lies in the data directory"):
        agent.backup(agent.places.root / "backups", silent)
    with pytest.raises(UsageError, match="is no backup"):
        verify_backup(tmp_path)


def test_the_owner_keeps_its_lock(agent: Agent, tmp_path: Path) -> None:
    agent.backup(tmp_path / "backups", silent)
    code = "import duckdb, sys; duckdb.connect(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", code, str(agent.places.telemetry)], capture_output=True, check=False)
    assert done.returncode != 0


def test_due_ones_are_taken_and_old_ones_go(tmp_path: Path) -> None:
    clock = FakeClock(NOW)
    asked = BackupSettings(folder=str(tmp_path / "backups"), every="24h", keep=2)
    agent = open_agent(Settings(agent=AgentSettings(backup=asked)), tmp_path / "data", clock)
    taken = []
    for hours in (0, 1, 24, 48, 72):
        clock.move_to(NOW + timedelta(hours=hours))
        agent.back_up()
        taken.append(newest_backup(tmp_path / "backups"))
    agent.close()
    assert taken == [NOW, NOW, *(NOW + timedelta(hours=hours) for hours in (24, 48, 72))]
    assert len(list((tmp_path / "backups").iterdir())) == 2


def test_a_backup_that_cannot_be_taken_is_an_alert_after_three_tries(tmp_path: Path) -> None:
    (tmp_path / "full").write_text("not a folder")
    asked = BackupSettings(folder=str(tmp_path / "full"))
    agent = open_agent(Settings(agent=AgentSettings(backup=asked)), tmp_path / "data", FakeClock(NOW))
    for _ in range(3):
        with agent.health.guard("backup"):
            agent.back_up()
    agent.deliver()
    assert agent.status()["ready"] is False
    rows = agent.sql("SELECT reason FROM alerts WHERE rule_id LIKE '%unwell'", 10).table.to_pylist()
    agent.close()
    assert len(rows) == 1
    assert "backup failed 3 times in a row" in rows[0]["reason"]


def test_an_interrupt_stops_it_and_leaves_nothing(agent: Agent, tmp_path: Path) -> None:
    def stops(_: float, note: str) -> None:
        if note == "reading back":
            raise PlumblineError("stopped on request")

    with pytest.raises(PlumblineError, match="stopped"):
        take_backup(agent.store, agent.desk.state, agent.places, tmp_path / "b", nullcontext, stops)
    assert newest_backup(tmp_path / "b") is None
