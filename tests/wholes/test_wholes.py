"""What a whole trace and an ended session are, what graders see of them, and what is said of them: real store, real cycle."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.backfill import Gap, backfill, grade_now
from monitor.clock import FakeClock, naive_utc
from monitor.config.schema import Settings
from monitor.cycle import run_cycle
from monitor.policy.load import given_policy
from monitor.steps import House
from monitor.store.finishing.finish import finish
from monitor.vital_signs import silences
from tests.store.rows import START, Home, Row, a_call, a_span, frame, texts, us

RULES = """
apiVersion: policy/v1
policy: {id: p, version: 1.0.0, status: active, owner: o}
rules:
  - {id: TURN, title: Turn, kind: must_not, statement: "No.", rationale: "So.", graders: [{use: banned, phrases: [bad word]}]}
  - {id: TRACE, title: Trace, kind: must_not, unit: trace, statement: "No.", rationale: "So.", graders: [{use: banned, phrases: [bad word]}]}
  - {id: SESSION, title: Session, kind: must_not, unit: session, statement: "No.", rationale: "So.", graders: [{use: banned, phrases: [bad word]}]}
"""
POLICY = given_policy("p.yaml", RULES, FakeClock(START))[1]


@pytest.fixture
def house(home: Home) -> tuple[Home, House]:
    return home, House(home.store, Settings(), [POLICY], home.clock, None)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    found = Home(tmp_path / "data")
    yield found
    found.store.close()


def trace(number: int, at: float, *answers: str, session: str = "s") -> dict[str, list[Row]]:
    """A trace with a model call an answer, one second apart; the user sees the last."""
    name = f"{number:032x}"
    whose = {"trace_id": name, "session_id": session}
    spans = [a_call(f"c{n}", at + n, parent_id="root", **whose) for n, _ in enumerate(answers)]
    said = [texts(f"c{n}", saw=answer, at=at + n) | {"trace_id": name} for n, answer in enumerate(answers)]
    root = texts("root", saw=answers[-1], at=at) | {"trace_id": name}
    return {"spans": [*spans, a_span("root", at, kind="agent", **whose)], "content": [*said, root]}


def live(home: Home, house: House, at: float, *traces: dict[str, list[Row]]) -> None:
    """Let traces arrive, `at` seconds after the start, and run a cycle."""
    home.clock.move_to(START + timedelta(seconds=at))
    for one in traces:
        spans = [span | {"received_at": us(at)} for span in one.get("spans", [])]
        home.take(frame(**(one | {"spans": spans} if spans else one)))
    finish(home.store, home.clock.now() + timedelta(seconds=3), timedelta(seconds=2), timedelta(seconds=60))
    run_cycle(house)


def verdicts(home: Home, rule: str) -> dict[int, tuple[str, str]]:
    rows: list[dict[str, Any]] = home.rows(
        f"SELECT unit_id, verdict, reason FROM base.grades WHERE rule_id = '{rule}' ORDER BY graded_at"
    )
    return {int(row["unit_id"], 16): (row["verdict"], row["reason"]) for row in rows}


def test_a_trace_is_all_that_was_said_in_it(house: tuple[Home, House]) -> None:
    home, lived = house
    live(home, lived, 70, trace(1, 0, "a bad word", "all is fine"))
    assert (verdicts(home, "TURN")[1][0], verdicts(home, "TRACE")) == ("complies", {})
    live(home, lived, 140)
    verdict, reason = verdicts(home, "TRACE")[1]
    assert (verdict, reason.endswith("in answer 1 of 2")) == ("violates", True)
    assert home.rows("SELECT DISTINCT unit FROM base.grades WHERE rule_id = 'TRACE'") == [{"unit": "trace"}]


def test_a_session_ends_by_silence_and_goes_by_its_last_turn(house: tuple[Home, House]) -> None:
    home, lived = house
    live(home, lived, 70, trace(1, 0, "a bad word"), trace(2, 60, "fine"), trace(3, 60, "fine", session="other"))
    live(home, lived, 1800)
    assert verdicts(home, "SESSION") == {}
    live(home, lived, 1900)
    assert {unit: said[0] for unit, said in verdicts(home, "SESSION").items()} == {2: "violates", 3: "complies"}
    assert verdicts(home, "SESSION")[2][1].endswith("in answer 1 of 2")
    rates = home.rows("SELECT rule_id, unit, n_units, n_graded, value FROM base.estimates ORDER BY 1")
    assert [(r["rule_id"], r["unit"], r["n_units"], r["n_graded"], r["value"]) for r in rates] == [
        ("SESSION", "session", 2, 2, 0.5),
        ("TRACE", "trace", 3, 3, pytest.approx(1 / 3)),
        ("TURN", "turn", 3, 3, pytest.approx(1 / 3)),
    ]
    assert home.rows("SELECT count(*) AS n FROM base.wholes") == [{"n": 0}]


def test_what_is_said_after_the_silence_is_another_session(house: tuple[Home, House]) -> None:
    home, lived = house
    live(home, lived, 70, trace(1, 0, "a bad word"))
    live(home, lived, 4000, trace(2, 3900, "fine"))
    live(home, lived, 8000)
    assert {unit: said[0] for unit, said in verdicts(home, "SESSION").items()} == {1: "violates", 2: "complies"}


def test_a_turn_that_comes_after_its_session_was_graded_has_it_graded_again(house: tuple[Home, House]) -> None:
    home, lived = house
    live(home, lived, 70, trace(1, 0, "fine"))
    live(home, lived, 2000)
    assert verdicts(home, "SESSION") == {1: verdicts(home, "SESSION")[1]}
    live(home, lived, 2100, trace(2, 60, "a bad word"))
    live(home, lived, 2300)
    assert {unit: said[0] for unit, said in verdicts(home, "SESSION").items()} == {2: "violates"}
    ended = home.rows("SELECT trace_id, session_turns FROM base.turns WHERE session_turns IS NOT NULL")
    assert [(int(row["trace_id"], 16), row["session_turns"]) for row in ended] == [(2, 2)]


def test_a_session_that_is_said_to_end_is_not_waited_for(house: tuple[Home, House]) -> None:
    home, lived = house
    over = {"key": "k", "time": us(70), "received_at": us(70), "name": "session.end", "part": "end", "session_id": "s"}
    live(home, lived, 70, trace(1, 0, "a bad word"), {"events": [over | {"body": "{}"}]})
    live(home, lived, 140)
    live(home, lived, 170)
    assert verdicts(home, "SESSION")[1][0] == "violates"


def test_a_late_span_has_what_it_changes_graded_again_and_nothing_else(house: tuple[Home, House]) -> None:
    home, lived = house
    whole = trace(1, 0, "fine", "a bad word")
    early = {"spans": whole["spans"][:1], "content": whole["content"][:1]}
    for at, arrived in ((10, [early]), (140, []), (210, [])):
        live(home, lived, at, *arrived)
    assert [verdicts(home, rule)[1][0] for rule in ("TURN", "TRACE")] == ["complies", "complies"]
    n = home.rows("SELECT count(*) AS n FROM base.grades")
    live(home, lived, 400, {"spans": whole["spans"][1:], "content": whole["content"][1:]})
    live(home, lived, 500)
    assert [verdicts(home, rule)[1][0] for rule in ("TURN", "TRACE")] == ["violates", "violates"]
    assert home.rows("SELECT count(*) AS n FROM base.grades")[0]["n"] == n[0]["n"] + 2


def test_a_backfill_and_grading_now_reach_wholes_that_are_complete(house: tuple[Home, House]) -> None:
    home, lived = house
    live(home, lived, 70, trace(1, 0, "fine"), trace(2, 60, "a bad word"))
    assert (
        grade_now(lived, f"{1:032x}")["graded"] == 1
    )  # its trace may still grow, and it is not the last of its session
    live(home, lived, 140)
    live(home, lived, 2000)
    with home.store.transaction() as txn:
        txn.execute("DELETE FROM base.grades WHERE rule_id <> 'TURN'")
    since = naive_utc(START)
    done = backfill(lived, Gap(since, since + timedelta(hours=1)), lambda _, __: None, nullcontext())
    assert done == {"turns": 2, "grades": 3}
    assert grade_now(lived, f"{2:032x}")["violates"] == ["TURN", "TRACE", "SESSION"]


def test_the_watch_over_graders_waits_as_long_as_grading_does(house: tuple[Home, House]) -> None:
    home, lived = house
    live(home, lived, 70, *(trace(n, n, "fine", session=f"s{n}") for n in range(1, 26)))
    live(home, lived, 140)
    live(home, lived, 2000)
    live(home, lived, 2100, *(trace(n, 2000 + n, "fine", session=f"s{n}") for n in range(26, 66)))
    assert silences(home.store, lived.policies, home.clock.now()) == []
