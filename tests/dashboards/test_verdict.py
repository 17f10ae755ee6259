"""An experiment says in one sentence what is decided; harm comes first, and what is open is counted."""

from __future__ import annotations

from typing import Any

from dashboards.views.experiments import verdict

Row = dict[str, Any]


def a_row(metric: str, decision: str, reason: str = "wait. Not enough users", arm: str = "b") -> Row:
    return {"metric": metric, "decision": decision, "reason": reason, "arm": arm, "control": "a", "effect": 0.1}


def test_harm_is_said_before_good_and_the_rest_is_counted() -> None:
    rows = [a_row("cost_usd", "better"), a_row("error", "worse"), a_row("steps", "undecided")]
    said = verdict(rows, {})
    assert said.startswith("b does worse than a on share of turns with an error; b does better than a on cost")
    assert said.endswith("Nothing can be told yet on 1 more.")


def test_nothing_decided_is_no_difference_told_and_no_users_is_nothing_said() -> None:
    assert verdict([a_row("error", "undecided")], {}) == "No difference can be told yet on any of 1 measures."
    assert verdict([], {}) == "Nothing can be said yet: each arm needs more users."


def test_a_broken_split_is_all_there_is_to_say() -> None:
    rows = [a_row("error", "worse"), a_row("steps", "blocked", "users went missing from an arm. 100 of 200")]
    assert verdict(rows, {}) == "Users went missing from an arm."


def test_what_to_do_comes_first() -> None:
    stop = "Stop b: share of turns with an error is worse than in a. It is 9 % in b"
    keep = "Keep running c until about 3 Oct 2026: 120 more users make it known. It is 3 % in c"
    rows = [a_row("steps", "undecided", keep, "c"), a_row("error", "worse", stop), a_row("steps", "undecided", stop)]
    said = verdict(rows, {})
    assert said.startswith(
        "Stop b: share of turns with an error is worse than in a. Keep running c until about 3 Oct 2026: "
    )
    assert said.endswith("b does worse than a on share of turns with an error. Nothing can be told yet on 2 more.")
    unasked = a_row(
        "error", "undecided", "Nothing is recommended for b: no primary metric is declared (metrics: ...). It is"
    )
    assert verdict([unasked], {}).endswith(
        "What to do is not recommended: no primary metric is declared (metrics: NAME: role: primary)."
    )
