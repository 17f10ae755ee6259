"""PagerDuty as it sees us: one page an alert, acknowledged and closed under one key, whatever is sent twice or late."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts import acts
from alerts.channels.pagerduty import PagerDuty, Rest, event
from alerts.channels.slack import Slack
from monitor.errors import RetryLater
from monitor.outgoing import Guard
from plumbline.demo.stubs.kit import Stub, a_stub
from plumbline.demo.stubs.pagerduty import TOKEN, pagerduty_problem
from tests.alerts.builders import BAD, GOOD, RATE_RULE, Day, a_book, a_day, a_rate
from tests.alerts.test_channels import a_message

KEY = "0123456789abcdef0123456789abcdef"


def a_paged_day(stub: Stub, rule: dict[str, object] = RATE_RULE) -> Day:
    day = a_day(a_book(rule, remind_every="1h"))
    channel = PagerDuty("one", KEY, stub.pagerduty_url, day.clock, guard=Guard(allow_http=True, allow_private=True))
    day.desk.post.channels["one"] = channel  # type: ignore[index]  # a dict behind a Mapping
    return day


def test_one_page_is_opened_taken_up_and_closed() -> None:
    with a_stub(None) as stub:
        day = a_paged_day(stub)
        day.tick(a_rate(BAD))
        [key] = stub.model.pages
        day.act(key.removeprefix("plumbline/"), acts.acknowledge, "mira")
        day.tick(a_rate(BAD), minutes=120)
        assert stub.model.pages == {key: "acknowledged"}
        day.tick(a_rate(GOOD))
        assert (stub.model.pages, stub.model.closed) == ({}, [key])
        assert (stub.model.refusals, stub.model.early_resolves) == ([], [])


@pytest.mark.parametrize("mode", ["429", "500", "reset", "lost", "401"])
def test_what_fails_is_sent_again_and_opens_one_page(mode: str) -> None:
    with a_stub(None) as stub:
        day = a_paged_day(stub)
        stub.mode = mode  # type: ignore[assignment]  # one of the modes
        day.tick(a_rate(BAD))
        stub.mode = "ok"
        day.deliver(after=timedelta(hours=1))
        assert len(stub.model.pages) == 1
        day.tick(a_rate(GOOD))
        assert not stub.model.pages


@settings(max_examples=12)
@given(st.lists(st.sampled_from(["bad", "good", "ack", "silence", "close"]), max_size=12), st.integers(0, 99))
def test_no_page_is_left_open_whatever_happens(steps: list[str], seed: int) -> None:
    rng = random.Random(seed)
    with a_stub(None) as stub:
        day = a_paged_day(stub)
        for step in steps:
            stub.mode = rng.choice(["ok", "ok", "500", "429", "lost"])
            if step in {"bad", "good"}:
                day.tick(a_rate(BAD if step == "bad" else GOOD))
                continue
            act = {"ack": acts.acknowledge, "silence": acts.silence("x", None), "close": acts.close(None, "")}[step]
            for alert in day.desk.listed():
                if alert["state"] == "firing":
                    day.act(alert["fingerprint"], act, "mira")
        stub.mode = "ok"
        day.tick(a_rate(GOOD), minutes=60)
        day.tick(a_rate(GOOD), minutes=90)
        day.deliver(after=timedelta(hours=2))
        assert not stub.model.pages
        assert not stub.model.refusals


@given(st.text(max_size=3000))
def test_whatever_a_trace_says_the_event_is_one_that_is_taken(text: str) -> None:
    message = a_message(summary=text, labels={"app": text, "rule": text})
    sent = event(message, KEY, "k")
    assert pagerduty_problem(sent, 1) is None


def test_a_200_that_is_no_yes_is_not_taken_by_slack() -> None:
    with a_stub(None) as stub:
        stub.mode = "false"
        day = a_paged_day(stub)
        slack = Slack("chat", stub.slack_url, day.clock, guard=Guard(allow_http=True, allow_private=True))
        with pytest.raises(RetryLater, match="does not say that it took the message"):
            slack.send(a_message(), key="k")


def an_asked_day(stub: Stub, token: str = TOKEN) -> tuple[Day, str]:
    day = a_paged_day(stub)
    paging = day.desk.post.channels["one"]
    asked = replace(paging, rest=Rest(stub.url(""), token))  # type: ignore[type-var]  # a PagerDuty
    day.desk.post.channels["one"] = asked  # type: ignore[index]  # as above
    day.tick(a_rate(BAD))
    return day, next(iter(stub.model.pages))


def test_acknowledged_there_it_is_taken_up_here_and_nobody_is_reminded() -> None:
    with a_stub(None) as stub:
        day, key = an_asked_day(stub)
        assert day.desk.deliver() == 0
        stub.model.acknowledged[key] = ("Mira <b>@here</b>", day.clock.now())
        day.clock.advance(timedelta(seconds=30))
        day.desk.deliver()
        assert "(PagerDuty)" in day.desk.listed()[0]["acked_by"]
        for _ in range(5):
            day.tick(a_rate(BAD), minutes=60)
        assert {row["kind"] for row in day.messages()} == {"firing", "acknowledged"}


def test_what_was_acknowledged_before_it_got_worse_has_to_be_taken_up_anew() -> None:
    with a_stub(None) as stub:
        day, key = an_asked_day(stub)
        stub.model.acknowledged[key] = ("mira", day.clock.now())
        day.act(key.removeprefix("plumbline/"), acts.snooze(timedelta(hours=1)), "jon")
        stub.model.acknowledged[key] = ("mira", day.clock.now() - timedelta(minutes=5))
        day.desk.deliver()
        assert day.desk.listed()[0]["acked_by"] is None


@pytest.mark.parametrize("mode", ["500", "false", "reset"])
def test_a_pager_that_does_not_say_changes_nothing(mode: str) -> None:
    with a_stub(None) as stub:
        day, key = an_asked_day(stub)
        stub.model.acknowledged[key] = ("mira", day.clock.now())
        stub.mode = mode  # type: ignore[assignment]  # one of the modes
        day.desk.deliver()
        assert day.desk.listed()[0]["acked_by"] is None


def test_a_wrong_token_is_told_by_its_refusal_and_changes_nothing() -> None:
    with a_stub(None) as stub:
        day, key = an_asked_day(stub, "wrong")
        stub.model.acknowledged[key] = ("mira", day.clock.now())
        day.desk.deliver()
        assert day.desk.listed()[0]["acked_by"] is None
