"""Whoever is given applications by name sees texts of those, in no list, trace, search, report or SQL of another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from monitor.drift.finding_sentences import HOW
from monitor.errors import Forbidden, UsageError
from monitor.store.pages import PAGES
from monitor.store.subjects import apps_of
from plumbline.api.call import Actor
from plumbline.api.questions import Explain, Page, Report, Sql
from plumbline.people.texts import LISTS, TEXTS, Sight
from tests.support.generated_store import GeneratedStore, generated_store

NOW = datetime(2026, 3, 1, tzinfo=UTC).replace(tzinfo=None)


@dataclass(frozen=True)
class Looking:
    """Somebody who looks at a generated store."""

    store: GeneratedStore
    actor: Actor

    @property
    def sight(self) -> Sight:
        return Sight(self.actor, lambda subject: apps_of(self.store.store, subject))

    def rows(self, name: str, **given: str) -> list[dict[str, Any]]:
        asked = Page(name, given)
        self.sight.demand(asked)
        return self.sight.veiled(asked, self.store.page(name, given)).to_pylist()


@pytest.fixture(scope="module")
def store() -> Iterator[GeneratedStore]:
    made = generated_store(60, now=NOW)
    yield made
    made.store.close()


@pytest.fixture(scope="module")
def apps(store: GeneratedStore) -> list[str]:
    return sorted({row["app"] for row in store.page("scopes", {}).to_pylist()})


@pytest.fixture
def limited(store: GeneratedStore, apps: list[str]) -> Looking:
    return Looking(store, Actor("kim", frozenset({"read"}), frozenset(apps[:1])))


def test_lists_leave_out_texts_of_others_and_keep_the_rows(limited: Looking, apps: list[str]) -> None:
    rows = limited.rows("traces", limit="60", end="2027-01-01T00:00:00Z")
    assert {row["app"] for row in rows} == set(apps)
    assert all((row["input_text"] is None) for row in rows if row["app"] != apps[0])
    assert any(row["input_text"] for row in rows if row["app"] == apps[0])


def test_a_trace_of_others_is_refused_in_every_read(limited: Looking, apps: list[str]) -> None:
    rows = limited.rows("traces", limit="60", end="2027-01-01T00:00:00Z")
    other = next(row["trace_id"] for row in rows if row["app"] != apps[0])
    own = next(row["trace_id"] for row in rows if row["app"] == apps[0])
    for name in (name for name, page in PAGES.items() if "trace_id" in page.params):
        with pytest.raises(Forbidden, match="sees texts of"):
            limited.rows(name, trace_id=other)
        limited.rows(name, trace_id=own)
    with pytest.raises(Forbidden):
        limited.sight.demand(Explain(other))
    with pytest.raises(Forbidden):
        limited.sight.demand(Sql("SELECT 1"))


def test_a_report_shows_texts_and_so_belongs_to_its_application(limited: Looking, store: GeneratedStore) -> None:
    found = store.page("findings", {"end": "2027-01-01T00:00:00Z"}).to_pylist()
    assert found
    for row in found:
        if row["app"] in (limited.actor.apps or ()):
            limited.sight.demand(Report(row["id"]))
        else:
            with pytest.raises(Forbidden):
                limited.sight.demand(Report(row["id"]))


def test_texts_of_others_cannot_be_searched(limited: Looking, apps: list[str]) -> None:
    limited.rows("traces", text="refund", app=apps[0])
    with pytest.raises(UsageError, match="choose an application"):
        limited.rows("traces", text="refund")
    with pytest.raises(Forbidden):
        limited.rows("search_reach", text="refund", app=apps[-1])


def test_of_changes_of_others_the_sentence_is_left_and_no_word_that_it_quotes(
    limited: Looking, apps: list[str]
) -> None:
    reason = f"Answers are worded otherwise{HOW}more often “anna”; e-value 9"
    rows = pa.table({"app": [apps[0], "another", "another"], "reason": [reason, reason, None]})
    for name in ("findings", "finding"):
        told = limited.sight.veiled(Page(name, {}), rows)["reason"].to_pylist()
        assert told == [reason, "Answers are worded otherwise", None]


def test_who_sees_all_is_asked_nothing(store: GeneratedStore) -> None:
    everybody = Looking(store, Actor("lee", frozenset({"read"})))
    everybody.sight.demand(Sql("SELECT 1"))
    assert any(row["input_text"] for row in everybody.rows("traces", end="2027-01-01T00:00:00Z"))


def test_every_read_that_holds_texts_is_known_here(store: GeneratedStore) -> None:
    """A new read with texts must say whose they are: by a trace, or in a list with an application."""
    for name, page in PAGES.items():
        columns = set(store.page(name, {key: "x" for key in ("id", "trace_id") if key in page.params}).column_names)
        texts = columns & (TEXTS - {"reason"} | {"input_value", "system_text", "comment", "error_message"})
        assert not texts or "trace_id" in page.params or (name in LISTS and "app" in columns), name
