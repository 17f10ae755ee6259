"""One stream, rule, experiment, alert rule, receiver or file is poisoned: the others go on, it is named, and once healed nothing lacks."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import alerts.desk
import monitor.drift.decide
import monitor.experiments.compare
from alerts.message import Message
from dashboards.troubles import sentences
from monitor.clock import FakeClock
from monitor.config.schema import Settings
from monitor.graders import cascade
from plumbline.agent import Agent
from plumbline.answers import Answers
from plumbline.api.questions import Status
from plumbline.cli.examine import examine_agent
from plumbline.cli.session import AtRest
from plumbline.cli.settings import Given, resolve
from plumbline.opening import open_agent
from tests.acceptance.traffic import START, records, spooled

END = START + timedelta(days=14)
STARTER = Path(__file__).parents[2] / "monitor" / "policy" / "starter"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    folder = tmp_path / "policies"
    folder.mkdir()
    for path in STARTER.glob("*.yaml"):
        (folder / path.name).write_text(path.read_text())
    return Settings(policies=str(folder))


def started(folder: Path, settings: Settings) -> Agent:
    agent = open_agent(settings, folder, FakeClock(END))
    spooled(folder / "spool", records(800))
    agent.settle()
    return agent


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a house at rest that has taken in its traffic and decided nothing yet."""
    agent = started(tmp_path_factory.mktemp("settled") / "data", Settings())
    agent.close()
    return agent.places.root


@pytest.fixture
def agent(settled: Path, tmp_path: Path, settings: Settings) -> Iterator[Agent]:
    shutil.copytree(settled, tmp_path / "data")
    found = open_agent(settings, tmp_path / "data", FakeClock(END))
    yield found
    found.close()


def raising(real: Callable[..., Any], where: Callable[..., bool]) -> Callable[..., Any]:
    """`real`, but a bug wherever `where` says so."""

    def poisoned(*given: Any, **named: Any) -> Any:
        if where(*given):
            raise ZeroDivisionError("poisoned")
        return real(*given, **named)

    return poisoned


@dataclass
class Broken:
    """A channel with a bug."""

    name: str

    def send(self, message: Message, *, key: str) -> None:
        raise ZeroDivisionError(f"poisoned: {key} {message.title}")


@contextmanager
def receiver(agent: Agent, _: pytest.MonkeyPatch) -> Iterator[None]:
    sound = agent.desk
    agent.desk = replace(sound, post=replace(sound.post, channels={"console": Broken("console")}))
    yield
    agent.desk = sound


@contextmanager
def policy_file(agent: Agent, _: pytest.MonkeyPatch) -> Iterator[None]:
    path = min(Path(agent.settings.policies or "").iterdir())
    sound = path.read_text()
    path.write_text("version: [")
    yield
    path.write_text(sound)


def patched(module: Any, name: str, where: Callable[..., bool]) -> Callable[..., Any]:
    @contextmanager
    def poisoned(_: Agent, patch: pytest.MonkeyPatch) -> Iterator[None]:
        with patch.context() as within:
            within.setattr(module, name, raising(getattr(module, name), where))
            yield

    return poisoned


