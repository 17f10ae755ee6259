"""One generated store and its api for all tests of this room."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from tests.dashboards.running import N_TURNS, browser
from tests.support.fake_api import TOKEN, FakeAgent, serving
from tests.support.generated_store import GeneratedStore, empty_store, generated_store


@dataclass(frozen=True)
class Served:
    """A fake agent that answers at `url`, and the file with its token."""

    agent: FakeAgent
    url: str
    token: Path


def utc_now() -> datetime:
    """The dashboard looks back from the real now, so the traffic ends there."""
    return datetime.now(UTC).replace(tzinfo=None)


def _serve(store: GeneratedStore, folder: Path) -> Iterator[Served]:
    token = folder / "token"
    token.write_text(TOKEN)
    agent = FakeAgent(store, folder)
    with serving(agent) as url:
        yield Served(agent, url, token)
    store.store.close()


@pytest.fixture(scope="module")
def chrome() -> Iterator[Chrome]:
    with browser() as driver:
        yield driver


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    yield from _serve(generated_store(N_TURNS, now=utc_now()), tmp_path_factory.mktemp("full"))


@pytest.fixture
def served(full: Served) -> Iterator[Served]:
    """The full one, for tests that act: what was asked of it before is forgotten, and what it allows is as before afterwards."""
    before = (full.agent.scopes, full.agent.refusal)
    full.agent.asked.clear()
    yield full
    full.agent.scopes, full.agent.refusal = before


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    yield from _serve(generated_store(200, now=utc_now(), hostile=True), tmp_path_factory.mktemp("hostile"))


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Served]:
    yield from _serve(empty_store(now=utc_now()), tmp_path)
