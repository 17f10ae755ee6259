"""The people of one agent on a fake clock, with a stub of a provider beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.clock import FakeClock
from monitor.config.schema import DashboardSettings, OidcSettings, PeopleSettings, Settings
from plumbline.agent import Agent
from plumbline.opening import open_agent
from tests.support.oidc_stub import CLIENT, SECRET, Stub, provider

TOKEN = "t0ken"
HOME = "http://127.0.0.1:8501"


@dataclass(frozen=True)
class Office:
    """An agent whose people sign in either way."""

    agent: Agent
    clock: FakeClock
    stub: Stub

    def acts(self) -> list[tuple[str, str | None, str, str]]:
        rows = self.agent.access.record.table().to_pylist()
        return [(row["actor"], row["on_behalf_of"], row["act"], row["reason"]) for row in rows]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with provider(f"{HOME}/sign-in/callback") as stub:
        clock = FakeClock(datetime.now(UTC))
        asked = OidcSettings(issuer=stub.issuer, client_id=CLIENT, client_secret=SECRET)
        settings = Settings(
            people=PeopleSettings(passwords=True, oidc=asked), dashboard=DashboardSettings(public_url=HOME)
        )
        agent = open_agent(settings, tmp_path / "data", clock)
        yield Office(agent, clock, stub)
        agent.close()
