"""Days since a change say whether it goes on, how fast, and whether a further change is a step of its own."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import numpy as np
import polars as pl
import pytest

from monitor.config.schema import BudgetSettings, DriftSettings
from monitor.drift.course import MOST, counted, course
from monitor.drift.finding_sentences import HOW, WHO
from monitor.drift.points import DAY_MS, Points, single
from monitor.drift.reference import build
from monitor.drift.rises import LEAST, Rise, newest
from monitor.drift.state import Anchor, Memory, Reference, Stream, read_memory, write_state
from monitor.drift.trail import write_trail
from tests.drift.traffic import START, Watch

TIGHT = DriftSettings(budget=BudgetSettings(alarms=0.05))
"""The budget of an app among twenty."""

A_DAY = 110


def days(*means: float, n: int = 100) -> Points:
    """Yes and no of days with these means."""
    values = [float(i < round(mean * n)) for mean in means for i in range(n)]
    times = [day * DAY_MS + i * (DAY_MS // n) for day in range(len(means)) for i in range(n)]
    return single(times, values, np.zeros(len(values)))


REFERENCE: Reference = build("error", days(0.1, 0.1, 0.1), "UTC")


def test_a_rise_has_its_slope_and_a_line_tells_it_better_than_a_step() -> None:
    rising = course(counted([], REFERENCE, days(*(0.10 + 0.01 * day for day in range(14)), n=1000)))
    slope = rising.slope
    assert slope is not None
    assert slope.per_day == pytest.approx(0.01)
    assert slope.is_sure
    assert rising.step_over_line(7) < 0


def test_weekends_are_no_rise_and_what_stopped_two_weeks_ago_is_none() -> None:
    weekly = course(counted([], REFERENCE, days(*([0.3] * 5 + [0.45] * 2) * 3, n=1000))).slope
    stopped = course(counted([], REFERENCE, days(*(0.1 + 0.01 * min(day, 15) for day in range(30)), n=1000))).slope
    assert weekly is not None
    assert stopped is not None
    assert not weekly.is_sure
    assert not stopped.is_sure
    for begins in range(4):  # as if the change had begun on another day of the week
        part = [*([0.3] * 5 + [0.45] * 2) * 3][begins:]
        assert not course(counted([], REFERENCE, days(*part, n=1000))).slope.is_sure  # type: ignore[union-attr]


def test_days_that_scatter_more_than_their_outputs_are_hardly_ever_a_rise() -> None:
    rng = np.random.default_rng(8)
    sure = 0
    for _ in range(300):
        scattered = course(counted([], REFERENCE, days(*np.clip(rng.normal(0.3, 0.04, 14), 0, 1), n=100))).slope
        sure += scattered is not None and scattered.is_sure
    assert sure <= 3


def test_less_than_five_days_beside_a_week_before_say_nothing() -> None:
    assert course(counted([], REFERENCE, days(*[0.1] * 11))).slope is None
    assert course(counted([], REFERENCE, days(*[0.1] * 12))).slope is not None


def test_a_step_is_told_better_by_a_step() -> None:
    assert course(counted([], REFERENCE, days(0.1, 0.1, 0.1, 0.1, 0.3, 0.3))).step_over_line(4) > 1


def test_days_add_up_whatever_comes_when() -> None:
    points = days(0.1, 0.3, 0.2, 0.4)
    whole = counted([], REFERENCE, points)
    odd = np.arange(len(points)) % 2 == 1
    assert counted(counted([], REFERENCE, points.only(odd)), REFERENCE, points.only(~odd)) == whole
    twice = counted([], REFERENCE, points, np.full(len(points), 2.0))
    assert [day.n for day in twice] == [200] * 4
    assert course(twice).mean.tolist() == course(whole).mean.tolist()
    assert not course(whole[:3]).known
    assert len(counted([], REFERENCE, days(*[0.1] * (MOST + 5), n=10))) == MOST


def test_what_a_rate_cannot_be_is_not_counted() -> None:
    assert counted([], REFERENCE, single([0], [7.0], [0])) == []


def test_one_huge_value_is_not_a_day() -> None:
    usual = single(np.arange(400) * DAY_MS // 100, np.full(400, 100.0) + np.arange(400) % 7, np.zeros(400))
    reference = build("duration_ms", usual, "UTC")
    flat = course(counted([], reference, usual))
    huge = course(counted(counted([], reference, usual), reference, single([3 * DAY_MS], [1e9], [0])))
    assert abs(huge.mean[3] - flat.mean[3]) < 0.2


def lengths(seed: int, words_of_day: list[float]) -> pl.DataFrame:
    rng = np.random.default_rng([29, seed])
    n = len(words_of_day) * A_DAY
    times = np.sort(rng.random(n)) * len(words_of_day)
    words = rng.normal(np.asarray(words_of_day)[times.astype(int)], 6)
    return pl.DataFrame(
        {
            "unit_id": [f"t{i}" for i in range(n)],
            "time": pl.Series([START + timedelta(days=float(t)) for t in times], dtype=pl.Datetime("us")),
            "app": "shop",
            "output_chars": np.round(np.maximum(3, words)) * 5,
        }
    )


@pytest.mark.parametrize("seed", range(3))
def test_answers_that_grow_for_weeks_are_one_finding_with_its_slope(seed: int) -> None:
    """As `gradual` of the scenarios: a third longer in a month, at 110 turns a day."""
    watch = Watch(TIGHT)
    watch.feed(lengths(seed, [30 + day * 0.35 for day in range(35)]), A_DAY // 2)
    [found] = watch.findings
    assert {rise.finding for rise in watch.rises} == {found.id}
    assert len(watch.rises) <= 35, "once a day"
    said = watch.rises[-1].sentence.partition("; it goes on, by +")[2]
    assert float(said.partition(" a day")[0]) == pytest.approx(5 * 0.35, rel=0.5)
    assert watch.rises[-1].beside.endswith(" a day")


def test_a_rise_that_stopped_is_said_to_have() -> None:
    watch = Watch(TIGHT)
    watch.feed(lengths(5, [30 + min(day, 25) * 0.35 for day in range(50)]), A_DAY // 2)
    told = [rise.sentence for rise in watch.rises]
    assert any("; it goes on, by +" in sentence for sentence in told)
    assert "; it went on until 2026-01-" in told[-1] or "; it went on until 2026-02-" in told[-1]


def test_a_plateau_is_not_said_to_go_on() -> None:
    going = 0
    for seed in range(4):
        watch = Watch(TIGHT)
        watch.feed(lengths(seed, [30.0] * 12 + [36.0] * 30), A_DAY // 2)
        going += sum("it goes on" in rise.sentence for rise in watch.rises)
    assert going == 0


def test_a_value_is_not_told_of_a_few_outputs() -> None:
    few, many = (single(np.arange(n) * 60_000, np.full(n, 3000.0), np.zeros(n)) for n in (LEAST - 1, LEAST + 20))
    streams = [
        Stream(reference=REFERENCE, trail=write_trail(one, np.arange(len(one)), len(one))) for one in (few, many)
    ]
    assert newest(streams[0]) is None
    assert newest(streams[1]) is not None
    late = single([*range(50), 30 * DAY_MS], [5.0] * 51, [0] * 51)
    assert newest(Stream(reference=REFERENCE, trail=write_trail(late, np.arange(51), 51))) is None


def test_who_changed_and_how_that_is_known_stays_when_a_rise_is_told() -> None:
    found = f"It is 20 %{WHO}the judge j changed (it says 9){HOW}+10 points, e-value 9; another mix makes +0.1"
    first = Rise("f", 0.3, 0.2, 0.1, 0.3, "It is 30 %; it goes on, by +2 points a day", "+2 points a day").retold(found)
    assert first.startswith(f"It is 30 %; it goes on, by +2 points a day{WHO}the judge j changed (it says 9){HOW}")
    assert "another mix makes +0.1; the last week beside the one before: +2 points a day" in first
    last = Rise("f", 0.4, 0.3, 0.1, 0.4, "It is 40 %; it went on until 2026-01-02").retold(first)
    assert last == found.replace("It is 20 %", "It is 40 %; it went on until 2026-01-02")


@pytest.mark.parametrize("seed", range(3))
def test_two_steps_are_two_findings(seed: int) -> None:
    watch = Watch(TIGHT)
    watch.feed(lengths(seed, [30.0] * 12 + [36.0] * 12 + [42.0] * 11), A_DAY // 2)
    assert len(watch.findings) == 2


def test_an_anchor_of_before_days_were_counted_opens() -> None:
    anchor = Anchor(
        findings=["f"], lead="f", reference=REFERENCE, function=0, before=0.1, after=0.3, since=0, at=DAY_MS
    )
    older = msgspec.json.decode(write_state(Memory(anchors={"k": anchor})))
    del older["anchors"]["k"]["days"], older["anchors"]["k"]["told"], older["anchors"]["k"]["going"]
    assert read_memory(msgspec.json.encode(older).decode()).anchors["k"] == anchor
