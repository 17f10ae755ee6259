"""What one pattern is: a look, a check, and a cheap hint that a text may hold it at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

BESIDE: Final = 2
"""Characters behind a run that decide whether a match in it is one."""


class Found(NamedTuple):
    """Something found: `text[start:end]` is of `kind`."""

    start: int
    end: int
    kind: str


def as_it_is(_: str, __: int, end: int) -> int:
    """Return the end of a match that needs no check."""
    return end


@dataclass(frozen=True)
class Pattern:
    """One look of one kind of data. Where `look` has a group `v`, that group is the value and the rest its surroundings.

    `check` gets (text, start, end) of the value and returns its true end, or 0 when it is none. `hint` stands in every text that
    holds a match; it suits the Rust regex engine and costs next to nothing there.
    """

    kind: str
    look: re.Pattern[str]
    check: Callable[[str, int, int], int]
    hint: str
    reach: int | None = None  # where `hint` is a literal: how far before it a match may begin
    runs: re.Pattern[str] | None = None  # every match lies within one match of this, which is quick to find

    def matches(self, text: str) -> Iterator[re.Match[str]]:
        """Yield the matches of `look`; around a literal hint only, where there is one, since finding that costs nothing."""
        if self.runs is not None:
            for run in self.runs.finditer(text):
                yield from self.look.finditer(text, run.start(), run.end() + BESIDE)
            return
        if self.reach is None:
            yield from self.look.finditer(text)
            return
        reached, at = 0, text.find(self.hint)
        while at >= 0:
            match = self.look.search(text, max(reached, at - self.reach), at + self.reach + 512)
            if match and match.start() <= at:
                yield match
                reached = match.end()
            at = text.find(self.hint, max(at + 1, reached))

    @property
    def group(self) -> str | int:
        """Which group of `look` is the value."""
        return "v" if "v" in self.look.groupindex else 0
