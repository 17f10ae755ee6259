"""A finding outlives its examples, and a turn its texts: every page still draws, and says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from monitor.store.removal.age_limits import Limits
from monitor.store.removal.retain import begin, end, remove_aged
from tests.dashboards.conftest import Served, utc_now
from tests.dashboards.one_view import VIEWS, run, texts
from tests.support.fake_api import TOKEN, FakeAgent, serving
from tests.support.generated_store import GeneratedStore, generated_store

FINDING = {"finding": "f1refusal0000001"}
Aged = Callable[[Limits], Served]


@pytest.fixture
def aged(tmp_path: Path) -> Iterator[Aged]:
    with ExitStack() as stack:

        def served(limits: Limits) -> Served:
            store = generated_store(300, now=utc_now())
            forget(store, limits)
            stack.callback(store.store.close)
            (tmp_path / "token").write_text(TOKEN)
            agent = FakeAgent(store, tmp_path)
            return Served(agent, stack.enter_context(serving(agent)), tmp_path / "token")

        yield served


def forget(store: GeneratedStore, limits: Limits) -> None:
    now = store.now.replace(tzinfo=UTC)
    began = begin(store.store, limits, now)
    assert remove_aged(store.store, began)
    end(store.store, began, now)


def test_every_page_draws_when_all_rows_are_gone(aged: Aged) -> None:
    now = utc_now() + timedelta(minutes=1)
    served = aged(Limits(now, now))
    for view in VIEWS:
        assert not run(view, served.url, served.token).exception
    page = run("drift", served.url, served.token, FINDING)
    assert not page.exception
    said = texts(page)
    assert "is broken more often: 12.1 % instead of 1.7 %" in page.title[0].value.replace("\\", "")
    assert "The examples are no longer kept" in said
    assert "The values behind this finding are no longer stored." in said
    page = run("traces", served.url, served.token, {"trace": f"{299:032x}"})
    assert not page.exception
    assert "is no longer kept" in texts(page)


def test_a_trace_without_its_texts_says_that_they_are_too_old(aged: Aged) -> None:
    served = aged(Limits(content=utc_now() + timedelta(minutes=1)))
    page = run("traces", served.url, served.token, {"trace": f"{290:032x}"})
    assert not page.exception
    assert "Texts as old as this are no longer kept." in texts(page)
    assert "CAPTURE_MESSAGE_CONTENT" not in texts(page)
    for view in VIEWS:
        assert not run(view, served.url, served.token).exception
