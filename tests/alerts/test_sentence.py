"""The one sentence: what breaks, for whom, before and now, since when and why, without an id, an inequality or statistics."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alerts.channels.console import Console
from alerts.channels.mail import mail
from alerts.channels.pagerduty import event
from alerts.channels.slack import blocks
from alerts.channels.teams import card
from alerts.compose import compose
from alerts.message import HOW, Message, details
from alerts.states import evaluate
from monitor.model.values import About, Concern, Severity, Signal
from tests.alerts.builders import BAD, GOOD, MORNING, a_book, a_rate

JARGON = re.compile(
    r"e-value|newcombe|hajek|wilson|lower bound|upper bound|confidence|p-value|quantile|cusum|hash|n = |[<>]=?|=|[0-9a-f]{16}",
    re.IGNORECASE,
)
TITLE = "Help with refunds, shipping and billing"
ABOUT = About(
    subject=TITLE,
    before=0.05,
    began=datetime(2026, 2, 28, 23, 49, tzinfo=UTC),
    turns=93,
    seen=310,
    users=84,
    cause="model changed from demo-large-2026-03 to demo-large-2026-09 on 2026-02-28",
    moved=(),
)
CONCERN = Concern(TITLE, Severity.CRITICAL, owner="ana@shop", playbook="https://wiki.test/refunds")


def a_known_rate(value: float = BAD, about: About = ABOUT, **changes: Any) -> Signal:
    labels = {"app": "shop", "rule": "SUP-HELP-01", "level": "incident"} | changes.pop("labels", {})
    return a_rate(value, about=about, labels=labels, concern=CONCERN, half=0.06, **changes)


def told(signal: Signal, kind: str = "firing") -> Message:
    book = a_book({"id": signal.name, "signal": signal.name, "title": "T", "severity": "error"}, remind_every="1h")
    [step] = evaluate(book.rules, [signal], [], MORNING)
    return compose(kind, step.alert, book.rules[0], MORNING, step.reason, "http://plumbline.test")


def test_the_sentence_says_what_for_whom_before_and_now_since_when_and_why() -> None:
    message = told(a_known_rate())
    assert message.title == f"30 % of answers of shop break “{TITLE}”"
    parts = dict(details(message))
    assert parts["For whom"] == "84 users got such an answer, in 93 of 310 answers that were looked at (24 to 36 %)"
    assert parts["Before and now"] == "5.0 % before, 30 % now, since 2026-02-28 23:49 UTC"
    assert (parts["Began"], parts["Noticed"]) == ("2026-02-28 23:49 UTC", "2026-03-02 09:00 UTC")
    assert parts["Likely cause"].startswith("Model changed from demo-large-2026-03")
    assert (parts["Owner"], parts["Playbook"]) == ("ana@shop", "https://wiki.test/refunds")
    assert list(parts)[-1] == HOW


def test_the_end_says_that_it_holds_again() -> None:
    message = told(a_known_rate(GOOD), "resolved")
    assert message.title == f"Resolved: “{TITLE}” holds again in shop: 1.0 % of answers break it"


def test_a_case_under_zero_tolerance_needs_no_rate() -> None:
    about = About(subject="No card numbers", turns=1, seen=40, users=1)
    message = told(a_known_rate(about=about, labels={"level": "case"}))
    assert message.title == "A case was found where one is too many: “No card numbers” in shop"


def a_change(**changes: Any) -> Signal:
    values: dict[str, Any] = {
        "name": "drift",
        "labels": {"app": "shop", "metric": "rule:SUP-HELP-01", "segment": "all", "finding": "f" * 16},
        "at": MORNING,
        "value": 0.25,
        "low": 0.2,
        "high": 0.3,
        "n": 0,
        "since": MORNING - timedelta(hours=9),
        "examples": (),
        "summary": "Violation rate of SUP-HELP-01 ... 95 % Newcombe interval, e-value 6.8e+06",
        "about": ABOUT,
    }
    return Signal(**(values | changes))


def test_a_change_with_a_cause_that_moved_much_leads_with_the_cause() -> None:
    about = About(subject=TITLE, before=0.05, began=MORNING, cause=ABOUT.cause, moved=("time to answer", "a", "b", "c"))
    message = told(a_change(about=about))
    assert message.title == (
        "Model changed from demo-large-2026-03 to demo-large-2026-09 on 2026-02-28: 5 measures moved in shop"
    )
    assert message.cause.endswith("moved as well: time to answer, a, b and 1 more")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"about": About(TITLE, before=0.05)}, f"“{TITLE}” is broken more often from 5.0 % to 30 % in shop"),
        (
            {
                "about": About("length of answers", "characters", before=420.0),
                "value": -110.0,
                "labels": {"app": "shop", "metric": "output_chars", "segment": "prompt_name=account", "finding": "f"},
            },
            "Length of answers fell from 420 characters to 310 characters in shop, prompt account",
        ),
    ],
)
def test_a_change_alone_says_what_moved(changes: dict[str, Any], said: str) -> None:
    assert told(a_change(**changes)).title == said


def test_silence_and_experiments_are_sentences_too() -> None:
    silent = a_change(
        name="no_data", labels={"app": "shop"}, about=About("silence", "", began=MORNING - timedelta(minutes=34))
    )
    assert told(silent).title == "shop has been silent for 34 minutes"
    labels = {"experiment": "tone", "arm": "b", "metric": "duration_ms", "decision": "worse"}
    assert told(a_change(name="ab", labels=labels, about=About("time to answer", "ms"))).title == (
        "Variant b of tone does worse on time to answer"
    )


SIGNALS = [a_known_rate(), a_known_rate(GOOD), a_change(), a_change(about=About("time to answer", "ms", before=800.0))]


@pytest.mark.parametrize("signal", SIGNALS)
def test_no_channel_shows_jargon_or_an_id_before_how_we_know(signal: Signal) -> None:
    message = told(signal)
    stream = io.StringIO()
    Console("log", stream).send(message, key="k")
    firsts = [
        message.title,
        stream.getvalue().splitlines()[0].replace("[ERROR]", ""),
        blocks(message, "k")["text"],
        blocks(message, "k")["blocks"][0]["text"]["text"],
        card(message, details(message), "k")["attachments"][0]["content"]["body"][0]["inlines"][0]["text"],
        str(mail(message, "f:one:1:firing:1", "a@b.c", ("d@e.f",))["Subject"]),
        event(message, "0" * 32, "k")["payload"]["summary"],
    ]
    assert [first for first in firsts if JARGON.search(first)] == []
    shown = [text for name, text in details(message) if name not in {HOW, "Examples", "Playbook"}]
    assert [text for text in shown if JARGON.search(text)] == []


def test_a_comparison_that_ended_is_said_to_stand_no_longer() -> None:
    labels = {"experiment": "tone", "arm": "b", "metric": "duration_ms", "decision": "undecided"}
    message = told(a_change(name="ab", labels=labels, about=About("time to answer", "ms")), "resolved")
    assert message.title == "Resolved: Variant b of tone: what was told of it no longer stands"
