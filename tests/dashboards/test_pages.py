"""The named reads against a real store: parameters, injection, filters, speed."""

import re
import time
from datetime import UTC

import pytest

from monitor.errors import NotFound, UsageError
from monitor.store.pages import PAGES, search
from monitor.store.pages.shapes import Param
from tests.dashboards.conftest import Served
from tests.dashboards.running import N_TURNS
from tests.support.generated_texts import HOSTILE

INJECTIONS = (
    "'; DROP TABLE base.turns; --",
    "' OR '1'='1",
    "x' UNION SELECT * FROM base.content --",
    "$app",
    "\x00",
)


@pytest.mark.parametrize("name", PAGES)
def test_a_read_answers_with_its_defaults(name: str, full: Served) -> None:
    assert full.agent.store.page(name, {}).column_names


BOUND_BY_STAGES = {"near_from", "near_to", "searched_from", "since"}


@pytest.mark.parametrize("name", PAGES)
def test_every_parameter_is_used_and_every_use_is_a_parameter(name: str) -> None:
    used = set(re.findall(r"\$([a-z_]+)", " ".join(PAGES[name].statements)))
    assert used - BOUND_BY_STAGES == set(PAGES[name].params)


TEXTS = [(name, param) for name, page in PAGES.items() for param, shape in page.params.items() if shape.kind == "text"]


@pytest.mark.parametrize(("name", "param"), TEXTS)
def test_text_is_only_ever_a_value(name: str, param: str, hostile: Served) -> None:
    store = hostile.agent.store
    for text in INJECTIONS:
        store.page(name, {param: text})
    assert store.page("arrivals", {})["n_turns"][0].as_py() == 200 + len(HOSTILE)


@pytest.mark.parametrize("text", ["'; DROP TABLE base.turns; --", "time; SELECT 1", "Time", "text"])
def test_a_sort_is_one_of_a_list(text: str, full: Served) -> None:
    with pytest.raises(UsageError, match="parameter sort"):
        full.agent.store.page("traces", {"sort": text})


@pytest.mark.parametrize(
    ("param", "text"),
    [
        (Param("int", 1, low=1, high=5), "6"),
        (Param("int", 1), "1.5"),
        (Param("float", 0.0), "nan"),
        (Param("float", 0.0), "-1"),
        (Param("flag", False), "yes"),
        (Param("time"), "yesterday"),
        (Param("text"), "x" * 1001),
        (Param("int", 1), "9" * 5000),
    ],
)
def test_a_bad_value_is_one_line(param: Param, text: str) -> None:
    with pytest.raises(UsageError, match="parameter p: "):
        param.read("p", text)


def test_an_unknown_parameter_is_refused(full: Served) -> None:
    with pytest.raises(UsageError, match="unknown parameter nonsense"):
        full.agent.store.page("totals", {"nonsense": "1"})
    with pytest.raises(NotFound):
        full.agent.store.page("nonsense", {})


def test_times_with_a_zone_are_taken_to_utc() -> None:
    shown = Param("time").read("start", "2026-11-20T02:00:00+02:00")
    assert str(shown) == "2026-11-20 00:00:00"


def test_filters_narrow_the_list(full: Served) -> None:
    page = full.agent.store.page
    for filters, column, value in (
        ({"app": "invoice-reader"}, "app", "invoice-reader"),
        ({"model": "lumen-1"}, "model", "lumen-1"),
        ({"variant": "plain"}, "variant", "plain"),
        ({"errors": "true"}, "error_type", "timeout"),
        ({"rule": "refusal", "verdict": "violates"}, "violates", "refusal"),
    ):
        found = page("traces", {**filters, "limit": "20"})[column].to_pylist()
        assert found
        assert all(value in str(item) for item in found)


def test_slow_turns_sorted_by_time_taken(full: Served) -> None:
    rows = full.agent.store.page("traces", {"sort": "duration_ms", "min_ms": "2000"}).to_pylist()
    took = [float(row["duration_ms"]) for row in rows]
    assert took == sorted(took, reverse=True)
    assert min(took) >= 2000


