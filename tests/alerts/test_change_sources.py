"""By every door a change comes in, it leaves for the pager once: a deploy script, a person, the application itself, a finding's cause."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from collectors.process import make_intake
from monitor.clock import FakeClock
from monitor.config.schema import Settings
from monitor.store import outcomes
from plumbline.agent import Agent
from plumbline.answers import Answers
from plumbline.api.call import Call, token_owner
from plumbline.api.change_questions import AddChange
from plumbline.demo.stubs.kit import Stub, a_stub
from plumbline.opening import open_agent
from tests.drift.test_served import FINDING

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
RULES = """
version: 1
receivers:
- {{kind: pagerduty, name: pager, routing_key: {key}, url: "{url}", allow_http: true, allow_private: true, changes: [shop]}}
rules: []
routes: [{{to: [pager]}}]
"""


@dataclass
class House:
    """An agent and its collector on one data directory, with a pager that asks for the changes of shop."""

    agent: Agent
    clock: FakeClock
    folder: Path
    stub: Stub

    def arrives(self, signal: str, body: object) -> None:
        intake = make_intake(Settings().collector, self.folder, clock=self.clock)
        intake.submit(signal, "json", json.dumps(body).encode()).result()  # type: ignore[arg-type]  # one of the signals
        intake.close()

    def shown(self) -> list[str]:
        """Live through two cycles; what the pager shows then."""
        for _ in range(2):
            self.clock.advance(timedelta(minutes=1))
            self.agent.settle()
            self.agent.cycle()
            self.agent.deliver()
        assert self.stub.model.refusals == []
        assert self.stub.model.pages == {}
        return [change["payload"]["summary"] for change in self.stub.model.changes]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    clock, rules = FakeClock(NOON), tmp_path / "alerts.yaml"
    with a_stub(None) as stub:
        rules.write_text(RULES.format(key="k" * 32, url=stub.url("/v2/enqueue")))
        agent = open_agent(Settings(alerts=str(rules)), tmp_path / "data", clock)
        yield House(agent, clock, tmp_path / "data", stub)
        agent.close()


def test_a_deploy_script(house: House) -> None:
    told = {"kind": "release", "app": "shop", "what": "v12 is out", "source": "deploy.sh"}
    house.arrives("changes", [told, told | {"app": "help"}])
    assert house.shown() == ["shop: v12 is out (release)"]


def test_a_person(house: House) -> None:
    Answers(house.agent).answer(AddChange("data", "the index is rebuilt"), Call(token_owner()))
    assert house.shown() == ["every application: the index is rebuilt (data)"]


def test_the_application_itself(house: House) -> None:
    said = {"plumbline.change.kind": "prompt", "plumbline.change.what": "refunds 7 is live"}
    record = {
        "eventName": "plumbline.change",
        "timeUnixNano": str(int(NOON.timestamp() * 1e9)),
        "attributes": [{"key": key, "value": {"stringValue": text}} for key, text in said.items()],
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    house.arrives("logs", {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [record]}]}]})
    assert house.shown() == ["shop: refunds 7 is live (prompt)"]


@pytest.mark.parametrize("told", [True, False])
def test_the_cause_of_findings_unless_somebody_told_it(house: House, told: bool) -> None:
    found = replace(
        FINDING, cause="model changed from a to b on 2026-11-20", detected_at=NOON, since=NOON - timedelta(hours=1)
    )
    if told:
        house.arrives("changes", {"kind": "model", "app": "shop", "what": "b is live", "time": "2026-11-20T10:30:00Z"})
    with house.agent.store.transaction() as txn:
        outcomes.add_findings(txn, [found, replace(found, id="f2", metric="error")])
    own = "shop: b is live (model)" if told else "shop: model changed from a to b on 2026-11-20 (model)"
    assert house.shown() == [own]


def test_what_is_older_than_three_days_is_no_news(house: House) -> None:
    house.arrives("changes", {"kind": "release", "app": "shop", "what": "v1", "time": "2026-11-17T11:00:00Z"})
    assert house.shown() == []
