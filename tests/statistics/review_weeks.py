"""Weeks of reviews with a known truth: graders and reviewers who err, gold, doubles and picks, as the product draws and reads them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import numpy as np
import polars as pl

from monitor.config.schema import EstimateSettings
from monitor.estimates import estimate_rates
from monitor.model.values import Estimate
from monitor.review.draw import draw, items
from monitor.review.errors import Checked
from monitor.sampling import position
from plumbline.reviews.outcome import Outcome, Words, checked, own_errors

RULE: Final = "HELP-01"
CATCHES, FALSE_ALARMS = 0.8, 0.015
"""Of the grader: shares of violations it sees, and of good answers it flags."""

MONDAY: Final = datetime(2026, 11, 23)  # noqa: DTZ001 - the store keeps naive UTC
GOLD: Final = 20
PEOPLE: Final = ("ana", "ben")


@dataclass(frozen=True)
class Week:
    """The true rate, what the review says, what it says without what was said of picks, and the rate that the cycle publishes."""

    truth: float
    told: dict[str, Any]
    without: dict[str, Any]
    published: Estimate


@dataclass
class Office:
    """A team that reviews week after week; `errs` is how often one of its people is wrong. 13 weeks tell of that."""

    seed: int
    errs: float
    n: int = 1500
    size: int = 300
    told: deque[Checked] = field(default_factory=lambda: deque(maxlen=13))

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)

    def weeks(self, number: int) -> Iterator[Week]:
        """Yield week by week."""
        for week in range(number):
            yield self._week(week)

    def _week(self, week: int) -> Week:
        units, truth = self._traffic(week)
        strata = draw(units, self.size, week)
        kept = [{**vars(one), "app": "shop", "rules": [RULE]} for one in items(units, strata, week)]
        said = [label for item in kept for label in self._said(item, truth, week)]
        gold = {(unit, RULE): "violates" if truth[unit] else "complies" for unit in truth if unit.startswith("gold")}
        words = Words.of(said)
        self.told.append(checked(words, gold, dict.fromkeys(gold, 0)))
        alone = {item["unit_id"] for item in kept if item["inclusion_probability"] is not None}
        panel = Words.of(label for label in said if label["unit_id"] in alone)
        errors = own_errors(self.told)
        rate = sum(violates for unit, violates in truth.items() if not unit.startswith("gold")) / self.n
        with_picks, without = (Outcome(kept, told, units, errors, {}, {}).rules()[0] for told in (words, panel))
        published = estimate_rates(_graded(units, kept, words), units, EstimateSettings(window="7d"), errors=errors)
        return Week(rate, with_picks, without, published[0])

    def _traffic(self, week: int) -> tuple[pl.DataFrame, dict[str, bool]]:
        """Answers of a week and gold of earlier ones; risk follows the grader, so picks are full of violations."""
        rng, n = self.rng, self.n + GOLD
        prevalence = rng.uniform(0.005, 0.08)
        violates = np.concatenate([rng.random(self.n) < prevalence, np.arange(GOLD) % 2 == 0])
        flagged = np.where(violates, rng.random(n) < CATCHES, rng.random(n) < FALSE_ALARMS)
        inside = np.arange(n) < self.n
        names = [f"{'' if here else 'gold'}{week:04x}{number:06x}" for number, here in enumerate(inside)]
        units = pl.DataFrame(
            {
                "unit_id": names,
                "time": MONDAY,
                "app": "shop",
                "inside": inside,
                "band": np.where(flagged, "flagged", "not flagged"),
                "broken": [[RULE] if flag else [] for flag in flagged],
                "decided": [[RULE]] * len(flagged),
                "wanted": violates & inside & (rng.random(n) < 0.2),
                "gold": ~inside,
                "risk": flagged & inside,
                "change": inside & (rng.random(n) < 0.05),
                "disputed": inside & violates & (rng.random(n) < 0.3),
                "refusals": flagged & inside,
            }
        )
        return units, dict(zip(names, violates.tolist(), strict=True))

    def _said(self, item: dict[str, Any], truth: dict[str, bool], week: int) -> list[dict[str, Any]]:
        unit = item["unit_id"]
        looks = 1 + (position(f"twice:{unit}", week) < 0.1)
        return [
            {
                "unit_id": unit,
                "rule_id": RULE,
                "person": person,
                "adjudicated": 0,
                "seq": 1,
                "verdict": "violates" if truth[unit] != (self.rng.random() < self.errs) else "complies",
            }
            for person in PEOPLE[:looks]
        ]


def _graded(units: pl.DataFrame, kept: list[dict[str, Any]], words: Words) -> pl.DataFrame:
    """Every answer of the week with the word of the grader, and what people said of it, as the store hands it to the estimator."""
    chance = {item["unit_id"]: item["inclusion_probability"] for item in kept}
    people = [
        {
            "unit_id": unit,
            "label": words.decided(unit, RULE),
            "first_label": words.first(unit, RULE),
            "label_probability": chance[unit],
            "contested": words.decided(unit, RULE) is None,
        }
        for unit, _ in words.said
    ]
    schema = {"unit_id": pl.String, "label": pl.String, "first_label": pl.String, "label_probability": pl.Float64}
    given = pl.DataFrame(people, schema={**schema, "contested": pl.Boolean})
    flagged = pl.when(pl.col("band") == "flagged").then(pl.lit("violates")).otherwise(pl.lit("complies"))
    graded = units.filter("inside").select("unit_id", "time", "app", verdict=flagged)
    return graded.with_columns(rule_id=pl.lit(RULE), inclusion_probability=1.0).join(given, on="unit_id", how="left")
