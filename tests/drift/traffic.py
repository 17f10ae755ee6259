"""Seeded traffic for the drift tests: turns of one app with a known change."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from monitor.clock import aware_utc
from monitor.config.schema import DriftSettings
from monitor.drift import DriftOutcome, Feeding, decide_drift
from monitor.drift.cause import NOTHING
from monitor.drift.decide import E_DETECTOR
from monitor.drift.detector import Detector
from monitor.drift.rises import Rise
from monitor.model.values import Finding

START = datetime(2026, 1, 5)  # noqa: DTZ001 the store keeps naive UTC
STEP = timedelta(minutes=5)


def turns(columns: Mapping[str, Sequence[Any] | np.ndarray], start: int = 0, app: str = "support") -> pl.DataFrame:
    """One turn every five minutes, the first at position `start`."""
    n = len(next(iter(columns.values())))
    base = {
        "unit_id": [f"u{start + i:06d}" for i in range(n)],
        "time": [START + (start + i) * STEP for i in range(n)],
        "app": [app] * n,
    }
    return pl.DataFrame({**base, **columns}, schema_overrides={"time": pl.Datetime("us")})


def flags(seed: int, *parts: tuple[int, float]) -> np.ndarray:
    """0/1 values: for each part so many with such a mean."""
    rng = np.random.default_rng(seed)
    return np.concatenate([(rng.random(n) < mean).astype(float) for n, mean in parts])


def at(position: int) -> datetime:
    return aware_utc(START + position * STEP)


def a_finding(changed: datetime, **said: Any) -> Finding:
    """A rate that went from 10 to 30 % when it `changed`, of which no cause is known."""
    times = dict.fromkeys(("detected_at", "since", "since_low", "since_high"), changed)
    sizes = {"reference_value": 0.1, "current_value": 0.3, "change": 0.2, "change_low": 0.1, "change_high": 0.3}
    told = {"e_value": 1e6, "budget": "", "cause": NOTHING, "reason": "", "examples": ()}
    known: dict[str, Any] = {"id": "f1", "kind": "drift", "app": "shop", "segment": "all", **times, **sizes, **told}
    return Finding(**known | said)


class Watch:
    """Feeds batches and keeps the states, as the cycle does."""

    def __init__(self, settings: DriftSettings | None = None, detector: Detector = E_DETECTOR) -> None:
        self.detector = detector
        self.settings = settings or DriftSettings()
        self.states: dict[str, str] = {}
        self.findings: list[Finding] = []
        self.returned: list[str] = []
        self.rises: list[Rise] = []
        self.accepted: list[str] = []
        self.lasting: tuple[str, ...] = ()

    def learning(self) -> dict[str, int]:
        """The streams that have no reference yet, and how many outputs of it."""
        streams = {key: json.loads(state) for key, state in self.states.items() if key != "memory"}
        return {key: state["n"] for key, state in streams.items() if "n" in state and state["reference"] is None}

    def feed(self, rows: pl.DataFrame, batch: int = 100_000) -> DriftOutcome:
        outcome = DriftOutcome({}, [])
        for start in range(0, rows.height, batch):
            part = rows[start : start + batch]
            newest: datetime = part["time"].max()  # type: ignore[assignment]
            feeding = Feeding(accepted=self.accepted, lasting=self.lasting)
            outcome = decide_drift(
                dict(self.states), part, self.settings, aware_utc(newest), self.detector, feeding=feeding
            )
            self.states.update(outcome.states)
            self.findings += outcome.findings
            self.returned += outcome.returned
            self.rises += outcome.rises
        return outcome
