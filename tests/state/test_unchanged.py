"""Answers kept while nothing is written are those of the tables, whoever writes, and whatever is undone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select

from monitor.clock import FakeClock
from monitor.state import ControlState, Transaction, acts, outbox
from monitor.state.tables import SILENCES

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Undone(Exception):
    """A transaction that ends badly."""


def rows(txn: Transaction) -> list[tuple[str, str]]:
    """What the table holds, asked of it."""
    found = txn.execute(select(SILENCES.c.fingerprint, SILENCES.c.person).where(SILENCES.c.ended_at.is_(None)))
    return sorted((fingerprint, person) for fingerprint, person in found)


def answered(txn: Transaction) -> list[tuple[str, str]]:
    """The same, as it may be kept."""
    return sorted((fingerprint, row["person"]) for fingerprint, row in acts.unended(txn).items())


def end(undo: bool) -> None:
    """End a transaction, badly where it is to be undone."""
    if undo:
        raise Undone


@contextmanager
def two_processes(folder: Path) -> Iterator[list[ControlState]]:
    path = folder / "state.db"
    with ExitStack() as stack:
        states = [ControlState.open(path, FakeClock(NOW)) for _ in range(2)]
        for state in states:
            stack.callback(state.close)
        yield states


STEP = st.tuples(
    st.sampled_from([0, 1]), st.sampled_from(["look", "silence", "lift"]), st.sampled_from("abc"), st.booleans()
)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEP, max_size=12))
def test_kept_answers_are_those_of_the_table(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, str, str, bool]]
) -> None:
    with two_processes(tmp_path_factory.mktemp("state")) as states:
        for number, (who, what, fingerprint, undo) in enumerate(steps):
            with suppress(Undone), states[who].transaction() as txn:
                assert answered(txn) == rows(txn)
                if what == "silence":
                    acts.silence(txn, fingerprint, f"p{number}", "why", NOW, None)
                elif what == "lift":
                    acts.lift(txn, fingerprint, None, NOW)
                assert answered(txn) == rows(txn)
                end(undo)
        for state in states:
            with state.transaction() as txn:
                assert answered(txn) == rows(txn)


def test_what_a_savepoint_undoes_was_never_there() -> None:
    with ControlState.open(None, FakeClock(NOW)).transaction() as txn:
        inner = txn.begin_nested()
        acts.acknowledge(txn, "f", 1, "ana", NOW)
        assert acts.acknowledged(txn)
        inner.rollback()
        assert not acts.acknowledged(txn)


def test_what_nobody_wrote_to_is_not_asked_again() -> None:
    state, asked = ControlState.open(None, FakeClock(NOW)), []
    event.listen(state.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    for _ in range(3):
        with state.transaction() as txn:
            outbox.last_messages(txn)
    assert len([query for query in asked if "outbox" in query]) == 1


def test_who_changes_an_answer_changes_their_own() -> None:
    with ControlState.open(None, FakeClock(NOW)).transaction() as txn:
        acts.acknowledge(txn, "f", 1, "ana", NOW)
        acts.acknowledged(txn)["f", 1]["person"] = "ben"
        assert acts.acknowledged(txn)["f", 1]["person"] == "ana"


def test_a_silence_ends_by_time_though_nothing_is_written() -> None:
    with ControlState.open(None, FakeClock(NOW)).transaction() as txn:
        acts.silence(txn, "f", "ana", acts.SNOOZED, NOW, NOW + timedelta(hours=1))
        assert acts.silenced(txn, NOW).keys() == {"f"}
        assert acts.rung(txn, NOW) == {}
        later = NOW + timedelta(hours=1)
        assert acts.silenced(txn, later) == {}
        assert acts.rung(txn, later) == {"f": later}


def test_another_program_that_writes_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    state = ControlState.open(path, FakeClock(NOW))
    with state.transaction() as txn:
        acts.acknowledge(txn, "f", 1, "ana", NOW)
    with state.transaction() as txn:
        assert acts.acknowledged(txn)
    with sqlite3.connect(path) as other:
        other.execute("DELETE FROM acks")
    other.close()
    with state.transaction() as txn:
        assert not acts.acknowledged(txn)
    state.close()
