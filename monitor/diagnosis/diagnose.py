"""From the facts about a source to what is wrong with it, and to the state of the source: pure, and the same for all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from monitor.diagnosis import silence, source_checks, unheard, voice_checks
from monitor.diagnosis.check import problems_of
from monitor.diagnosis.facts import Facts
from monitor.diagnosis.problem import SEVERITIES, Problem

State = Literal["ok", "warn", "bad"]


def diagnose(facts: Facts, now: datetime) -> list[Problem]:
    """Return the problems of one source at `now` (naive UTC, like the facts), worst first."""
    return sorted(_found(facts, now), key=lambda problem: SEVERITIES.index(problem.severity))


def _found(facts: Facts, now: datetime) -> Iterator[Problem]:
    yield from problems_of(facts, source_checks.CHECKS)
    yield from unheard.NOTHING_KEPT.problems(facts)
    for group in unheard.unheard(facts):
        yield from problems_of(group, unheard.CHECKS)
    for quiet in silence.silences(facts, now):
        yield from problems_of(quiet, silence.CHECKS)
    for voice in facts.voices:
        hidden = unheard.unread(voice, facts)
        for problem in unheard.UNREAD.problems(hidden) if hidden else ():
            yield replace(problem, voice=voice.name)
        for problem in problems_of(voice, voice_checks.CHECKS):
            if not (hidden and problem.code == "no-texts"):
                yield replace(problem, voice=voice.name)


def state_of(problems: Sequence[Problem]) -> State:
    """Return the state of a source: its worst problem, where a note leaves it fine."""
    severities = {problem.severity for problem in problems}
    return "bad" if "bad" in severities else "warn" if "warn" in severities else "ok"
