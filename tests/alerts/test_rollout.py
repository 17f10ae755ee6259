"""A guarded rollout: a crossed guardrail tells what rolls the arm out to pause it, once, signed; then that it is clear."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from alerts.channels.rollout import Rollout
from alerts.channels.webhook import Webhook
from alerts.checks import load_rules
from monitor.clock import FakeClock
from monitor.errors import Undeliverable
from monitor.model.values import Signal
from plumbline.demo.stubs.kit import a_stub
from plumbline.demo.stubs.webhook import SECRET
from tests.alerts.builders import MORNING, Recorder, a_day
from tests.alerts.test_channels import a_message

READING = Signal(
    name="ab",
    labels={
        "app": "shop",
        "experiment": "tone",
        "metric": "rule:R-1",
        "arm": "B",
        "decision": "worse",
        "role": "guardrail",
    },
    at=MORNING,
    value=0.05,
    low=0.01,
    high=0.09,
    n=600,
    since=None,
    examples=(),
    summary="Stop B: violation rate of R-1 is worse than in A. ...",
)
OTHER = replace(READING, labels=READING.labels | {"metric": "score:helpful", "role": "primary"})
FINE = replace(READING, labels=READING.labels | {"decision": "undecided"})
ROUTED = {
    "routes": [{"to": ["rollout", "console"], "match": {"id": "ab-guardrail"}}, {"to": ["console"]}],
    "receivers": [
        {"kind": "console", "name": "console"},
        {"kind": "rollout", "name": "rollout", "url": "https://flags.example/hook", "secret": SECRET},
    ],
}


def test_a_crossed_guardrail_pauses_its_arm_and_the_arm_is_told_of_once() -> None:
    starter = msgspec.to_builtins(load_rules(None))
    book = msgspec.convert(starter | ROUTED, type(load_rules(None)))
    clock, console = FakeClock(MORNING), Recorder("console")
    with a_stub(clock) as stub:
        rollout = Rollout("rollout", Webhook("rollout", stub.webhook_url, SECRET, clock))
        day = a_day(book, rollout, console, clock=clock)
        day.tick(READING, OTHER)
        day.tick(FINE, replace(FINE, labels=OTHER.labels | {"decision": "undecided"}))
        day.tick()
        assert stub.model.refusals == []
        events = [stub.model.bodies[key] for key in stub.model.keys]
    assert [event["type"] for event in events] == ["rollout.pause", "rollout.clear"]
    told = events[0]["data"]
    assert (told["app"], told["experiment"], told["arm"]) == ("shop", "tone", "B")
    assert told["reason"].startswith("Stop B: violation rate of R-1 is worse than in A.")
    assert [message.rule_id for _, message in console.got] == ["ab-guardrail", "ab-guardrail"]


def test_what_is_not_about_an_arm_is_refused_and_somebody_taking_it_up_says_nothing() -> None:
    clock = FakeClock(MORNING)
    with a_stub(clock) as stub:
        rollout = Rollout("rollout", Webhook("rollout", stub.webhook_url, SECRET, clock))
        with pytest.raises(Undeliverable, match="is told of arms only"):
            rollout.send(a_message(), key="f:rollout:1:firing:1")
        about = msgspec.structs.replace(a_message(), kind="acknowledged", labels={"experiment": "tone", "arm": "B"})
        rollout.send(about, key="f:rollout:1:acknowledged:1")
        assert stub.model.keys == []
