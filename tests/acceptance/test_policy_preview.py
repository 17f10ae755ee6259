"""A policy is previewed on stored traffic before it counts, put in force, and taken back: real store, real folder of policies."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from monitor.clock import FakeClock
from monitor.config.schema import Settings
from monitor.errors import NotFound, PlumblineError, UsageError
from monitor.policy import Policy
from monitor.policy.load import given_policy
from monitor.policy.telling import prompt_check
from plumbline.agent import Agent
from plumbline.answers import Answers
from plumbline.api.call import Actor, Call, silent
from plumbline.api.policy_questions import (
    ActivatePolicy,
    Policies,
    PreviewPolicy,
    PromptCheck,
    RollBackPolicy,
    Versions,
)
from plumbline.opening import open_agent
from plumbline.people.register import ROLES
from plumbline.policies import previewing
from tests.acceptance.traffic import GOOD as FINE
from tests.acceptance.traffic import START, spooled
from tests.cli.plumbline import plumbline
from tests.policy.support import GOOD

END = START + timedelta(days=14)
LAX, STRICT = GOOD, GOOD.replace("phrases: [bad word]", "phrases: [bad word, parcel]").replace("1.0.0", "1.1.0")
OWNER = Call(Actor("olga", ROLES["policy owner"]), silent)


def answers(count: int) -> Iterator[dict[str, Any]]:
    outputs = (FINE, "A bad word.", "A good word.")
    for number in range(count):
        time = END - timedelta(days=6) * (number + 1) / count
        yield {
            "id": f"r{number}",
            "time": time.isoformat(),
            "app": "shop",
            "input": f"{number}?",
            "output": outputs[number % 3],
        }


def opened(folder: Path) -> Agent:
    return open_agent(Settings(policies=str(folder / "policies")), folder / "data", FakeClock(END))


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an agent at rest that has graded ninety answers by the lax policy."""
    folder = tmp_path_factory.mktemp("lived")
    (folder / "policies").mkdir()
    (folder / "policies" / "shop.yaml").write_text(LAX, encoding="utf-8")
    found = opened(folder)
    spooled(folder / "data" / "spool", answers(90))
    found.settle()
    found.cycle()
    found.close()
    return folder


@pytest.fixture
def agent(lived: Path, tmp_path: Path) -> Iterator[Agent]:
    shutil.copytree(lived, tmp_path, dirs_exist_ok=True)
    found = opened(tmp_path)
    yield found
    found.close()


def asked(agent: Agent, question: Any, call: Call = OWNER) -> Any:
    return Answers(agent).answer(question, call)


def flagged(agent: Agent, policy_version: str) -> set[str]:
    rows = agent.sql(
        f"SELECT unit_id FROM grades WHERE rule_id = 'R-1' AND verdict = 'violates' AND policy_version = '{policy_version}'",
        1000,
    )
    return {row["unit_id"] for row in rows.table.to_pylist()}


def test_a_preview_says_what_would_change_and_stores_nothing(agent: Agent) -> None:
    before = agent.sql("SELECT count(*) AS n FROM grades", 1).table
    found = asked(agent, PreviewPolicy("new.yaml", STRICT))
    rule = found["rules"][0]
    assert (rule["rule_id"], rule["app"], rule["n_before"], rule["n_after"]) == ("R-1", "shop", 90, 90)
    assert (rule["rate_before"], rule["rate_after"]) == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert (len(rule["newly_flagged"]), rule["no_longer_flagged"]) == (30, [])
    assert rule["interval_after"][0] < 2 / 3 < rule["interval_after"][1]
    assert rule["level_after"] == "incident"
    assert agent.sql("SELECT count(*) AS n FROM grades", 1).table == before


def test_a_draw_is_the_same_each_time_and_smaller(agent: Agent) -> None:
    first, second = (asked(agent, PreviewPolicy("new.yaml", STRICT, most=30)) for _ in range(2))
    assert first == second
    assert (first["turns"], first["of"]) == (30, 90)
    assert 0.4 < first["rules"][0]["rate_after"] < 0.9


