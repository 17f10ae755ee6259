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
    tail: re.Pattern[str] | None = None  # begins with a literal, which is quick to find: what every match ends with
    lead: str = ""  # of what stands between the beginning of a match and its tail
    reach: int = 0  # how long that may be
    shortest: int = 0  # what is shorter is none, whatever `check` would say
    runs: re.Pattern[str] | None = None  # every match lies within one match of this, which is quick to find

    def matches(self, text: str) -> Iterator[re.Match[str]]:
        """Yield the matches of `look`: within runs, or before tails, where these are quick to find."""
        if self.runs is not None:
            for run in self.runs.finditer(text):
                yield from self.look.finditer(text, run.start(), run.end() + BESIDE)
        elif self.tail is not None:
            yield from self._before_tails(self.tail, text)
        else:
            yield from self.look.finditer(text)

    def _before_tails(self, tail: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
        """What leads up to a tail holds no other tail, so that each place of a text is looked at once, however many there are."""
        reached = 0
        for found in tail.finditer(text):
            at = found.start()
            before = text[max(reached, at - self.reach) : at]
            start = at - len(before) + len(before.rstrip(self.lead))
            match = self.look.search(text, start, found.end()) if start < at else None
            if match:
                yield match
                reached = match.end()

    @property
    def group(self) -> str | int:
        """Which group of `look` is the value."""
        return "v" if "v" in self.look.groupindex else 0
