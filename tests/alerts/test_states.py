"""States as pure decisions: what fires, what does not, what resolves, and the reason each time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.evaluation import fingerprint
from alerts.rules import AlertRule
from alerts.states import FLAP_CALM, AlertState, Transition, evaluate
from monitor.model.values import Severity, Signal
from tests.alerts.builders import BAD, GOOD, MORNING, RATE_RULE, UNSURE, a_rate

MINUTE = timedelta(minutes=1)


def a_rule(**changes: Any) -> AlertRule:
    return msgspec.convert({**RATE_RULE, **changes}, AlertRule)


class Watch:
    """Evaluations in a row, remembering what a store would remember."""

    def __init__(self, *rules: AlertRule) -> None:
        self.rules: Sequence[AlertRule] = rules
        self.known: dict[str, AlertState] = {}
        self.now = MORNING

    def look(self, *signals: Signal, after: timedelta = MINUTE) -> list[Transition]:
        self.now += after
        steps = evaluate(self.rules, signals, list(self.known.values()), self.now)
        for step in steps:
            if step.kind == "inactive":
                self.known.pop(step.alert.fingerprint)
            else:
                self.known[step.alert.fingerprint] = step.alert
        return steps

    def rates(self, values: Iterable[float | None]) -> list[str]:
        return [step.kind for value in values for step in self.look(a_rate(value)) if step.kind != "seen"]


def test_a_bad_lower_bound_fires_and_a_good_upper_bound_resolves() -> None:
    watch = Watch(a_rule())
    assert watch.rates([GOOD, BAD, BAD, GOOD, GOOD]) == ["firing", "resolved"]


def test_a_high_value_with_a_low_bound_does_not_fire() -> None:
    assert Watch(a_rule()).look(a_rate(0.2, half=0.16)) == []


def test_the_reason_carries_the_numbers() -> None:
    [step] = Watch(a_rule()).look(a_rate(BAD))
    assert step.reason == "lower bound 0.28 > 0.05; 1 bad of the last 1"
    wanted = {"value": 0.3, "n": 200, "stat": "lower_bound", "op": ">", "threshold": 0.05, "bad": 1, "of": 1}
    assert step.numbers.items() >= wanted.items()
    assert step.numbers["examples"] == ["a" * 32, "b" * 32, "c" * 32]


def test_fire_after_counts_evaluations() -> None:
    watch = Watch(a_rule(fire_after={"bad": 2, "of": 3}))
    assert watch.rates([BAD, GOOD, GOOD, GOOD]) == ["pending", "inactive"]
    assert watch.rates([BAD, GOOD, BAD]) == ["pending", "firing"]


def test_an_evaluation_that_cannot_tell_is_not_counted() -> None:
    watch = Watch(a_rule(fire_after={"bad": 2, "of": 2}))
    assert watch.rates([BAD, None, None, BAD]) == ["pending", "firing"]


@pytest.mark.parametrize("unclear", [a_rate(None), a_rate(float("nan")), a_rate(BAD, n=29), a_rate(GOOD, n=0)])
def test_what_cannot_tell_neither_fires_nor_resolves(unclear: Signal) -> None:
    watch = Watch(a_rule())
    assert watch.look(unclear) == []
    watch.look(a_rate(BAD))
    assert [step.kind for _ in range(10) for step in watch.look(unclear)] in ([], ["seen"])
    assert [alert.state for alert in watch.known.values()] == ["firing"]


def test_between_the_thresholds_nothing_happens_and_the_hold_starts_again() -> None:
    watch = Watch(a_rule(clear={"stat": "upper_bound", "op": "<", "value": 0.05, "hold": 2}))
    assert watch.rates([BAD, GOOD, UNSURE, GOOD]) == ["firing"]
    assert watch.rates([GOOD]) == ["resolved"]


def test_without_clear_the_opposite_of_when_resolves() -> None:
    assert Watch(a_rule(clear=None)).rates([BAD, UNSURE]) == ["firing", "resolved"]


def test_a_missing_signal_never_resolves_by_default() -> None:
    watch = Watch(a_rule())
    watch.look(a_rate(BAD))
    kinds = [step.kind for _ in range(50) for step in watch.look()]
    assert kinds == ["seen", "seen", "no_data"]
    assert [alert.state for alert in watch.known.values()] == ["firing"]
    assert watch.rates([GOOD]) == ["resolved"]


def test_a_missing_signal_resolves_where_the_rule_says_so() -> None:
    watch = Watch(a_rule(no_data={"after": 2, "then": "ok"}))
    watch.look(a_rate(BAD))
    assert [step.kind for _ in range(3) for step in watch.look()] == ["seen", "resolved"]


def test_one_signal_between_two_gaps_starts_the_count_again() -> None:
    watch = Watch(a_rule(no_data={"after": 2, "then": "ok"}))
    watch.look(a_rate(BAD))
    for _ in range(4):
        assert [step.kind for step in watch.look()] == ["seen"]
        watch.look(a_rate(BAD))


def test_severity_rises_once_and_never_falls() -> None:
    watch = Watch(a_rule(worse={"value": 0.5, "severity": "critical"}))
    assert watch.rates([BAD, 0.6, BAD, 0.7]) == ["firing", "severity"]
    [alert] = watch.known.values()
    assert alert.severity is Severity.CRITICAL
    assert watch.rates([GOOD, BAD]) == ["resolved", "firing"]
    assert next(iter(watch.known.values())).severity is Severity.ERROR


def test_an_alert_whose_rule_is_gone_is_resolved_with_that_reason() -> None:
    watch = Watch(a_rule())
    watch.look(a_rate(BAD))
    watch.rules = []
    [step] = watch.look(a_rate(BAD))
    assert (step.kind, step.reason) == ("resolved", "its rule was removed from the rule file")


def test_a_pending_alert_whose_rule_is_gone_leaves_without_a_word() -> None:
    watch = Watch(a_rule(fire_after={"bad": 2, "of": 2}))
    watch.look(a_rate(BAD))
    watch.rules = []
    assert [step.kind for step in watch.look()] == ["inactive"]


def test_three_episodes_in_six_hours_are_one_notice_and_then_calm_is_asked_for() -> None:
    watch = Watch(a_rule())
    kinds = watch.rates([BAD, GOOD, BAD, GOOD, BAD])
    assert kinds == ["firing", "resolved", "firing", "resolved", "firing", "flapping"]
    assert watch.rates([GOOD, BAD, GOOD, BAD, GOOD]) == []
    assert [s.kind for s in watch.look(a_rate(GOOD), after=FLAP_CALM - 2 * MINUTE)] == ["seen"]
    assert [s.kind for s in watch.look(a_rate(GOOD), after=2 * MINUTE)] == ["resolved"]


def test_three_episodes_in_a_day_are_no_flapping() -> None:
    watch = Watch(a_rule())
    kinds = []
    for _ in range(4):
        kinds += [s.kind for s in watch.look(a_rate(BAD), after=timedelta(hours=4))]
        kinds += [s.kind for s in watch.look(a_rate(GOOD))]
    assert kinds == ["firing", "resolved"] * 4


def test_episodes_are_numbered_and_started_anew() -> None:
    watch = Watch(a_rule())
    watch.rates([BAD, GOOD])
    [step] = watch.look(a_rate(BAD))
    assert (step.alert.episode, step.alert.started_at, step.alert.ended_at) == (2, watch.now, None)


def test_each_combination_of_identity_labels_is_its_own_alert() -> None:
    watch = Watch(a_rule())
    assert len(watch.look(a_rate(BAD, app="a"), a_rate(BAD, app="b"))) == 2
    assert len(Watch(a_rule(by=["rule"])).look(a_rate(BAD, app="a"), a_rate(BAD, app="b"))) == 1


def test_of_two_signals_about_the_same_thing_the_worse_speaks() -> None:
    watch = Watch(a_rule(by=["rule"]))
    [step] = watch.look(a_rate(GOOD, app="a"), a_rate(BAD, app="b"), a_rate(None, app="c"))
    assert step.alert.memory.signal is not None
    assert step.alert.memory.signal.labels["app"] == "b"


def test_where_narrows_a_rule() -> None:
    watch = Watch(a_rule(where={"app": ["a", "b"]}))
    steps = watch.look(*(a_rate(BAD, app=app) for app in "abc"))
    assert sorted(step.alert.labels["app"] for step in steps) == ["a", "b"]


AB = {"id": "ab", "signal": "ab", "title": "t", "severity": "warning", "where": {"decision": ["worse", "blocked"]}}


def a_comparison(decision: str) -> Signal:
    labels = {"experiment": "e", "metric": "refusal", "arm": "b", "decision": decision}
    return replace(a_rate(None), name="ab", labels=labels)


def test_a_decision_that_changes_resolves_even_without_numbers() -> None:
    watch = Watch(msgspec.convert(AB, AlertRule))
    assert [s.kind for s in watch.look(a_comparison("undecided"))] == []
    assert [s.kind for s in watch.look(a_comparison("blocked"))] == ["firing"]
    assert [s.kind for s in watch.look(a_comparison("worse"))] == ["seen"]
    [step] = watch.look(a_comparison("undecided"))
    assert (step.kind, step.reason) == ("resolved", "decision is undecided; good 1 of 1 in a row")


def test_a_drift_finding_fires_while_it_is_fresh() -> None:
    rule = {
        "id": "drift",
        "signal": "drift",
        "title": "t",
        "severity": "warning",
        "no_data": {"after": 1, "then": "ok"},
    }
    watch = Watch(msgspec.convert(rule, AlertRule))
    labels = {"app": "a", "metric": "m", "segment": "all", "finding": "f1"}
    finding = replace(a_rate(-0.2, n=0), name="drift", labels=labels)
    assert [s.kind for s in watch.look(finding)] == ["firing"]
    assert watch.look(replace(finding, at=finding.at + MINUTE)) == []
    assert [s.kind for s in watch.look(replace(finding, labels=labels | {"finding": "f2"}))] == ["firing", "resolved"]


def test_a_healthy_month_says_nothing() -> None:
    watch = Watch(a_rule())
    assert [step for _ in range(24 * 30) for step in watch.look(a_rate(GOOD), after=timedelta(hours=1))] == []


labels_strategy = st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3)


@given(st.tuples(st.text(max_size=5), labels_strategy), st.tuples(st.text(max_size=5), labels_strategy))
def test_distinct_identities_have_distinct_fingerprints(one: Any, other: Any) -> None:
    assert (fingerprint(*one) == fingerprint(*other)) == (one == other)


@given(labels_strategy)
def test_a_fingerprint_does_not_depend_on_the_order_of_labels(labels: dict[str, str]) -> None:
    turned = dict(reversed(list(labels.items())))
    assert fingerprint("r", labels) == fingerprint("r", turned)
    assert len(fingerprint("r", labels)) == 32


@given(
    st.lists(st.sampled_from([BAD, GOOD, UNSURE, None, "missing"]), max_size=40), st.integers(1, 3), st.integers(1, 3)
)
def test_states_follow_their_order_whatever_comes(values: list[Any], bad: int, hold: int) -> None:
    clear = {"stat": "upper_bound", "op": "<", "value": 0.05, "hold": hold}
    watch = Watch(a_rule(fire_after={"bad": bad, "of": 3}, clear=clear))
    state, episodes = "inactive", 0
    allowed = {
        "pending": {"inactive", "resolved"},
        "firing": {"inactive", "resolved", "pending"},
        "flapping": {"firing"},
        "no_data": {"firing", "pending"},
        "resolved": {"firing"},
        "inactive": {"pending"},
    }
    for value in values:
        for step in watch.look(*([] if value == "missing" else [a_rate(value)])):
            if step.kind == "seen":
                continue
            assert state in allowed[step.kind], step
            assert not (value in {None, "missing"} and step.kind in {"firing", "resolved"})
            state = step.alert.state
            episodes += step.kind == "firing"
    assert all(alert.episode >= episodes for alert in watch.known.values())


def test_an_experiment_is_one_alert_that_resolves_when_its_cause_is_gone() -> None:
    watch = Watch(msgspec.convert(AB, AlertRule))
    rows = [
        replace(a_comparison("blocked"), labels=a_comparison("blocked").labels | {"arm": arm, "metric": m})
        for arm in "bc"
        for m in ("x", "y")
    ]
    assert [step.kind for step in watch.look(*rows)] == ["firing"]
    over = [replace(row, labels=row.labels | {"decision": "over"}) for row in rows]
    assert [step.kind for step in watch.look(*over)] == ["resolved"]
