"""Runners of graders that need nobody else: what most families share, so that each of them is one function over one text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from monitor.graders.answers import Answers
from monitor.graders.grader import NO_OUTPUT, Judgement
from monitor.model.values import Turn


@dataclass(frozen=True)
class EachText:
    """Looks at every captured output by itself."""

    look: Callable[[str, Turn], Judgement]

    def judge(self, answers: Answers) -> Sequence[Judgement]:
        """Return one judgement an answer."""
        captured = zip(answers.output, answers.turns, strict=True)
        return [NO_OUTPUT if text is None else self.look(text, turn) for text, turn in captured]


@dataclass(frozen=True)
class EachTurn:
    """Looks at every turn by itself, also where it has no output: what users wrote and what tools did stands without one."""

    look: Callable[[Turn], Judgement]
    without_output: ClassVar[bool] = True

    def judge(self, answers: Answers) -> Sequence[Judgement]:
        """Return one judgement a turn."""
        return [self.look(turn) for turn in answers.turns]


@dataclass(frozen=True)
class LikelyText:
    """Lets the Rust engine rule most outputs out, all at once, and looks only at the others.

    `likely` returns the texts that are looked at and for each whether it may hold anything; it may say so too often,
    never too seldom. Where it says no, `otherwise` is the judgement.
    """

    likely: Callable[[Answers], tuple[pl.Series, pl.Series]]
    look: Callable[[str, Turn], Judgement]
    otherwise: Judgement

    def judge(self, answers: Answers) -> Sequence[Judgement]:
        """Return one judgement an answer."""
        texts, likely = self.likely(answers)
        said = [NO_OUTPUT if none else self.otherwise for none in texts.is_null()]
        rows = likely.fill_null(value=False).arg_true()
        for row, text in zip(rows, texts.gather(rows), strict=True):
            said[row] = self.look(text, answers.turns[row])
        return said
