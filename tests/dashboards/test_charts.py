"""Charts as values."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dashboards.charts.forest import difference, intervals
from dashboards.charts.over_time import bars_over_time, broken, rate_over_time
from dashboards.charts.parts import millis
from dashboards.charts.timeline import timeline
from dashboards.scope import AIM, STEPS, choose, step_for
from dashboards.theme import BAD, DARK_OF, in_theme
from dashboards.views.trace import bars, tree

Row = dict[str, Any]
START = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def _rates(*days: int) -> list[Row]:
    return [{"time": START + day * DAY, "value": 0.1, "low": 0.05, "high": 0.2, "n": 100} for day in days]


def test_a_gap_stays_a_gap() -> None:
    rows = broken(_rates(0, 1, 4), DAY, ("value", "low", "high"))
    assert [row["value"] for row in rows] == [0.1, 0.1, None, 0.1]
    assert rows[2]["time"] == START + 2 * DAY


def test_no_gap_no_empty_row() -> None:
    assert broken(_rates(0, 1, 2), DAY, ("value",)) == _rates(0, 1, 2)


def test_a_rate_has_its_interval_n_reference_and_start() -> None:
    since = (START, START + DAY, START + 2 * DAY)
    spec = rate_over_time(_rates(0, 1), DAY, reference=0.02, since=since, marks=[(START, "swap <b>")])
    assert {row["n"] for row in spec["data"]["values"]} == {100}
    drawn = [layer["data"]["values"][0] for layer in spec["layer"] if "data" in layer]
    assert {"reference": 0.02, "name": "reference"} in drawn
    assert any(row.get("low") == millis(START) and row.get("high") == millis(START + 2 * DAY) for row in drawn)
    assert any(row.get("name") == "swap <b>" for row in drawn)


def test_a_step_that_hardly_began_does_not_set_the_scale() -> None:
    rows = [*_rates(0, 1, 2), {"time": START + 3 * DAY, "value": 0.0, "low": 0.0, "high": 0.9, "n": 2}]
    line = next(layer for layer in rate_over_time(rows, DAY)["layer"] if layer["mark"]["type"] == "line")
    assert line["encoding"]["y"]["scale"]["domainMax"] < 0.3


def test_charts_of_nothing_are_charts() -> None:
    assert rate_over_time([], DAY)["data"]["values"] == []
    assert intervals([])["data"]["values"] == []
    assert bars_over_time([], "n_turns", DAY)["data"]["values"] == []


def test_unknown_sums_have_no_bar() -> None:
    rows: list[Row] = [{"time": START, "cost_usd": None}, {"time": START + DAY, "cost_usd": 2.0}]
    assert [row["cost_usd"] for row in bars_over_time(rows, "cost_usd", DAY)["data"]["values"]] == [2.0]


def test_bars_that_are_all_nothing_still_have_an_axis() -> None:
    def scale(*errors: int) -> object:
        rows = [{"time": START + day * DAY, "n_errors": n} for day, n in enumerate(errors)]
        return bars_over_time(rows, "n_errors", DAY)["encoding"]["y"]["scale"]

    assert scale(0, 0) == scale() == {"domain": [0, 1]}
    assert scale(0, 3) == {}


def test_a_forest_plot_keeps_order_and_rows_without_a_value() -> None:
    rows = [{"name": name, "value": None, "low": None, "high": None, "n": 0, "tone": "calm"} for name in ("b", "a")]
    spec = intervals(rows, zero=True)
    assert spec["layer"][-1]["encoding"]["y"]["scale"]["domain"] == ["b", "a"]
    assert spec["layer"][0]["data"]["values"] == [{"zero": 0}]


def _span(span_id: str, parent: str | None, after: int) -> Row:
    at = START + timedelta(seconds=after)
    known: Row = {"span_id": span_id, "parent_id": parent, "time": at, "duration_ms": 10.0, "name": span_id}
    return {**known, "kind": "llm", "error_type": None}


def test_a_tree_puts_children_under_their_parents() -> None:
    rows = tree([_span("root", None, 0), _span("a", "root", 1), _span("b", "root", 2), _span("a1", "a", 3)])
    assert [(row["span_id"], row["depth"]) for row in rows] == [("root", 0), ("a", 1), ("a1", 2), ("b", 1)]


parents = st.lists(st.one_of(st.none(), st.integers(0, 12)), min_size=1, max_size=12)


@given(parents)
def test_a_tree_loses_no_span_whatever_the_parents_say(given_parents: list[int | None]) -> None:
    """Orphans, cycles, spans that are their own parent."""
    spans = [_span(str(i), None if p is None else str(p), i) for i, p in enumerate(given_parents)]
    assert sorted(row["span_id"] for row in tree(spans)) == sorted(str(i) for i in range(len(spans)))


def test_a_timeline_counts_from_the_first_span_and_keeps_equal_names_apart() -> None:
    rows = bars(tree([_span("root", None, 0), _span("chat", "root", 1), {**_span("x", "root", 2), "name": "chat"}]))
    spec = timeline(rows)
    assert [row["start_ms"] for row in spec["data"]["values"]] == [0, 1000, 2000]
    assert len({row["place"] for row in spec["data"]["values"]}) == 3


@given(st.timedeltas(timedelta(minutes=1), timedelta(days=4000)))
def test_steps_are_few_and_never_finer_than_needed(span: timedelta) -> None:
    step = step_for(span)
    assert span / step <= AIM or step == STEPS[-1]
    finer = [smaller for smaller, larger in pairwise(STEPS) if larger == step]
    assert all(span / smaller > AIM for smaller in finer)


def test_a_range_ends_now_and_quick_redraws_ask_the_same() -> None:
    first, second = (choose("24h", START + timedelta(seconds=s)) for s in (1, 8))
    assert first == second
    assert first[0] is not None
    assert first[1] - first[0] == DAY
    assert choose("all", START)[0] is None


def test_one_line_of_a_forest_table_has_no_difference_in_its_middle() -> None:
    spec = difference({"low": -0.01, "high": 0.04, "effect": 0.02}, 0.05, "bad")
    scales = [layer["encoding"]["x"]["scale"]["domain"] for layer in spec["layer"]]
    assert scales == [[-0.05, 0.05]] * 3
    assert spec["layer"][1]["mark"]["color"] == BAD


def test_on_a_dark_page_a_chart_has_no_colour_of_the_light_one() -> None:
    spec = in_theme(rate_over_time([{"time": START, "value": 0.1, "low": 0.0, "high": 0.2, "n": 9}], DAY), dark=True)
    assert not [colour for colour in DARK_OF if f'"{colour}"' in json.dumps(spec)]
