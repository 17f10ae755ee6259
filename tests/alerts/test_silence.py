"""Silence of an application: nights and weekends of ordinary traffic are none, a morning without turns is one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.pulse import pulse

MONDAY = datetime(2026, 11, 2)  # noqa: DTZ001 - naive UTC, as stored
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIRES = 200
"""Where the starter rule fires."""


def office(days: int, every: timedelta = timedelta(seconds=20), hours: tuple[int, int] = (8, 18)) -> list[datetime]:
    """Turns of an application that is used on working days from eight to six."""
    return [*_office(days, every, hours)]


def _office(days: int, every: timedelta, hours: tuple[int, int]) -> Iterator[datetime]:
    for day in (MONDAY + n * DAY for n in range(days)):
        if day.weekday() < 5:
            yield from (day + hours[0] * HOUR + n * every for n in range((hours[1] - hours[0]) * HOUR // every))


def missed(turns: list[datetime], at: datetime) -> float | None:
    """What the signal says at `at` of turns that came as they happened."""

    def came(_: str, after: datetime, until: datetime) -> int:
        return bisect_right(turns, until) - bisect_right(turns, after)

    known = turns[bisect_right(turns, at - 21 * DAY) : bisect_right(turns, at)]
    if not known:
        return None
    row = {"app": "shop", "first": known[0], "last": known[-1], "n": len(known)}
    return pulse(row, at.replace(tzinfo=UTC), came).value


def test_no_night_and_no_weekend_of_three_weeks_is_a_silence() -> None:
    turns = office(21)
    looks = (MONDAY + n * HOUR / 2 for n in range(1, 21 * 48))
    assert [at for at in looks if (missed(turns, at) or 0) >= FIRES / 10] == []


@pytest.mark.parametrize("week", [0, 1, 2])
def test_a_morning_without_turns_is_one_within_the_hour_and_a_half(week: int) -> None:
    wednesday = MONDAY + week * 7 * DAY + 2 * DAY
    turns = [at for at in office(21) if at < wednesday + 11 * HOUR]
    assert (missed(turns, wednesday + 11 * HOUR + HOUR / 2) or 0) < FIRES
    assert (missed(turns, wednesday + 12.5 * HOUR) or 0) > FIRES


def test_what_has_not_been_seen_yet_says_nothing() -> None:
    assert missed(office(1), MONDAY + 30 * HOUR) is None, "its first night"
    assert missed(office(5), MONDAY + 5.5 * DAY) is None, "its first Saturday"
    assert missed(office(5), MONDAY + 7 * DAY) is None, "its first Monday morning, which began on Friday"
    assert missed(office(21)[:50], MONDAY + 3 * DAY) is None, "fifty turns in all"


def test_it_is_still_one_after_a_week() -> None:
    turns = [at for at in office(28) if at < MONDAY + 21 * DAY]
    assert all((missed(turns, MONDAY + (21 + n) * DAY) or 0) > FIRES for n in range(2, 11))


def test_what_came_once_in_these_hours_is_no_habit() -> None:
    load_test = [MONDAY + 12 * DAY + n * timedelta(seconds=1) for n in range(3_000)]
    turns = sorted([*office(19), *load_test])
    assert missed(turns, MONDAY + 19 * DAY + 5 * HOUR) == 0, "a Saturday a week later"


def test_a_burst_is_no_pace_that_could_stop() -> None:
    burst = [MONDAY + n * timedelta(milliseconds=10) for n in range(500)]
    assert all(missed(burst, MONDAY + n * HOUR) is None for n in range(1, 72))


@given(st.integers(8, 20), st.integers(0, 23), st.integers(1, 200))
def test_of_even_traffic_it_is_the_silence_in_usual_gaps(day: int, hour: int, minutes: int) -> None:
    even = [MONDAY + n * timedelta(minutes=1) for n in range(22 * 24 * 60)]
    stop = MONDAY + day * DAY + hour * HOUR
    assert missed([at for at in even if at <= stop], stop + timedelta(minutes=minutes)) == pytest.approx(minutes, abs=1)
