"""Erased stays erased though the store is lost: its tombstones have a copy."""

from __future__ import annotations

import pytest

from monitor.errors import StoreError
from monitor.removal.tombstones import NAME, keep_tombstones, recall_tombstones
from monitor.store.removal.erase import tombstones
from tests.erasure.case import T1, Case


def lose_the_store(case: Case) -> None:
    case.agent.close()
    (case.folder / "plumbline.duckdb").write_bytes(b"not a database any more")
    case.agent = case.open()


@pytest.mark.parametrize("kind", ["user", "session", "trace"])
def test_what_was_erased_does_not_come_back_when_a_lost_store_is_filled_again(case: Case, kind: str) -> None:
    case.send()
    case.agent.erase(kind, {"user": case.user, "session": "s1", "trace": T1}[kind])  # type: ignore[arg-type]
    held = tombstones(case.agent.store)
    lose_the_store(case)
    assert tombstones(case.agent.store) == held
    came = case.send()
    assert came["refused"] == (3 if kind != "user" else 4)
    assert case.told(case.mark) == []
    case.agent.maintain()
    assert case.holding(case.mark) == []


def test_the_copy_tells_nobody_who_it_was(case: Case) -> None:
    case.send()
    case.agent.erase("user", case.user)
    path = case.folder / NAME
    assert path.stat().st_mode & 0o077 == 0
    assert case.user not in path.read_text()
    assert T1 not in path.read_text()


def test_recalling_twice_adds_nothing(case: Case) -> None:
    case.send()
    case.agent.erase("user", case.user)
    before = case.rows("SELECT count(*) AS n FROM erasures")
    assert recall_tombstones(case.agent.store, case.folder) == 0
    keep_tombstones(case.agent.store, case.folder)
    assert recall_tombstones(case.agent.store, case.folder) == 0
    assert case.rows("SELECT count(*) AS n FROM erasures") == before


def test_a_copy_that_cannot_be_read_is_said_in_one_line(case: Case) -> None:
    (case.folder / NAME).write_text("[{")
    with pytest.raises(StoreError, match=r"erased.json: cannot be read: .* \(restore it") as raised:
        recall_tombstones(case.agent.store, case.folder)
    assert "\n" not in str(raised.value)


def test_without_an_erasure_there_is_no_copy(case: Case) -> None:
    case.send()
    assert recall_tombstones(case.agent.store, case.folder) == 0
    assert not (case.folder / NAME).exists()
