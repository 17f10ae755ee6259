"""Questions of who sits down to review: the next answers, what is said of them, what is taken back, what others disagree on."""

from __future__ import annotations

from typing import Any, ClassVar, Final, Literal

from monitor.errors import UsageError
from plumbline.api.question import Method, Question
from plumbline.api.review_questions import OfReview

Verdict = Literal["violates", "complies", "borderline", "cannot_judge"]
Why = Literal["slip", "unclear_rule", "missing_example", "grey_area"]
MOST: Final = 10
"""Answers on one desk at a time."""


class TakeItems(OfReview, frozen=True):
    """The next answers for whoever asks, theirs alone for a quarter of an hour, with rules and texts and nobody's verdict."""

    path: ClassVar[str] = "/v1/reviews/take"

    most: int = 2
    severe: bool = True

    def check(self) -> None:
        if not 1 <= self.most <= MOST:
            raise UsageError(f"most must be between 1 and {MOST}")


class SkipItem(OfReview, frozen=True):
    """Put an answer off: it comes back when nothing else is left."""

    path: ClassVar[str] = "/v1/reviews/skip"

    unit_id: str


class SaveDraft(OfReview, frozen=True):
    """Keep what somebody has begun to say of an answer, which counts for nothing yet."""

    path: ClassVar[str] = "/v1/reviews/draft"

    unit_id: str
    draft: dict[str, Any]


class CommitItem(OfReview, frozen=True):
    """Say what an answer is under the rules asked; the answer reveals what graders and colleagues say."""

    path: ClassVar[str] = "/v1/reviews/commit"

    unit_id: str
    verdicts: dict[str, Verdict]
    note: str | None = None
    corrected: str | None = None

    def check(self) -> None:
        if not self.verdicts:
            raise UsageError("say something of at least one rule")


class UndoItem(OfReview, frozen=True):
    """Take back all that one said of an answer; it lies on one's desk again."""

    path: ClassVar[str] = "/v1/reviews/undo"

    unit_id: str


class Disputes(Question[list[dict[str, Any]]], frozen=True):
    """Answers of a review on which people disagree and nobody has decided, with what each of them said."""

    path: ClassVar[str] = "/v1/reviews/{id}/disputes"
    under: ClassVar[str] = "disputes"

    id: str


class DecideItem(OfReview, frozen=True):
    """Decide what an answer is where two others disagree, and why they did."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/reviews/decide"

    unit_id: str
    rule_id: str
    verdict: Verdict
    why: Why
    note: str | None = None


OF_SEATS: Final = (TakeItems, SkipItem, SaveDraft, CommitItem, UndoItem, Disputes, DecideItem)
"""In the order of the table of questions."""
