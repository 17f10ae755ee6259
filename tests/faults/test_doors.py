"""`kill -9` while people sign in and act, while a backup is taken and while one is restored: what was answered stands, and the chain holds."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pytest

from monitor.backup import MANIFEST, verify_backup
from monitor.config.schema import Settings
from monitor.places import Places
from plumbline.api.call import Actor
from plumbline.opening import open_agent
from tests.acceptance.traffic import records, spooled
from tests.people.independent_verifier import faults
from tests.support.house import House, a_house
from tests.support.waiting import becomes

ROUNDS = 8
SEED = 20261128
PASSWORD = "correct horse battery"
STORY = 500
"""Interactions in the store, so that copying it takes a while."""


@dataclass
class Person:
    """Signs in and lets others in until stopped; what was answered is kept."""

    house: House
    number: int
    sessions: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def __call__(self) -> None:
        count = 0
        while not self.stop.is_set():
            count += 1
            told = self.ask("/v1/sign-in/password", {"name": "anna", "password": PASSWORD})
            if told is not None:
                self.sessions.append(told["session"])
            name = f"p{self.number}-{count}"
            if self.ask("/v1/people", {"name": name, "role": "viewer"}) is not None:
                self.added.append(name)

    def ask(self, path: str, body: dict[str, str]) -> dict[str, Any] | None:
        bearer = {"authorization": f"Bearer {(self.house.root / 'token').read_text().strip()}"}
        try:
            told = httpx.post(f"http://{self.house.api}{path}", json=body, headers=bearer, timeout=30)
        except httpx.HTTPError:
            time.sleep(0.05)
            return None
        answer: dict[str, Any] = told.json()
        return answer if told.is_success else None


@contextmanager
def people_in(house: House, how_many: int) -> Iterator[list[Person]]:
    """So many people who act all the time that the block lasts."""
    first = Person(house, 0)
    assert first.ask("/v1/people", {"name": "anna", "role": "reviewer"})
    assert first.ask("/v1/people/password", {"name": "anna", "password": PASSWORD})
    people = [Person(house, number) for number in range(1, how_many + 1)]
    threads = [threading.Thread(target=person, daemon=True) for person in people]
    for thread in threads:
        thread.start()
    try:
        yield people
    finally:
        for person in people:
            person.stop.set()
        for thread in threads:
            thread.join(60)


def names_of(house: House) -> set[str]:
    bearer = {"authorization": f"Bearer {(house.root / 'token').read_text().strip()}"}
    told = httpx.get(f"http://{house.api}/v1/people", headers=bearer, timeout=30).json()
    return {row["name"] for row in told["people"]}


def await_more(people: list[Person], sign_ins: int) -> None:
    """Wait until so many more people are in."""
    wanted = sign_ins + sum(len(person.sessions) for person in people)
    assert becomes(lambda: sum(len(person.sessions) for person in people) >= wanted, 120, 0.01)


@pytest.mark.faults
def test_what_was_answered_stands_after_every_kill(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    with a_house(tmp_path / "data", "agent", people={"passwords": True}) as house:
        with people_in(house, 3) as people:
            for _ in range(ROUNDS):
                await_more(people, rng.randint(1, 4))
                time.sleep(rng.uniform(0, 0.3))
                house.kill("agent")
                assert faults(house.root) == []
        sessions = [session for person in people for session in person.sessions]
        added = {name for person in people for name in person.added}
        assert added <= names_of(house)
        for session in sessions:
            me = httpx.get(f"http://{house.api}/v1/me", headers={"authorization": f"Bearer {session}"}, timeout=30)
            assert me.json()["name"] == "anna"
        acts = {act: int(count) for act, count in house.sql("SELECT act, count(*) FROM audit GROUP BY ALL")}
        print(f"\nseed {SEED}: {ROUNDS} kills, {len(sessions)} sessions and {len(added)} people stand, acts {acts}")
        assert len(sessions) >= ROUNDS
        assert acts["signin"] >= len(sessions)
        assert acts["addperson"] >= acts["addperson done"] >= len(added)
    assert faults(house.root) == []


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a store that takes a while to copy."""
    root = tmp_path_factory.mktemp("doors") / "data"
    spooled(Places(root).spool, islice(records(5_000, swap=None), STORY))
    return root


@pytest.mark.faults
def test_a_backup_killed_anywhere_is_whole_or_not_there(stored: Path, tmp_path: Path) -> None:
    rng, folder = random.Random(SEED), tmp_path / "backups"
    with a_house(stored, "agent", people={"passwords": True}) as house, people_in(house, 2) as people:
        assert becomes(lambda: int(house.sql("SELECT count(*) FROM turns")[0][0]) > STORY // 2, 120, 0.5)
        took, before = backed_up(house, folder), {name for person in people for name in person.added}
        for _ in range(ROUNDS):
            begin(house, folder)
            time.sleep(rng.uniform(0, took))
            house.kill("agent")
            assert faults(house.root) == []
            for backup in whole(folder):
                verify_backup(backup)
                assert faults(backup) == []
        backed_up(house, folder)
        known = names_of(house)
    print(f"\nseed {SEED}: {ROUNDS} kills within {took:.2f} s of a backup, {len(whole(folder))} whole ones")
    assert before <= known


def begin(house: House, folder: Path) -> str:
    """Ask for a backup; it is taken in the background."""
    told = Person(house, 0).ask("/v1/backup", {"folder": str(folder)})
    assert told is not None
    return str(told["job"])


def backed_up(house: House, folder: Path) -> float:
    """Take a backup to its end; return the seconds it took."""
    known, began = len(whole(folder)), time.monotonic()
    begin(house, folder)
    assert becomes(lambda: len(whole(folder)) > known, 120, 0.02)
    return time.monotonic() - began


def whole(folder: Path) -> list[Path]:
    """Backups that are there by name; each must be one."""
    found = sorted(folder.glob("plumbline-*"))
    assert all((path / MANIFEST).is_file() for path in found)
    return found


@pytest.mark.faults
def test_a_restore_killed_anywhere_leaves_a_whole_data_directory_or_none(tmp_path: Path) -> None:
    rng, backup = random.Random(SEED), a_backup(tmp_path)
    began = time.monotonic()
    assert restoring(backup, tmp_path / "first").wait(120) == 0
    took, came, wanted = time.monotonic() - began, 0, contents(tmp_path / "first")
    for number in range(ROUNDS):
        root = tmp_path / f"restored-{number}"
        process = restoring(backup, root)
        time.sleep(rng.uniform(took * 0.4, took * 1.1))  # before that Python itself is starting
        process.kill()
        process.wait()
        came += root.exists()
        if not root.exists():
            assert restoring(backup, root).wait(120) == 0
        assert contents(root) == wanted
        assert faults(root) == []  # last: looking into SQLite leaves files of its own
    print(
        f"\nseed {SEED}: {ROUNDS} kills within {took:.2f} s of a restore, {came} came whole, the others on the second try"
    )


def a_backup(folder: Path) -> Path:
    """A backup of a house with some traffic and a person."""
    spooled(Places(folder / "data").spool, islice(records(5_000, swap=None), STORY))
    agent = open_agent(Settings(), folder / "data")
    agent.settle()
    agent.access.register.add("kim", "reviewer")
    agent.access.record.add(Actor("kim"), "note", "a trace")
    backup = agent.backup(folder / "backups", lambda _, __: None)
    agent.close()
    return backup


def contents(root: Path) -> dict[str, str]:
    """The digest of every file."""
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def restoring(backup: Path, root: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "plumbline.cli.main", "restore", str(backup), "--data-dir", str(root)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=root.parent)
