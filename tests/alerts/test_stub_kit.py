"""The stand-ins themselves: they refuse what the services refuse, and their model is what the services would show."""

from __future__ import annotations

import pytest

from plumbline.demo.stubs.kit import a_stub
from plumbline.demo.stubs.model import Model
from plumbline.demo.stubs.pagerduty import change_problem, pagerduty_problem
from plumbline.demo.stubs.teams import teams_problem


def test_a_page_is_opened_once_acknowledged_and_closed_and_nothing_closes_before_it_opens() -> None:
    model = Model()
    for action in ("resolve", "trigger", "trigger", "acknowledge", "resolve", "acknowledge"):
        model.page("a", action)
    assert (model.pages, model.opened, model.closed) == ({}, ["a"], ["a"])
    assert model.early_resolves == ["a", "a"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"routing_key": "short"}, "routing_key"),
        ({"event_action": "page"}, "event_action"),
        ({"dedup_key": "x" * 256}, "dedup_key"),
        ({"payload": {"summary": "x" * 1025, "source": "a", "severity": "info"}}, "payload"),
        ({"payload": {"summary": "x", "source": "a", "severity": "high"}}, "severity"),
    ],
)
def test_pagerduty_refuses(change: dict[str, object], problem: str) -> None:
    good = {
        "routing_key": "0" * 32,
        "event_action": "trigger",
        "dedup_key": "x",
        "payload": {"summary": "x", "source": "a", "severity": "info"},
    }
    assert pagerduty_problem(good, 100) is None
    assert pagerduty_problem(good | change, 100) == problem
    assert pagerduty_problem(good, 513 * 1024) == "event_action"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"routing_key": "short"}, "routing_key"),
        ({"payload": "v12"}, "change"),
        ({"payload": {"summary": ""}}, "summary"),
        ({"payload": {"summary": "x" * 1025}}, "summary"),
        ({"payload": {"summary": "x", "timestamp": "soon"}}, "timestamp"),
        ({"payload": {"summary": "x", "timestamp": "2026-03-02T09:00:00"}}, "timestamp"),
        ({"payload": {"summary": "x", "custom_details": "v12"}}, "custom_details"),
        ({"links": [{"text": "no address"}]}, "links"),
    ],
)
def test_pagerduty_refuses_a_change(change: dict[str, object], problem: str) -> None:
    good = {"routing_key": "0" * 32, "payload": {"summary": "x", "timestamp": "2026-03-02T09:00:00+00:00"}}
    assert change_problem(good, 100) is None
    assert change_problem(good | change, 100) == problem
    assert change_problem(good, 513 * 1024) == "change"


def test_teams_refuses_the_old_card_and_what_is_too_large() -> None:
    assert teams_problem(b'{"@type": "MessageCard", "text": "x"}') == "no adaptive card"
    assert teams_problem(b" " * (29 * 1024)) == "too large"


def test_a_path_that_no_service_has_is_404() -> None:
    with a_stub(None) as stub:
        assert stub.take("/nobody", {}, b"{}").status == 404