@contextmanager
def stream(_: Agent, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """However it is stepped: streams that cannot be stepped together are stepped one by one."""
    with patch.context() as within:
        track = monitor.drift.decide.track  # type: ignore[attr-defined]  # where it is used
        within.setattr(monitor.drift.decide, "step_together", lambda fed, _: [False] * len(fed))
        within.setattr(monitor.drift.decide, "track", raising(track, lambda metric, *_: metric == "rule:HELP-01"))
        yield


CASES = {
    "drift of rule:HELP-01 in shop, all": stream,
    "rule HELP-01": patched(cascade._Bench, "grade", lambda bench, *_: bench.rule.id == "HELP-01"),
    "experiment tone": patched(monitor.experiments.compare, "_read", lambda *_: True),
    "alert rule violation-rate": patched(alerts.desk, "look", lambda rules, *_: rules[0].id == "violation-rate"),
    "receiver console": receiver,
    "policy files": policy_file,
}


def named(agent: Agent) -> tuple[set[str], str, set[str]]:
    """What doctor, the banner of every page and our own alert name as not well."""
    session = AtRest(Answers(agent))
    resolved = resolve(Given(data_dir=agent.places.root), agent.places.root)
    failing = {e.name for e in examine_agent(session, resolved) if e.state == "fail"}
    banner = " ".join(sentences(session.ask(Status())["unwell"])).replace("\\", "")
    asked = "SELECT state, reason FROM alerts WHERE rule_id LIKE '%unwell'"
    rows = agent.sql(asked, 50).table.to_pylist()
    return failing, banner, {str(row["reason"]) for row in rows if row["state"] == "firing"}


DECIDED = {
    "grades": "SELECT unit_id, rule_id, verdict FROM grades ORDER BY ALL",
    "estimates": "SELECT * EXCLUDE (method) FROM estimates ORDER BY ALL",
    "findings": "SELECT metric, segment, since FROM findings ORDER BY ALL",
    "comparisons": "SELECT experiment, metric, arm, effect, decision FROM comparisons ORDER BY ALL",
}


def decided(agent: Agent, what: str) -> list[dict[str, Any]]:
    return agent.sql(DECIDED[what], 50_000).table.to_pylist()


@pytest.fixture(scope="module")
def sound(settled: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """What a house decides in which nothing is poisoned."""
    folder = shutil.copytree(settled, tmp_path_factory.mktemp("sound") / "data")
    agent = open_agent(Settings(), folder, FakeClock(END))
    agent.cycle()
    found = {what: decided(agent, what) for what in DECIDED}
    agent.close()
    return found


@pytest.mark.parametrize("part", CASES)
def test_what_is_poisoned_is_named_and_nothing_lacks_once_it_is_healed(
    part: str,
    agent: Agent,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    sound: dict[str, list[dict[str, Any]]],
) -> None:
    assert isinstance(agent.clock, FakeClock)
    with CASES[part](agent, monkeypatch):
        for _ in range(2):
            agent.cycle()
            for _ in range(4):
                agent.clock.move_to(agent.clock.now() + timedelta(seconds=10))
                agent.deliver()
        assert agent.status()["ready"] is False
        doctor, banner, told = named(agent)
        assert part in doctor
        assert f"{part} has failed" in banner
        assert any(part in reason for reason in told)
        others = {"drift": "findings", "rule": "grades", "experiment": "comparisons"}
        for what in DECIDED:
            if others.get(part.split(maxsplit=1)[0]) != what and not part.startswith("rule"):
                assert decided(agent, what) == sound[what], what
        if part.startswith("drift"):
            assert {row["metric"] for row in decided(agent, "findings")} == {
                row["metric"] for row in sound["findings"] if row["metric"] != "rule:HELP-01"
            }
    agent.clock.move_to(agent.clock.now() + timedelta(minutes=10))
    agent.cycle()
    agent.clock.move_to(agent.clock.now() + timedelta(minutes=10))
    agent.deliver()
    agent.deliver()
    assert agent.status()["ready"] is True
    doctor, banner, told = named(agent)
    assert (part in doctor, part in banner, told) == (False, False, set())
    assert f"{part} works again" in caplog.text
    for what in DECIDED:
        assert decided(agent, what) == sound[what], what
    states = agent.sql("SELECT DISTINCT state FROM alerts WHERE rule_id LIKE '%unwell'", 50).table.to_pylist()
    assert states == [{"state": "resolved"}]
    assert agent.store.frame("SELECT * FROM base.behind").is_empty()


def test_what_a_rule_catches_up_on_stays_within_the_scope_of_its_policy(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = min(Path(settings.policies or "").iterdir())
    path.write_text(path.read_text().replace("precedence:", "scope: {channels: [web]}\nprecedence:", 1))
    agent = open_agent(settings, tmp_path / "data", clock := FakeClock(END))
    said = (row | {"channel": ("web", "phone")[number % 2]} for number, row in enumerate(records(60)))
    spooled(tmp_path / "data" / "spool", said)
    agent.settle()
    with CASES["rule HELP-01"](agent, monkeypatch):
        agent.cycle()
    clock.move_to(clock.now() + timedelta(minutes=10))
    agent.cycle()
    asked = "SELECT DISTINCT t.channel FROM grades g JOIN turns t ON t.trace_id = g.unit_id WHERE g.rule_id = 'HELP-01'"
    assert agent.sql(asked, 10).table["channel"].to_pylist() == ["web"]
    agent.close()


def test_a_stream_of_other_graders_starts_anew(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    """A grader that is raised in version and says the opposite is no change of the traffic."""
    agent.cycle()
    before = len(decided(agent, "findings"))
    from_now = [row | {"id": f"n{row['id']}"} for row in records(800, swap=None, seed=8)]
    monkeypatch.setattr(cascade, "version_of", lambda grader: f"another {grader}")
    spooled(agent.places.spool, iter(from_now))
    agent.settle()
    agent.cycle()
    later = [row for row in decided(agent, "findings") if row["metric"].startswith("rule:")]
    assert len(later) <= before
