"""PagerDuty as it sees us: one page an alert, acknowledged and closed under one key, whatever is sent twice or late."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts import acts
from alerts.channels.pagerduty import PagerDuty, event
from alerts.channels.slack import Slack
from monitor.errors import RetryLater
from monitor.outgoing import Guard
from plumbline.demo.stubs.kit import Stub, a_stub
from plumbline.demo.stubs.pagerduty import pagerduty_problem
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
