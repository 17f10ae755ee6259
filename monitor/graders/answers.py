"""A batch of answers as graders see it: turns for Python, columns for the Rust engine. A view of the texts is made once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import polars as pl

from monitor.graders.normal import folded, neat
from monitor.model.values import Turn

HIDDEN: Final = frozenset({"__REDACTED__"})
"""What instrumentations write in place of a text that they were told to hide."""


@dataclass(frozen=True)
class Answers:
    """Turns that are graded together. Columns are as long as `turns`; NULL where no output was captured."""

    turns: Sequence[Turn]

    @cached_property
    def output(self) -> pl.Series:
        """What users saw."""
        return pl.Series("output", [output_of(turn) for turn in self.turns], pl.String)

    @cached_property
    def neat(self) -> pl.Series:
        """The same in one spelling (`normal.neat`)."""
        return neat(self.output)

    @cached_property
    def folded(self) -> pl.Series:
        """The same in one spelling and one case (`normal.folded`)."""
        return folded(self.neat)

    def drawn_for(self, rule: str) -> Answers:
        """Return those that were drawn for a rule: as a rule, all of them."""
        return self.pick([row for row, turn in enumerate(self.turns) if rule not in turn.spared])

    def pick(self, rows: Sequence[int]) -> Answers:
        """Return the answers at `rows`; views that were made already are kept."""
        if len(rows) == len(self.turns):
            return self
        part = Answers([self.turns[row] for row in rows])
        for view in ("output", "neat", "folded"):
            if view in self.__dict__:
                part.__dict__[view] = self.__dict__[view].gather(rows)
        return part


def output_of(turn: Turn) -> str | None:
    """Return what the user saw, or None when it was not captured."""
    return None if turn.output_text is None or turn.output_text in HIDDEN else turn.output_text
