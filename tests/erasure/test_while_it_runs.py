"""What arrives while an erasure runs, what a killed query left, and two rewritings at once."""

from __future__ import annotations

import threading

from monitor.privacy.keyed import install_key
from monitor.privacy.stored_ids import stored_forms
from monitor.removal.erasure import finish_erasure
from monitor.store.removal.erase import Wanted, erase_rows
from tests.erasure.case import T1, Case
from tests.store.rows import a_call, frame, texts


def test_what_was_acknowledged_meanwhile_is_refused_and_counted_not_taken_from_the_spool(case: Case) -> None:
    case.send()
    key = install_key(case.folder)
    erase_rows(case.agent.store, Wanted("user", stored_forms(key, case.user)), key)
    case.writer.append(case.batch())  # durable and acknowledged, and not loaded yet
    case.writer.sync()
    assert finish_erasure(case.agent.store, case.agent.places, key, case.agent.desk)
    came = case.agent.load(flush=True)
    assert (came["stored"], came["duplicate"], came["refused"], came["damaged"]) == (0, 3, 4, 0)
    (sums,) = case.rows("SELECT sum(received) AS r, sum(stored + duplicate + refused) AS s FROM ledger")
    assert sums == {"r": 14, "s": 14}
    case.agent.maintain()
    assert case.holding(case.mark) == []
    assert case.told(case.mark) == []


def test_what_a_killed_query_had_spilled_goes_too(case: Case) -> None:
    case.send()
    spilled = case.folder / "plumbline.duckdb.tmp"
    spilled.mkdir()
    (spilled / "duckdb_temp_storage-0.tmp").write_text(case.mark)
    case.agent.erase("user", case.user)
    assert case.holding(case.mark) == []


def test_an_erasure_waits_while_files_are_rewritten(case: Case) -> None:
    case.send()
    erasing = threading.Thread(target=case.agent.erase, args=("user", case.user))
    with case.agent.keeping:
        erasing.start()
        erasing.join(0.3)
        assert erasing.is_alive()
        assert case.told(case.mark)
    erasing.join(30)
    assert case.holding(case.mark) == []


def test_loading_goes_on_from_a_frame_that_was_cleaned(case: Case) -> None:
    case.send()
    case.agent.erase("user", case.user)
    case.send(frame(spans=[a_call("n", trace_id="d4" * 16)], content=[texts("n", case.other, trace_id="d4" * 16)]))
    case.agent.erase("trace", T1)
    assert case.agent.load()["damaged"] == 0
    assert case.holding(case.other)
