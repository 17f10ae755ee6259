"""What a judge is worth under a rule, held against people on the same answers: what it finds, its false alarms, whether its beliefs are true.

Each answer weighs as many as it stands for: one over the probability that it was judged and then drawn for people. Some labels
certify nobody: of answers that somebody chose, since they stand for no others, and of answers that people had labelled before this version
of the judge judged its first, since it may have been chosen or worded by them. So a label is spent on the versions that are at work when
it is given, and a new model, rubric, rule or example begins with none; so does a judge that known items found to have changed under its name,
since labels on what it said before tell of the one that it was. Not for telling two judges apart: that needs both on the same answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import polars as pl

from monitor.stats.agreement import Agreement, agreement
from monitor.stats.erring import Often
from monitor.stats.estimators import cluster_labels, effective_n, hajek
from monitor.stats.intervals import share_interval
from monitor.stats.ranks import Floats

CONFIDENCE: Final = 0.95
BINS: Final = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Where the bins of the calibration curve begin and end: few, so that each holds answers enough."""

NOBODY: Final = Agreement(0, 0, 0)
"""How far a judge agrees that was never held against anybody."""

KEYS: Final = ("rule_id", "judge", "version", "language")
"""What a card is of."""


@dataclass(frozen=True)
class Bin:
    """Answers of whose violation a judge was sure between `low` and `high`: its mean belief, and the share that people call violations."""

    low: float
    high: float
    n: int
    belief: float
    violates: float


@dataclass(frozen=True)
class Card:
    """One version of a judge under one rule, for answers in one language ("" where that is not known).

    `recall` is of answers that violate (`n_violate`, of which it found `found`), `alarms` of those that comply (`n_comply`, `false`);
    None where there are none. `chosen`, `seen` and `before` count the labels that certify nobody, the last those of what it said before
    `changed_at`, when it was found to have changed (naive UTC; None: it was not since it began). `apps` are those
    whose labels it counts, `works_in` those whose answers the judge decided, labelled or not: who may see one of either is told of the card.
    """

    rule: str
    judge: str
    version: str
    language: str
    recall: Often | None = None
    n_violate: int = 0
    found: int = 0
    alarms: Often | None = None
    n_comply: int = 0
    false: int = 0
    weighted: bool = False
    newest: datetime | None = None
    last_at: datetime | None = None
    apps: frozenset[str] = frozenset()
    works_in: frozenset[str] = frozenset()
    chosen: int = 0
    seen: int = 0
    before: int = 0
    changed_at: datetime | None = None
    curve: tuple[Bin, ...] = ()
    agreement: Agreement = NOBODY

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What it is of."""
        return self.rule, self.judge, self.version, self.language

    def told(self) -> dict[str, Any]:
        """Return it as plain values; times are naive UTC."""
        dated = {"newest": self.newest, "last_at": self.last_at, "changed_at": self.changed_at}
        times = {name: at and at.isoformat() for name, at in dated.items()}
        told = asdict(self) | times | {"apps": sorted(self.apps)}
        del told["works_in"]  # may name applications that whoever may see the labels may not see
        return told

    def veiled(self) -> Card:
        """Return it without its numbers, for who may not see all applications that they are of."""
        return Card(*self.key, last_at=self.last_at, changed_at=self.changed_at)


def changed_since(began: datetime, changed_at: datetime | None) -> datetime | None:
    """Return when a judge changed that one version of it has lived through; None: it began after that, or it never changed."""
    return changed_at if changed_at is not None and began < changed_at else None


def cards(pairs: pl.DataFrame, changed: Mapping[str, datetime]) -> Iterator[Card]:
    """Yield a card for each rule, version of a judge and language; `changed` says when a judge was found to have changed last (naive UTC).

    `pairs`: as `monitor.store.cards.pairs` says, with `probability`, that of being judged and labelled, NULL or 0 where nobody knows it.
    """
    known = pairs.with_columns(pl.col("language").fill_null(""))
    for (rule, judge, version, language), rows in known.group_by(KEYS, maintain_order=True):
        at = changed_since(rows["began"][0], changed.get(str(judge)))
        yield _card(Card(str(rule), str(judge), str(version), str(language), changed_at=at), rows)


def _card(blank: Card, rows: pl.DataFrame) -> Card:
    drawn = pl.col("probability").fill_null(0.0) > 0
    since = pl.lit(True) if blank.changed_at is None else pl.col("judged_at") >= blank.changed_at
    counts = rows.filter(drawn & pl.col("unseen") & since)
    flagged = counts["said"] == "violates"
    bad, good = counts.filter(pl.col("label") == "violates"), counts.filter(pl.col("label") == "complies")
    return Card(
        *blank.key,
        recall=_often(bad),
        n_violate=bad.height,
        found=_found(bad),
        alarms=_often(good),
        n_comply=good.height,
        false=_found(good),
        weighted=counts["probability"].n_unique() > 1,
        newest=counts["labelled_at"].max(),  # type: ignore[arg-type]  # a column of times
        last_at=rows["last_at"].max(),  # type: ignore[arg-type]  # the same
        apps=frozenset(rows["app"].fill_null("")),
        chosen=rows.filter(~drawn).height,
        seen=rows.filter(drawn & ~pl.col("unseen")).height,
        before=rows.filter(drawn & pl.col("unseen") & ~since).height,
        changed_at=blank.changed_at,
        curve=tuple(_curve(counts)),
        agreement=agreement(list(zip(flagged, counts["label"] == "violates", strict=True))),
    )


def _found(rows: pl.DataFrame) -> int:
    return int((rows["said"] == "violates").sum())


def _often(rows: pl.DataFrame) -> Often | None:
    """How often the judge says `violates` of these answers; what it would not say, or borders on it, is not found."""
    if rows.is_empty():
        return None
    said, probability = (rows["said"] == "violates").to_numpy().astype(float), rows["probability"].to_numpy()
    clusters = cluster_labels(rows["unit"].to_list())
    told = hajek(said, probability, clusters)
    n = min(effective_n(told, CONFIDENCE), _worth(1 / probability, clusters))
    value = min(1.0, max(0.0, told.value))
    return Often(value, *share_interval(value * n, n, CONFIDENCE).interval)


def _worth(weights: Floats, clusters: np.ndarray[Any, np.dtype[np.int64]]) -> float:
    """As how many equal users these count by their weights alone (Kish 1965): where all verdicts are one, spread says nothing."""
    totals = np.bincount(clusters, weights)
    return float(totals.sum() ** 2 / np.square(totals).sum())


def _curve(rows: pl.DataFrame) -> Iterator[Bin]:
    """Bins of belief that hold any answer."""
    believed = rows.filter(pl.col("belief").is_not_null())
    place = np.clip(np.searchsorted(BINS, believed["belief"].to_numpy(), side="right") - 1, 0, len(BINS) - 2)
    for number in np.unique(place):
        mine = believed.filter(place == number)
        weights = 1 / mine["probability"].to_numpy()
        violates = (mine["label"] == "violates").to_numpy()
        means = (float(np.average(values, weights=weights)) for values in (mine["belief"].to_numpy(), violates))
        yield Bin(BINS[number], BINS[number + 1], mine.height, *means)


Cards = Mapping[tuple[str, str, str, str], Card]
"""Cards by what they are of."""
