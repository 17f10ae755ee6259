"""Answers that are too short or too long."""

from __future__ import annotations

from typing import ClassVar

from monitor.graders.grader import Judgement, Runner, Settings, Tools, complies, violates
from monitor.graders.runners import EachText
from monitor.model.values import Turn


class Length(Settings, frozen=True, tag="length"):
    """Bounds in characters and in words (runs without white space), both inclusive; a bound that is not set holds."""

    code: ClassVar[int] = 1
    min_chars: int | None = None
    max_chars: int | None = None
    min_words: int | None = None
    max_words: int | None = None

    def __post_init__(self) -> None:
        bounds = [(self.min_chars, self.max_chars), (self.min_words, self.max_words)]
        given = [bound for pair in bounds for bound in pair if bound is not None]
        if not given:
            raise ValueError("length needs at least one of min_chars, max_chars, min_words, max_words")
        if min(given) < 0 or any(low is not None and high is not None and low > high for low, high in bounds):
            raise ValueError("bounds of length are not negative and no minimum is above its maximum")

    def runner(self, tools: Tools) -> Runner:  # noqa: ARG002 it asks nobody else
        """Return the runner of these settings."""
        return EachText(self.look)

    def look(self, output: str, turn: Turn) -> Judgement:  # noqa: ARG002 it looks at the output alone
        """Count white space at both ends as nothing: an answer of blanks is an empty answer."""
        text = output.strip()
        for unit, count, low, high in (
            ("characters", len(text), self.min_chars, self.max_chars),
            ("words", len(text.split()), self.min_words, self.max_words),
        ):
            if low is not None and count < low:
                return violates(f"{count} {unit}, fewer than {low}")
            if high is not None and count > high:
                return violates(f"{count} {unit}, more than {high}")
        return complies(f"{len(text)} characters")
