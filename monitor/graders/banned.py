"""Phrases and patterns that no answer may contain."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import ClassVar, Final

import polars as pl
from polars.exceptions import ComputeError

from monitor.graders.answers import Answers
from monitor.graders.grader import Judgement, Runner, Settings, Tools, complies, violates
from monitor.graders.normal import folded_text, neat_text, place_in
from monitor.graders.runners import LikelyText
from monitor.model.values import Turn
from monitor.scripts import SPACELESS

_LETTER: Final = rf"[^\W{SPACELESS}]"
_NEEDS_NO_SPACE: Final = re.compile(f"[{SPACELESS}]")


class Banned(Settings, frozen=True, tag="banned"):
    """`phrases` are whole words, in any case and with any white space between them; `patterns` are regular expressions.

    Both look at the text in one spelling (`normal.neat`). In scripts without spaces a phrase is found inside a sentence.
    Patterns run in Rust's regex engine (through polars), whose time is linear in the text whatever the pattern: no text
    can stall a cycle. The price is its syntax: no look-around, no back-references. Case counts unless a pattern
    starts with `(?i)`. A paraphrase is not found; that takes a judge.
    """

    code: ClassVar[int] = 2
    phrases: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.phrases and not self.patterns:
            raise ValueError("banned needs phrases or patterns")
        if any(not folded_text(phrase).strip() for phrase in self.phrases):
            raise ValueError("an empty phrase would be found everywhere")
        for pattern in (*self.patterns, *self._together()):
            _check(pattern)

    def runner(self, tools: Tools) -> Runner:  # noqa: ARG002 it asks nobody else
        """Return the runner of these settings."""
        return LikelyText(
            self._likely,
            self.look,
            complies(f"none of {len(self.phrases) + len(self.patterns)} banned phrases and patterns"),
        )

    def look(self, output: str, turn: Turn) -> Judgement:  # noqa: ARG002 it looks at the output alone
        """Name the first hit by its number in the policy and by its place, since the answer may not be repeated."""
        if self.phrases and (found := _phrase_finder(self.phrases).search(folded_text(output))):
            span = place_in(output, found.start()), place_in(output, found.end())
            return violates(f"banned phrase {found.lastindex} of {len(self.phrases)} at character {span[0]}", span=span)
        plain = neat_text(output)
        number = next((n for n, pattern in enumerate(self.patterns, 1) if _occurs(pattern, plain)), None)
        if number is not None:
            return violates(f"banned pattern {number} of {len(self.patterns)} occurs")
        return complies(f"none of {len(self.phrases) + len(self.patterns)} banned phrases and patterns")

    def _likely(self, answers: Answers) -> tuple[pl.Series, pl.Series]:
        """The longest word of each phrase stands in every text that holds it; patterns are asked for as one."""
        words = [max(folded_text(phrase).split(), key=len) for phrase in self.phrases]
        found = (
            answers.folded.str.contains_any(words)
            if words
            else pl.Series([False]).new_from_index(0, len(answers.turns))
        )
        for pattern in self._together():
            found |= answers.neat.str.contains(pattern)
        return answers.output, found

    def _together(self) -> tuple[str, ...]:
        """All patterns as one, or none: asking the engine once a pattern costs more than searching."""
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
    branches = (f"({_whole(folded_text(phrase).split())})" for phrase in phrases)
    return re.compile("|".join(branches))


def _whole(words: list[str]) -> str:
    """A word ends where no letter follows that would be part of it; in scripts without spaces it ends anywhere."""
    before = "" if _NEEDS_NO_SPACE.match(words[0][0]) else f"(?<!{_LETTER})"
    behind = "" if _NEEDS_NO_SPACE.match(words[-1][-1]) else f"(?!{_LETTER})"
    return before + r"\s+".join(map(re.escape, words)) + behind