def test_a_draw_on_a_slow_machine_is_smaller_and_the_begin_of_the_same_draw(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(previewing, "FIRST", 10)
    clock = agent.clock
    assert isinstance(clock, FakeClock)

    def slow(_: float, __: str) -> None:
        clock.elapsed += 3.0

    whole = asked(agent, PreviewPolicy("new.yaml", STRICT, most=30))
    part = Answers(agent).answer(PreviewPolicy("new.yaml", STRICT, most=30), Call(OWNER.actor, slow))
    assert (whole["turns"], part["turns"], part["of"]) == (30, 10, whole["of"])
    flagged = [{unit for rule in found["rules"] for unit in rule["newly_flagged"]} for found in (part, whole)]
    assert flagged[0] <= flagged[1]


def test_only_the_time_asked_for_is_graded(agent: Agent) -> None:
    assert 10 < asked(agent, PreviewPolicy("new.yaml", STRICT, last="1d"))["of"] < 20


def test_verdicts_are_those_that_come_once_it_is_active(agent: Agent, tmp_path: Path) -> None:
    promised = asked(agent, PreviewPolicy("new.yaml", STRICT.replace("status: active", "status: draft")))["rules"][0]
    asked(agent, ActivatePolicy("new.yaml", STRICT.replace("status: active", "status: draft")))
    again = open_agent(Settings(policies=agent.settings.policies), tmp_path / "again", FakeClock(END))
    spooled(tmp_path / "again" / "spool", answers(90))
    again.settle()
    again.cycle()
    assert flagged(again, "1.1.0") == flagged(agent, "1.0.0") | set(promised["newly_flagged"])
    again.close()


def test_a_policy_for_another_app_is_seen_beside_the_starter_policy(agent: Agent) -> None:
    found = asked(
        agent,
        PreviewPolicy("bank.yaml", LAX.replace("id: shop", "id: bank").replace("[shop]", "[bank]").replace("R-", "B-")),
    )
    assert found["rules"] == []


def test_what_is_put_in_force_grades_and_can_be_taken_back(agent: Agent) -> None:
    told = asked(agent, ActivatePolicy("new.yaml", STRICT, "shadow"))
    file = Path(told["file"])
    assert (told["version"], told["status"]) == ("1.1.0", "shadow")
    assert file.read_text(encoding="utf-8") == STRICT.replace("status: active", "status: shadow")
    assert [policy.version for policy in agent.policies if policy.id == "shop"] == ["1.1.0"]
    asked(agent, RollBackPolicy("shop"))
    assert file.read_text(encoding="utf-8") == LAX
    assert [policy.version for policy in agent.policies if policy.id == "shop"] == ["1.0.0"]
    acts = [(one["act"], one["version"], one["actor"]) for one in asked(agent, Versions("shop"))]
    assert acts == [("rolled back", "1.0.0", "olga"), ("activated", "1.1.0", "olga"), ("found", "1.0.0", "the folder")]
    record = agent.sql("SELECT act, object FROM audit", 100).table.to_pylist()
    assert {"act": "activatepolicy", "object": "new.yaml as shadow"} in record
    assert {"act": "rollbackpolicy", "object": "shop"} in record


def test_who_may_not_is_refused(agent: Agent) -> None:
    with pytest.raises(PlumblineError, match="govern"):
        asked(agent, ActivatePolicy("new.yaml", STRICT), Call(Actor("otto", ROLES["operator"]), silent))


def test_an_approver_is_needed_where_the_file_names_one(agent: Agent) -> None:
    named = STRICT.replace("  status: active", "  status: active\n  approvers: [legal, olga]")
    for approved_by, problem in (
        ("", "nobody is said to have"),
        ("otto", "otto is none of them"),
        ("olga", "cannot approve"),
    ):
        with pytest.raises(UsageError, match=problem):
            asked(agent, ActivatePolicy("new.yaml", named, "active", approved_by))
    assert asked(agent, ActivatePolicy("new.yaml", named, "active", "legal"))["status"] == "active"


def test_what_cannot_hold_changes_nothing(agent: Agent) -> None:
    for broken in ("rules: 7\n", STRICT.replace("out: good word", "out: one parcel")):
        with pytest.raises(PlumblineError, match=r"new\.yaml"):
            asked(agent, ActivatePolicy("new.yaml", broken))
    with pytest.raises(UsageError, match="nothing to go back to"):
        asked(agent, RollBackPolicy("shop"))
    with pytest.raises(NotFound):
        asked(agent, Versions("nobody"))
    assert len(asked(agent, Versions("shop"))) == 1


def test_a_status_is_written_where_none_stood(agent: Agent) -> None:
    without = STRICT.replace("  status: active\n", "")
    file = Path(asked(agent, ActivatePolicy("new.yaml", without))["file"])
    assert "policy:\n  status: active\n  id: shop" in file.read_text(encoding="utf-8")
    flow = without.replace("policy:\n  id: shop\n  version: 1.1.0\n", "policy: {id: shop, version: 1.1.0}\n")
    file = Path(asked(agent, ActivatePolicy("new.yaml", flow))["file"])
    assert "policy: {status: active, id: shop, version: 1.1.0}" in file.read_text(encoding="utf-8")


def test_the_command_line_previews_activates_and_takes_back(agent: Agent, tmp_path: Path) -> None:
    agent.close()
    (tmp_path / "plumbline.yaml").write_text("policies: policies\ndata_dir: data\n", encoding="utf-8")
    (tmp_path / "new.yaml").write_text(STRICT, encoding="utf-8")
    shown = plumbline("policy", "preview", "new.yaml", "--last", "400d", "--format", "json", cwd=tmp_path)
    rules = json.loads(shown.out)
    assert len(rules[0]["newly_flagged"]) == 30
    assert "newly flagged" in plumbline("policy", "preview", "new.yaml", "--last", "400d", cwd=tmp_path).out
    assert "shop 1.1.0 is active now" in plumbline("policy", "activate", "new.yaml", cwd=tmp_path).out
    assert "shop 1.0.0 is active now" in plumbline("policy", "rollback", "shop", cwd=tmp_path).out
    listed = json.loads(plumbline("policy", "versions", "shop", "--format", "json", cwd=tmp_path).out)
    assert [one["act"] for one in listed] == ["rolled back", "activated", "found"]
    (tmp_path / "new.yaml").write_text("rules: 7\n", encoding="utf-8")
    broken = plumbline("policy", "preview", "new.yaml", cwd=tmp_path)
    assert (broken.code, broken.error.count("\n")) == (2, 1)


def test_applications_whose_prompt_lacks_the_policy_are_named_with_since_when() -> None:
    [policy] = load_policies_of(GOOD)
    whole, part = "Say no bad word. BE BRIEF.", "Say no bad word."
    day = [datetime(2026, 9, n) for n in range(1, 5)]  # noqa: DTZ001 - naive UTC, as stored
    columns = ("app", "system_text", "first", "last", "n")
    rows = [("shop", part, day[2], day[3], 5), ("shop", whole, day[0], day[1], 9), ("bank", part, day[0], day[3], 1)]
    prompts = pl.DataFrame([dict(zip(columns, row, strict=True)) for row in rows])
    [found] = prompt_check([policy], prompts)
    assert (found["app"], found["missing"], found["since"]) == ("shop", ["R-2"], day[2])
    [sound] = prompt_check([policy], prompts.filter(pl.col("system_text") == whole))
    assert (sound["missing"], sound["since"]) == ([], None)


def load_policies_of(text: str) -> list[Policy]:
    return [given_policy("shop.yaml", text)[1]]


def test_the_policies_in_force_are_told_with_their_examples(agent: Agent) -> None:
    shop, starter = asked(agent, Policies())
    assert [rule["title"] for rule in shop["rules"]] == ["One", "Two"]
    assert {example["outcome"] for rule in shop["rules"] for example in rule["examples"]} == {"passed"}
    assert (shop["elsewhere"], starter["elsewhere"]) == (False, True)
    assert asked(agent, PromptCheck()) == []
