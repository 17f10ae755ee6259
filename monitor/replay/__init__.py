"""Replay: what the cycle would have told over stored history, in virtual time."""

from monitor.replay.plan import Plan
from monitor.replay.run import Progress, run_replay

__all__ = ["Plan", "Progress", "run_replay"]
