"""Questions about experiments that have not begun."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from monitor.errors import UsageError
from plumbline.api.question import Question

MOST_ARMS: Final = 20


class ExperimentPlan(Question[dict[str, Any]], frozen=True):
    """How many days and users it takes until a difference of `smallest` in a metric is told, by what users did so far."""

    path: ClassVar[str] = "/v1/experiments/plan"

    app: str
    metric: str
    smallest: float
    arms: int = 2
    share: float = 1.0

    def check(self) -> None:
        if not self.smallest > 0:
            raise UsageError("the smallest difference that matters is above 0")
        if not 2 <= self.arms <= MOST_ARMS:
            raise UsageError(f"an experiment has 2 to {MOST_ARMS} arms")
        if not 0 < self.share <= 1:
            raise UsageError("the share of the traffic is above 0 and at most 1")


OF_EXPERIMENTS: Final = (ExperimentPlan,)
"""In the order of the table of questions."""
