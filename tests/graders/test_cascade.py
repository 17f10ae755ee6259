"""How words of several graders become one grade, and that nothing ends a batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pytest

from monitor.graders.answers import Answers
from monitor.graders.grader import Grader, Judgement, Runner, Tools
from monitor.graders.length import Length
from monitor.graders.rubric import Judge
from monitor.graders.runners import EachText
from monitor.model.values import Turn, Verdict
from monitor.policy import load_policies
from tests.graders.support import NOW, grades_of, stands, turn


@dataclass(frozen=True)
class Says:
    verdict: Verdict
    code: ClassVar[int] = 1

    def runner(self, tools: Tools) -> Runner:  # noqa: ARG002 the signature of graders
        return EachText(lambda _, __: Judgement(self.verdict, None, f"says {self.verdict}"))


@dataclass(frozen=True)
class Breaks:
    code: ClassVar[int] = 1

    def runner(self, tools: Tools) -> Runner:  # noqa: ARG002 the signature of graders
        return self

    def judge(self, answers: Answers) -> Sequence[Judgement]:
        raise ValueError(f"cannot read {answers.turns[0].output_text}")


V, B, N, X, C = (Says(Verdict(word)) for word in ("violates", "borderline", "not_graded", "cannot_judge", "complies"))


@pytest.mark.parametrize(
    ("graders", "expected", "asked"),
    [
        ([C, C], "complies", 2),
        ([C, V, Breaks()], "violates", 2),
        ([X, C], "cannot_judge", 2),
        ([C, N], "not_graded", 2),
        ([B, C], "borderline", 2),
        ([C, Breaks()], "not_graded", 2),
        ([Breaks(), V], "violates", 2),
        ([C, Judge(rubric="r.md")], "not_graded", 2),
    ],
)
def test_the_word_that_stands(graders: list[Grader], expected: str, asked: int) -> None:
    asked_of = stands(graders, turn("hello"))
    assert (asked_of.judgement.verdict, asked_of.graders) == (expected, asked)


def test_an_error_is_named_without_the_text() -> None:
    assert stands([Breaks()], turn("my secret")).judgement.reason == "error: ValueError"


def test_a_failed_turn_is_not_graded_and_an_uncaptured_one_cannot_be_judged() -> None:
    assert stands([C], turn(None, error="RateLimitError")).judgement.verdict == "not_graded"
    assert stands([C], turn(None)).judgement.verdict == "cannot_judge"
    assert stands([C], turn("partial answer", error="Timeout")).judgement.verdict == "complies"


def test_every_grade_says_by_what_it_was_made() -> None:
    policies = load_policies(None)
    grades = grades_of(policies, [turn("I'm sorry, I can't help with that."), turn(None)])
    assert len(grades) == 2 * len(policies[0].rules)
    declined = next(grade for grade in grades if grade.rule_id == "HELP-01")
    assert (declined.verdict, declined.grader) == ("violates", "refusal")
    assert len(declined.grader_version) == 16
    assert (declined.policy, declined.policy_version, declined.policy_hash) == ("starter", "1.0.0", policies[0].hash)
    assert (declined.unit_id, declined.time, declined.graded_at) == ("t1", NOW, NOW)
    assert {grade.verdict for grade in grades[len(policies[0].rules) :]} == {Verdict.CANNOT_JUDGE}


def test_the_same_turns_give_the_same_grades() -> None:
    policies, turns = load_policies(None), [turn("Hello there, all is well."), turn("x" * 500)]
    assert grades_of(policies, turns) == grades_of(policies, turns)


@dataclass(frozen=True)
class OneRule:
    asked: tuple[Grader, ...]
    id: str = "R"

    def excuse(self, turn: Turn) -> str | None:  # noqa: ARG002 the signature of rules
        return None


@dataclass(frozen=True)
class OnePolicy:
    rules: tuple[OneRule, ...]
    id: str = "p"
    version: str = "1"
    hash: str = "h"

    def grades(self, app: str) -> bool:  # noqa: ARG002 the signature of policies
        return True


def test_the_grader_that_decided_is_named_and_all_that_agreed() -> None:
    rules = (OneRule((Length(max_chars=9), Length(min_chars=2))), OneRule(()))
    short, fine, long = grades_of([OnePolicy(rules)], [turn("a"), turn("abc"), turn("a" * 10)])
    assert [grade.grader for grade in (short, fine, long)] == ["length", "length+length", "length"]
    assert len({grade.grader_version for grade in (short, fine, long)}) == 3
