"""`plumbline rules test`: what would have been told over stored history, and what a stage would have kept back."""

from __future__ import annotations

import json

import pytest

from plumbline.cli.rules import _print
from tests.alerts.builders import GOOD, RATE_RULE, Recorder, a_rate
from tests.alerts.test_pipeline import DRIFT_RULE, a_caused_rate, a_change, a_piped_day


def test_what_would_have_been_sent_and_what_kept_back(capsys: pytest.CaptureFixture[str]) -> None:
    day = a_piped_day(Recorder("pager"), rules=(RATE_RULE, DRIFT_RULE))
    told = day.desk.rehearsal()
    told.observe([a_caused_rate(), a_change()], day.clock.now())
    told.observe([a_caused_rate(GOOD), a_change()], day.clock.now())
    said = told.rehearsed()
    assert [row["kind"] for row in said["messages"]] == ["firing", "resolved"]
    assert [row["reason"].partition(":")[0] for row in said["held"]] == ["pager"]
    assert day.messages() == [], "the rehearsal has a state of its own"
    _print(json.loads(json.dumps(said, default=str)), "2026-03-02T09:00:00+00:00", "2026-03-03T09:00:00+00:00")
    shown = capsys.readouterr().out
    assert "1 alert would have been told, in 2 messages." in shown
    assert "same cause as another alert" in shown


def test_nothing_to_tell_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    day = a_piped_day(Recorder("pager"))
    told = day.desk.rehearsal()
    told.observe([a_rate(GOOD), a_rate(None, app="b")], day.clock.now())
    _print(told.rehearsed(), "2026-03-02T09:00:00+00:00", "2026-03-03T09:00:00+00:00")
    assert "0 alerts would have been told, in 0 messages." in capsys.readouterr().out
