"""A week of traffic that was graded, with people who may look at it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.clock import FakeClock
from monitor.config.schema import EstimateSettings, Settings
from plumbline.agent import Agent
from plumbline.answers import Answers
from plumbline.api.call import EVERYTHING, Actor, Call
from plumbline.api.question import Question
from plumbline.opening import open_agent
from plumbline.people.register import scopes_of
from tests.acceptance.traffic import START, records, spooled

RULE = "HELP-01"
END = START + timedelta(days=14)
N = 400
"""Answers of the last week."""


SETTINGS = Settings(estimates=EstimateSettings(window="40d"))


def live(folder: Path) -> Path:
    """Live two weeks of traffic through in a data directory at `folder`, and have it graded."""
    found = open_agent(SETTINGS, folder, FakeClock(END))
    spooled(folder / "spool", records(2 * N, swap=None))
    found.settle()
    found.cycle()
    found.close()
    return folder


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory that was lived through once, and is copied for each test."""
    return live(tmp_path_factory.mktemp("lived") / "data")


@pytest.fixture
def agent(lived: Path, tmp_path: Path) -> Iterator[Agent]:
    found = open_agent(SETTINGS, shutil.copytree(lived, tmp_path / "data"), FakeClock(END))
    yield found
    found.close()


def ask(agent: Agent, question: Question[Any], person: str = "owner", key: str = "", **who: Any) -> Any:
    """The answer to `question` as `person` gets it."""
    question.check()
    scopes = EVERYTHING if person == "owner" else scopes_of("reviewer")
    return Answers(agent).answer(question, Call(Actor(person, scopes, **who), key=key))


def more(agent: Agent, n: int) -> None:
    """Send `n` answers of the last day, later than all others, and let the cycle have them."""
    late = [
        {**record, "id": f"late{number}", "time": (END - timedelta(days=1)).isoformat()}
        for number, record in enumerate(records(n, swap=None))
    ]
    spooled(agent.places.spool, iter(late))
    agent.settle()
    agent.cycle()


def rows(agent: Agent, sql: str) -> list[dict[str, Any]]:
    return agent.sql(sql, 100_000).table.to_pylist()
