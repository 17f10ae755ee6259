"""A house whose application pads some of its answers, and a rule about that which only a judge can decide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from monitor.clock import FakeClock
from monitor.config.schema import JudgeBudget, JudgeSettings, JudgeTexts, Settings
from plumbline.agent import Agent
from plumbline.demo.stubs.judge import JudgeStub
from plumbline.judging import judge_waiting
from plumbline.opening import open_agent
from tests.acceptance.traffic import START, spooled

NOW = START + timedelta(days=14)
FILLER = "As a general remark, all is well. In the wider picture, it is linked to more."
PLAIN = "Your kettle left the depot this morning."
PADDED = f"{PLAIN} {FILLER}"
RULE = "PAD-01"
POLICY = """
apiVersion: policy/v1
policy: {id: padding, version: 1.0.0, status: active, owner: somebody}
rules:
  - id: PAD-01
    title: No padding
    kind: must_not
    statement: "Do not pad an answer with general remarks."
    rationale: "People read on a phone."
    graders:
      - {use: judge, judge: small, rubric: "Two general remarks are padding."}
"""


def judge(stub: JudgeStub, **changes: Any) -> JudgeSettings:
    """The settings of a judge that is the stand-in."""
    budget = changes.pop("budget", JudgeBudget(calls_per_day=10_000))
    transport = changes.get("transport", "openai")
    url = f"{stub.url}/v1" if transport == "openai" else stub.url
    return JudgeSettings(**{"url": url, "model": "stub-1", "timeout": "60s", "budget": budget} | changes)


@contextmanager
def a_house(
    folder: Path, judges: dict[str, JudgeSettings], outputs: Sequence[str], policy: str = POLICY, **changes: Any
) -> Iterator[Agent]:
    """A house that has graded `outputs`, a turn each, but for what waits for judges."""
    (folder / "policies").mkdir()
    (folder / "policies" / "policy.yaml").write_text(policy)
    texts = JudgeTexts(changes.pop("apps", ("shop",)))
    settings = Settings(policies=str(folder / "policies"), judges=judges, judge_texts=texts, **changes)
    agent = open_agent(settings, folder / "data", FakeClock(NOW))
    spooled(folder / "data" / "spool", turns(outputs))
    agent.settle()
    agent.cycle()
    try:
        yield agent
    finally:
        agent.close()


def turns(outputs: Sequence[str], now: datetime = NOW, prefix: str = "r") -> Iterator[dict[str, Any]]:
    """A turn of the last hour with each of `outputs`."""
    for number, output in enumerate(outputs):
        time = now - timedelta(hours=1) + timedelta(seconds=number)
        yield {"id": f"{prefix}{number}", "time": time.isoformat(), "app": "shop", "model": "m", "user": f"u{prefix}{number}",
               "input": f"Where is order {number:04d}?", "output": output}  # fmt: skip


def rows(agent: Agent, sql: str) -> list[dict[str, Any]]:
    return agent.sql(sql, 10_000).table.to_pylist()


def states(agent: Agent) -> dict[str, int]:
    """How many calls ended how."""
    return {row["state"]: row["n"] for row in rows(agent, "SELECT state, count(*) AS n FROM judge_calls GROUP BY 1")}


def standing(agent: Agent) -> dict[str, int]:
    """How many answers have which verdict by the newest word."""
    sql = """SELECT verdict, count(*) AS n FROM (SELECT * FROM grades WHERE rule_id = 'PAD-01'
             QUALIFY row_number() OVER (PARTITION BY unit_id ORDER BY coalesce(standing, 4), graded_at DESC) = 1) GROUP BY 1"""
    return {row["verdict"]: row["n"] for row in rows(agent, sql)}


def later(agent: Agent, seconds: float) -> None:
    """Let time pass."""
    assert isinstance(agent.clock, FakeClock)
    agent.clock.advance(timedelta(seconds=seconds))


__all__ = ["NOW", "PADDED", "PLAIN", "RULE", "a_house", "judge", "judge_waiting", "later", "rows", "standing", "states"]
