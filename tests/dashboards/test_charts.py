"""Charts as values."""

import base64
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dashboards.charts.forest import difference, intervals
from dashboards.charts.over_time import bars_over_time, broken, lines_over_time, rate_over_time, top
from dashboards.charts.parts import Times, named_apart, rounded
from dashboards.charts.timeline import timeline
from dashboards.markup import as_pictures, in_colours
from dashboards.numbers import count, share, took
from dashboards.scope import AIM, STEPS, choose, step_for
from dashboards.theme import BAD, DARK_OF, repainted
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
    chart = rate_over_time(_rates(0, 1), DAY, reference=0.02, since=since, marks=[(START, "swap <b>")])
    assert "10.0 % (5.0 % to 20.0 %)&#10;of 100" in chart
    assert 'stroke-dasharray="5 4"' in chart
    assert '<rect x="0.0%" width="100.00%"' in chart
    assert "change begins" in chart
    assert "swap &lt;b&gt;</u>" in chart


def test_where_nothing_is_known_the_line_and_its_band_end() -> None:
    whole, gap = rate_over_time(_rates(0, 1, 2), DAY), rate_over_time(_rates(0, 1, 4, 5), DAY)
    assert (whole.count("<path"), gap.count("<path")) == (2, 4)


def test_a_step_that_hardly_began_does_not_set_the_scale_and_is_faint() -> None:
    rows = [*_rates(0, 1, 2), {"time": START + 3 * DAY, "value": 0.0, "low": 0.0, "high": 0.9, "n": 2}]
    assert top(rows) == 0.2
    assert "80.0 %</b>" not in rate_over_time(rows, DAY)
    assert rate_over_time(rows, DAY).count('opacity="0.4"') == 1


def test_moments_near_each_other_have_lines_of_their_own() -> None:
    chart = rate_over_time(_rates(0, 1), DAY, marks=[(START, f"swap {n}") for n in range(3)])
    assert [f"top:{y}px" in chart for y in (2, 16, 30)] == [True] * 3


def test_charts_of_nothing_are_charts() -> None:
    assert "without values" in rate_over_time([], DAY)
    assert "without values" in bars_over_time([], "n_turns", DAY)
    assert "without values" in lines_over_time([], {"p50": "median"}, DAY, says=took)
    assert "chart-rows" in intervals([])


def test_unknown_sums_have_no_bar() -> None:
    rows: list[Row] = [{"time": START, "cost_usd": None}, {"time": START + DAY, "cost_usd": 2.0}]
    assert bars_over_time(rows, "cost_usd", DAY).count("<rect") == 1


def test_bars_that_are_all_nothing_still_have_an_axis() -> None:
    chart = bars_over_time([{"time": START, "n_errors": 0}], "n_errors", DAY)
    assert ">0</b>" in chart
    assert ">1</b>" in chart


def test_a_forest_plot_keeps_order_and_rows_without_a_value() -> None:
    rows = [{"name": name, "value": None, "low": None, "high": None, "n": 0, "tone": "calm"} for name in ("b", "a")]
    chart = intervals(rows)
    assert chart.index(">b<u>not known</u>") < chart.index(">a<u>not known</u>")
    assert "<em" not in chart


HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)> style="'


def _of_others() -> Iterator[str]:
    """Every chart with what others wrote wherever it takes a name."""
    row = {"time": START, "value": 0.1, "low": 0.0, "high": 0.2, "n": 9, "name": HOSTILE, "tone": HOSTILE}
    yield rate_over_time([row], DAY, marks=[(START, HOSTILE)], limits=[(0.1, HOSTILE)])
    yield lines_over_time([row], {"value": HOSTILE}, DAY, says=took)
    yield intervals([row])
    yield difference({**row, "effect": 0.1}, 1.0, HOSTILE)
    bar = {"name": HOSTILE, "kind": HOSTILE, "error": HOSTILE, "depth": 1, "start_ms": 0.0, "end_ms": 1.0}
    yield timeline([bar | {"duration_ms": 1.0}])


