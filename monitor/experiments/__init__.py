"""Experiments: which arm is better, and may that be said yet."""

from monitor.experiments.compare import compare_arms

__all__ = ["compare_arms"]
