"""What was graded becomes evaluation cases and examples of a policy: with provenance, redacted, and only of what one may see."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.clock import FakeClock
from monitor.config.schema import CollectorSettings, RedactionSettings, Settings
from monitor.errors import ConfigError, Forbidden, NotFound, UsageError
from monitor.policy.load import given_policy
from plumbline.agent import Agent
from plumbline.answers import Answers
from plumbline.api.call import Actor, Call, silent
from plumbline.api.dataset_questions import AsExample, DatasetCases
from plumbline.opening import open_agent
from plumbline.people.register import ROLES
from tests.acceptance.test_policy_preview import END
from tests.acceptance.traffic import spooled
from tests.policy.support import GOOD, write

WEEK = (END - timedelta(days=7), END + timedelta(seconds=1))
LEAK = "A bad word from r.pellam@mailbox.example."


def records() -> Iterator[dict[str, Any]]:
    for number, output in enumerate((LEAK, "A good word.", "A bad word.", "A bad word.")):
        app = "bank" if number == 3 else "shop"
        time = (END - timedelta(hours=number + 1)).isoformat()
        yield {"id": f"r{number}", "time": time, "app": app, "input": f"{number}?", "output": output}


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    (tmp_path / "policies").mkdir()
    folder = write(tmp_path / "policies", GOOD.replace("[shop]", "[shop, bank]"))
    raw = CollectorSettings(redaction=RedactionSettings(enabled=False))
    found = open_agent(Settings(policies=str(folder), collector=raw), tmp_path / "data", FakeClock(END))
    spooled(tmp_path / "data" / "spool", records())
    found.settle()
    found.cycle()
    yield found
    found.close()


def asked(agent: Agent, question: Any, apps: frozenset[str] | None = None) -> Any:
    question.check()
    return Answers(agent).answer(question, Call(Actor("rita", ROLES["reviewer"], apps), silent))


def test_cases_say_what_was_decided_by_whom_and_where_it_comes_from(agent: Agent) -> None:
    cases = asked(agent, DatasetCases("R-1", *WEEK))
    assert [case["label"] for case in cases] == ["violates", "complies", "violates", "violates"]
    first = cases[0]
    assert first["rule"] == {"id": "R-1", "title": "One", "statement": "Say no bad word."}
    assert (first["labelled_by"], first["input"], first["private"]) == ("machine", "0?", True)
    assert first["provenance"]["app"] == "shop"
    assert first["provenance"]["policy"] == "shop 1.0.0"
    assert first["provenance"]["picked_by"].startswith("poisson:")
    assert len({case["id"] for case in cases}) == 4


def test_a_case_is_redacted_even_where_what_is_stored_is_not(agent: Agent) -> None:
    stored = agent.sql("SELECT output_text FROM turns", 10).table.to_pylist()
    assert {"output_text": LEAK} in stored
    assert not any("r.pellam" in str(case) for case in asked(agent, DatasetCases("R-1", *WEEK)))


def test_verdicts_times_and_applications_choose(agent: Agent) -> None:
    assert len(asked(agent, DatasetCases("R-1", *WEEK, verdicts="complies"))) == 1
    assert len(asked(agent, DatasetCases("R-1", *WEEK, most=2))) == 2
    assert asked(agent, DatasetCases("R-1", WEEK[0], WEEK[0] + timedelta(days=1))) == []
    assert {case["provenance"]["app"] for case in asked(agent, DatasetCases("R-1", *WEEK), frozenset({"bank"}))} == {
        "bank"
    }
    with pytest.raises(UsageError, match="bad is no verdict"):
        asked(agent, DatasetCases("R-1", *WEEK, verdicts="bad"))


def trace_of(agent: Agent, output: str) -> str:
    rows = agent.sql(f"SELECT trace_id FROM turns WHERE output_text = '{output}' ORDER BY 1", 1).table.to_pylist()
    return str(rows[0]["trace_id"])


def test_a_turn_becomes_an_example_with_the_change_ready(agent: Agent) -> None:
    told = asked(agent, AsExample(trace_of(agent, "A bad word."), "R-1"))
    assert told["file"] == "shop.yaml"
    [added] = [line for line in told["diff"].splitlines() if line.startswith("+ ")]
    assert added.startswith('+      - {id: e3, label: violates, out: "A bad word.", in: "')
    grown = given_policy("shop.yaml", told["text"], agent.clock)[1]
    assert grown.rules[0].text.examples[-1].output == "A bad word."


def test_an_example_that_its_graders_contradict_is_refused_with_its_line(agent: Agent) -> None:
    with pytest.raises(ConfigError, match="contradiction: example `e3` of rule `R-1` is labelled complies"):
        asked(agent, AsExample(trace_of(agent, "A bad word."), "R-1", "complies"))


def test_what_is_no_example_is_one_line(agent: Agent) -> None:
    with pytest.raises(NotFound):
        asked(agent, AsExample("f" * 32, "R-1"))
    with pytest.raises(UsageError, match="no policy of your folder has a rule HELP-01"):
        asked(agent, AsExample(trace_of(agent, "A bad word."), "HELP-01"))
    with pytest.raises(Forbidden):
        asked(agent, AsExample(trace_of(agent, "A good word."), "R-1"), frozenset({"bank"}))
