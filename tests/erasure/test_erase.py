"""Gone means: in no byte of any file, through no SQL, and not back when it is sent again."""

from __future__ import annotations

import pytest

from monitor.privacy.keyed import digest, install_key
from monitor.privacy.stored_ids import stored_forms
from monitor.store.removal.erase import Wanted, erase_rows
from tests.erasure.case import T1, T2, Case
from tests.store.rows import a_call, a_span, frame, texts


@pytest.mark.parametrize("kind", ["user", "session", "trace"])
def test_no_byte_is_left_and_the_rest_is_as_it_was(case: Case, kind: str) -> None:
    case.send()
    case.agent.store.checkpoint()
    (case.folder / "plumbline.duckdb.unreadable-1").write_text(case.mark)
    (case.folder / "logs").mkdir()
    (case.folder / "logs" / "agent.log").write_text(f"trace {T1} of {case.user} failed\nsecond line\n")
    before = case.holding(case.mark)
    assert {"plumbline.duckdb.unreadable-1", "spool/c0-00000001.seg"} < set(before)
    assert case.told(case.mark)
    kept = case.rows("SELECT * FROM calls WHERE trace_id = '" + T2 + "'")
    removed = case.agent.erase(kind, {"user": case.user, "session": "s1", "trace": T1}[kind])  # type: ignore[arg-type]
    assert (removed["spans"], removed["content"], removed["scores"]) == (2, 1, 1)
    assert case.holding(case.mark) == []
    assert case.told(case.mark) == []
    assert case.holding(T1) == []
    if kind == "user":
        assert case.holding(case.user) == []
        assert case.told(case.user) == []
    assert case.rows("SELECT * FROM calls") == kept
    assert case.holding(case.other)
    assert "second line" in (case.folder / "logs" / "agent.log").read_text()
    (record,) = case.rows("SELECT * FROM erasures")
    assert record["kind"] == kind
    assert record["finished_at"] is not None


@pytest.mark.parametrize("given", [T1.upper(), f" {T1}", f"{T1[:8]}-{T1[8:12]}-{T1[12:16]}-{T1[16:20]}-{T1[20:]}"])
def test_a_trace_is_found_however_its_id_is_written(case: Case, given: str) -> None:
    case.send()
    assert case.agent.erase("trace", given)["spans"] == 2
    assert case.holding(T1) == []


def test_it_does_not_come_back_when_it_is_sent_again(case: Case) -> None:
    case.send()
    case.agent.erase("user", case.user)
    again = case.send()
    assert (again["stored"], again["refused"], again["duplicate"]) == (0, 4, 3)
    assert case.told(case.mark) == []
    (row,) = case.rows("SELECT sum(received) = sum(stored) + sum(duplicate) + sum(refused) AS exact FROM ledger")
    assert row["exact"]
    assert case.rows("SELECT refused FROM ledger WHERE reason = 'erased'") == [{"refused": 4}]
    case.agent.maintain()
    assert case.holding(case.mark) == []


def test_it_does_not_come_back_when_the_store_is_rebuilt_from_the_spool(case: Case) -> None:
    case.send()
    case.agent.erase("user", case.user)
    with case.agent.store.transaction() as txn:
        txn.execute("DELETE FROM base.positions")
    assert case.agent.load(flush=True)["duplicate"] == 3
    assert case.rows("SELECT DISTINCT trace_id FROM spans") == [{"trace_id": T2}]


def test_a_user_may_go_on_after_the_erasure(case: Case) -> None:
    case.send()
    case.agent.erase("user", case.user)
    case.send(frame(spans=[a_span("r9", at=7200, trace_id="c3" * 16, user_id=case.user)]))
    assert case.rows("SELECT trace_id FROM spans WHERE user_id IS NOT NULL AND user_id <> 'kept'") == [
        {"trace_id": "c3" * 16}
    ]


def test_a_trace_whose_user_comes_late_goes_as_a_whole(case: Case) -> None:
    case.agent.erase("user", case.user)
    case.send(frame(spans=[a_call("c1", trace_id=T1)], content=[texts("c1", case.mark, trace_id=T1)]))
    assert case.told(case.mark)
    case.send(frame(spans=[a_span("r1", trace_id=T1, user_id=case.user)]))
    case.agent.maintain()
    assert case.told(case.mark) == []
    assert case.holding(case.mark) == []


def test_an_app_leaves_nothing_and_may_come_again(case: Case) -> None:
    case.send()
    case.agent.erase("app", "shop")
    assert case.holding(case.mark) == []
    assert case.holding(case.other) == []
    assert case.send()["stored"] == 7
    assert case.rows("SELECT count(*) AS n FROM spans") == [{"n": 4}]


def test_an_erasure_that_was_killed_goes_on_at_the_next_start(case: Case) -> None:
    case.send()
    key = install_key(case.folder)
    erase_rows(case.agent.store, Wanted("user", frozenset([case.user])), key)
    (case.folder / "plumbline.duckdb.rebuilt").write_text("half a file " + case.mark)
    assert case.holding(case.mark)
    case.agent.close()
    case.agent = case.open()
    assert case.holding(case.mark) == []
    assert case.holding(case.user) == []
    assert case.rows("SELECT count(*) AS n FROM erasures WHERE finished_at IS NULL") == [{"n": 0}]


def test_a_collector_goes_on_writing_the_segment_that_was_cleaned(case: Case) -> None:
    case.send()
    case.agent.erase("trace", T1)
    assert case.send(frame(spans=[a_call("new", trace_id="d4" * 16)]))["stored"] == 1
    assert case.send()["damaged"] == 0


def test_a_redacted_user_is_found_by_the_id_that_was_redacted(case: Case) -> None:
    key = install_key(case.folder)
    stored = f"<EMAIL_{digest(key, '', 'email', 'kim@example.org')[:8]}>"
    assert stored in stored_forms(key, "kim@example.org")
    case.send(frame(spans=[a_span("r1", trace_id=T1, user_id=stored)]))
    assert case.agent.erase("user", "kim@example.org")["spans"] == 1


def test_erasing_what_is_not_there_changes_nothing(case: Case) -> None:
    case.send()
    assert sum(case.agent.erase("user", "nobody").values()) == 0
    assert case.rows("SELECT count(*) AS n FROM spans") == [{"n": 4}]
