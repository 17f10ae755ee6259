"""The story is the same for the same seed, and the truth it tells can be read off its turns."""

import json
import re
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean, median

import pytest

from monitor.model.values import Turn
from monitor.policy import load_policies
from plumbline.demo.story import DAYS, INTENTS, MODELS, Truth, Visit, arm_of, swap_time, tell, truth_of
from plumbline.demo.texts import COMPANY_MAIL
from tests.graders.support import grades_of

UNTIL = datetime(2026, 11, 24, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def visits() -> list[Visit]:
    return tell(7, UNTIL)


@pytest.fixture(scope="module")
def truth(visits: list[Visit]) -> Truth:
    return truth_of(visits, UNTIL)


def test_same_seed_same_story_and_another_seed_another(visits: list[Visit]) -> None:
    assert tell(7, UNTIL) == visits
    assert [visit.ask for visit in tell(8, UNTIL)[:50]] != [visit.ask for visit in visits[:50]]


def test_two_weeks_of_some_thousand_turns_by_returning_users(visits: list[Visit]) -> None:
    assert 6_000 <= len(visits) <= 8_000
    assert [visit.time for visit in visits] == sorted(visit.time for visit in visits)
    assert (UNTIL - visits[0].time).days in (DAYS - 1, DAYS)
    assert visits[-1].time < UNTIL
    turns = Counter(visit.user for visit in visits)
    assert 300 <= len(turns) <= 500
    assert median(turns.values()) >= 5
    assert max(turns.values()) < len(visits) / 50
    assert 1.3 < len(visits) / len({visit.session for visit in visits}) < 2.5


def test_days_are_busier_than_nights(visits: list[Visit]) -> None:
    hours = Counter(visit.time.hour for visit in visits)
    assert min(hours[hour] for hour in range(9, 21)) > 4 * max(hours[hour] for hour in range(1, 5))


def test_intents_come_as_planned_and_do_not_move(visits: list[Visit]) -> None:
    for after in (False, True):
        told = [visit.intent for visit in visits if visit.after_swap is after]
        for intent, share in INTENTS.items():
            assert abs(told.count(intent) / len(told) - share) < 0.05


def test_nobody_changes_arms_and_the_arms_are_of_a_size(visits: list[Visit]) -> None:
    assert all(visit.arm == arm_of(visit.user) for visit in visits)
    sizes = Counter(arm_of(user) for user in {visit.user for visit in visits})
    assert abs(sizes["A"] - sizes["B"]) < 4 * sum(sizes.values()) ** 0.5


def test_the_swap_is_where_the_truth_says(visits: list[Visit], truth: Truth) -> None:
    assert truth.swap_at == swap_time(UNTIL)
    assert {visit.model for visit in visits if visit.time < truth.swap_at} == {MODELS[0]}
    assert {visit.model for visit in visits if visit.time >= truth.swap_at} == {MODELS[1]}


def test_after_the_swap_it_refuses_and_rambles_most_of_all_about_refunds(truth: Truth) -> None:
    assert truth.refusal_before < 0.10
    assert truth.refusal_after > 2.5 * truth.refusal_before
    assert truth.refunds_after > truth.refunds_before + 0.35
    assert truth.chars_after > 1.7 * truth.chars_before


def test_b_is_truly_better(visits: list[Visit], truth: Truth) -> None:
    """By user, since users are what was randomised: the gap is many standard errors wide."""
    assert truth.refusal_by_arm["B"] < truth.refusal_by_arm["A"] - 0.03
    assert truth.helpful_by_arm["B"] > truth.helpful_by_arm["A"] + 0.10
    for value in ("refuses", "helpful"):
        means: dict[str, list[float]] = {"A": [], "B": []}
        for user, rated in _by_user(visits, value).items():
            means[arm_of(user)].append(fmean(rated))
        gap = abs(fmean(means["A"]) - fmean(means["B"]))
        error = sum(_variance(values) / len(values) for values in means.values()) ** 0.5
        assert gap > 3 * error


def _by_user(visits: list[Visit], value: str) -> dict[str, list[float]]:
    rated = defaultdict(list)
    for visit in visits:
        known = visit.helpful if value == "helpful" else (visit.answer.refuses if visit.answer else None)
        if known is not None:
            rated[visit.user].append(float(known))
    return rated


def _variance(values: list[float]) -> float:
    mean = fmean(values)
    return sum((value - mean) ** 2 for value in values) / (len(values) - 1)


def test_what_was_planted_is_there_and_rare(visits: list[Visit], truth: Truth) -> None:
    for kind, low, high in (("leaks", 30, 120), ("promises", 15, 90), ("breaks_json", 10, 80)):
        assert low <= len(truth.planted[kind]) <= high
    assert 40 <= truth.errors <= 200
    for number in truth.planted["breaks_json"]:
        answer = visits[number].answer
        assert answer is not None
        with pytest.raises(json.JSONDecodeError):
            json.loads(answer.text)


def test_texts_are_finished_varied_and_unreachable(visits: list[Visit]) -> None:
    texts = [text for visit in visits for text in (visit.ask, visit.answer.text if visit.answer else "")]
    assert not any(re.search(r"\{\w+\}|\{[^{}\"]*\|", text) for text in texts)
    assert len(set(texts)) > 0.8 * len(texts)
    addresses = {address for text in texts for address in re.findall(r"\S+@[\w.-]*\w", text)}
    assert all(address.endswith(".example") for address in addresses)
    assert any(COMPANY_MAIL in address for address in addresses)


def test_the_shipped_policy_finds_what_was_planted(visits: list[Visit], truth: Truth) -> None:
    """The whole point of the demo: graders see the texts only, and come to what the story knows."""
    policies = load_policies(Path(__file__).parents[2] / "policies")
    turns = [
        Turn(
            f"{v.number}",
            v.time,
            "demo-support",
            v.ask,
            v.answer.text if v.answer else None,
            f"Our address is {COMPANY_MAIL}.",
        )
        for v in visits
    ]
    found = defaultdict(set)
    for grade in grades_of(policies, turns, UNTIL):
        if grade.verdict == "violates":
            found[grade.rule_id].add(int(grade.unit_id))
    rules = {
        "leaks": "SUP-PRIV-01",
        "promises": "SUP-PROMISE-01",
        "refuses": "SUP-HELP-01",
        "breaks_json": "SUP-DATA-01",
    }
    for kind, rule in rules.items():
        planted = set(truth.planted[kind])
        assert planted <= found[rule]
        if kind != "breaks_json":  # a refused export is no JSON either
            assert found[rule] == planted
