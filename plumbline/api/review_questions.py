"""Questions about reviews: what is open and how far it is, one opened, shared out, ended, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar, Final

from monitor.errors import UsageError
from plumbline.api.question import Method, Question, Scope

LARGEST: Final = 20_000
"""Items of one review."""

AT_ONCE: Final = 40
"""Answers by which a review grows, unless somebody says otherwise."""

LONGEST: Final = 4000
"""Characters of minutes."""


class Reviews(Question[list[dict[str, Any]]], frozen=True):
    """Every review, newest first, with how many of its items somebody has judged."""

    path: ClassVar[str] = "/v1/reviews"
    under: ClassVar[str] = "reviews"


class Review(Question[dict[str, Any]], frozen=True):
    """One review: its strata, its progress per person, and what it waits for."""

    path: ClassVar[str] = "/v1/reviews/{id}"

    id: str


class RedrawReview(Question[dict[str, Any]], frozen=True):
    """The list of a review drawn again from its seed: unit_id, stratum, inclusion_probability of each item."""

    path: ClassVar[str] = "/v1/reviews/{id}/redraw"

    id: str


class ReviewResults(Question[dict[str, Any]], frozen=True):
    """What follows from a review so far, by application and rule: a rate with its interval, and what nobody judged."""

    path: ClassVar[str] = "/v1/reviews/{id}/results"

    id: str


class OpenReview(Question[dict[str, Any]], frozen=True):
    """Open a review of the answers of the week before `at` (now), of one application or all; the answer says its id."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/reviews"
    scope: ClassVar[Scope] = "review"
    quiet: ClassVar[bool] = True

    app: str | None = None
    size: int | None = None
    at: datetime | None = None
    rules: tuple[str, ...] = ()

    def check(self) -> None:
        if self.size is not None and not 1 <= self.size <= LARGEST:
            raise UsageError(f"size {self.size}: a review has between 1 and {LARGEST} items")
        if self.at is not None and self.at.tzinfo is None:
            raise UsageError("at must be an instant with a time zone, such as 2026-11-30T09:00:00Z")

    def about(self, _hidden: Callable[[str], str]) -> str:
        return self.app or "all applications"


class OfReview(Question[dict[str, Any]], frozen=True):
    """An act on one review."""

    method: ClassVar[Method] = "POST"
    scope: ClassVar[Scope] = "review"
    quiet: ClassVar[bool] = True

    id: str

    def about(self, _hidden: Callable[[str], str]) -> str:
        return f"review {self.id}"


class AssignReview(OfReview, frozen=True):
    """Share the items of a review out among people, each as many as the others."""

    path: ClassVar[str] = "/v1/reviews/assign"

    people: tuple[str, ...] = ()

    def check(self) -> None:
        if not self.people or len(set(self.people)) < len(self.people):
            raise UsageError("a review is shared out among at least one person, each named once")


class MoreItems(OfReview, frozen=True):
    """Draw more answers into an open review, where they narrow the rate of a rule most; the answer says how many of which stratum."""

    path: ClassVar[str] = "/v1/reviews/more"

    size: int = AT_ONCE
    rule: str | None = None

    def check(self) -> None:
        if not 1 <= self.size <= LARGEST:
            raise UsageError(f"size {self.size}: between 1 and {LARGEST} answers more")


class CloseReview(OfReview, frozen=True):
    """End a review with what was labelled; the answer is what follows from it."""

    path: ClassVar[str] = "/v1/reviews/close"


class WantItems(Question[dict[str, Any]], frozen=True):
    """Put the answers of a trace, a finding or an alert into the next review."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/reviews/want"
    scope: ClassVar[Scope] = "review"
    quiet: ClassVar[bool] = True

    id: str
    reason: str = ""

    def check(self) -> None:
        if not self.id or len(self.reason) > LONGEST:
            raise UsageError(f"name a trace, a finding or an alert, and a reason of at most {LONGEST} characters")

    def about(self, _hidden: Callable[[str], str]) -> str:
        return _hidden(self.id)


class SignReview(OfReview, frozen=True):
    """Sign a review off that has ended, with minutes: what the numbers mean, and what was decided."""

    path: ClassVar[str] = "/v1/reviews/sign"

    minutes: str

    def check(self) -> None:
        if not self.minutes.strip() or len(self.minutes) > LONGEST:
            raise UsageError(f"minutes have at least one word and at most {LONGEST} characters")


OF_REVIEWS: Final = (
    Reviews,
    Review,
    RedrawReview,
    ReviewResults,
    OpenReview,
    AssignReview,
    MoreItems,
    CloseReview,
    SignReview,
    WantItems,
)
"""In the order of the table of questions."""
