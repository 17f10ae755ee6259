"""What was removed is told: by status, doctor, explain, reports and views; and nothing breaks where rows are missing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from monitor.config.schema import RetentionSettings
from monitor.errors import NotFound, PluginError
from monitor.store.pages import PAGES
from plumbline.cli.retention_words import kept_for
from tests.retention.keeping import NEW, OLD, Keeping


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keeping]:
    """One house for all: nothing here changes it."""
    found = Keeping(tmp_path_factory.mktemp("kept") / "data", RetentionSettings(content="5d", spans="10d"))
    found.fill()
    since = found.clock.now() - timedelta(days=19)
    finding = {
        **dict.fromkeys(("detected_at", "since", "since_low", "since_high"), since),
        "id": "f1",
        "kind": "drift",
        "metric": "output_chars",
        "app": "shop",
        "segment": "all",
        "origin": "live",
        "reason": "rose",
        "e_value": 9.0,
        "budget": "b",
        "examples": json.dumps([OLD, NEW]),
    }
    with found.agent.store.transaction() as txn:
        txn.insert("findings", [finding])
    found.agent.retain()
    yield found
    found.close()


def test_a_finding_names_the_examples_that_are_gone(house: Keeping) -> None:
    lines = house.agent.explain("f1")
    assert f"examples: {OLD} (no longer kept), {NEW}" in lines
    assert house.agent.explain(OLD) == [f"trace {OLD}: no longer kept; it was an example of finding f1"]
    with pytest.raises(NotFound):
        house.agent.explain("c3" * 16)
    assert house.agent.page("turns_by_id", {"ids": f"{OLD},{NEW}"})["trace_id"].to_pylist() == [NEW]


def test_its_report_says_that_there_is_nothing_to_compare(house: Keeping) -> None:
    with pytest.raises(PluginError, match="no longer kept"):
        house.agent.report("f1")


@pytest.mark.parametrize("name", sorted(PAGES))
def test_no_read_fails_where_rows_are_gone(house: Keeping, name: str) -> None:
    given: dict[str, str] = {
        "trace_id": OLD,
        "id": "f1",
        "ids": OLD,
        "user": "user-a1",
        "session": "s",
        "metric": "cost_usd",
    }
    asked = {key: value for key, value in given.items() if key in PAGES[name].params}
    assert house.agent.page(name, asked).num_rows >= 0


def test_the_view_and_the_page_say_since_when_things_are_kept(house: Keeping) -> None:
    (row,) = house.agent.sql("SELECT * FROM retentions", 10).table.to_pylist()
    assert json.loads(row["removed"])["spans"] == 2
    assert row["rollups_before"] is None
    (kept,) = house.agent.page("kept_since", {}).to_pylist()
    assert (kept["content"], kept["spans"]) == (row["content_before"], row["spans_before"])


def test_status_says_what_is_kept_how_long_and_what_went(house: Keeping) -> None:
    told = house.agent.status()["retention"]
    assert told["kept"] == {"content": "5d", "spans": "10d", "rollups": None}
    lines = kept_for(told)
    assert lines["retention"] == "content 5d, spans 10d, rollups for ever; last ran 2026-12-10 13:00 UTC"
    assert "2 spans" in lines["last removed"]
    assert "still in the bytes" not in lines


def test_words_of_what_is_owed() -> None:
    told: dict[str, Any] = {
        "kept": {"content": "5d", "spans": None, "rollups": None},
        "ran_at": None,
        "files_at": None,
        "owed": True,
        "last": None,
        "lacking_bytes": 5_000_000,
    }
    assert kept_for(told)["retention"].endswith("has not run yet")
    assert kept_for(told)["still in the bytes"] == "rewriting the store waits for 6 MB more free disk"
    assert "within a day" in kept_for(told | {"lacking_bytes": 0})["still in the bytes"]
    assert kept_for(told | {"kept": {"content": None}}) == {"retention": "everything is kept for ever"}
