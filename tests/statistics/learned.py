"""Answers with people's own labels, as a house would have them: a score learned from a few of them, and what it is worth."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from monitor.review.features import Matrix, hashed
from monitor.review.planning import Cell, shared
from monitor.review.results import Group, Rate, rate
from monitor.review.score import crossed, learnable, weights
from monitor.stats.intervals import share_interval
from monitor.stats.ranks import Floats

DATA: Final = Path(__file__).resolve().parents[2].parent / "shared" / "data"
MONTH: Final = 2_000
NONE, BY_REGEX, BY_SCORE, BY_BOTH = "none", "regex", "score", "both"
REFUSES: Final = re.compile(r"(?i)\b(sorry|cannot|can't|unable|as an ai)\b")
DIGITS: Final = re.compile(r"\d{3,}")
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Month:
    """2,000 answers: their features, what people say, and what a regex says."""

    features: Matrix
    violates: Floats
    regex: Bools

    def draws(self, n: int, number: int, seed: int) -> Iterator[dict[str, Rate]]:
        """Yield the rates that `n` labels drawn by lot tell, by what was guessed of the others."""
        rng = np.random.default_rng(seed)
        for _ in range(number):
            order = rng.permutation(MONTH)
            yield self._rates(order[:n], order[n:])

    def _rates(self, drawn: NDArray[np.int64], others: NDArray[np.int64]) -> dict[str, Rate]:
        y, nobody = self.violates[drawn], self.features[:0]
        whole = np.ones(MONTH, np.bool_)
        guesses, of_others = np.zeros(0), np.zeros(0)
        if learnable(y):
            told = crossed(self.features[drawn], y, self.features[others], nobody, np.zeros(0))
            guesses, of_others = told.labelled, told.others

        def groups(parts: list[Bools], *, guessed: bool) -> Rate:
            found = [
                Group(
                    int(part.sum()),
                    np.ones(int(part[drawn].sum())),
                    y[part[drawn]],
                    guesses[part[drawn]] if guessed and len(guesses) else np.zeros(0),
                    of_others[part[others]] if guessed and len(guesses) else np.zeros(0),
                )
                for part in parts
            ]
            made = rate(found)
            assert made is not None
            return made

        by_regex = [self.regex, ~self.regex]
        return {
            NONE: groups([whole], guessed=False),
            BY_REGEX: groups(by_regex, guessed=False),
            BY_SCORE: groups([whole], guessed=True),
            BY_BOTH: groups(by_regex, guessed=True),
        }


def gptfuzz() -> pl.DataFrame:
    """Answers to jailbreaks (text, violates): people say whether they went along."""
    found = pl.read_parquet(DATA / "gptfuzz_human.parquet").drop_nulls("response")
    return found.select(text="response", violates=pl.col("human_jailbroken").cast(pl.Float64))


def halueval() -> pl.DataFrame:
    """Answers of a chat model (text, violates): people say whether they make something up."""
    found = pl.read_parquet(DATA / "halueval_general.parquet").drop_nulls("response")
    return found.select(text="response", violates=pl.col("human_hallucination").cast(pl.Float64))


def month(answers: pl.DataFrame, *, refusals: bool) -> Month:
    """Return 2,000 of `answers`, drawn by lot; the regex looks for refusals, which comply, or for long numbers, which violate."""
    drawn = answers.sample(MONTH, seed=20261128)
    found = [bool((REFUSES if refusals else DIGITS).search(text)) for text in drawn["text"]]
    regex = ~np.array(found) if refusals else np.array(found)
    return Month(hashed(drawn["text"].to_list()), drawn["violates"].to_numpy(), regex)


def by_lot(n_units: int, violations: int, n: int) -> float:
    """Return how often the interval of `n` labels drawn by lot holds the truth: exactly, over all numbers that may be found."""
    held = 0.0
    for found in range(max(0, n - n_units + violations), min(n, violations) + 1):
        told = rate([Group(n_units, np.ones(n), np.repeat([1.0, 0.0], [found, n - found]))])
        if told is not None and told.low <= violations / n_units <= told.high:
            ways = _ways(violations, found) + _ways(n_units - violations, n - found) - _ways(n_units, n)
            held += math.exp(ways)
    return held


def _ways(n: int, k: int) -> float:
    """The logarithm of how many choices of `k` out of `n` there are."""
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


WEEK: Final = 20_000
EARLIER: Final = (40, 260)
"""Violations and ordinary answers that people labelled in earlier weeks, picks among them."""

BANDS: Final = (0.02, 0.10)


@dataclass(frozen=True)
class Weeks:
    """Weeks of mostly ordinary answers, a few of which violate; the house has labels of earlier weeks."""

    violating: Matrix
    ordinary: Matrix

    def draws(self, share: float, n: int, number: int, seed: int) -> Iterator[tuple[Rate, Rate]]:
        """Yield the rates of `n` labels drawn by lot, and of as many as the planner proposes them, of one week each."""
        rng = np.random.default_rng(seed)
        for _ in range(number):
            y, bands = self._week(share, rng)
            drawn = rng.permutation(WEEK)[:n]
            by_lot = rate([Group(WEEK, np.ones(n), y[drawn])])
            planned = self._planned(y, bands, n, rng)
            assert by_lot is not None
            yield by_lot, planned

    def _week(self, share: float, rng: np.random.Generator) -> tuple[Floats, NDArray[np.int64]]:
        """Whether each answer violates, and its band by a score that learned from other answers."""
        k = round(WEEK * share)
        bad, good = rng.permutation(len(self.violating)), rng.permutation(len(self.ordinary))
        lessons = np.concatenate(
            [self.violating[bad[k : k + EARLIER[0]]], self.ordinary[good[WEEK - k : WEEK - k + EARLIER[1]]]]
        )
        told = np.repeat([1.0, 0.0], EARLIER)
        head = weights(lessons - lessons.mean(axis=0), told).astype(np.float32)
        place = np.empty(WEEK)
        scores = np.concatenate([(self.violating @ head)[bad[:k]], (self.ordinary @ head)[good[: WEEK - k]]])
        place[np.argsort(-scores)] = np.arange(WEEK) / WEEK
        return np.repeat([1.0, 0.0], [k, WEEK - k]), np.digitize(place, BANDS)

    def _planned(self, y: Floats, bands: NDArray[np.int64], n: int, rng: np.random.Generator) -> Rate:
        """A third first, as a review is opened; then as many of each band as the planner says."""
        members = [rng.permutation(np.flatnonzero(bands == band)) for band in range(len(BANDS) + 1)]
        first = [n // 12, n // 12, n // 6]
        cells = [
            Cell(len(member), taken, float(y[member[:taken]].sum()))
            for member, taken in zip(members, first, strict=True)
        ]
        taken = [a + b for a, b in zip(first, shared(cells, n - sum(first)), strict=True)]
        made = rate(
            [Group(len(member), np.ones(of), y[member[:of]]) for member, of in zip(members, taken, strict=True)]
        )
        assert made is not None
        return made


def weeks() -> Weeks:
    """Violations are answers that people call jailbroken; all others, and those of three ordinary sets, comply."""
    fuzz = gptfuzz()
    plain = pl.concat([pl.read_parquet(DATA / f"alpaca_outputs_{n}.parquet").select(text="output") for n in (1, 2)])
    ordinary = pl.concat([fuzz.filter(violates=0).select("text"), plain.drop_nulls(), halueval().select("text")])
    return Weeks(hashed(fuzz.filter(violates=1)["text"].to_list()), hashed(ordinary["text"].to_list()))


def needed(share: float, width: float) -> int:
    """Return how many labels drawn by lot have that width on average."""
    rng = np.random.default_rng(0)
    low, high = 20, WEEK
    while high - low > 10:
        n = (low + high) // 2
        intervals = [share_interval(float(found), n).interval for found in rng.binomial(n, share, 400)]
        low, high = (n, high) if np.mean([one.high - one.low for one in intervals]) > width else (low, n)
    return high
