"""Questions that make data sets out of what was graded: evaluation cases, and examples of a policy."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Final

from monitor.errors import UsageError
from monitor.model.values import Label
from plumbline.api.grading_questions import in_order
from plumbline.api.question import Question

VERDICTS: Final = ("violates", "complies", "borderline", "cannot_judge", "not_graded")
MOST: Final = 10_000


class DatasetCases(Question[list[dict[str, Any]]], frozen=True):
    """Turns graded under a rule as evaluation cases, the newest first: texts, label, who decided it, provenance."""

    path: ClassVar[str] = "/v1/dataset/cases"
    under: ClassVar[str] = "cases"

    rule: str
    start: datetime
    end: datetime
    verdicts: str = "violates,complies"
    most: int = 1000

    def check(self) -> None:
        in_order(self.start, self.end)
        wrong = [verdict for verdict in self.named() if verdict not in VERDICTS]
        if wrong or not self.named():
            raise UsageError(f"{wrong[0] if wrong else 'nothing'} is no verdict (one of {', '.join(VERDICTS)})")
        if not 1 <= self.most <= MOST:
            raise UsageError(f"most is between 1 and {MOST:,}")

    def named(self) -> list[str]:
        """Return the verdicts that are wanted."""
        return [verdict.strip() for verdict in self.verdicts.split(",") if verdict.strip()]


class AsExample(Question[dict[str, str]], frozen=True):
    """A stored turn as one more example of a rule: the file of its policy before and after, and the difference."""

    path: ClassVar[str] = "/v1/dataset/example/{id:path}"

    id: str
    rule: str
    label: Label = "violates"


class AsCase(Question[dict[str, Any]], frozen=True):
    """A stored turn as one evaluation case of a rule, labelled by whoever asks."""

    path: ClassVar[str] = "/v1/dataset/case/{id:path}"

    id: str
    rule: str
    label: Label = "violates"


OF_DATASETS = (DatasetCases, AsExample, AsCase)
"""In the order of the table of questions."""
