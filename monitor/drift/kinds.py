"""What kinds of streams there are: those that people act on first, and those that tell what breaks in silence.

The first hold most of the false-alarm budget. The second are watched for whole apps only: something that is gone, is undecided or
was never seen before shows there, and by segment it would only use up streams.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

CORE: Final = ("rule:", "judge:", "error", "duration_ms", "cost_usd", "output_chars", "output_tokens")
"""Rules, refusals among them, judges, errors, latency, cost and length of answers."""

CORE_SHARE: Final = 0.8
"""The part of the budget that they share; the rest is for all others."""

MISSING: Final = "missing:"
"""Share of turns that lack a measure which the app used to have."""

UNDECIDED: Final = "undecided:"
"""Share of looked-at turns of which no machine could say whether they break a rule."""

NEW: Final = "new:"
"""Share of turns whose model, language or reason to end was not among those of the first turns of the app."""

TEXT: Final = "text:"
"""How texts are worded: what the name of a column of them begins with, and of the stream they make."""

SILENT: Final = (MISSING, UNDECIDED, NEW, "cut_off", "tool_error", "tool_calls", "steps")

COUNTS: Final = ("tool_calls", "steps")
"""Numbers, also where only 0 and 1 were seen yet."""


def is_core(metric: str) -> bool:
    """Tell whether a stream of `metric` shares the larger part of the budget."""
    return metric.startswith(CORE)


def is_silent(metric: str) -> bool:
    """Tell whether `metric` is watched for whole apps only."""
    return metric.startswith(SILENT)


def budget_shares(metrics: Iterable[str]) -> tuple[float, float]:
    """Return the part of the budget of each core stream and of each other one; `metrics` has an entry a stream.

    Where there is only one kind, it has all.

    >>> budget_shares(["error", "rule:a", "score:stars"])
    (0.4, 0.2)
    """
    named = list(metrics)
    core = sum(map(is_core, named))
    rest = len(named) - core
    share = 1.0 if not rest else CORE_SHARE if core else 0.0
    return share / max(1, core), round(1.0 - share, 9) / max(1, rest)
