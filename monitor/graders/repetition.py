"""Runaway output: an answer that says the same thing over and over."""

from __future__ import annotations

import re
import zlib
from typing import ClassVar, Final

from monitor.graders.grader import Judgement, Runner, Settings, Tools, complies, violates
from monitor.graders.runners import EachText
from monitor.model.values import Turn
from monitor.wording import percent

_TAIL: Final = 8_000
"""A model that runs away does so until it is stopped: the end of the answer shows it, at a bounded cost."""

_WORD: Final = re.compile(r"\w+")
_GRAM: Final = 4


class Repetition(Settings, frozen=True, tag="repetition"):
    """Two measures, since each misses what the other sees: repeated runs of four words, and compressibility.

    `max_repeated` is the largest share of four-word runs that may have occurred before in the answer; `min_ratio` the
    smallest compressed size (zlib, RFC 1950) as a share of the size. Answers below `min_chars` comply: lists and tables
    of a few lines repeat themselves by nature. Not for answers that are data, such as long JSON or CSV.
    """

    code: ClassVar[int] = 1
    max_repeated: float = 0.5
    min_ratio: float = 0.12
    min_chars: int = 400

    def __post_init__(self) -> None:
        if not (0 < self.max_repeated <= 1 and 0 <= self.min_ratio < 1 and self.min_chars >= 1):
            raise ValueError("repetition takes shares between 0 and 1, and min_chars of at least 1")

    def runner(self, tools: Tools) -> Runner:  # noqa: ARG002 it asks nobody else
        """Return the runner of these settings."""
        return EachText(self.look)

    def look(self, output: str, turn: Turn) -> Judgement:  # noqa: ARG002 it looks at the output alone
        """Measure the last 8,000 characters."""
        text = output[-_TAIL:]
        if len(text) < self.min_chars:
            return complies(f"{len(text)} characters are too few to repeat themselves")
        repeated, ratio = repeated_share(text), compressed_share(text)
        said = f"{percent(repeated)} of four-word runs occurred before, compresses to {percent(ratio)}"
        found = repeated > self.max_repeated or ratio < self.min_ratio
        return violates(said, max(repeated, 1 - ratio)) if found else complies(said, repeated)


def repeated_share(text: str) -> float:
    """Return the share of four-word runs of `text` that occurred before in it; 0 where there is none."""
    words = _WORD.findall(text.lower())
    grams = list(zip(*(words[start:] for start in range(_GRAM)), strict=False))
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def compressed_share(text: str) -> float:
    """Return the size of `text` after compression as a share of its size in UTF-8; 1 for an empty text."""
    raw = text.encode("utf-8", "replace")
    return len(zlib.compress(raw, 1)) / len(raw) if raw else 1.0
