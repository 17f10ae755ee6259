"""What was changed stands beside the pages of receivers that ask for it: once each, through kills and outages, and nobody is paged."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event

from alerts.change_events import note_of
from alerts.channels.pagerduty import PagerDuty, PagerDutyReceiver, change_event
from alerts.checks import load_rules
from alerts.deliver import GIVE_UP
from monitor.errors import ConfigError
from monitor.model.values import ChangeEvent
from monitor.outgoing import Guard
from monitor.state import ControlState
from plumbline.demo.stubs.kit import Stub, a_stub
from plumbline.demo.stubs.pagerduty import change_problem
from tests.alerts.builders import BAD, MORNING, Day, Recorder, a_book, a_day, a_rate

KEY = "0123456789abcdef0123456789abcdef"
LOOPBACK = Guard(allow_http=True, allow_private=True)


@pytest.fixture
def stub() -> Iterator[Stub]:
    with a_stub(None) as running:
        yield running


def a_change(what: str = "v12 is out", app: str | None = "support", key: str = "c1", **changes: Any) -> ChangeEvent:
    return replace(ChangeEvent(key, MORNING, "release", app, what, "deploy.sh"), **changes)


def a_shown_day(stub: Stub, changes: tuple[str, ...] = ("*",), state: ControlState | None = None) -> Day:
    """A day with a pager that shows changes, and a receiver that does not."""
    day = a_day(a_book(to=["pager", "log"]), Recorder("log"), state=state)
    pager = PagerDuty("pager", KEY, stub.url("/v2/enqueue"), day.clock, guard=LOOPBACK, changes=changes)
    day.desk.post.channels["pager"] = pager  # type: ignore[index]  # a dict behind a Mapping
    return day


def tell(day: Day, *events: ChangeEvent, after: timedelta = timedelta(0)) -> None:
    day.clock.advance(after)
    day.desk.tell_changes(lambda _: events)
    day.desk.deliver_due()


def summaries(stub: Stub) -> list[str]:
    return [change["payload"]["summary"] for change in stub.model.changes]


def test_at_nine_v12_goes_out_and_the_pager_shows_it_once_and_pages_nobody(stub: Stub) -> None:
    day = a_shown_day(stub)
    for _ in range(3):
        tell(day, a_change(), after=timedelta(minutes=1))
    [shown] = stub.model.changes
    assert shown["payload"]["summary"] == "support: v12 is out (release)"
    assert shown["payload"]["timestamp"] == "2026-03-02T09:00:00+00:00"
    assert shown["payload"]["custom_details"]["Told by"] == "deploy.sh"
    assert shown["links"] == [{"href": "http://plumbline.test/drift", "text": "Open in Plumbline"}]
    assert (stub.model.pages, stub.model.refusals) == ({}, [])


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        (("*",), ["every application: v12 is out (release)", "shop: v12 is out (release)"]),
        (("shop",), ["every application: v12 is out (release)", "shop: v12 is out (release)"]),
        (("support",), ["every application: v12 is out (release)"]),
        ((), []),
    ],
)
def test_a_receiver_is_told_of_the_applications_it_asks_about(
    stub: Stub, asked: tuple[str, ...], shown: Sequence[str]
) -> None:
    tell(a_shown_day(stub, asked), a_change(app=None, key="c1"), a_change(app="shop", key="c2"))
    assert summaries(stub) == shown


def test_where_nobody_asks_nothing_is_read(stub: Stub) -> None:
    day = a_shown_day(stub, ())

    def read(_: object) -> Sequence[ChangeEvent]:
        raise AssertionError

    assert day.desk.tell_changes(read) == 0


@pytest.mark.parametrize("mode", ["429", "500", "reset", "401", "false"])
def test_what_fails_is_sent_again_and_stands_there_once(stub: Stub, mode: str) -> None:
    day = a_shown_day(stub)
    stub.mode = mode  # type: ignore[assignment]  # one of the modes
    tell(day, a_change())
    assert stub.model.changes == []
    stub.mode = "ok"
    tell(day, a_change(), after=timedelta(hours=1))
    assert len(stub.model.changes) == 1


def test_what_was_sent_before_the_agent_was_killed_is_not_sent_after_it(stub: Stub, tmp_path: Path) -> None:
    first = a_shown_day(stub)
    state = ControlState.open(tmp_path / "c.sqlite", first.clock)
    day = a_shown_day(stub, state=state)
    tell(day, a_change())
    state.engine.dispose()  # nothing is said to it: what is in the file is all that is left
    again = a_shown_day(stub, state=ControlState.open(tmp_path / "c.sqlite", day.clock))
    tell(again, a_change(), a_change("v13 is out", key="c2"))
    assert summaries(stub) == ["support: v12 is out (release)", "support: v13 is out (release)"]


def test_what_was_sent_long_ago_is_not_read_again_to_send_nothing_twice(stub: Stub) -> None:
    day = a_shown_day(stub)
    tell(day, *(a_change(f"v{n} is out", key=f"c{n}") for n in range(3)))
    said: list[str] = []
    event.listen(day.desk.state.engine, "before_cursor_execute", lambda _, __, text, *___: said.append(text))
    assert day.desk.tell_changes(lambda _: [a_change(key="c2"), a_change(key="c3")]) == 1
    [read] = [" ".join(text.split()) for text in said if "FROM outbox" in " ".join(text.split())]
    assert read.startswith('SELECT outbox."key" FROM outbox WHERE outbox."key" IN')
    day.desk.deliver_due()
    assert len(stub.model.changes) == 4


def test_one_that_was_on_its_way_may_stand_there_twice_under_one_key(stub: Stub) -> None:
    day = a_shown_day(stub)
    stub.mode = "lost"
    tell(day, a_change())
    stub.mode = "ok"
    day.deliver(after=timedelta(hours=1))
    assert [change["payload"]["custom_details"]["Key"] for change in stub.model.changes] == ["c1:pager:1:change:1"] * 2


def test_one_that_is_refused_for_good_is_said_so_elsewhere_and_told_to_no_person(stub: Stub) -> None:
    day = a_shown_day(stub)
    stub.mode = "400"
    tell(day, a_change())
    [dead] = day.messages(kind="change")
    assert (dead["state"], dead["attempts"]) == ("dead", 2)
    log = day.desk.post.channels["log"]
    assert isinstance(log, Recorder)
    assert [message.title for _, message in log.got] == ["Messages do not reach a receiver (receiver=pager)"]


def test_after_three_days_without_an_answer_it_is_given_up(stub: Stub) -> None:
    day = a_shown_day(stub)
    stub.mode = "500"
    tell(day, a_change())
    day.deliver(after=GIVE_UP + timedelta(hours=1))
    assert [row["state"] for row in day.messages(kind="change")] == ["dead"]


def test_a_change_holds_up_no_page(stub: Stub) -> None:
    """A receiver that takes no changes, whatever the reason, still gets its pages."""
    day = a_shown_day(stub)
    stub.mode = "400"
    tell(day, a_change())
    stub.mode = "ok"
    day.tick(a_rate(BAD))
    assert len(stub.model.pages) == 1


def test_one_that_no_longer_shows_changes_is_owed_none(stub: Stub) -> None:
    day = a_shown_day(stub)
    stub.mode = "500"
    tell(day, a_change())
    day.desk.post.channels["pager"] = Recorder("pager")  # type: ignore[index]  # as above
    day.deliver(after=timedelta(hours=1))
    assert [row["state"] for row in day.messages(kind="change")] == ["dead"]


def test_the_changes_of_an_erased_application_go_with_it(stub: Stub) -> None:
    day = a_shown_day(stub)
    tell(day, a_change(), a_change(app="shop", key="c2"))
    day.desk.forget("shop")
    assert [row["fingerprint"] for row in day.messages(kind="change")] == ["c1"]


@given(st.text(max_size=2000), st.text(max_size=300))
def test_whatever_somebody_says_was_changed_the_event_is_one_that_is_taken(what: str, app: str) -> None:
    told = note_of(a_change(what, app), "http://plumbline.test")
    sent = msgspec.json.encode(change_event(told, KEY, "k"))
    assert change_problem(json.loads(sent), len(sent)) is None


def test_a_summary_mentions_nobody_and_is_one_line() -> None:
    told = note_of(a_change("x\x1b[31m\n<!channel> @here"), "")
    summary = change_event(told, KEY, "k")["payload"]["summary"]
    assert "\n" not in summary
    assert "\x1b" not in summary
    assert "@here" not in summary


def test_an_address_beside_which_there_is_none_for_changes_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "alerts.yaml").write_text(
        "version: 1\nreceivers:\n- {kind: console, name: log}\n"
        f"- {{kind: pagerduty, name: pager, routing_key: {KEY}, url: 'https://events.example/v2', changes: ['*']}}\n"
        "rules: []\nroutes: [{to: [log]}]\n"
    )
    with pytest.raises(ConfigError, match=r"alerts.yaml:4.*`changes` needs a `url` that ends in /enqueue"):
        load_rules(tmp_path / "alerts.yaml")


def test_the_address_in_europe_has_one_for_changes_too() -> None:
    asked = {"name": "pager", "routing_key": KEY, "url": "https://events.eu.pagerduty.com/v2/enqueue", "changes": ["*"]}
    assert msgspec.convert(asked | {"kind": "pagerduty"}, PagerDutyReceiver).changes == ("*",)
