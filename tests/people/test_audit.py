"""The audit as a file: an independent verifier and our own agree on every way in which it can be bent."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from monitor.config.schema import Settings
from plumbline.api.call import Actor
from plumbline.opening import open_agent
from tests.people.independent_verifier import __file__ as verifier
from tests.people.independent_verifier import faults

ROWS = 12
COLUMNS = ("at", "actor", "on_behalf_of", "act", "told", "hash")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audit") / "data"
    agent = open_agent(Settings(), folder)
    for number in range(ROWS):
        by = "root" if number % 3 == 0 else None
        agent.access.record.add(Actor(f"person {number % 4}", by=by), f"act {number}", f"object {number}", "why")
    agent.close()
    return folder


@pytest.fixture
def data(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "data"))


def bend(data: Path, *statements: str) -> None:
    with closing(sqlite3.connect(data / "plumbline.sqlite")) as state, state:
        for statement in statements:
            state.execute(statement)


def our_own(data: Path) -> list[str]:
    agent = open_agent(Settings(), data)
    try:
        found: list[str] = agent.access.record.verify()["problems"]
        return found
    finally:
        agent.close()


def test_what_nobody_touched_holds(data: Path) -> None:
    assert faults(data) == our_own(data) == []


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("row", [1, 2, ROWS // 2, ROWS])
def test_a_changed_row_is_found(data: Path, column: str, row: int) -> None:
    bend(data, f"UPDATE audit SET {column} = coalesce({column}, '') || 'x' WHERE seq = {row}")
    assert faults(data)
    assert our_own(data)


def test_for_whom_it_was_done_cannot_be_taken_away(data: Path) -> None:
    bend(data, "UPDATE audit SET on_behalf_of = NULL WHERE seq = 4")
    assert faults(data)
    assert our_own(data)


@pytest.mark.parametrize("row", range(1, ROWS + 1))
def test_a_dropped_row_is_found_also_with_the_others_moved_up(data: Path, row: int) -> None:
    bend(data, f"DELETE FROM audit WHERE seq = {row}", f"DELETE FROM audit_payloads WHERE seq = {row}")
    assert faults(data)
    assert our_own(data)
    for table in ("audit", "audit_payloads"):
        bend(
            data,
            f"UPDATE {table} SET seq = -(seq - 1) WHERE seq > {row}",
            f"UPDATE {table} SET seq = -seq WHERE seq < 0",
        )
    assert faults(data)
    assert our_own(data)


def test_any_two_rows_in_each_others_place_are_found(data: Path, tmp_path: Path) -> None:
    rng = random.Random(7)
    for number in range(8):
        one, two = rng.sample(range(1, ROWS + 1), 2)
        copy = Path(shutil.copytree(data, tmp_path / f"copy{number}"))
        for table in ("audit", "audit_payloads"):
            swap = (
                f"UPDATE {table} SET seq = CASE seq WHEN {one} THEN -{two} ELSE -{one} END WHERE seq IN ({one}, {two})"
            )
            bend(copy, swap, f"UPDATE {table} SET seq = -seq WHERE seq < 0")
        assert faults(copy), (one, two)
        assert our_own(copy), (one, two)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_payloads SET payload = replace(payload, 'object 3', 'object 4')",
        "UPDATE audit_payloads SET nonce = nonce || '0' WHERE seq = 2",
        "DELETE FROM audit",
        "DELETE FROM audit_head",
        "UPDATE audit_head SET seal = 'x'",
    ],
)
def test_payloads_and_the_seal_are_held_too(data: Path, statement: str) -> None:
    bend(data, statement)
    assert faults(data)
    assert our_own(data)


def test_an_erased_payload_bends_nothing(data: Path) -> None:
    bend(data, "DELETE FROM audit_payloads WHERE seq IN (2, 5)")
    assert faults(data) == our_own(data) == []


def test_the_verifier_is_short_and_shares_nothing_with_us() -> None:
    lines = Path(verifier).read_text().splitlines()
    assert len(lines) < 150
    assert not [line for line in lines if line.startswith(("from monitor", "from plumbline", "import monitor"))]
