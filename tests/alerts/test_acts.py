"""What people do about alerts, told by the clock: taken up, silenced, heard again, escalated, closed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts import acts
from monitor.errors import NotFound, RetryLater, UsageError
from monitor.state import ControlState
from tests.alerts.builders import BAD, GOOD, MORNING, RATE_RULE, Day, Recorder, a_book, a_day, a_rate

HOURLY: dict[str, Any] = {"remind_every": "1h"}


def a_pager_day(*receivers: Recorder, rule: Any = RATE_RULE, **route: Any) -> Day:
    return a_day(a_book(rule, to=[r.name for r in receivers], **{**HOURLY, **route}), *receivers)


def the_one(day: Day) -> str:
    [alert] = day.desk.listed()
    return str(alert["fingerprint"])


def test_taken_up_at_0905_nobody_is_reminded_and_those_who_know_are_told_who_has_it() -> None:
    pager = Recorder("one")
    day = a_pager_day(pager)
    day.tick(a_rate(BAD))
    done = day.act(the_one(day)[:8], acts.acknowledge, "mira")
    assert done["title"] == "Answers break the policy"
    for _ in range(5):
        day.tick(a_rate(BAD), minutes=60)
    assert pager.kinds() == ["firing", "acknowledged"]
    assert pager.got[1][1].reason == "taken up by mira"
    day.tick(a_rate(GOOD))
    assert pager.kinds() == ["firing", "acknowledged", "resolved"]


def test_who_took_it_up_first_stays_on_record_and_nobody_is_told_twice() -> None:
    pager = Recorder("one")
    day = a_pager_day(pager)
    day.tick(a_rate(BAD))
    day.act(the_one(day), acts.acknowledge, "mira")
    assert "mira has taken it up already" in day.act(the_one(day), acts.acknowledge, "jon")["done"]
    day.deliver()
    assert pager.kinds() == ["firing", "acknowledged"]
    [alert] = day.desk.listed()
    assert (alert["acked_by"], alert["acked_at"]) == ("mira", "2026-03-02T09:01:00+00:00")


def test_an_alert_that_gets_worse_has_to_be_taken_up_again() -> None:
    pager = Recorder("one")
    day = a_pager_day(pager, rule=RATE_RULE | {"worse": {"value": 0.4, "severity": "critical"}})
    day.tick(a_rate(BAD))
    day.act(the_one(day), acts.acknowledge, "mira")
    day.tick(a_rate(0.6))
    assert day.desk.listed()[0]["acked_by"] is None
    day.tick(a_rate(0.6), minutes=61)
    assert pager.kinds() == ["firing", "acknowledged", "severity", "reminder"]


def test_silenced_for_four_hours_it_says_nothing_and_then_it_speaks_within_one_look() -> None:
    pager = Recorder("one")
    day = a_pager_day(pager, notify_after="5m")
    day.tick(a_rate(BAD))
    day.act(the_one(day), acts.silence("we are deploying", timedelta(hours=4)), "mira")
    for _ in range(3):
        day.tick(a_rate(BAD), minutes=60)
    assert pager.kinds() == []
    [alert] = day.desk.listed()
    assert alert["silenced_until"] == "2026-03-02T13:01:00+00:00"
    day.tick(a_rate(BAD), minutes=61)
    assert pager.kinds() == ["firing"]


def test_what_began_and_ended_in_silence_is_not_told_at_all() -> None:
    pager = Recorder("one")
    day = a_pager_day(pager, notify_after="5m")
    day.tick(a_rate(BAD))
    day.act(the_one(day), acts.silence("known", timedelta(hours=4)), "mira")
    day.tick(a_rate(BAD), minutes=60)
    day.tick(a_rate(GOOD), minutes=60)
    day.deliver(after=timedelta(hours=6))
    assert pager.kinds() == []


def test_the_end_passes_through_a_silence_to_those_who_know_of_the_alert() -> None:
    pager = Recorder("one")
    day = a_pager_day(pager)
    day.tick(a_rate(BAD))
    day.act(the_one(day), acts.silence("known", timedelta(hours=4)), "mira")
    day.tick(a_rate(GOOD))
    assert pager.kinds() == ["firing", "resolved"]


def test_silenced_until_it_is_good_again_the_next_episode_is_heard() -> None:
    pager = Recorder("one")
    day = a_pager_day(pager)
    day.tick(a_rate(BAD))
    day.act(the_one(day), acts.silence("a known bug", None), "mira")
    for _ in range(50):
        day.tick(a_rate(BAD), minutes=60)
    day.tick(a_rate(GOOD))
    day.tick(a_rate(BAD))
    assert pager.kinds() == ["firing", "resolved", "firing"]


def test_heard_again_what_waited_leaves_now() -> None:
    pager = Recorder("one")
    day = a_pager_day(pager, notify_after="5m")
    day.tick(a_rate(BAD))
    day.act(the_one(day), acts.silence("known", timedelta(hours=4)), "mira")
    day.tick(a_rate(BAD), minutes=10)
    assert "heard again" in day.act(the_one(day), acts.unsilence, "jon")["done"]
    day.deliver()
    assert pager.kinds() == ["firing"]
    assert day.act(the_one(day), acts.unsilence, "jon")["done"] == "it is not silenced; nothing was changed"


ESCALATE: dict[str, Any] = {"escalate": [{"after": "15m", "to": ["lead"]}]}


def a_night(pager: Recorder, lead: Recorder) -> Day:
    return a_day(a_book(others=["lead"], **HOURLY, **ESCALATE), pager, lead)


def test_nobody_takes_it_up_within_a_quarter_of_an_hour_and_the_lead_is_told_once() -> None:
    pager, lead = Recorder("one"), Recorder("lead")
    day = a_night(pager, lead)
    for _ in range(14):
        day.tick(a_rate(BAD))
    assert lead.kinds() == []
    for _ in range(30):
        day.tick(a_rate(BAD))
    assert lead.kinds() == ["escalated"]
    assert "nobody has taken it up" in lead.got[0][1].reason
    day.tick(a_rate(GOOD))
    assert lead.kinds() == ["escalated", "resolved"]


def test_taken_up_in_time_the_lead_sleeps() -> None:
    pager, lead = Recorder("one"), Recorder("lead")
    day = a_night(pager, lead)
    day.tick(a_rate(BAD))
    day.act(the_one(day), acts.acknowledge, "mira")
    for _ in range(60):
        day.tick(a_rate(BAD))
    assert lead.kinds() == []


def test_closed_while_it_is_bad_it_begins_again_only_after_it_was_good() -> None:
    pager = Recorder("one")
    day = a_pager_day(pager)
    day.tick(a_rate(BAD))
    day.act(the_one(day), acts.close(useful=False, note="a load test"), "mira")
    for _ in range(5):
        day.tick(a_rate(BAD))
    assert pager.kinds() == ["firing", "resolved"]
    assert pager.got[1][1].reason == "closed by mira as not useful: a load test"
    day.tick(a_rate(GOOD))
    day.tick(a_rate(BAD))
    assert pager.kinds() == ["firing", "resolved", "firing"]


def test_closed_it_begins_again_when_it_gets_worse() -> None:
    pager = Recorder("one")
    day = a_pager_day(pager, rule=RATE_RULE | {"worse": {"value": 0.4, "severity": "critical"}})
    day.tick(a_rate(BAD))
    day.act(the_one(day), acts.close(useful=None, note=""), "mira")
    day.tick(a_rate(0.6))
    assert pager.kinds() == ["firing", "resolved", "firing"]


def test_every_act_is_in_the_trail_of_the_alert() -> None:
    day = a_pager_day(Recorder("one"))
    day.tick(a_rate(BAD))
    name = the_one(day)
    day.act(name, acts.silence("we are deploying", timedelta(hours=1)), "mira")
    day.act(name, acts.unsilence, "jon")
    day.act(name, acts.acknowledge, "mira")
    trail = "\n".join(day.desk.explain(name))
    assert "silenced by mira until 2026-03-02 10:01 UTC: we are deploying" in trail
    assert "heard again, by jon" in trail
    assert "taken up by mira" in trail


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda: acts.silence(" ", timedelta(hours=1)), "needs a reason"),
        (lambda: acts.silence("x", timedelta(days=31)), "up to 30 days"),
        (lambda: acts.silence("x", timedelta(0)), "up to 30 days"),
    ],
)
def test_what_makes_no_sense_is_one_line(act: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        act()


def test_an_alert_that_is_not_there_or_not_open_is_one_line() -> None:
    day = a_pager_day(Recorder("one"))
    with pytest.raises(NotFound, match="'abc' among the alerts"):
        day.act("abc", acts.acknowledge, "mira")
    day.tick(a_rate(BAD))
    name = the_one(day)
    day.tick(a_rate(GOOD))
    with pytest.raises(UsageError, match="this alert is resolved, so that it cannot be taken up"):
        day.act(name, acts.acknowledge, "mira")


def test_acts_survive_a_restart(tmp_path: Any) -> None:
    pager = Recorder("one")
    first = a_day(
        a_book(**HOURLY), pager, state=ControlState.open(tmp_path / "control.sqlite", a_pager_day(pager).clock)
    )
    first.tick(a_rate(BAD))
    first.act(the_one(first), acts.acknowledge, "mira")
    first.deliver()
    first.desk.close()
    again = a_day(
        a_book(**HOURLY), pager, state=ControlState.open(tmp_path / "control.sqlite", first.clock), clock=first.clock
    )
    again.tick(a_rate(BAD), minutes=120)
    assert pager.kinds() == ["firing", "acknowledged"]


LOOKS = st.sampled_from(["bad", "good", "ack", "silence", "until good", "unsilence", "close", "later", "down", "up"])


@settings(max_examples=80)
@given(st.lists(LOOKS, max_size=30))
def test_whatever_people_do_every_receiver_that_heard_of_an_alert_hears_of_its_end(steps: list[str]) -> None:
    pager = Recorder("one")
    day = a_pager_day(pager)
    for step in steps:
        _do(day, pager, step)
    pager.raising = None
    day.tick(a_rate(GOOD))
    day.tick(a_rate(GOOD), minutes=270)  # what flaps ends once it was good for longer than it ever was between
    day.deliver(after=timedelta(hours=2))
    kinds = [kind for kind in pager.kinds() if kind in {"firing", "resolved"}]
    assert kinds == ["firing", "resolved"] * (len(kinds) // 2)
    assert day.clock.now() > MORNING


def _do(day: Day, pager: Recorder, step: str) -> None:
    if step in {"down", "up"}:
        pager.raising = RetryLater("down") if step == "down" else None
    elif step in {"bad", "good", "later"}:
        day.tick(a_rate(GOOD if step == "good" else BAD), minutes=90 if step == "later" else 1)
    else:
        act = {
            "ack": acts.acknowledge,
            "silence": acts.silence("x", timedelta(hours=1)),
            "until good": acts.silence("x", None),
            "unsilence": acts.unsilence,
            "close": acts.close(useful=True, note=""),
        }[step]
        for alert in day.desk.listed():
            if alert["state"] == "firing":
                day.act(alert["fingerprint"], act, "mira")


def test_given_to_mira_at_0901_the_receiver_of_her_name_is_told_and_reminders_go_on() -> None:
    pager, mira = Recorder("one"), Recorder("mira")
    day = a_day(a_book(others=["mira"], **HOURLY), pager, mira)
    day.tick(a_rate(BAD))
    assert day.act(the_one(day), acts.assign("mira"), "jon")["done"] == "given to mira by jon, who is told"
    day.deliver()
    day.tick(a_rate(BAD), minutes=61)
    assert (mira.kinds(), pager.kinds()) == (["assigned", "reminder"], ["firing", "reminder"])
    assert mira.got[0][1].title.startswith("For you: Answers break the policy")
    assert day.desk.listed()[0]["assigned_to"] == "mira"
    day.tick(a_rate(GOOD))
    assert mira.kinds()[-1] == "resolved"


def test_snoozed_for_an_hour_it_is_said_again_once_and_has_to_be_taken_up_again() -> None:
    pager = Recorder("one")
    day = a_pager_day(pager, remind_every="24h")
    day.tick(a_rate(BAD))
    day.act(the_one(day), acts.acknowledge, "mira")
    day.act(the_one(day), acts.snooze(timedelta(hours=1)), "mira")
    for _ in range(59):
        day.tick(a_rate(BAD))
    assert pager.kinds() == ["firing", "acknowledged"]
    for _ in range(60):
        day.tick(a_rate(BAD))
    assert pager.kinds() == ["firing", "acknowledged", "reminder"]
    assert day.desk.listed()[0]["acked_by"] is None


def test_what_is_good_before_its_snooze_is_over_is_not_said_again() -> None:
    pager = Recorder("one")
    day = a_pager_day(pager)
    day.tick(a_rate(BAD))
    day.act(the_one(day), acts.snooze(timedelta(hours=1)), "mira")
    day.tick(a_rate(GOOD))
    for _ in range(3):
        day.tick(a_rate(GOOD), minutes=60)
    assert pager.kinds() == ["firing", "resolved"]


def test_a_comment_is_a_line_of_the_trail_also_afterwards() -> None:
    day = a_pager_day(Recorder("one"))
    day.tick(a_rate(BAD))
    fingerprint = the_one(day)
    day.tick(a_rate(GOOD))
    day.act(fingerprint, acts.comment("the vendor <@everyone> knows"), "mira")
    assert "mira: the vendor" in day.desk.explain(fingerprint)[-2] + day.desk.explain(fingerprint)[-1]
    with pytest.raises(UsageError, match="needs a text"):
        acts.comment(" ")
