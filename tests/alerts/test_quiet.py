"""Silences over several alerts, told by the clock: what one would hold, what begins later, and its end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import acts
from alerts.acts import Hand
from alerts.conditions import conditions
from alerts.quiet import Wide
from monitor.errors import UsageError
from tests.alerts.builders import BAD, GOOD, Day, Recorder, a_book, a_day, a_rate

SHOP = {"app": "shop"}


def ordered(day: Day, act: Any, where: dict[str, str] = SHOP) -> str:
    with day.desk.state.transaction() as txn:
        return str(day.desk.act_on_all(txn, where, act, "mira")["done"])


def for_two_hours(wide: Wide, hand: Hand) -> dict[str, Any]:
    return wide.silence(hand, "maintenance", timedelta(hours=2))


def a_morning() -> tuple[Day, Recorder]:
    pager = Recorder("one")
    return a_day(a_book(), pager), pager


def test_the_preview_names_what_fits_and_changes_nothing() -> None:
    day, pager = a_morning()
    day.tick(a_rate(BAD, app="shop"), a_rate(BAD, app="bank"))
    [held] = day.desk.would_hold(SHOP)
    assert '"app": "shop"' in held["labels"]
    assert day.desk.state.silences_table() == []
    assert len(pager.got) == 2


def test_what_fires_within_two_hours_is_silent_and_heard_after_them() -> None:
    day, pager = a_morning()
    assert ordered(day, for_two_hours) == "silent until 2026-03-02 11:00 UTC: nothing now, and what fires until then"
    for _ in range(3):
        day.tick(a_rate(BAD, app="shop"), minutes=30)
    assert pager.got == []
    assert day.desk.listed()[0]["silenced_until"] == "2026-03-02T11:00:00+00:00"
    day.tick(a_rate(BAD, app="shop"), a_rate(BAD, app="bank"), minutes=31)
    assert pager.kinds() == ["firing", "firing"]


def test_other_applications_are_told_all_the_same_and_so_is_the_end() -> None:
    day, pager = a_morning()
    day.tick(a_rate(BAD, app="shop"))
    ordered(day, for_two_hours)
    day.tick(a_rate(GOOD, app="shop"), a_rate(BAD, app="bank"))
    assert sorted(pager.kinds()) == ["firing", "firing", "resolved"]


def test_whoever_hears_one_again_is_not_overruled_and_lifting_ends_all() -> None:
    day, pager = a_morning()
    ordered(day, for_two_hours)
    day.tick(a_rate(BAD, app="shop"))
    day.act(day.desk.listed()[0]["fingerprint"], acts.unsilence, "jon")
    day.tick(a_rate(BAD, app="shop"))
    assert pager.kinds() == ["firing"]
    day.tick(a_rate(BAD, app="shop", labels={"app": "shop", "rule": "other"}))
    assert pager.kinds() == ["firing"]
    assert ordered(day, Wide.hear) == "1 alert heard again"
    day.deliver()
    assert pager.kinds() == ["firing", "firing"]


def test_without_an_end_those_that_fire_now_are_silent_until_good_and_later_ones_are_told() -> None:
    day, pager = a_morning()
    day.tick(a_rate(BAD, app="shop"))
    ordered(day, lambda wide, hand: wide.silence(hand, "known", None))
    day.tick(a_rate(BAD, app="shop", labels={"app": "shop", "rule": "other"}))
    assert pager.kinds() == ["firing", "firing"]
    assert len(day.desk.state.silences_table()) == 1


@pytest.mark.parametrize("text", ["", "app", "app=", "nonsense=1", "colour=red\napp=x"])
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        conditions(text)


@given(st.lists(st.tuples(st.sampled_from(["shop", "bank"]), st.sampled_from([BAD, GOOD])), max_size=12))
@pytest.mark.slow
def test_nothing_that_fits_is_told_before_the_end_and_everything_else_is(looks: list[tuple[str, float]]) -> None:
    day, pager = a_morning()
    ordered(day, for_two_hours)
    for app, value in looks:
        day.tick(a_rate(value, app=app))
    assert {message.labels["app"] for _, message in pager.got} <= {"bank"}
    assert ("bank", BAD) not in looks or pager.got


def test_what_people_say_on_closing_is_a_rate_with_an_interval() -> None:
    day, _ = a_morning()
    for n, useful in enumerate((True, False, False, None)):
        day.tick(a_rate(BAD, app=f"app{n}"))
        if useful is None:
            continue
        day.act(day.desk.listed()[0]["fingerprint"], acts.close(useful=useful, note=""), "mira")
    [row] = day.desk.tables()["alert_worth"].to_pylist()
    assert (row["n_alerts"], row["n_useful"], row["n_not_useful"]) == (4, 1, 2)
    assert row["false_rate"] == pytest.approx(2 / 3)
    assert row["low"] < 2 / 3 < row["high"]


def test_one_that_is_over_can_be_called_useful_later_and_the_last_word_counts() -> None:
    day, _ = a_morning()
    day.tick(a_rate(BAD))
    fingerprint = day.desk.listed()[0]["fingerprint"]
    day.tick(a_rate(GOOD))
    day.act(fingerprint, acts.close(useful=False, note="a load test"), "mira")
    day.act(fingerprint, acts.close(useful=True, note=""), "jon")
    [row] = day.desk.tables()["alert_worth"].to_pylist()
    assert (row["n_useful"], row["n_not_useful"]) == (1, 0)
