"""What is too old goes by class: first from SQL, then from the bytes; what is younger stays as it is."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from monitor.config.schema import RetentionSettings
from monitor.removal.retention import Disk, Retained, described, retain
from monitor.store.removal.age_limits import Limits, limits_at
from monitor.store.removal.retain import TASKS, begin, remove_aged, remove_batch
from tests.retention.keeping import NEW, OLD, Keeping, Make
from tests.store.rows import START, a_span, frame

ROOMY = Disk(lambda _: 1 << 60, 0)


def run(house: Keeping, disk: Disk = ROOMY) -> Retained:
    places, kept = house.agent.places, house.settings.agent.retention
    return retain(house.agent.store, places, kept, house.clock.now(), disk, "salt")


def test_nothing_goes_by_default(make: Make) -> None:
    house = make()
    before = house.holding(house.old)
    assert run(house) == Retained()
    assert house.agent.retain() == Retained()
    assert house.holding(house.old) == before
    assert house.count("retentions") == 0


def test_texts_leave_every_byte_and_the_rows_stay(make: Make) -> None:
    house = make(content="10d")
    assert {"plumbline.duckdb", "spool/c0-00000001.seg"} <= set(house.holding(house.old))
    calls = house.rows("SELECT * EXCLUDE (attrs, error_message) FROM base.spans ORDER BY ALL")
    done = house.agent.retain()
    assert done.rewritten
    assert house.holding(house.old) == []
    assert house.rows("SELECT * EXCLUDE (attrs, error_message) FROM base.spans ORDER BY ALL") == calls
    assert house.count("content", OLD) == 0
    assert house.count("grades", OLD, "unit_id") > 0
    assert house.rows(f"SELECT value, comment FROM base.scores WHERE trace_id = '{OLD}'") == [
        {"value": 1.0, "comment": None}
    ]
    assert {"plumbline.duckdb", "spool/c0-00000001.seg"} <= set(house.holding(house.new))
    (new,) = house.rows(f"SELECT system_text, error_message FROM calls WHERE trace_id = '{NEW}'")
    assert new == {"system_text": house.new, "error_message": house.new}


def test_rows_go_with_what_hangs_on_them_and_sums_stay(make: Make) -> None:
    house = make(content="5d", spans="10d")
    sums = house.rows("SELECT * FROM base.rollup ORDER BY ALL") + house.rows(
        "SELECT * FROM base.estimates ORDER BY ALL"
    )
    assert house.agent.retain().removed > 0
    for table in ("spans", "content", "features", "events", "scores", "turns"):
        assert (table, house.count(table, OLD), house.count(table, NEW)) == (table, 0, 2 if table == "spans" else 1)
    for table in ("samples", "grades"):
        assert house.count(table, OLD, "unit_id") == 0
        assert house.count(table, NEW, "unit_id") > 0
    assert house.count("exposures") == 1
    assert (
        house.rows("SELECT * FROM base.rollup ORDER BY ALL") + house.rows("SELECT * FROM base.estimates ORDER BY ALL")
        == sums
    )
    assert house.holding(OLD) == []
    assert house.agent.check() == []


def test_sums_go_last_and_the_ledger_never(make: Make) -> None:
    house = make(content="5d", spans="10d", rollups="15d")
    ledger = house.rows("SELECT * FROM base.ledger ORDER BY ALL")
    house.agent.retain()
    hours = house.rows("SELECT DISTINCT hour::DATE AS day FROM base.rollup")
    assert hours == [{"day": (START + timedelta(days=20)).date()}]
    assert house.rows("SELECT * FROM base.ledger ORDER BY ALL") == ledger
    assert house.exact()


def test_a_batch_that_is_sent_again_is_refused_by_age_and_counted(make: Make) -> None:
    house = make(content="5d", spans="10d")
    house.agent.retain()
    came = house.send(house.batch(OLD, house.old, 0))
    assert (came["stored"], came["duplicate"], came["refused"]) == (0, 0, 5)
    assert house.rows("SELECT sum(refused) AS n FROM ledger WHERE reason = 'too old'") == [{"n": 5}]
    assert house.exact()
    assert house.count("spans", OLD) == 0
    assert [name.split("-")[0] for name in house.holding(house.old)] == ["spool/c0"]
    house.later(days=1)
    house.agent.retain()
    assert house.holding(house.old) == []


def test_a_batch_between_the_limits_is_stored_without_its_texts(make: Make) -> None:
    house = make(content="10d", spans="30d")
    came = house.send(house.batch("c3" * 16, house.old, 5))
    assert (came["stored"], came["refused"]) == (5, 0)
    columns = "attrs, error_message"
    assert house.rows(f"SELECT DISTINCT {columns} FROM base.spans WHERE trace_id = '{'c3' * 16}'") == [
        {"attrs": None, "error_message": None}
    ]
    assert house.count("content", "c3" * 16) == 0
    assert house.count("turns", "c3" * 16) == 1


def test_a_store_that_is_lost_comes_back_without_what_was_too_old(make: Make) -> None:
    house = make(content="5d", spans="10d")
    house.agent.retain()
    house.agent.close()
    (house.folder / "plumbline.duckdb").write_bytes(b"not a database")
    house.agent = house.open()
    house.agent.load(flush=True)
    assert house.count("spans", OLD) == 0
    assert house.count("spans", NEW) == 2
    assert house.exact()
    assert house.holding(house.old) == []


def test_old_rows_in_the_spool_are_refused_when_it_is_read_again(make: Make) -> None:
    house = make(content="5d", spans="10d")
    with house.agent.store.transaction() as txn:
        txn.execute("DELETE FROM base.positions")
    came = house.agent.load(flush=True)
    assert (came["stored"], came["duplicate"], came["refused"]) == (0, 5, 5)
    assert house.exact()


@pytest.mark.parametrize("kind", ["content", "spans"])
@pytest.mark.parametrize("off", [-1, 0, 1])
def test_a_row_exactly_at_the_limit_is_kept_on_loading_and_later(make: Make, kind: str, off: int) -> None:
    kept = {"content": "10d", "spans": "10d"} if kind == "spans" else {"content": "10d"}
    house = make(**kept)
    limit = limits_at(house.settings.agent.retention, house.clock.now()).content
    assert limit is not None
    at = (limit - datetime(2026, 11, 20, 12) + timedelta(microseconds=off)) / timedelta(seconds=1)  # noqa: DTZ001 - as stored
    span = a_span("edge", at, trace_id="d4" * 16, attrs="words")
    span["time"] = int((limit - datetime(1970, 1, 1)) / timedelta(microseconds=1)) + off  # noqa: DTZ001 - as stored
    came = house.send(frame(spans=[span]))
    there = house.rows("SELECT attrs FROM base.spans WHERE span_id = 'edge'")
    left = [] if kind == "spans" else [{"attrs": None}]
    assert there == ([{"attrs": "words"}] if off >= 0 else left)
    assert came["refused"] == (1 if off < 0 and kind == "spans" else 0)
    house.agent.retain()
    assert house.rows("SELECT attrs FROM base.spans WHERE span_id = 'edge'") == there
    house.later(microseconds=2 + off)
    run(house)
    assert house.rows("SELECT attrs FROM base.spans WHERE span_id = 'edge'") == left


def test_a_run_that_is_killed_goes_on_and_counts_once(make: Make) -> None:
    house = make(content="5d", spans="10d")
    limits = limits_at(house.settings.agent.retention, house.clock.now())
    store = house.agent.store
    first = begin(store, limits, house.clock.now())
    for task in TASKS[:6]:
        assert remove_batch(store, first, task, 1) <= 1
    (half,) = house.rows("SELECT id, finished_at, removed FROM base.retentions")
    assert half["finished_at"] is None
    (house.folder / "plumbline.duckdb.rebuilt").write_text("half a file " + house.old)
    house.again()
    assert house.holding(house.old)
    house.agent.retain()
    assert house.holding(house.old) == []
    (record,) = house.rows("SELECT * FROM base.retentions")
    assert record["id"] == half["id"]
    assert record["finished_at"] is not None
    assert record["rewritten_at"] is not None
    told = json.loads(record["removed"])
    expected = {"content": 1, "spans (texts)": 1, "spans": 2, "turns": 1, "events": 1, "scores": 1, "exposures": 1}
    assert told.items() >= expected.items()


def test_a_batch_takes_no_more_rows_than_it_may(make: Make) -> None:
    house = make(content="5d", spans="10d")
    run_ = begin(house.agent.store, limits_at(house.settings.agent.retention, house.clock.now()), house.clock.now())
    spans = next(task for task in TASKS if (task.kind, task.table) == ("spans", "spans"))
    assert [remove_batch(house.agent.store, run_, spans, 1) for _ in range(3)] == [1, 1, 0]
    assert remove_aged(house.agent.store, run_, batch=1) > 5
    assert remove_aged(house.agent.store, run_, batch=1) == 0


def test_without_room_on_the_disk_rows_go_and_the_file_waits(make: Make) -> None:
    house = make(content="10d")
    size = (house.folder / "plumbline.duckdb").stat().st_size
    tight = Disk(lambda _: size, 1_000)
    done = run(house, tight)
    assert not done.rewritten
    assert done.lacking >= 1_000
    assert house.count("content", OLD) == 0
    assert house.holding(house.old) == ["plumbline.duckdb"]
    told = described(house.agent.store, house.agent.places, house.settings.agent.retention, tight)
    assert (told["owed"], told["lacking_bytes"] >= 1_000) == (True, True)
    assert run(house).rewritten
    assert house.holding(house.old) == []


def test_the_step_runs_once_an_hour_over_restarts_and_rewrites_once_a_day(make: Make) -> None:
    house = make(content="10d")
    assert house.agent.retain().rewritten
    house.send(house.batch("c3" * 16, house.old, 10.96))
    house.later(hours=22)
    assert not house.agent.retain().removed
    house.later(minutes=59)
    assert house.agent.retain() == Retained()
    house.again()
    house.later(minutes=1)
    assert house.agent.retain().removed > 0
    assert house.count("content", "c3" * 16) == 0
    assert house.holding(house.old)
    house.later(hours=1)
    assert house.agent.retain().rewritten
    assert house.holding(house.old) == []


def test_a_store_that_was_set_aside_goes_when_it_is_old(make: Make) -> None:
    house = make(content="2d")
    aside = house.folder / "plumbline.duckdb.unreadable-1"
    aside.write_text(house.old)
    house.clock.move_to(datetime.fromtimestamp(aside.stat().st_mtime, START.tzinfo) + timedelta(days=1))
    run(house)
    assert aside.exists()
    house.later(days=1, minutes=1)
    run(house)
    assert not aside.exists()


def test_an_experiment_that_ended_keeps_its_sums_and_forgets_its_users(make: Make) -> None:
    house = make(content="5d", spans="10d", rollups="40d")
    unit = {"experiment": "x", "metric": "m", "n": 1, "total": 2.0}
    units = [unit | {"unit": u, "arm": arm} for u, arm in (("kim", "a"), ("lee", "b"), ("lee", "a"))]
    with house.agent.store.transaction() as txn:
        txn.execute("DELETE FROM base.arm_units")
        txn.insert("arm_units", [*units, unit | {"unit": "kim", "arm": "a", "metric": "m2"}])
        txn.insert("comparisons", [{"experiment": "x", "metric": "m"}])
    run(house)
    assert house.holding("kim") == []
    grouped = house.rows("SELECT unit, count(*) AS n, sum(total) AS t FROM base.arm_units GROUP BY unit ORDER BY unit")
    assert [(row["n"], row["t"]) for row in grouped] == [(2, 4.0), (2, 4.0)]
    names = {row["unit"] for row in grouped}
    house.later(days=39)
    run(house)
    assert {row["unit"] for row in house.rows("SELECT unit FROM base.arm_units")} == names
    house.later(days=2)
    run(house)
    assert house.count("arm_units") == 0
    assert house.count("comparisons") == 0


def test_limits_are_taken_from_the_clock() -> None:
    now = START
    assert limits_at(RetentionSettings(), now) == Limits()
    assert limits_at(RetentionSettings(content="1d", spans="2w"), now) == Limits(
        datetime(2026, 11, 19, 12),  # noqa: DTZ001 - as stored
        datetime(2026, 11, 6, 12),  # noqa: DTZ001 - as stored
    )
