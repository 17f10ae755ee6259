"""Phrases and patterns that no answer may contain."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import ClassVar

import polars as pl
from polars.exceptions import ComputeError

from monitor.graders.grader import NO_OUTPUT, Judgement, Settings, complies, output_of, violates
from monitor.model.values import Turn


class Banned(Settings, frozen=True, tag="banned"):
    """`phrases` are whole words, in any case and with any white space between them; `patterns` are regular expressions.

    Patterns run in Rust's regex engine (through polars), whose time is linear in the text whatever the pattern: no text
    can stall a cycle. The price is its syntax: no look-around, no back-references. Case counts unless a pattern
    starts with `(?i)`. A paraphrase is not found; that takes a judge.
    """

    code: ClassVar[int] = 1
    phrases: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.phrases and not self.patterns:
            raise ValueError("banned needs phrases or patterns")
        if any(not phrase.strip() for phrase in self.phrases):
            raise ValueError("an empty phrase would be found everywhere")
        for pattern in (*self.patterns, *self._together()):
            _check(pattern)

    def grade(self, turn: Turn) -> Judgement:
        """Name the first hit by its number in the policy and by its place, since the answer may not be repeated."""
        output = output_of(turn)
        if output is None:
            return NO_OUTPUT
        if self.phrases and (found := _phrase_finder(self.phrases).search(output)):
            number = found.lastindex or 0
            return violates(f"banned phrase {number} of {len(self.phrases)} at character {found.start()}")
        if any(_occurs(pattern, output) for pattern in self._together()):
            number = next(n for n, pattern in enumerate(self.patterns, 1) if _occurs(pattern, output))
            return violates(f"banned pattern {number} of {len(self.patterns)} occurs")
        return complies(f"none of {len(self.phrases) + len(self.patterns)} banned phrases and patterns")

    def _together(self) -> tuple[str, ...]:
        """All patterns as one, or none: asking the engine costs more than searching two thousand characters."""
        return ("|".join(f"(?:{pattern})" for pattern in self.patterns),) if self.patterns else ()


def _occurs(pattern: str, text: str) -> bool:
    return bool(pl.Series([text]).str.contains(pattern).item())


def _check(pattern: str) -> None:
    try:
        matches_nothing = _occurs(pattern, "")
    except ComputeError as error:
        lines = [line.removeprefix("error: ") for line in str(error).splitlines() if line.startswith("error: ")]
        raise ValueError(f"not a regular expression: {lines[0] if lines else 'too large'}") from None
    if matches_nothing:
        raise ValueError("the pattern matches the empty text, so it would be found everywhere")


@lru_cache(maxsize=64)
def _phrase_finder(phrases: tuple[str, ...]) -> re.Pattern[str]:
    """Escaped literals in one alternation: nothing in it can backtrack further than one phrase is long."""
    branches = (r"\s+".join(map(re.escape, phrase.split())) for phrase in phrases)
    return re.compile(rf"(?<!\w)(?:{'|'.join(f'({branch})' for branch in branches)})(?!\w)", re.IGNORECASE)
