"""Which answers a judge is asked about: a second draw among those that a plan picked, once local graders have said what they think of them.

Two-phase sampling with strata that the first phase tells (Neyman, JASA 1938; Särndal, Swensson and Wretman, chapter 9): what local
graders say of an answer makes its band, and a judge is asked more often where its verdicts vary more. The draw goes by a seeded hash of
answer and rule, and is kept with its stratum and probability, drawn or not: whatever anybody says later changes neither.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

import polars as pl

from monitor.graders.grader import Connected
from monitor.graders.rubric import Judge
from monitor.model.values import WAITS_FOR_JUDGE, Turn
from monitor.policy.schema import BoundRule, Policy
from monitor.sampling import NO_APP, position

Band = Literal["flagged", "unsure", "clean"]

FLAGGED: Final[Band] = "flagged"
UNSURE: Final[Band] = "unsure"
CLEAN: Final[Band] = "clean"

BANDS: Final[Mapping[Band, float]] = {FLAGGED: 0.05, UNSURE: 0.05, CLEAN: 0.9}
"""What local graders say of an answer, and the share that each band is taken to have of an application that has no history."""

UNSEEN: Final = 0.05
"""The share that a stratum without history is taken to have of the answers of its application, where that has some."""

OTHER: Final = "(other)"
"""Stands for the values of the dimension that were not seen the day before."""

_WORD: Final[Mapping[str, Band]] = {"violates": FLAGGED, "borderline": UNSURE, "cannot_judge": UNSURE}

DECISIVE: Final = ("violates", "complies")

_NAMED: Final = {"regions": "region", "channels": "channel", "audiences": "audience", "languages": "language"}
"""The lists of a policy's scope, and which dimension each is of."""


class Stratum(NamedTuple):
    """Answers of an application that are alike: by the `value` of the dimension that their policy names ("" where it names none) and by band."""

    app: str
    value: str
    band: str


@dataclass(frozen=True)
class AskingRates:
    """How often a judge is asked about the answers of each stratum, under one rule; what is not there is always asked."""

    rates: Mapping[Stratum, float] = field(default_factory=dict)

    def of(self, stratum: Stratum) -> float:
        """Return the rate of one stratum; a value that is new has that of `OTHER`."""
        usual = self.rates.get(stratum._replace(value=OTHER), 1.0)
        return self.rates.get(stratum, usual)

    def least(self, app: str) -> float:
        """Return the least rate of an application: answers drawn by it are a fair part of all of its strata."""
        return min((rate for stratum, rate in self.rates.items() if stratum.app == app), default=1.0)


def dimension_of(policy: Policy) -> str | None:
    """Return the dimension that the scope of a policy names two values of or more, None where it names none: answers are split by it."""
    scope = policy.file.scope
    return next((column for name, column in _NAMED.items() if len(getattr(scope, name)) > 1), None)


@dataclass(frozen=True)
class SecondDraw:
    """The draw of a house: which judges can be asked about what, how often by rule, and by what seed."""

    texts: Connected
    rates: Mapping[str, AskingRates]
    seed: int

    def of(
        self, graded: pl.DataFrame, turns: Sequence[Turn], policies: Sequence[Policy], before: Words | None = None
    ) -> list[dict[str, Any]]:
        """Return a draw, as a row, for each answer and rule of `graded` that waits for a judge, or that a local grader decided instead.

        `before`: by answer and rule what local graders said earlier, of rules that are not in `graded`.
        """
        by_unit = {turn.unit_id: turn for turn in turns}
        told = graded.select("unit_id", "rule_id", "verdict").iter_rows()
        words = {**(before or {}), **{(unit, rule): word for unit, rule, word in told}}
        judged = [(policy, rule) for policy in policies for rule in policy.rules if rule.judged]
        return [draw for policy, rule in judged for draw in self._of_rule(policy, rule, graded, by_unit, words)]

    def _of_rule(
        self, policy: Policy, rule: BoundRule, graded: pl.DataFrame, by_unit: Mapping[str, Turn], words: Words
    ) -> Iterator[dict[str, Any]]:
        mine = graded.filter((pl.col("rule_id") == rule.id) & (pl.col("policy") == policy.id))
        others = [one.id for one in policy.rules if one.id != rule.id]
        for row in mine.iter_rows(named=True):
            turn, waits = by_unit[row["unit_id"]], str(row["reason"]).startswith(WAITS_FOR_JUDGE)
            if waits or (row["verdict"] in DECISIVE and self._connected(rule, turn)):
                said = [words.get((turn.unit_id, one), "") for one in others]
                stratum = Stratum(turn.app, _value(turn, policy), _band(rule, row, said))
                yield self._draw(row, stratum, certain=not waits)

    def _connected(self, rule: BoundRule, turn: Turn) -> bool:
        asked = (one for one in rule.asked_in(turn.region) if isinstance(one, Judge))
        return any(self.texts.word(one.judge, turn.app).startswith(WAITS_FOR_JUDGE) for one in asked)

    def _draw(self, row: Mapping[str, Any], stratum: Stratum, *, certain: bool) -> dict[str, Any]:
        unit, rule = row["unit_id"], row["rule_id"]
        rates, number = self.rates.get(rule, AskingRates()), number_of(unit, rule, self.seed)
        rate = 1.0 if certain else rates.of(stratum)
        drawn = number < rate
        return {
            "unit_id": unit,
            "time": row["time"],
            "rule_id": rule,
            "drawn_at": row["graded_at"],
            **stratum._asdict(),
            "seed": self.seed,
            "waited": not certain,
            "inclusion_probability": rate,
            "drawn": drawn,
            "oversampled": drawn and number >= rates.least(stratum.app),
        }


Words = Mapping[tuple[str, str], str]


def number_of(unit_id: str, rule_id: str, seed: int) -> float:
    """Return the number that is drawn for an answer and rule: a judge is asked where it is below the rate of its stratum."""
    return position(f"{unit_id} {rule_id}", seed)


def _value(turn: Turn, policy: Policy) -> str:
    column = dimension_of(policy)
    return "" if column is None else getattr(turn, column) or NO_APP


def _band(rule: BoundRule, row: Mapping[str, Any], others: Sequence[str]) -> Band:
    """What local graders of the rule say of an answer, or those of the other rules of its policy where the rule has none.

    An answer that waits has a score where those of the rule border on a violation.
    """
    if all(isinstance(grader, Judge) for grader in rule.everyone):
        said = {_WORD.get(word, CLEAN) for word in others}
        return next((band for band in BANDS if band in said), CLEAN)
    return UNSURE if row["score"] is not None and row["verdict"] == "not_graded" else _WORD.get(row["verdict"], CLEAN)
