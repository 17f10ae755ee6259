"""Incidents: opened from an alert with its evidence on hold, followed, closed with what was learnt, and handed on as a bundle."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import acts
from alerts.incidents.book import Book, Opening
from alerts.incidents.export import MANIFEST, bundle, markdown
from alerts.incidents.playbooks import FOLDER, OURS, playbook_for, text_of
from alerts.incidents.severity import Weighed, weigh
from alerts.outbox import known_alerts
from monitor.errors import NotFound, UsageError
from monitor.model.values import Severity
from monitor.state import holds
from tests.alerts.builders import BAD, GOOD, Day, Recorder
from tests.alerts.test_pipeline import a_piped_day
from tests.alerts.test_sentence import a_known_rate


def a_broken_day() -> tuple[Day, Book]:
    day = a_piped_day(Recorder("pager"))
    day.tick(a_known_rate(BAD))
    return day, day.desk.incidents(lambda trace: frozenset([trace]))


def opened(day: Day, book: Book, asked: Opening | None = None) -> int:
    with day.desk.state.transaction() as txn:
        [alert] = known_alerts(txn)
        return int(book.open(txn, alert, asked or Opening(), "mira", day.clock.now())["number"])


def test_an_incident_tells_its_story_from_the_alert_to_what_was_learnt() -> None:
    day, book = a_broken_day()
    number = opened(day, book)
    [alert] = day.desk.listed()
    day.act(alert["fingerprint"], acts.acknowledge, "mira")
    day.clock.advance(timedelta(minutes=5))
    with day.desk.state.transaction() as txn:
        book.note(txn, number, "task", "roll back the prompt", "mira", day.clock.now())
    day.tick(a_known_rate(GOOD), minutes=30)
    with day.desk.state.transaction() as txn:
        book.close(txn, number, "the prompt lost its last paragraph", "mira", day.clock.now())
        shown = book.shown(txn, number)
    said = [step["what"] for step in shown["timeline"]]
    assert [words for words in said if words.startswith("the alert fired")]
    assert "pager was told (firing)" in said
    assert "closed, having learnt: the prompt lost its last paragraph" in said
    assert [step["at"] for step in shown["timeline"]] == sorted(step["at"] for step in shown["timeline"])
    assert (shown["status"], shown["n_users"], shown["n_turns"]) == ("closed", 84, 93)
    assert shown["owner"] == "ana@shop"
    assert shown["playbook"] == "https://wiki.test/refunds"


def test_evidence_is_on_hold_from_the_start() -> None:
    day, book = a_broken_day()
    opened(day, book)
    with day.desk.state.transaction() as txn:
        standing = holds.standing(txn)
    assert {next(iter(hold.forms))[0] for hold in standing} == {"a", "b", "c", "d"}
    assert all(hold.reason == "evidence of incident 1" for hold in standing)


def test_a_second_incident_about_the_same_alert_joins_the_first() -> None:
    day, book = a_broken_day()
    assert opened(day, book) == opened(day, book) == 1
    assert len(day.desk.tables()["incidents"]) == 1
    assert day.desk.tables()["incident_events"]["kind"].to_pylist() == ["opened", "hold"]


def test_what_is_closed_stays_closed_and_what_is_not_there_is_said() -> None:
    day, book = a_broken_day()
    number = opened(day, book)
    with day.desk.state.transaction() as txn:
        with pytest.raises(UsageError, match="what was learnt"):
            book.close(txn, number, " ", "mira", day.clock.now())
        book.close(txn, number, "nothing", "mira", day.clock.now())
        with pytest.raises(UsageError, match="incident 1 is closed"):
            book.note(txn, number, "note", "x", "mira", day.clock.now())
        with pytest.raises(NotFound):
            book.shown(txn, 7)


def test_a_bundle_is_json_and_markdown_with_hashes_that_check() -> None:
    day, book = a_broken_day()
    number = opened(day, book)
    with day.desk.state.transaction() as txn:
        files = bundle(book.shown(txn, number))
    lines = (line.split("  ") for line in files[MANIFEST].decode().splitlines())
    sums = {name: digest for digest, name in lines}
    assert sums == {name: hashlib.sha256(files[name]).hexdigest() for name in files if name != MANIFEST}
    assert json.loads(files["incident-1.json"])["number"] == 1
    assert "30 % of answers of shop break" in files["incident-1.md"].decode()


@pytest.fixture(scope="module")
def shown() -> dict[str, Any]:
    day, book = a_broken_day()
    number = opened(day, book)
    with day.desk.state.transaction() as txn:
        return book.shown(txn, number)


@given(st.text(max_size=200))
def test_no_text_becomes_markup_of_the_document(shown: dict[str, Any], text: str) -> None:
    title, after, *_ = markdown({**shown, "title": f"<img src=x> [a](http://evil) {text}"}).splitlines()
    assert "<" not in title.replace("\\<", "")
    assert "](" not in title.replace("\\]", "")
    assert after == ""


def test_there_are_five_playbooks_each_with_the_same_five_parts() -> None:
    assert len(OURS) == 5
    for name in OURS:
        assert [f"**{part}.**" in text_of(name) for part in ("Detect", "Contain", "Evidence", "Recover", "Tell")] == [
            True
        ] * 5
        assert (FOLDER / f"{name}.md").exists()
    assert text_of("../../../etc/passwd") == ""


@pytest.mark.parametrize(
    ("category", "playbook"),
    [
        ("privacy.leak", "leak"),
        ("security.prompt_injection", "agent"),
        ("cost.runaway", "cost"),
        ("quality.hallucination", "hallucination"),
        ("quality.policy", "violation"),
    ],
)
def test_a_category_has_its_playbook(category: str, playbook: str) -> None:
    assert playbook_for(category) == playbook


def test_severity_is_harm_times_reach_times_reversibility() -> None:
    assert weigh(Severity.CRITICAL, 84, "leak") == Weighed(3, 3, 3)
    assert weigh(Severity.WARNING, None, "violation").severity is Severity.INFO
    assert Weighed(2, 2, 2).severity is Severity.ERROR
