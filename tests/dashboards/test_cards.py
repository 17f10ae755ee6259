"""What tells of one thing is one card: a cause, or a rule with its error budget; a digest of the past is none."""

from __future__ import annotations

import json
from typing import Any

from dashboards.cards import about, cards
from dashboards.views.overview import attention, sentence

Row = dict[str, Any]


def an_alert(name: str, *, rule: str = "", cause: str = "", severity: str = "error", rule_id: str = "broken") -> Row:
    labels = {"app": "shop"} | ({"rule": rule} if rule else {})
    known = {"fingerprint": name, "title": f"title of {name}", "rule_id": rule_id, "severity": severity, "cause": cause}
    return known | {"labels": json.dumps(labels), "state": "firing", "acked_by": None, "silenced_until": None}


def names(rows: list[Row]) -> list[list[str]]:
    return [[str(row["fingerprint"]) for row in (card.front, *card.behind)] for card in cards(rows)]


def test_an_error_budget_stands_with_the_alert_of_its_rule_which_is_graver() -> None:
    rate, budget = an_alert("rate", rule="R1"), an_alert("budget", rule="R1", severity="warning", rule_id="budget")
    assert names([budget, rate, an_alert("other", rule="R2")]) == [["rate", "budget"], ["other"]]


def test_what_one_cause_moved_is_one_card_and_takes_the_budget_along() -> None:
    swap = "model changed from a to b"
    rows = [
        an_alert("one", rule="R1", cause=swap),
        an_alert("two", rule="R2", cause=swap),
        an_alert("budget", rule="R1"),
    ]
    assert names(rows) == [["one", "two", "budget"]]


def test_alerts_without_rule_and_cause_stand_alone() -> None:
    assert names([an_alert("slow"), an_alert("dear")]) == [["slow"], ["dear"]]


def test_what_was_wrong_before_anybody_watched_is_not_among_what_wants_a_look() -> None:
    digest = an_alert("past", rule_id="plumbline.history")
    assert attention([digest], [], [], [], {}) == []


def test_an_alert_about_ourselves_is_not_said_by_its_labels() -> None:
    assert about(an_alert("x", rule_id="plumbline.history") | {"labels": json.dumps({"receiver": "console"})}) == ""


def test_the_overview_counts_what_stands_together_on_one_card() -> None:
    """Both numbers where they differ: nobody looks for five troubles where there is one."""

    def said(*rows: Row) -> str:
        return sentence(rows, [], [], 0, {}).partition(".")[0]

    swap = "model changed from a to b"
    of_swap = [an_alert("one", rule="R1", cause=swap), an_alert("two", rule="R2", cause=swap)]
    assert said() == "No alert is firing"
    assert said(an_alert("one")) == "1 alert is firing"
    assert said(an_alert("one"), an_alert("two")) == "2 alerts are firing"
    assert said(*of_swap) == "2 alerts are firing for one cause"
    assert said(*of_swap, an_alert("slow")) == "3 alerts are firing for 2 causes"
