"""Experiments that are looked at sixty times, simulated: arms that are the same, and a small rollout with or without harm.

Traffic as it comes: users return, some are heavy, one has a fifth of all turns; shares are ramped, one arm ends early, what users
did before is known of most. `python -m tests.statistics.experiments_looked_at same|harmed|harmless UPTO [FILE]` runs the seeds below UPTO and
prints what they add up to. With FILE each is kept there as it ends, and a run that was stopped goes on with the seeds that are not in it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from monitor.config.schema import ExperimentSettings, MetricSettings, PhaseSettings
from monitor.experiments import compare_arms
from monitor.model.values import Comparison
from monitor.stats.intervals import clopper_pearson
from monitor.stats.ranks import Floats

BEGUN = datetime(2026, 1, 5)  # noqa: DTZ001 the store keeps naive UTC
LOOKS, DAYS = 60, 12.0
METRICS = ("rule:x", "duration_ms", "score:helpful")
DECLARED = {"rule:x": MetricSettings(role="guardrail"), "helpful": MetricSettings(role="primary", bounds=(0.0, 1.0))}
CALLED = ("better", "worse", "differs")


@dataclass(frozen=True)
class Turns:
    """Turns in order of time: day, number of the user, and a value of each metric; arms and pasts are by user."""

    day: Floats
    user: np.ndarray
    values: Floats
    arm: np.ndarray
    past: Floats  # users x metrics x (count, total)

    def seen(self, until: float) -> pl.DataFrame:
        """Return the sums of what came until a day, as the store keeps them."""
        upto = int(np.searchsorted(self.day, until))
        user, values = self.user[:upto], self.values[:upto]
        known, first, n = np.unique(user, return_index=True, return_counts=True)
        last = np.zeros(len(self.arm))
        last[user] = self.day[:upto]  # the later of two assignments stands
        came, gone = (_times(days) for days in (self.day[first], last[known]))
        parts = [
            pl.DataFrame(
                {
                    "experiment": "tone",
                    "arm": self.arm[known],
                    "metric": metric,
                    "unit": known.astype(str),
                    "n": n,
                    "total": np.bincount(user, values[:, column], len(self.arm))[known],
                    "first": came,
                    "last": gone,
                    "past_n": self.past[known, column, 0].astype(np.int64),
                    "past_total": self.past[known, column, 1],
                }
            )
            for column, metric in enumerate(METRICS[: self.values.shape[1]])
        ]
        return pl.concat(parts)


def _times(days: Floats) -> np.ndarray:
    return np.datetime64(BEGUN, "us") + (days * 86_400e6).astype("timedelta64[us]")


def traffic(rng: np.random.Generator, arm: np.ndarray, came: Floats, harm: float = 0.0, heavy: int = 200) -> Turns:
    """Users of these arms who come at these days and return; the last user has `heavy` turns. Arm B breaks a rule `harm` more often."""
    users = len(arm)
    counts = 1 + rng.negative_binomial(0.5, 0.25, users)
    counts[users // 2] = max(heavy, counts[users // 2])
    user = np.repeat(np.arange(users), counts)
    late = np.repeat(np.arange(len(user)) - np.repeat(np.cumsum(counts) - counts, counts) > 0, 1)
    day = came[user] + np.where(late, rng.exponential(2.0, len(user)), 0.0)
    usual = np.stack(
        [rng.beta(2, 38, users), rng.lognormal(0, 0.5, users), rng.normal(0.6, 0.15, users).clip(0, 1)], axis=1
    )
    worse = np.where(arm == "B", harm, 0.0)

    def turns(of: np.ndarray, more: Floats) -> Floats:
        broken = rng.random(len(of)) < usual[of, 0] + more[of]
        took = 800 * usual[of, 1] * rng.lognormal(0, 0.6, len(of))
        return np.stack([broken.astype(float), took, (rng.random(len(of)) < usual[of, 2]).astype(float)], axis=1)

    before = np.repeat(np.arange(users), np.where(rng.random(users) < 0.7, counts, 0))
    values, earlier = turns(user, worse), turns(before, np.zeros(users))
    seen = np.bincount(before, minlength=users).astype(np.float64)
    past = np.stack(
        [np.stack([seen, np.bincount(before, earlier[:, column], users)], axis=1) for column in range(values.shape[1])],
        axis=1,
    )
    order = np.argsort(day, kind="stable")
    return Turns(day[order], user[order], values[order], arm, np.asarray(past, dtype=np.float64))


def ramped(rng: np.random.Generator, users: int = 1_500) -> tuple[Turns, ExperimentSettings]:
    """Arm B has a tenth of the users for three days, then half; arm C ends after five days."""
    came = np.sort(rng.uniform(0, DAYS, users))
    share = np.where(came < 3, 0.1, 0.45)
    draw = rng.random(users)
    arm = np.where(draw < share, "B", np.where((draw < share + 0.1) & (came < 5), "C", "A"))
    first, then, last = {"A": 80.0, "B": 10.0, "C": 10.0}, {"A": 45.0, "B": 45.0, "C": 10.0}, {"A": 55.0, "B": 45.0}
    split = (PhaseSettings("2026-01-05", first), PhaseSettings("2026-01-08", then), PhaseSettings("2026-01-10", last))
    turns = traffic(rng, arm, came)
    ended = (turns.arm[turns.user] == "C") & (turns.day >= 5)
    kept = Turns(turns.day[~ended], turns.user[~ended], turns.values[~ended], turns.arm, turns.past)
    return kept, ExperimentSettings(phases={"tone": split})


def looks(turns: Turns, settings: ExperimentSettings, days: Floats) -> Iterator[list[Comparison]]:
    """Read the experiment at each of these days, with what was read before."""
    earlier: list[Comparison] = []
    for day in days:
        now = (BEGUN + timedelta(days=float(day))).replace(tzinfo=UTC)
        earlier = compare_arms(turns.seen(float(day)), settings, now, DECLARED, earlier=earlier)
        yield earlier


@dataclass(frozen=True)
class Read:
    """What sixty looks at arms that are the same said: of a winner, and whether every interval held the truth, which is no difference."""

    winner: bool
    numbers: bool
    held: bool


def same(seed: int) -> Read:
    """Look sixty times at one experiment whose arms are the same."""
    turns, settings = ramped(np.random.default_rng([61, seed]))
    told = [found for look in looks(turns, settings, np.linspace(0.5, DAYS, LOOKS)) for found in look]
    spans = [(found.low, found.high) for found in told if found.low is not None and found.high is not None]
    return Read(
        any(found.decision in CALLED for found in told), bool(spans), all(low <= 0 <= high for low, high in spans)
    )


def canary(rng: np.random.Generator, harm: float, users: int = 24_000) -> int | None:
    """Users of an arm with a twentieth of the traffic until its guardrail is told to be worse, or None; looked at each 20 of them."""
    arm = np.where(rng.random(users) < 0.05, "B", "A")
    came = np.sort(rng.uniform(0, DAYS, users))
    turns = traffic(rng, arm, came, harm)
    settings = ExperimentSettings(split={"tone": {"A": 95.0, "B": 5.0}})
    exposed = np.flatnonzero(arm == "B")
    for number in range(40, len(exposed), 20):
        [*told] = next(iter(looks(turns, settings, came[exposed[number]][None])))
        if any(found.role == "guardrail" and found.decision == "worse" for found in told):
            return number
    return None


def harmed(seed: int) -> int | None:
    """Users of a small arm with five points more violations until it is paused."""
    return canary(np.random.default_rng([62, seed]), 0.05)


def harmless(seed: int) -> int | None:
    """Users of a small arm that is as the other until it is paused, which is a false pause."""
    return canary(np.random.default_rng([63, seed]), 0.0)


def kept(what: str, upto: int, file: Path | None) -> list[Any]:
    """Return what each seed below `upto` gave, run unless the file has it."""
    lines = file.read_text().splitlines() if file is not None and file.exists() else []
    known = {row["seed"]: row["gave"] for row in map(json.loads, lines) if row["what"] == what}
    for seed in range(upto):
        if seed not in known:
            known[seed] = asdict(same(seed)) if what == "same" else {"harmed": harmed, "harmless": harmless}[what](seed)
            if file is not None:
                with file.open("a") as to:
                    print(json.dumps({"what": what, "seed": seed, "gave": known[seed]}), file=to)
    return [known[seed] for seed in range(upto)]


def summed(what: str, gave: list[Any]) -> str:
    """Say in a line what the seeds add up to."""
    if what != "same":
        pauses = [number for number in gave if number is not None]
        median = float(np.median([np.inf if number is None else number for number in gave]))
        high = clopper_pearson(len(pauses), len(gave), 0.95).high
        return f"{what}: paused in {len(pauses)} of {len(gave)} (at most {high:.4f}), median after {median:.0f} exposed users"
    won, held = sum(read["winner"] for read in gave), sum(read["held"] for read in gave)
    high = clopper_pearson(won, len(gave), 0.95).high
    return f"same: a winner in {won} of {len(gave)} in {LOOKS} looks (at most {high:.3f}), intervals of all looks held in {held}"


def main(arguments: list[str]) -> None:
    """Run the seeds and print what they add up to."""
    what, upto = arguments[0], int(arguments[1])
    print(summed(what, kept(what, upto, Path(arguments[2]) if len(arguments) > 2 else None)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
