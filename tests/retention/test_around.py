"""What retention means for the rest of the house: replay, sources, reports, imports of old files."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.config.schema import RetentionSettings
from monitor.errors import UsageError
from monitor.store.removal.retain import gone_before
from tests.cli.plumbline import plumbline
from tests.retention.keeping import NEW, OLD, Keeping, Make
from tests.store.rows import START, a_call, frame, us

DAY_S = 86_400.0


def replayed(house: Keeping, start: datetime) -> None:
    house.agent.replay(start, house.clock.now(), timedelta(days=1), notify=False, progress=lambda _share, _word: None)


@pytest.mark.parametrize("kept", [{"content": "10d"}, {"content": "5d", "spans": "10d"}])
def test_a_replay_does_not_replace_what_was_published_while_there_were_texts(make: Make, kept: dict[str, str]) -> None:
    house = make(**kept)
    estimates = house.rows("SELECT * FROM base.estimates ORDER BY ALL")
    assert estimates
    house.agent.retain()
    with pytest.raises(UsageError, match=r"still kept \(replay from 2026-1\d-\d\dT13:01 on\)"):
        replayed(house, START - timedelta(hours=1))
    assert house.rows("SELECT * FROM base.estimates ORDER BY ALL") == estimates
    replayed(house, house.clock.now() - timedelta(days=4))
    assert house.rows("SELECT * FROM base.estimates WHERE window_start < '2026-12-01' ORDER BY ALL") == [
        row
        for row in estimates
        if row["window_start"] < datetime(2026, 12, 1)  # noqa: DTZ001 - as stored
    ]


def test_a_replay_may_begin_exactly_where_texts_are_kept_from(make: Make) -> None:
    house = make(content="10d")
    house.agent.retain()
    limit = house.clock.now() - timedelta(days=10)
    replayed(house, limit)
    with pytest.raises(UsageError, match="still kept"):
        replayed(house, limit - timedelta(microseconds=1))


def test_a_longer_setting_brings_nothing_back(make: Make) -> None:
    house = make(content="10d")
    house.agent.retain()
    before = house.clock.now() - timedelta(days=10)
    house.settings = Keeping(house.folder.parent / "other", RetentionSettings()).settings
    house.again()
    assert gone_before(house.agent.store, house.agent._limits()).content == before.replace(tzinfo=None)
    with pytest.raises(UsageError, match="still kept"):
        replayed(house, START)


def test_a_source_is_not_blamed_for_texts_that_are_no_longer_kept(new_house: Make) -> None:
    house = new_house(content="1d")
    day = 20
    for first in (0, 20):
        spans, logs = [], []
        for n in range(first, first + 20):
            trace, at = f"{n:032x}", day * DAY_S + (0 if n < 20 else 3 * DAY_S) + n
            spans.append(a_call("c", at, trace_id=trace, dialect="otel-genai", scope="s"))
            body = json.dumps({"role": "user", "parts": [{"type": "text", "content": "hello"}]})
            logs += [
                {"key": f"{n}{part}", "trace_id": trace, "span_id": "c", "time": us(at), "received_at": us(at + 5)}
                | {"name": "m", "part": part, "app": "shop", "body": body, "source": "shop"}
                for part in ("input", "output")
            ]
        house.clock.move_to(START + timedelta(seconds=at + 10))
        house.send(frame(spans=spans, events=logs))
    house.later(hours=2)
    house.agent.retain()
    assert house.count("content") == 20
    (source,) = house.agent.sources({})["sources"]
    assert "no-texts" not in {problem["code"] for problem in source["problems"]}
    (whole,) = house.agent.sources({"start": f"{START:%Y-%m-%dT%H:%M:%S}"})["sources"]
    assert whole["n_calls"] == 40


def test_what_is_refused_for_its_age_is_told_as_ours_and_not_as_a_fault(make: Make) -> None:
    house = make(content="5d", spans="10d")
    late = [a_call(f"c{n}", 0, trace_id="c3" * 16, received_at=us(20 * DAY_S)) for n in range(5)]
    assert house.send(frame(spans=late))["refused"] == 5
    (source,) = [source for source in house.agent.sources({})["sources"] if source["app"] == "shop"]
    problems = {problem["code"]: problem for problem in source["problems"]}
    assert "refused" not in problems
    assert problems["too-old"]["severity"] == "note"
    assert problems["too-old"]["what"].startswith("5 rows were older")


def test_reports_hold_numbers_of_single_turns_and_go_with_them(make: Make) -> None:
    house = make(content="5d", spans="10d")
    report = house.folder / "reports" / "f1.html"
    report.parent.mkdir()
    report.write_text(OLD)
    house.agent.retain()
    assert house.holding(OLD) == []
    report.parent.mkdir()
    report.write_text(NEW)
    house.later(days=2)
    house.agent.retain()
    assert report.exists()  # nothing went, so nothing in it did


def test_an_import_says_what_was_left_out_for_its_age(tmp_path: Path) -> None:
    (tmp_path / "plumbline.yaml").write_text("agent: {retention: {content: 10d, spans: 20d}}\n")
    ages = (1, 15, 30, 40)
    lines = [
        {"time": (datetime.now(UTC) - timedelta(days=age)).isoformat(), "input": "hi", "output": "yes", "model": "m"}
        | {"app": "shop", "trace_id": f"{age:032x}"}
        for age in ages
    ]
    file = tmp_path / "old.jsonl"
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    ran = plumbline("import", file, "--data-dir", tmp_path / "data", cwd=tmp_path)
    assert ran.code == 0
    assert "stored 2 new rows, 0 were there already" in ran.out
    assert "left out 2 rows that were erased before or are older than rows are kept (agent.retention)" in ran.out
    query = "select trace_id, output_text from calls order by time"
    told = plumbline("sql", query, "--format", "json", "--data-dir", tmp_path / "data", cwd=tmp_path)
    assert '"yes"' in told.out
    assert "null" in told.out  # the one of 15 days lost its texts at the door
