"""What can be asked about people's verdicts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from monitor.labels import read_labels
from plumbline.api.question import Method, Question, Scope


class AddLabels(Question[dict[str, int]], frozen=True):
    """Say what turns are under a rule, as whoever asks; all of the batch is taken or nothing. Counts of new and known labels.

    Each label: unit_id, rule_id, verdict, and where wanted note, corrected, key, plan with inclusion_probability, review_id,
    adjudicated.
    """

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/labels"
    scope: ClassVar[Scope] = "review"

    labels: list[Any]

    def check(self) -> None:
        read_labels(self.labels)

    def about(self, _hidden: Callable[[str], str]) -> str:
        return f"{len(self.labels)} labels"
