"""Which way a metric is good: declared in `plumbline.yaml`, certain by what it is, assumed from its name, or not known.

Of a metric whose direction is not known, arms differ; neither is better. Names are data with a date (`known_metrics.toml`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, Literal

from monitor.config.schema import MetricSettings

CERTAIN_LOWER: Final = ("rule:", "error", "duration_ms", "cost_usd")
"""A rule counts its violations; errors, waiting and money are what they are."""

_WORDS: Final = re.compile(r"[a-z]+[0-9]*")
_HUMPS: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True)
class Direction:
    """`better` is the good way, `origin` is how that is known."""

    better: Literal["higher", "lower", "neither"]
    origin: Literal["declared", "certain", "assumed", "unknown"]

    @property
    def remark(self) -> str:
        """What a reader must know of it, or nothing."""
        if self.origin == "assumed":
            return f"that {self.better} is better is assumed from its name (as of {known_names().as_of}); declare it under metrics"
        return "which way is better is not declared (metrics)" if self.origin == "unknown" else ""


@dataclass(frozen=True)
class KnownNames:
    """Words in names of metrics, and when they were written down."""

    as_of: str
    lower: frozenset[str]
    higher: frozenset[str]
    turned: frozenset[str]


@cache
def known_names() -> KnownNames:
    """Return the shipped names."""
    data = tomllib.loads((files("monitor.experiments") / "known_metrics.toml").read_text(encoding="utf-8"))
    return KnownNames(str(data["as_of"]), *(frozenset(data[key]) for key in ("lower", "higher", "turned")))


def declared(metric: str, metrics: Mapping[str, MetricSettings]) -> MetricSettings | None:
    """Return what is declared of a metric: under its whole name, or a score under its own."""
    return metrics.get(metric) or metrics.get(metric.removeprefix("score:"))


def direction(metric: str, metrics: Mapping[str, MetricSettings]) -> Direction:
    """Return the good direction of `metric`.

    >>> direction("score:hallucination_rate", {}).better, direction("score:warmth", {}).better
    ('lower', 'neither')
    >>> direction("score:toxicity", {"toxicity": MetricSettings(better="higher")}).origin
    'declared'
    """
    said = declared(metric, metrics)
    if said is not None and said.better is not None:
        return Direction(said.better, "declared")
    if metric.startswith(CERTAIN_LOWER):
        return Direction("lower", "certain")
    return _assumed(metric.removeprefix("score:")) if metric.startswith("score:") else Direction("neither", "unknown")


def _assumed(name: str) -> Direction:
    known = known_names()
    words = set(_WORDS.findall(_HUMPS.sub("_", name).lower()))
    low, high = bool(words & known.lower), bool(words & known.higher)
    if low == high or words & known.turned:
        return Direction("neither", "unknown")
    return Direction("lower" if low else "higher", "assumed")
