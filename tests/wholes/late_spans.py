"""Traffic of sessions whose spans come late, some of them after everybody has stopped waiting, and what is graded of it when.

Every trace is four spans, every session four traces, and every answer a hundred characters: a text that is graded and is shorter
than it has to be was graded before it was whole.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from monitor.clock import FakeClock, naive_utc
from monitor.config.schema import Settings
from monitor.cycle import STEPS, run_cycle
from monitor.policy.load import given_policy
from monitor.policy.schema import Policy
from monitor.steps import House
from monitor.store.finishing.finish import finish
from tests.store.rows import START, Home, Row, a_call, a_span, frame, texts, us

CALLS: Final = 3
TURNS: Final = 4
ANSWER: Final = 100
WHOLE_TRACE: Final = CALLS * ANSWER + (CALLS - 1) * 2
WHOLE_SESSION: Final = TURNS * ANSWER + (TURNS - 1) * 2
SETTLE: Final = (timedelta(seconds=2), timedelta(seconds=60))
PATIENT_S: Final = 50.0
"""The latest of the late spans that a trace is waited for."""

LATEST_S: Final = 5400.0
QUIET_S: Final = 2000.0
"""After so long without a span nothing waits any more."""

WATCHED: Final = ("sample", "grade", "grade:wholes")

POLICY: Final = f"""
apiVersion: policy/v1
policy: {{id: p, version: 1.0.0, status: active, owner: o}}
rules:
  - {{id: TRACE, title: Whole trace, kind: must, unit: trace, statement: "Be whole.", rationale: "So.",
     graders: [{{use: length, min_chars: {WHOLE_TRACE}}}]}}
  - {{id: SESSION, title: Whole session, kind: must, unit: session, statement: "Be whole.", rationale: "So.",
     graders: [{{use: length, min_chars: {WHOLE_SESSION}}}]}}
"""


def policy() -> Policy:
    """Two rules that only what is whole complies with."""
    return given_policy("p.yaml", POLICY, FakeClock(START))[1]


@dataclass(frozen=True)
class Piece:
    """One span with its texts, and when it arrives, in seconds after the start."""

    arrives: float
    span: Row
    text: Row
    late: bool


def pieces(sessions: int, hours: float, very_late: float, rng: random.Random) -> Iterator[Piece]:
    """Yield the spans of `sessions` that begin over `hours`; a share of `very_late` comes after minutes to hours."""
    for number in range(sessions):
        at = rng.uniform(0, hours * 3600)
        for turn in range(TURNS):
            at += rng.uniform(20, 240)
            trace = f"{number * TURNS + turn + 1:032x}"
            yield from _trace(trace, f"s{number}", at, very_late, rng)


def _trace(trace: str, session: str, at: float, very_late: float, rng: random.Random) -> Iterator[Piece]:
    root = {"trace_id": trace, "app": "shop", "session_id": session}
    said = [f"{trace[-8:]} {call} ".ljust(ANSWER, "x") for call in range(CALLS)]
    for call, answer in enumerate(said):
        span = a_call(f"c{call}", at + 1 + call, parent_id="root", **root)
        yield _piece(span, answer, at + 2 + call, very_late, rng)
    whole = a_span("root", at, kind="agent", duration_ms=5000.0, **root)
    yield _piece(whole, said[-1], at + 5, very_late, rng)


def _piece(span: Row, answer: str, ended: float, very_late: float, rng: random.Random) -> Piece:
    lag = rng.uniform(0, 3)
    if rng.random() < 0.1:
        lag = rng.uniform(3, PATIENT_S)
    if rng.random() < very_late:
        lag = rng.uniform(90, LATEST_S)
    text = texts(span["span_id"], saw=answer) | {"trace_id": span["trace_id"], "time": span["time"]}
    return Piece(ended + lag, span | {"received_at": us(ended + lag)}, text, lag > PATIENT_S)


@dataclass
class Outcome:
    """What was graded: what was ever graded while it was a half (rule, trace), what of it nobody could have waited for, and how many
    verdicts stand on halves and on wholes, by rule.
    """

    early: set[tuple[str, str]] = field(default_factory=set)
    excused: set[tuple[str, str]] = field(default_factory=set)
    standing_on_halves: dict[str, int] = field(default_factory=dict)
    whole: dict[str, int] = field(default_factory=dict)


def lived(folder: Path, traffic: Iterator[Piece], step_s: float) -> Outcome:
    """Let all of `traffic` arrive in its order, with a cycle every `step_s` until all is quiet."""
    home = Home(folder)
    house = House(home.store, Settings(), [policy()], home.clock, None)
    steps = [step for step in STEPS if step.name in WATCHED]
    coming = sorted(traffic, key=lambda piece: piece.arrives)
    found, now, taken = Outcome(excused=set(_excused(coming))), 0.0, 0
    while taken < len(coming) or now < coming[-1].arrives + QUIET_S:
        now += step_s if taken < len(coming) and coming[taken].arrives < now + 20 * step_s else 5 * step_s
        upto = next((n for n in range(taken, len(coming)) if coming[n].arrives > now), len(coming))
        since = home.clock.now()
        home.clock.move_to(START + timedelta(seconds=now) if now > 60 else since)
        if upto > taken:
            batch = coming[taken:upto]
            home.take(frame(spans=[piece.span for piece in batch], content=[piece.text for piece in batch]))
            taken = upto
        finish(home.store, home.clock.now(), *SETTLE)
        if run_cycle(house, steps)["grade:wholes"]:
            found.early |= _halves(home)
    _add(found.standing_on_halves, home, f"verdict = 'violates' AND {_NEWEST}")
    _add(found.whole, home, f"verdict = 'complies' AND {_NEWEST}")
    home.store.close()
    return found


def _halves(home: Home) -> set[tuple[str, str]]:
    now = naive_utc(home.clock.now())
    rows = home.rows(
        f"SELECT rule_id, unit_id FROM base.grades WHERE verdict = 'violates' AND graded_at = TIMESTAMP '{now}'"
    )
    return {(row["rule_id"], row["unit_id"]) for row in rows}


def _excused(coming: list[Piece]) -> Iterator[tuple[str, str]]:
    """Traces with a span that is later than the wait, and the traces by which their sessions may go."""
    for piece in coming:
        if piece.late:
            yield "TRACE", piece.span["trace_id"]
            first = (int(piece.span["trace_id"], 16) - 1) // TURNS * TURNS
            yield from (("SESSION", f"{first + turn + 1:032x}") for turn in range(TURNS))


_NEWEST: Final = (
    "graded_at = (SELECT max(graded_at) FROM base.grades l WHERE l.unit_id = g.unit_id AND l.rule_id = g.rule_id)"
)


def _add(counts: dict[str, int], home: Home, where: str) -> None:
    rows: list[dict[str, Any]] = home.rows(f"SELECT rule_id, count(*) AS n FROM base.grades g WHERE {where} GROUP BY 1")
    for row in rows:
        counts[row["rule_id"]] = counts.get(row["rule_id"], 0) + row["n"]
