"""The seam of graders: settings make a runner, which takes a batch; clock, client and budget are handed in.

Its second user is a grader that asks somebody else, as a judge will.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

import polars as pl
import pytest

from monitor.clock import FakeClock
from monitor.graders import grade_turns
from monitor.graders.answers import Answers
from monitor.graders.banned import Banned
from monitor.graders.cascade import judge
from monitor.graders.grader import Grader, Judgement, Runner, Tools, complies, violates
from monitor.graders.language import Language
from monitor.graders.leaks import PersonalData, Secret
from monitor.graders.length import Length
from monitor.graders.refusal import Refusal
from monitor.graders.repetition import Repetition
from monitor.graders.structured import Json
from monitor.model.values import Verdict
from monitor.store.ddl import BASE
from monitor.store.transaction import to_arrow
from tests.graders.support import NOW, TOOLS, turn, word, words
from tests.graders.test_cascade import OnePolicy, OneRule
from tests.support.shared import DATA, needs_shared


@dataclass(frozen=True)
class AsksAPoliteOne:
    """A grader that asks a client about every answer, while its budget lasts and its time is not up."""

    within: timedelta
    code: ClassVar[int] = 1

    def runner(self, tools: Tools) -> Runner:
        return PoliteRunner(self.within, tools)


@dataclass(frozen=True)
class PoliteRunner:
    within: timedelta
    tools: Tools

    def judge(self, answers: Answers) -> Sequence[Judgement]:
        until = self.tools.clock.now() + self.within
        return [self._one(text, late=self.tools.clock.now() > until) for text in answers.output]

    def _one(self, text: str, *, late: bool) -> Judgement:
        if self.tools.client is None or self.tools.budget is None or late or not self.tools.budget.reserve("polite"):
            return Judgement(Verdict.NOT_GRADED, None, "nobody was asked")
        return complies("polite") if self.tools.client.ask(text) == "yes" else violates("rude")


@dataclass
class Purse:
    left: int

    def reserve(self, grader: str) -> bool:
        assert grader == "polite"
        self.left -= 1
        return self.left >= 0


@dataclass
class Friend:
    clock: FakeClock
    asked: list[str] = field(default_factory=list)

    def ask(self, question: str) -> str:
        self.asked.append(question)
        self.clock.advance(timedelta(seconds=1))
        if "fire" in question:
            raise TimeoutError("the friend ran away")
        return "yes" if "please" in question else "no"


def verdicts(grader: Grader, outputs: list[str], tools: Tools) -> list[str]:
    return [asked.judgement.verdict.value for asked in judge([grader], [turn(text) for text in outputs], tools)]


def test_a_grader_asks_its_client_within_its_budget() -> None:
    clock = FakeClock(NOW)
    friend = Friend(clock)
    said = verdicts(AsksAPoliteOne(timedelta(minutes=1)), ["please", "now!", "please"], Tools(clock, friend, Purse(2)))
    assert said == ["complies", "violates", "not_graded"]
    assert friend.asked == ["please", "now!"]


def test_the_clock_it_is_given_ends_its_time() -> None:
    clock = FakeClock(NOW)
    said = verdicts(AsksAPoliteOne(timedelta(seconds=1)), ["please"] * 3, Tools(clock, Friend(clock), Purse(9)))
    assert said == ["complies", "complies", "not_graded"]


def test_one_text_that_breaks_the_client_spoils_one_verdict() -> None:
    clock = FakeClock(NOW)
    said = judge(
        [AsksAPoliteOne(timedelta(hours=1))], [turn("please"), turn("fire")], Tools(clock, Friend(clock), Purse(9))
    )
    assert [asked.judgement.reason for asked in said] == ["polite", "error: TimeoutError"]


def test_nobody_is_asked_about_what_a_cheaper_grader_decided() -> None:
    clock = FakeClock(NOW)
    friend = Friend(clock)
    graders: list[Grader] = [Length(max_chars=8), AsksAPoliteOne(timedelta(hours=1))]
    said = judge(graders, [turn("please"), turn("please, please"), turn(None)], Tools(clock, friend, Purse(9)))
    assert [(asked.judgement.verdict.value, asked.graders) for asked in said] == [
        ("complies", 2),
        ("violates", 1),
        ("cannot_judge", 2),
    ]
    assert friend.asked == ["please"]


def test_grades_are_columns_of_the_store() -> None:
    rule = OneRule((Length(max_chars=3),))
    frame = grade_turns([OnePolicy((rule,))], [turn("four"), turn("one")], TOOLS)
    stored = to_arrow(frame, BASE["grades"])
    assert stored.num_rows == 2
    assert stored.column("verdict").to_pylist() == ["violates", "complies"]
    assert set(frame.columns) <= set(BASE["grades"])
    assert grade_turns([OnePolicy((rule,))], [], TOOLS).columns == frame.columns


LOCAL: list[Grader] = [
    Refusal(),
    PersonalData(kinds=("email", "phone", "iban", "card", "ip", "ssn")),
    Secret(),
    Banned(phrases=("as an ai", "Straße", "保証"), patterns=(r"\d{4}-\d{2}", r"(?i)however")),
    Json(),
    Length(max_chars=1000),
    Language(),
    Repetition(),
]


@needs_shared
@pytest.mark.parametrize("grader", LOCAL, ids=lambda grader: type(grader).__name__)
@pytest.mark.parametrize(
    ("file", "column"), [("gptfuzz_human", "response"), ("presidio_synth_pii", "text"), ("alpaca_outputs_1", "output")]
)
def test_a_batch_says_of_each_row_what_is_said_of_it_alone(grader: Grader, file: str, column: str) -> None:
    """The prefilters rule out nothing that a look at the text would find."""
    texts = pl.read_parquet(DATA / f"{file}.parquet")[column].drop_nulls().gather_every(9).to_list()
    assert list(words(grader, texts)) == [word(grader, text) for text in texts]
