"""From the facts about a source to what is wrong with it, and to the state of the source: pure, and the same for all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from monitor.diagnosis.facts import Facts
from monitor.diagnosis.problem import SEVERITIES, Problem
from monitor.diagnosis.source_checks import CHECKS, silent
from monitor.diagnosis.voice_checks import about

State = Literal["ok", "warn", "bad"]


def diagnose(facts: Facts, now: datetime) -> list[Problem]:
    """Return the problems of one source at `now` (naive UTC, like the facts), worst first."""
    found = [problem for check in CHECKS for problem in check(facts)]
    found += silent(facts, now)
    found += [problem for voice in facts.voices for problem in about(voice)]
    return sorted(found, key=lambda problem: SEVERITIES.index(problem.severity))


def state_of(problems: Sequence[Problem]) -> State:
    """Return the state of a source: its worst problem, where a note leaves it fine."""
    severities = {problem.severity for problem in problems}
    return "bad" if "bad" in severities else "warn" if "warn" in severities else "ok"