class Marks(HTMLParser):
    """Which tags and attributes a text has."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags, self.attributes = set[str](), set[str]()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


SHAPES = {"svg", "path", "line", "rect", "circle"}


def test_what_others_wrote_is_text_in_every_chart() -> None:
    for chart in _of_others():
        found = Marks(re.sub("<svg.*</svg>", "", chart))
        assert found.tags <= {"div", "p", "b", "i", "u", "s", "em"}
        assert found.attributes <= {"class", "style", "title", "role", "aria-label"}


def test_a_drawing_goes_into_the_page_as_an_image_of_the_same_shapes() -> None:
    chart = rate_over_time(_rates(0, 1), DAY)
    [image] = re.findall(r'src="data:image/svg\+xml;base64,([^"]*)"', as_pictures(chart))
    assert Marks(base64.b64decode(image).decode()).tags == SHAPES - {"rect"}
    assert "<svg" not in as_pictures(chart)


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9), st.integers(2, 8))
def test_round_values_hold_what_they_are_made_for(low: float, reach: float, ticks: int) -> None:
    at = rounded(low, low + reach, ticks)
    slack = 1e-6 * max(1.0, abs(low), reach)
    assert at[0] <= low + slack
    assert at[-1] >= low + reach - slack
    assert len(at) <= 2 * ticks + 3


@given(st.timedeltas(timedelta(0), timedelta(days=4000)), st.integers(2, 8))
def test_an_axis_of_time_has_few_names_all_within_it(whole: timedelta, ticks: int) -> None:
    named = Times(START, START + whole).labels(ticks)
    places = [float(place) for place in re.findall(r"left:([0-9.]+)%", named)]
    assert len(places) <= ticks + 1
    assert all(0 <= place <= 100 for place in places)


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
    chart = timeline(rows)
    assert re.findall(r'title="[^"]*starts after ([^&]*)&', chart) == ["0 ms", "1.0 s", "2.0 s"]
    assert chart.count(">└ chat</b>") == 2


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
    chart = difference({"low": -0.01, "high": 0.04, "effect": 0.025}, 0.05, "bad")
    assert f'<s style="left:40.00%;width:50.00%;background:{BAD}"></s>' in chart
    assert f'<em style="left:75.00%;background:{BAD}"></em>' in chart


def test_on_a_dark_page_a_chart_has_no_colour_of_the_light_one() -> None:
    chart = repainted(rate_over_time(_rates(0, 1), DAY, limits=[(0.1, "warning")]), dark=True)
    assert not [colour for colour in DARK_OF if colour in chart]


def test_a_step_without_neighbours_is_a_dot_with_its_interval() -> None:
    rate = rate_over_time(_rates(0, 4, 5), DAY)
    assert 'stroke-width="8"' in rate
    took_rows = [{"time": START, "p50": 120.0, "p95": 300.0}]
    alone = lines_over_time(took_rows, {"p50": "usually", "p95": "at worst"}, DAY, says=took)
    assert alone.count("<circle") == 2
    assert "<path" not in alone


@given(st.floats(1e-6, 1e7), st.integers(1, 6))
def test_values_on_an_axis_are_called_differently(highest: float, ticks: int) -> None:
    for says in (count, share, took):
        names = [says(value) for value in named_apart(0, highest, ticks, says)]
        assert len(set(names)) == len(names)


def test_one_turn_an_hour_has_no_half_turns_on_its_axis() -> None:
    chart = bars_over_time([{"time": START, "n": 1}], "n", DAY)
    assert re.findall(r'<b style="top:[^"]*">([^<]*)</b>', chart) == ["0", "1"]


def test_places_under_the_pointer_stay_on_the_chart() -> None:
    chart = rate_over_time(_rates(0, 1), DAY)
    places = re.findall(r'<s style="left:([-0-9.]+)%;width:([0-9.]+)%"', chart)
    assert places
    assert all(float(left) >= 0 and float(left) + float(width) <= 100 for left, width in places)


def test_the_name_of_a_moment_has_no_more_room_than_the_chart() -> None:
    marks = [(START, "x" * 60), (START + DAY, "y" * 60)]
    chart = rate_over_time(_rates(0, 1), DAY, marks=marks)
    assert re.findall(r'class="mark" style="left:([0-9.]+)%;top:[0-9]+px;max-width:([0-9.]+)%', chart) == [
        ("0.0", "100.00"),
        ("100.0", "100.00"),
    ]


def test_a_time_axis_says_its_zone_once() -> None:
    assert Times(START, START + 3 * DAY).labels(6).count("UTC") == 1


def test_numbers_that_are_none_do_not_end_a_page() -> None:
    for odd in (float("inf"), 1e-323):
        assert rounded(0, odd, 4) == [0]
        assert intervals([{"name": "a", "value": odd, "low": 0.0, "high": odd, "n": 1, "tone": "calm"}])


def test_a_colour_in_a_text_is_no_colour_of_ours() -> None:
    said = timeline(
        [{"name": BAD, "depth": 0, "kind": "llm", "start_ms": 0, "end_ms": 5, "duration_ms": 5, "error": BAD}]
    )
    dark = in_colours(said, dark=True)
    assert f"background:{DARK_OF[BAD]}" in dark
    assert f">{BAD}</b>" in dark
