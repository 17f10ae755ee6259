"""Steps of experiments, and people's labels: what is added to the sums of arms, and when they are read again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final

import polars as pl

from monitor.experiments import compare_arms
from monitor.experiments.corrections import correct
from monitor.experiments.sums import added, reopened, unit_sums, with_past, without_past
from monitor.model.values import Comparison
from monitor.steps import House, Mark, ScoreBatch, TurnBatch, data_time, marked
from monitor.store import outcomes, reads, verdicts
from monitor.store.opening import Transaction
from monitor.store.pasts import pasts
from monitor.store.turn_measures import turn_metrics

BEFORE_ALL: Final = -1
"""Before the number of any turn or score; scores of before numbers were kept have 0."""

LABELS: Final = "labels"
"""The name of the mark that says how far labels are taken in."""


def take_labels(house: House, _: None = None) -> int:
    """Bring what people said since the last cycle from the control state into the store; a store that is new gets all of it."""
    taken = 0
    while house.labels is not None and not house.stopping():
        known, _time = reads.marks(house.store).get(LABELS, (0, None))
        labels = house.labels.after(known)
        if not labels:
            break
        with marked(house.store, Mark(LABELS, seq=labels[-1]["seq"])) as txn:
            verdicts.add_labels(txn, labels)
            if not (sums := reads.arm_units(txn)).is_empty():
                read_arms(house, txn, sums, house.clock.now())
        taken += len(labels)
    return taken


def compare_turns(house: House, batch: TurnBatch) -> int:
    """Add the new turns to the per-user sums of their experiments and read every experiment again."""
    return compare_measured(house, house.measured.of(house.store, batch.window).metrics(), batch.mark)


def compare_scores(house: House, batch: ScoreBatch) -> int:
    """Add scores to the per-user sums of their experiments."""
    return compare_measured(house, batch.metrics, batch.mark)


def compare_again(house: House, _: None) -> int:
    """Sum up again, from all turns, the experiments whose turns got another arm after they were compared."""
    names = [name for name in reads.rereads(house.store) if _may_read(house, name)]
    if not names:
        return 0
    marks = reads.marks(house.store)
    upto, scored = (marks.get(step, (0, None))[0] for step in ("compare", "compare:scores"))
    whole = reads.window(house.store, 0, upto)
    if whole is None:
        return 0
    metrics = turn_metrics(house.store, whole)
    scores = reads.new_scores(house.store, BEFORE_ALL, scored)
    parts = [metrics] if scores.is_empty() else [metrics, scores]
    sums = pl.concat([unit_sums(part.filter(pl.col("experiment").is_in(names))) for part in parts])
    with house.store.transaction() as txn:
        kept = reads.arm_units(txn).filter(~pl.col("experiment").is_in(names))
        merged = added(kept, sums)
        now = data_time(house, metrics)
        comparisons = read_arms(house, txn, merged, now)
        outcomes.forget_rereads(txn, [name for name in names if not _failing(house, name)])
    return len(comparisons)


def compare_measured(house: House, metrics: pl.DataFrame, mark: Mark) -> int:
    """Add what was measured of turns, a row a turn, to the sums of their experiments, and read every experiment again."""
    with marked(house.store, mark) as txn:
        known = Arms(reads.arm_units(txn), outcomes.readings(txn))
        arms = with_more(house, known, [metrics], Looked(partial(pasts, txn), _errors(txn)))
        if arms is known:
            return 0
        _keep(house, txn, arms)
    return len(arms.comparisons)


def read_arms(house: House, txn: Transaction, known: pl.DataFrame, now: datetime) -> list[Comparison]:
    """Read every experiment of every app again; one that fails keeps its last readout and its sums, and is read again in each cycle."""
    arms = _read(house, Arms(known, outcomes.readings(txn)), now, Looked(partial(pasts, txn), _errors(txn)))
    _keep(house, txn, arms)
    return arms.comparisons


@dataclass(frozen=True)
class Arms:
    """The per-unit sums of all experiments, and what was read of them last."""

    sums: pl.DataFrame
    comparisons: list[Comparison]


@dataclass(frozen=True)
class Looked:
    """What is looked up to read arms: what units did `before` they came, and by how much machines erred (None: nobody labels)."""

    before: Callable[[pl.DataFrame], pl.DataFrame]
    errors: pl.DataFrame | None = None


def with_more(house: House, known: Arms, measured: Sequence[pl.DataFrame], looked: Looked) -> Arms:
    """Return the arms with what was `measured` of turns added, and read again; `known` itself where nothing is new to them.

    What is read stands as of the last part that was new to them.
    """
    sums, now = known.sums, None
    for metrics in measured:
        fresh, open_again = unit_sums(metrics), reopened(sums, metrics)
        if not fresh.is_empty() or not open_again.equals(sums):
            sums, now = added(open_again, fresh), data_time(house, metrics)
    return known if now is None else _read(house, Arms(sums, known.comparisons), now, looked)


def _read(house: House, known: Arms, now: datetime, looked: Looked) -> Arms:
    fresh = without_past(known.sums)
    sums = known.sums if fresh.is_empty() else with_past(known.sums, looked.before(fresh))
    comparisons = [
        read
        for (app,), part in sums.group_by("app", maintain_order=True)
        for read in _read_app(house, str(app or ""), part, looked.errors, known.comparisons, now)
    ]
    return Arms(sums, comparisons)


def _errors(txn: Transaction) -> pl.DataFrame | None:
    return verdicts.label_errors(txn) if LABELS in reads.marks(txn) else None


def _keep(house: House, txn: Transaction, arms: Arms) -> None:
    failing = [name for name in arms.sums["experiment"].unique() if _failing(house, name)]
    outcomes.replace_readout(txn, arms.sums, arms.comparisons, failing)
    outcomes.ask_rereads(txn, failing)


def _read_app(
    house: House, app: str, sums: pl.DataFrame, errors: pl.DataFrame | None, earlier: list[Comparison], now: datetime
) -> list[Comparison]:
    """Read the experiments of one app: another that has one of the same name has another experiment."""
    corrected, labels = (sums, {}) if errors is None else correct(sums, errors.filter(pl.col("app") == app))
    asked, before = house.settings.experiments, [told for told in earlier if told.app == app]
    judged = frozenset(f"rule:{rule.id}" for policy in house.policies for rule in policy.rules if rule.judged)
    read = compare_arms(
        corrected, asked, now, house.settings.metrics, house.guard, labels, before, judged, house.titles
    )
    return [replace(told, app=app) for told in read]


def _may_read(house: House, experiment: str) -> bool:
    return house.health is None or house.health.may_try(f"experiment {experiment}")


def _failing(house: House, experiment: str) -> bool:
    return house.health is not None and house.health.failures(f"experiment {experiment}") > 0
