"""Streams of rules that only judges decide, and of judges: fed with what those say, once each; a change is found, and who changed.

What judges say is written as the queue writes it, without asking one: a thousand calls would take half a minute.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from monitor.clock import naive_utc
from monitor.config.schema import BaselineSettings, CanarySettings, DriftSettings
from monitor.store.judging import Said, keep, waiting
from plumbline.agent import Agent
from plumbline.demo.stubs.judge import JudgeStub, a_judge
from tests.acceptance.traffic import spooled
from tests.judges.support import (
    PADDED,
    PLAIN,
    POLICY,
    RULE,
    a_house,
    judge,
    judge_waiting,
    later,
    rows,
    standing,
    turns,
)

EXAMPLES = f"""    examples:
      - {{id: e1, label: violates, in: "Where is it?", out: "{PADDED}"}}
      - {{id: e2, label: violates, in: "When?", out: "On Monday. One more thought on this: it rains. Before going on, all is well."}}
      - {{id: e3, label: complies, in: "When?", out: "On Monday."}}
      - {{id: e4, label: complies, in: "Where is it?", out: "{PLAIN}"}}
      - {{id: e5, label: borderline, in: "Where is it?", out: "Here. As a general remark, all is well."}}
"""
WITH_EXAMPLES = POLICY.replace("    graders:\n", f"{EXAMPLES}    graders:\n")
SOON = DriftSettings(baseline=BaselineSettings(first=60), timezone="none")
HALF_OF_ITS_CALLS = CanarySettings(at_most=0.5)


@pytest.fixture
def stub() -> Iterator[JudgeStub]:
    with a_judge() as found:
        yield found


def findings(agent: Agent, metric: str) -> list[dict[str, Any]]:
    return rows(agent, f"SELECT * FROM findings WHERE metric LIKE '{metric}:%' ORDER BY detected_at")


def more(agent: Agent, outputs: Sequence[str], prefix: str) -> None:
    """Ten minutes pass with these answers."""
    later(agent, 600)
    spooled(agent.places.spool, turns(outputs, agent.clock.now(), prefix))
    agent.settle()
    agent.cycle()


def say(agent: Agent, bad: Sequence[bool], hits: Sequence[bool], alarms: Sequence[bool]) -> None:
    """The judge says this of what waits, and of known items; then a cycle passes."""
    later(agent, 5)
    now = naive_utc(agent.clock.now())
    [policy] = [one for one in agent.policies if one.id == "padding"]
    answers = waiting(agent.store, datetime(2026, 1, 1), 1000).sort("time")[: len(bad)].iter_rows(named=True)  # noqa: DTZ001 naive UTC
    said = [(row["unit_id"], row["time"], verdict, None) for row, verdict in zip(answers, bad, strict=True)]
    known = [*((one, "violates") for one in hits), *((one, "complies") for one in alarms)]
    items = [("example:PAD-01:e1", now, verdict, label) for verdict, label in known]

    def row(unit: str, time: Any, verdict: bool, label: str | None) -> dict[str, Any]:
        word = "violates" if verdict else "complies"
        return {"unit_id": unit, "time": time, "rule_id": RULE, "verdict": word, "judge": "small", "known": label}

    calls = [{**row(*one), "time": now, "state": "ok", "key": "v1", "tokens": 1} for one in [*said, *items]]
    grades = [
        {name: value for name, value in row(*one).items() if name not in {"judge", "known"}}
        | {"grader": "judge:small", "policy": policy.id, "policy_version": policy.version, "policy_hash": policy.hash}
        | {"graded_at": now, "unit": "turn", "reason": "so it is", "grader_version": "v1"}
        for one in said
    ]
    with agent.cycling, agent.store.transaction() as txn:
        assert keep(txn, Said(calls, grades, [{**row(*one), "version": "v1", "part": None} for one in items])) == len(
            bad
        )
    agent.cycle()


def often(n: int, every: int) -> list[bool]:
    return [number % every == 0 for number in range(n)]


def test_who_changed_is_told_of_a_rule_that_only_a_judge_decides(stub: JudgeStub, tmp_path: Path) -> None:
    with a_house(tmp_path, {"small": judge(stub)}, [PLAIN] * 120, drift=SOON) as agent:
        say(agent, often(90, 5), [True] * 90, [False] * 90)
        say(agent, often(30, 5), [], [])
        assert findings(agent, "rule") == findings(agent, "judge") == []
        more(agent, [PADDED] * 30, "a")
        say(agent, [True] * 30, [True] * 30, [False] * 30)
        [app] = findings(agent, "rule")
        assert app["metric"] == "rule:PAD-01"
        assert app["reference_value"] == pytest.approx(0.2, abs=0.03)
        assert "Who changed: the application changed, not the judge small" in app["reason"]
        assert app["cause"] == "no recorded change coincides"
        assert agent.cycle()["drift:judged"] == 0, "nothing is fed twice"
        later(agent, 600)
        say(agent, [], [False] * 40, [False] * 40)
        [changed] = findings(agent, "judge")
        assert changed["metric"] == "judge:hits"
        assert [found["reason"] for found in findings(agent, "rule")] == [app["reason"]], "the judge changed later"


def test_a_judge_that_changed_in_silence_is_blamed(stub: JudgeStub, tmp_path: Path) -> None:
    with a_house(tmp_path, {"small": judge(stub)}, [PLAIN] * 120, drift=SOON) as agent:
        say(agent, often(90, 5), [True] * 90, [False] * 90)
        say(agent, often(30, 5), [], [])
        more(agent, [PLAIN] * 30, "a")
        say(agent, [True] * 30, [], [])
        [found] = findings(agent, "rule")
        assert "cannot be told yet (since then it was asked about 0 known items" in found["reason"]
        say(agent, [], [True] * 30, [True] * 30)
        [changed] = findings(agent, "judge")
        assert (changed["metric"], changed["app"], changed["cause"]) == (
            "judge:false_alarms", "judge small", "the judge small changed")  # fmt: skip
        assert changed["reason"].startswith(
            "The judge small changed: it says of 100 % of answers known to keep the rule that they violate, before of 0 %"
        )
        [found] = findings(agent, "rule")
        assert found["cause"] == "the judge small changed"
        assert "Who changed: the judge small changed, not the application" in found["reason"]
        assert found["reason"].count("Who changed") == 1


def test_known_items_are_asked_among_the_others_and_told_apart(stub: JudgeStub, tmp_path: Path) -> None:
    judges = {"small": judge(stub, canary=HALF_OF_ITS_CALLS), "never": judge(stub)}
    with a_house(tmp_path, judges, [PLAIN] * 20, WITH_EXAMPLES) as agent:
        assert judge_waiting(agent) == 20
        known = rows(agent, "SELECT known, verdict, judge FROM judge_calls WHERE known IS NOT NULL GROUP BY ALL")
        assert {(row["known"], row["verdict"]) for row in known} == {("violates",) * 2, ("complies",) * 2}
        assert {row["judge"] for row in known} == {"small"}
        assert rows(agent, "SELECT count(*) AS n FROM judge_calls WHERE known IS NOT NULL") == [{"n": 20}]
        sent = [asked["messages"][1]["content"] for asked in stub.asked]
        assert all(user.count("On Monday.") < 4 for user in sent)
        assert rows(agent, "SELECT count(*) AS n FROM grades WHERE unit_id LIKE 'example:%'") == [{"n": 0}]
        assert agent.cycle()["drift:judged"] == 0
        assert judge_waiting(agent) == 0


def test_what_a_local_grader_is_not_sure_of_is_asked_of_the_judge(stub: JudgeStub, tmp_path: Path) -> None:
    local = "    graders:\n      - {use: refusal}\n"
    unsure = "[A]: I cannot help with that.\n\n[B]: Well, " + "first you open the lid and look inside. " * 4
    alone = POLICY.replace("    graders:\n", local).split("      - {use: judge")[0]
    with a_house(tmp_path, {}, [unsure], alone) as agent:
        assert standing(agent) == {"borderline": 1}
    (tmp_path / "with").mkdir()
    with a_house(tmp_path / "with", {"small": judge(stub)}, [unsure], POLICY.replace("    graders:\n", local)) as agent:
        assert standing(agent) == {"not_graded": 1}
        assert judge_waiting(agent) == 1
        assert standing(agent) == {"complies": 1}
