"""A house whose policies or alert rules are broken when it is started again: it starts, with what was in force, says so, and takes them up once they are mended."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from monitor.clock import FakeClock
from monitor.config.schema import Settings
from monitor.errors import ConfigError
from plumbline.agent import Agent
from plumbline.opening import open_agent
from tests.acceptance.traffic import START, records, spooled

BROKEN = "version: ["
POLICY = """apiVersion: policy/v1
policy: {{id: {name}, version: "{version}", status: active}}
scope: {{apps: [{app}]}}
rules:
  - id: {rule}
    title: Answers are short
    kind: must
    statement: Be brief.
    rationale: People read on phones.
    examples: [{{id: e1, label: complies, out: short}}]
    graders: [{{use: length, max_chars: 4000}}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "policies"
    made.mkdir()
    return made


def policy(name: str = "one", version: str = "1", app: str = "shop", rule: str = "LEN-01") -> str:
    return POLICY.format(name=name, version=version, app=app, rule=rule)


def started(folder: Path) -> Agent:
    return open_agent(Settings(policies=str(folder)), folder.parent / "data", FakeClock(START + timedelta(days=14)))


def held(agent: Agent) -> dict[str, str]:
    return {p.id: p.version for p in agent.policies if not p.unless}


def unwell(agent: Agent) -> list[str]:
    return [str(row["error"]) for row in agent.status()["unwell"]]


def test_a_house_that_is_set_up_is_told_at_once(folder: Path) -> None:
    (folder / "a.yaml").write_text(BROKEN)
    with pytest.raises(ConfigError, match=r"a\.yaml"):
        started(folder)
    assert not (folder.parent / "data").exists()


def test_the_version_of_before_holds_and_grades_until_the_file_is_mended(folder: Path) -> None:
    (folder / "a.yaml").write_text(policy())
    (folder / "b.yaml").write_text(policy("two", "7", "bank", "LEN-02"))
    started(folder).close()
    (folder / "a.yaml").write_text(BROKEN)
    agent = started(folder)
    assert held(agent) == {"one": "1", "two": "7"}
    [said] = unwell(agent)
    assert "a.yaml" in said
    assert "version 1 of before holds" in said
    agent.deliver()
    asked = "SELECT state FROM alerts WHERE rule_id LIKE '%unwell'"
    assert agent.sql(asked, 9).table["state"].to_pylist() == ["firing"]
    spooled(agent.places.spool, records(40))
    agent.settle()
    assert agent.cycle()["grade"] > 0
    assert held(agent) == {"one": "1", "two": "7"}
    (folder / "a.yaml").write_text(policy(version="2"))
    agent.cycle()
    assert held(agent) == {"one": "2", "two": "7"}
    assert unwell(agent) == []
    agent.deliver()
    assert agent.sql(asked, 9).table["state"].to_pylist() == ["resolved"]
    agent.close()
    (folder / "a.yaml").write_text(BROKEN)
    again = started(folder)
    assert held(again) == {"one": "2", "two": "7"}
    again.close()


def test_without_a_version_of_before_the_house_goes_on_without_that_file(folder: Path) -> None:
    (folder / "a.yaml").write_text(policy())
    started(folder).close()
    (folder / "b.yaml").write_text(BROKEN)
    agent = started(folder)
    assert held(agent) == {"one": "1"}
    assert "nothing holds in its place" in unwell(agent)[0]
    agent.close()


def test_of_two_that_contradict_each_other_the_one_of_before_stays(folder: Path) -> None:
    (folder / "b.yaml").write_text(policy())
    started(folder).close()
    (folder / "a.yaml").write_text(policy("other", "1", "bank", "LEN-01"))
    agent = started(folder)
    assert held(agent) == {"one": "1"}
    agent.close()


def test_a_folder_that_is_gone_is_taken_to_hold_what_it_held(folder: Path) -> None:
    (folder / "a.yaml").write_text(policy())
    started(folder).close()
    folder.rename(folder.with_name("moved"))
    agent = started(folder)
    assert held(agent) == {"one": "1"}
    assert "is not a folder of policies" in unwell(agent)[0]
    folder.with_name("moved").rename(folder)
    agent.cycle()
    assert unwell(agent) == []
    agent.close()


RULES = """version: 1
receivers: [{{kind: console, name: {receiver}}}]
rules: [{{id: silent, title: Silence, signal: no_data, when: {{op: ">", value: 200}}, severity: warning}}]
routes: [{{to: [{receiver}]}}]
"""


def ruled(folder: Path) -> Agent:
    settings = Settings(alerts=str(folder / "alerts.yaml"))
    return open_agent(settings, folder.parent / "data", FakeClock(START + timedelta(days=14)))


def test_alert_rules_of_before_hold_until_the_file_is_mended(folder: Path) -> None:
    file = folder / "alerts.yaml"
    file.write_text(BROKEN)
    with pytest.raises(ConfigError, match=r"alerts\.yaml"):
        ruled(folder)  # nothing was in force before
    file.write_text(RULES.format(receiver="before"))
    ruled(folder).close()
    file.write_text(RULES.format(receiver="broken").replace("no_data", "nothing"))
    agent = ruled(folder)
    assert list(agent.desk.post.channels) == ["before"]
    [said] = unwell(agent)
    assert "alerts.yaml:3" in said
    assert "the rules of before hold" in said
    agent.deliver()
    asked = "SELECT state FROM alerts WHERE rule_id LIKE '%unwell'"
    assert agent.sql(asked, 9).table["state"].to_pylist() == ["firing"]
    file.write_text(RULES.format(receiver="mended"))
    agent.cycle()
    assert list(agent.desk.post.channels) == ["mended"]
    assert unwell(agent) == []
    agent.deliver()
    assert agent.sql(asked, 9).table["state"].to_pylist() == ["resolved"]
    agent.close()
