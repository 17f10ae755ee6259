"""What reviews learn from people's labels: guesses for answers that nobody judged, and which answers are like violations.

Guesses sharpen a rate and sort the next sample; they are nobody's verdict, and are told of no single answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl

from monitor.review.draw import ALIKE, MOST_ALIKE
from monitor.review.features import Matrix, hashed
from monitor.review.score import crossed, learnable, weights
from monitor.sampling import position
from monitor.stats.ranks import Floats
from monitor.store.reads import Reader
from monitor.store.review_units import answer_texts

Verdicts = Mapping[str, bool]
"""Unit -> whether it violates."""

Marks = Mapping[str, Sequence[int]]
"""Band -> marks of its units: hashes under the seed, so that what is kept names nobody once a unit is erased."""

GUESSED: Final = 1_500
"""Answers of an application that are guessed of: a random part of the week, which is enough to know the mean."""

SCORED: Final = 50_000
"""Answers of a week above which a sample is not sorted by the score: reading them all would take minutes."""

PART: Final = 2_000
"""Answers scored at once."""

SHARES: Final = ((MOST_ALIKE, 0.02), (ALIKE, 0.10))
"""Of the answers of an application that no grader flags, the highest scores up to this share."""

TELLS: Final = 0.2
"""Correlation with labels it has not seen from which a score may sort."""


@dataclass(frozen=True)
class Teacher:
    """The answers of one review, and what people said of answers earlier, by rule."""

    reader: Reader
    units: pl.DataFrame
    seed: int
    earlier: Mapping[str, Verdicts]
    known: dict[str, Floats] = field(default_factory=dict)

    def guesses(self, app: str, rule: str, judged: Verdicts, picked: Verdicts) -> Mapping[str, float]:
        """Return unit -> guess, of those `judged` by a score that never saw them, and of a random part of the others.

        Nothing where too little is known. `picked` are labels that stand for nothing but are learned from, with as many ordinary
        answers beside them.
        """
        more = {u: v for u, v in {**self.earlier.get(rule, {}), **picked}.items() if u not in judged}
        told = np.array([*judged.values(), *more.values()], dtype=np.float64)
        if len(judged) < 2 or not learnable(told):
            return {}
        others = [unit for unit in self._shuffled(app) if unit not in judged and unit not in more]
        ordinary, others = others[: len(more)], others[len(more) : len(more) + GUESSED]
        self._read([*judged, *more, *ordinary, *others])
        found = crossed(
            self._features(judged),
            told[: len(judged)],
            self._features(others),
            self._features([*more, *ordinary]),
            np.concatenate([told[len(judged) :], np.zeros(len(ordinary))]),
        )
        return dict(zip([*judged, *others], [*found.labelled, *found.others], strict=True))

    def marks(self) -> Marks:
        """Return which answers of the week are like those that people said violate a rule, as marks by band."""
        there = self.units.filter(pl.col("inside") & (pl.col("band") != "flagged"))
        heads = self._heads() if there.height <= SCORED else []
        if not heads:
            return {}
        scores = np.concatenate([self._scored(part["unit_id"].to_list(), heads) for part in there.iter_slices(PART)])
        high = pl.col("score").rank("ordinal", descending=True).over("app") / pl.len().over("app")
        ranked = there.with_columns(score=scores).with_columns(place=high)
        marks, taken = {}, 0.0
        for band, share in SHARES:
            found = ranked.filter((pl.col("place") > taken) & (pl.col("place") <= share))
            marks[band] = [mark(unit, self.seed) for unit in found["unit_id"]]
            taken = share
        return marks

    def _heads(self) -> list[tuple[Floats, float]]:
        """For each rule whose labels tell something: weights in units of its spread over ordinary answers, and what is usual."""
        usual = [unit for unit in self._shuffled(None)[:GUESSED] if not any(unit in v for v in self.earlier.values())]
        found = []
        for said in self.earlier.values():
            told = np.array(list(said.values()), dtype=np.float64)
            if not learnable(told):
                continue
            ordinary = usual[: len(said)]
            self._read([*said, *ordinary])
            nobody = self._features([])
            features, plain = self._features(said), self._features(ordinary)
            blind = crossed(features, told, plain, nobody, np.zeros(0)).labelled
            if not blind.std() or np.corrcoef(blind, told)[0, 1] < TELLS:
                continue
            usual_one = plain.mean(axis=0)
            learnt = np.concatenate([features, plain]) - usual_one
            head = weights(learnt, np.concatenate([told, np.zeros(len(plain))]))
            head /= max(1e-9, float((plain @ head).std()))
            found.append((head, float(usual_one @ head)))
        return found

    def _scored(self, units: Sequence[str], heads: Sequence[tuple[Floats, float]]) -> Floats:
        """The highest of all rules."""
        texts = answer_texts(self.reader, units)
        features, columns = (
            hashed([texts.get(unit, "") for unit in units]),
            np.stack([head for head, _ in heads], axis=1),
        )
        scores: Floats = (features @ columns - [usual for _, usual in heads]).max(axis=1)
        return scores

    def _shuffled(self, app: str | None) -> list[str]:
        inside = self.units.filter(pl.col("inside") if app is None else pl.col("inside") & (pl.col("app") == app))
        return sorted(inside["unit_id"], key=lambda unit: position(f"guess:{unit}", self.seed))

    def _read(self, units: Sequence[str]) -> None:
        new = [unit for unit in dict.fromkeys(units) if unit not in self.known]
        texts = answer_texts(self.reader, new)
        self.known.update(zip(new, hashed([texts.get(unit, "") for unit in new]), strict=True))

    def _features(self, units: Sequence[str] | Verdicts) -> Matrix:
        rows = [self.known[unit] for unit in units]
        return np.stack(rows) if rows else hashed([])


def mark(unit: str, seed: int) -> int:
    """Return the mark of a unit: 48 bits."""
    return int(position(f"mark:{unit}", seed) * 2**48)


def marked(units: pl.DataFrame, marks: Marks, seed: int) -> pl.DataFrame:
    """Return `units` with the band of those that bear a mark."""
    if not marks:
        return units
    band_of = {one: band for band, ones in marks.items() for one in ones}
    bands = [
        band if band == "flagged" else band_of.get(mark(unit, seed), band)
        for unit, band in units.select("unit_id", "band").iter_rows()
    ]
    return units.with_columns(pl.Series("band", bands, dtype=pl.String))