@pytest.mark.parametrize("ascending", ["true", "false"])
@pytest.mark.parametrize("sort", ["time", "duration_ms", "cost_usd", "n_calls"])
def test_pages_of_the_list_follow_each_other(full: Served, sort: str, ascending: str) -> None:
    order = {"sort": sort, "ascending": ascending, "prompt_name": "escalate"}
    whole = full.agent.store.page("traces", {**order, "limit": "500"})["trace_id"].to_pylist()
    assert pages(full, "traces", order) == whole
    assert len(set(whole)) == len(whole) > 80


def test_pages_of_violations_follow_each_other(full: Served) -> None:
    whole = full.agent.store.page("violations", {"limit": "500"})["trace_id"].to_pylist()
    assert pages(full, "violations", {}) == whole
    assert len(whole) > 40


def pages(full: Served, name: str, params: dict[str, str]) -> list[str]:
    """The trace ids of all pages of a list, one after the other."""
    ids: list[str] = []
    rows = full.agent.store.page(name, {**params, "limit": "40"}).to_pylist()
    while rows:
        ids += [row["trace_id"] for row in rows]
        assert rows[0]["n_found"] >= len(rows)
        rows = full.agent.store.page(name, {**params, "limit": "40", "after": rows[-1]["cursor"]}).to_pylist()
    return ids


def test_a_cursor_of_another_list_is_refused(full: Served) -> None:
    with pytest.raises(UsageError, match="after: 'elsewhere' is not the cursor"):
        full.agent.store.page("traces", {"after": "elsewhere"})


