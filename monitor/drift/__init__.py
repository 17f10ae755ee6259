"""Drift: what changed, since when, where, how large, and what changed with it; under one false-alarm budget."""

from monitor.drift.decide import DriftOutcome, Feeding, decide_drift, part_of, whole_metric

__all__ = ["DriftOutcome", "Feeding", "decide_drift", "part_of", "whole_metric"]
