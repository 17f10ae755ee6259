"""Drift: what changed, since when, where, how large, and what changed with it; under one false-alarm budget."""

from monitor.drift.decide import DriftOutcome, decide_drift, live_drift
from monitor.drift.feeding import Feeding
from monitor.drift.stored_states import Living, part_of, whole_metric

__all__ = ["DriftOutcome", "Feeding", "Living", "decide_drift", "live_drift", "part_of", "whole_metric"]
