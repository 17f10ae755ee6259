"""Drift: what changed, since when, where, how large, and what changed with it; under one false-alarm budget."""

from monitor.drift.decide import DriftOutcome, decide_drift

__all__ = ["DriftOutcome", "decide_drift"]
