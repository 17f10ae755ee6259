"""What an alert passes before it is told, in virtual time: read these as what the pipeline does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from alerts import acts
from alerts.rules import Mute, Rulebook
from alerts.stages import STAGES
from alerts.windows import covers
from monitor.clock import FakeClock
from monitor.model.values import About, Signal
from tests.alerts.builders import BAD, GOOD, MORNING, RATE_RULE, Day, Recorder, a_book, a_day, a_rate

SWAP = "model changed from a to b on 2026-03-02"
DRIFT_RULE = {
    "id": "drift",
    "signal": "drift",
    "title": "Behaviour has changed",
    "severity": "warning",
    "no_data": {"then": "ok"},
}


def a_piped_day(*receivers: Recorder, rules: tuple[dict[str, Any], ...] = (RATE_RULE,), **parts: Any) -> Day:
    plain = msgspec.to_builtins(a_book(*rules, to=[receiver.name for receiver in receivers]))
    return a_day(msgspec.convert(plain | parts, Rulebook), *receivers, clock=FakeClock(MORNING))


def a_caused_rate(value: float = BAD, *, rule: str = "R-1", cause: str = SWAP) -> Signal:
    about = About(rule, before=0.02, began=MORNING, cause=cause)
    return a_rate(value, labels={"app": "shop", "rule": rule}, about=about)


def a_change(**about: Any) -> Signal:
    told = About("length of answers", "characters", before=400.0, began=MORNING, cause=SWAP)
    labels = {"app": "shop", "metric": "output_chars", "segment": "all", "finding": "f1"}
    return replace(a_rate(0.3), name="drift", labels=labels, value=-90.0, about=replace(told, **about))


def trail(day: Day) -> list[str]:
    return [line for row in day.desk.listed() for line in day.desk.explain(row["fingerprint"])]


def test_the_stages_are_a_list_that_can_be_read() -> None:
    names = [stage.__name__ for stage in STAGES]
    assert names == ["inhibit", "mute", "dedup", "digest", "group", "history", "storm"]


def test_at_9_a_model_is_swapped_and_one_page_tells_of_it_however_much_moved() -> None:
    pager = Recorder("pager")
    day = a_piped_day(pager, rules=(RATE_RULE, DRIFT_RULE))
    broken = (a_caused_rate(), a_caused_rate(rule="R-2"), a_change())
    day.tick(*broken)
    day.tick(*broken, minutes=30)
    [(_, message)] = pager.got
    assert "break “R-" in message.title
    assert any("held: pager: group: same cause as another alert" in line for line in trail(day))
    day.tick(a_caused_rate(GOOD), a_caused_rate(GOOD, rule="R-2"), a_change(), minutes=60)
    assert pager.kinds() == ["firing", "resolved"], "the change is evidence, not harm that goes on"


def test_what_is_still_bad_when_the_other_of_its_cause_ends_is_told_then() -> None:
    pager = Recorder("pager")
    day = a_piped_day(pager)
    day.tick(a_caused_rate(), a_caused_rate(rule="R-2"))
    first = pager.got[0][1].fingerprint
    values = {row["fingerprint"]: GOOD if row["fingerprint"] == first else BAD for row in day.desk.listed()}
    rules = {row["fingerprint"]: row["labels"] for row in day.desk.listed()}
    signals = [a_caused_rate(values[f], rule="R-1" if "R-1" in labels else "R-2") for f, labels in rules.items()]
    day.tick(*signals)
    day.tick(*signals)
    assert pager.kinds() == ["firing", "resolved", "firing"]


def test_while_an_application_is_silent_what_follows_from_it_tells_nobody() -> None:
    silent = RATE_RULE | {"id": "silent", "severity": "critical", "where": {"rule": "silence"}}
    inhibit = [{"source": {"id": "silent"}, "target": {"id": "rate"}, "equal": ["app"]}]
    pager = Recorder("pager")
    day = a_piped_day(pager, rules=(silent, RATE_RULE | {"where": {"rule": "no-refusal"}}), inhibit=inhibit)
    down = a_rate(BAD, labels={"app": "support", "rule": "silence"})
    day.tick(down, a_rate(BAD))
    assert [message.rule_id for _, message in pager.got] == ["silent"]
    day.tick(replace(down, value=GOOD, low=0.0, high=0.02), a_rate(BAD))
    day.tick(replace(down, value=GOOD, low=0.0, high=0.02), a_rate(BAD))
    assert [message.rule_id for _, message in pager.got] == ["silent", "silent", "rate"]


def test_at_night_nobody_is_told_of_warnings_and_in_the_morning_of_what_is_left() -> None:
    night = {"reason": "night", "from": "22:00", "to": "09:30", "match": {"severity": "error"}}
    pager = Recorder("pager")
    day = a_piped_day(pager, mute=[night])
    day.tick(a_rate(BAD), a_rate(BAD, app="other"))
    assert pager.got == []
    day.tick(a_rate(BAD), a_rate(GOOD, app="other"), minutes=20)
    assert pager.got == [], "what ended in the night is never told"
    day.tick(a_rate(BAD), minutes=15)
    assert pager.kinds() == ["firing"]


@pytest.mark.parametrize(
    ("window", "at", "inside"),
    [
        ({"from": "22:00", "to": "06:00"}, datetime(2026, 3, 2, 23, 0, tzinfo=UTC), True),
        ({"from": "22:00", "to": "06:00"}, datetime(2026, 3, 2, 5, 59, tzinfo=UTC), True),
        ({"from": "22:00", "to": "06:00"}, datetime(2026, 3, 2, 6, 0, tzinfo=UTC), False),
        ({"from": "22:00", "to": "06:00", "days": ["sun"]}, datetime(2026, 3, 2, 5, 0, tzinfo=UTC), True),
        ({"from": "22:00", "to": "06:00", "days": ["mon"]}, datetime(2026, 3, 2, 5, 0, tzinfo=UTC), False),
        ({"from": "09:00", "to": "17:00", "zone": "Europe/Berlin"}, datetime(2026, 3, 2, 8, 0, tzinfo=UTC), True),
        ({"from": "09:00", "to": "17:00", "zone": "Europe/Berlin"}, datetime(2026, 3, 2, 16, 0, tzinfo=UTC), False),
        ({"from": "2026-03-02T20:00", "to": "2026-03-02T22:00"}, datetime(2026, 3, 2, 21, 0, tzinfo=UTC), True),
        ({"from": "2026-03-02T20:00", "to": "2026-03-02T22:00"}, datetime(2026, 3, 3, 21, 0, tzinfo=UTC), False),
    ],
)
def test_a_window_is_read_on_the_clock_of_its_zone(window: dict[str, Any], at: datetime, *, inside: bool) -> None:
    assert covers(msgspec.convert({"reason": "x", **window}, Mute), at) == inside


def test_a_storm_is_ten_messages_and_one_list_and_ends_with_it() -> None:
    pager = Recorder("pager")
    day = a_piped_day(pager, storm={"more_than": 10, "within": "5m"})
    day.tick(*(a_rate(BAD, app=f"app{i}") for i in range(40)))
    assert len(pager.got) == 11
    [listed] = [message for _, message in pager.got if message.rule_id == "plumbline.storm"]
    assert listed.what.startswith("30 alerts: ")
    for _ in range(30):
        day.tick(*(a_rate(BAD, app=f"app{i}") for i in range(40)))
    assert len(pager.got) == 11, "every alert stands in one message"
    day.tick(*(a_rate(GOOD, app=f"app{i}") for i in range(40)))
    day.tick(*(a_rate(GOOD, app=f"app{i}") for i in range(40)))
    assert pager.kinds().count("resolved") == 11


def test_what_an_import_brings_along_is_one_message() -> None:
    pager = Recorder("pager")
    day = a_piped_day(pager)
    old = [
        a_rate(BAD, app=f"app{i}", about=About("Be kind", began=MORNING - timedelta(days=9), past=True))
        for i in range(3)
    ]
    day.tick(*old)
    day.tick(*old, minutes=60)
    [(_, message)] = pager.got
    assert (message.rule_id, message.what[:9]) == ("plumbline.history", "3 alerts:")


def test_square_waves_of_two_hours_are_told_a_few_times_and_not_for_ever() -> None:
    pager = Recorder("pager")
    day = a_piped_day(pager)
    for _ in range(12):
        for value in (BAD, BAD, GOOD, GOOD):
            day.tick(a_rate(value), minutes=60)
    told = [kind for kind in pager.kinds() if kind != "reminder"]
    assert told == ["firing", "resolved"] * 3 + ["firing", "flapping"]
    for _ in range(6):
        day.tick(a_rate(GOOD), minutes=60)
    assert pager.kinds()[-1] == "resolved"


def test_at_10_it_breaks_a_page_comes_somebody_takes_it_up_and_by_12_it_is_over() -> None:
    pager = Recorder("pager")
    day = a_piped_day(pager)
    day.tick(a_rate(GOOD), minutes=59)
    day.tick(a_rate(BAD))
    assert (day.clock.now().hour, pager.kinds()) == (10, ["firing"])
    [alert] = day.desk.listed()
    day.act(alert["fingerprint"], acts.acknowledge, "mira")
    for _ in range(11):
        day.tick(a_rate(BAD), minutes=10)
    day.tick(a_rate(GOOD), minutes=9)
    assert day.clock.now().hour == 11
    assert pager.kinds() == ["firing", "acknowledged", "resolved"]


def test_a_restart_pages_nobody_again() -> None:
    pager = Recorder("pager")
    day = a_piped_day(pager)
    day.tick(a_rate(BAD))
    again = a_day(day.desk.post.outgoing.book, pager, state=day.desk.state, clock=day.clock)
    again.tick(a_rate(BAD))
    assert pager.kinds() == ["firing"]