def test_a_search_goes_back_a_stretch_at_a_time_and_says_how_far(full: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    page = full.agent.store.page
    whole = page("traces", {"text": "unable to assist", "limit": "500"}).to_pylist()
    assert {row["searched_from"] for row in whole} == {None}
    monkeypatch.setattr(search, "FEW", 5)
    monkeypatch.setattr(search, "STRIDES", (50, 150))
    found: list[str] = []
    after: dict[str, str] = {}
    for _ in range(N_TURNS // 150 + 2):
        reach = page("search_reach", {"text": "unable to assist", **after}).to_pylist()[0]["searched_from"]
        rows = page("traces", {"text": "unable to assist", **after}).to_pylist()
        found += [row["trace_id"] for row in rows]
        assert all(reach is None or row["time"] >= reach for row in rows)
        if reach is None:
            break
        after = {"after": f"inf {-int(reach.replace(tzinfo=UTC).timestamp() * 1_000_000)} \U0010ffff"}
    assert found == [row["trace_id"] for row in whole]


def test_search_finds_quotes_inside_json(hostile: Served) -> None:
    found = hostile.agent.store.page("traces", {"text": '=HYPERLINK("http'})
    assert found.num_rows == 1


def test_a_newer_verdict_replaces_the_older_one(empty: Served) -> None:
    store = empty.agent.store
    turn = {"trace_id": "t", "seq": 1, "time": store.now, "app": "a"}
    store.insert("turns", [turn])
    for day, verdict in ((1, "violates"), (2, "complies")):
        grade = {"unit_id": "t", "time": store.now, "rule_id": "r", "verdict": verdict}
        store.insert("grades", [grade | {"graded_at": store.now.replace(year=2026 + day)}])
    assert store.page("violations", {}).num_rows == 0
    assert store.page("verdicts", {}).to_pylist() == [{"rule_id": "r", "verdict": "complies", "n": 1}]


def test_harm_and_over_refusal_are_shares_of_picked_turns_that_weigh_what_they_stand_for(empty: Served) -> None:
    store = empty.agent.store
    turns = [{"trace_id": f"s{n}", "seq": 10 + n, "time": store.now, "app": "a"} for n in range(30)]
    store.insert("turns", turns)
    rare = [{"unit_id": f"s{n}", "time": store.now, "plan": "p", "inclusion_probability": 0.1} for n in range(10)]
    often = [{"unit_id": f"s{n}", "time": store.now, "plan": "p", "inclusion_probability": 1.0} for n in range(10, 20)]
    store.insert("samples", rare + often)
    grades = [
        {"unit_id": f"s{n}", "time": store.now, "rule_id": rule, "verdict": verdict, "graded_at": store.now}
        for n in range(30)
        for rule, verdict in (("harm", "violates" if n < 5 else "complies"), ("help", "complies"))
    ]
    store.insert("grades", grades)
    rows = {row["side"]: row for row in store.page("both_sides", {"forbidden": "harm,x", "owed": "help"}).to_pylist()}
    assert rows["forbidden"]["n"] == rows["owed"]["n"] == 20
    assert rows["forbidden"]["value"] == pytest.approx(5 * 10 / (10 * 10 + 10))
    assert 0.15 < rows["forbidden"]["low"] < rows["forbidden"]["value"] < rows["forbidden"]["high"] < 0.8
    assert (rows["owed"]["value"], rows["owed"]["low"]) == (0.0, 0.0)
    assert rows["owed"]["high"] > 0.1
    assert store.page("both_sides", {}).num_rows == 0


def test_what_became_of_turns_is_told_by_dimension_with_the_reasons(empty: Served) -> None:
    store = empty.agent.store
    regions = ["EU", "EU", "(others)", None]
    store.insert(
        "turns",
        [
            {"trace_id": f"d{n}", "seq": 50 + n, "time": store.now, "app": "f", "region": region}
            for n, region in enumerate(regions)
        ],
    )
    store.insert(
        "samples",
        [{"unit_id": f"d{n}", "time": store.now, "plan": "p", "inclusion_probability": 1.0} for n in (0, 1, 2)],
    )
    grade = {"time": store.now, "rule_id": "r", "graded_at": store.now}
    store.insert(
        "grades",
        [
            grade | {"unit_id": "d0", "verdict": "complies", "reason": "fine"},
            grade | {"unit_id": "d1", "verdict": "cannot_judge", "reason": "only 7 words"},
            grade | {"unit_id": "d2", "verdict": "cannot_judge", "reason": "only 12 words"},
        ],
    )
    rows = store.page("funnel_by", {"by": "region", "app": "f"}).to_pylist()
    assert [(row["value"], row["received"], row["sampled"], row["graded"], row["decided"]) for row in rows] == [
        ("EU", 2, 2, 2, 1),
        ("(others)", 1, 1, 1, 0),
        (None, 1, 0, 0, 0),
    ]
    assert [(row["rule_id"], row["n"]) for row in store.page("undecided", {"app": "f"}).to_pylist()] == [("r", 2)]
    with pytest.raises(UsageError, match="not one of region"):
        store.page("funnel_by", {"by": "user_id"})


def test_what_was_told_to_have_changed_is_read_for_its_app_and_for_all(empty: Served) -> None:
    store = empty.agent.store
    apps = ("shop", "desk", None)
    store.insert(
        "changes",
        [{"key": str(app), "time": store.now, "kind": "release", "app": app, "what": f"of {app}"} for app in apps],
    )
    told = store.page("told_changes", {"app": "shop"}).to_pylist()
    assert sorted(row["what"] for row in told) == ["of None", "of shop"]
    assert store.page("told_changes", {}).num_rows == 3


def test_a_stream_of_somebody_else_does_not_break_the_list(empty: Served) -> None:
    store = empty.agent.store
    store.insert("trackers", [{"stream": "not json", "state": "{", "updated_at": store.now}])
    assert store.page("streams", {}).to_pylist()[0]["metric"] is None


def test_how_answers_are_worded_is_watched_once_both_halves_know_some_part_of_the_week(empty: Served) -> None:
    store = empty.agent.store
    for app, counts in (("shop", "[[0,120,5,0],[3,100,0,0]]"), ("desk", "[[0,99,0,200],[0,300,0,0]]")):
        state = f'{{"version":"wording-1","seen":345,"counts":{counts}}}'
        store.insert(
            "trackers", [{"stream": f'["text:answers","{app}","all"]', "state": state, "updated_at": store.now}]
        )
    told = {row["app"]: (row["n"], row["watching"]) for row in store.page("streams", {}).to_pylist()}
    assert told == {"shop": (345, True), "desk": (345, False)}


@pytest.mark.slow
def test_no_read_is_slower_than_the_bar(full: Served) -> None:
    """A small store, so a loose bound on processor time; `python -m benchmarks.pages` measures a million spans."""
    for name in PAGES:
        began = time.process_time()
        full.agent.store.page(name, {})
        assert time.process_time() - began < 0.3, name
