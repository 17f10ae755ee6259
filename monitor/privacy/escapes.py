r"""Text as a reader would see it: escapes of JSON (at any depth), URLs and HTML undone, with the way back to each place.

An address in `"{\"to\": \"kim\\u0040example.org\"}"` or in `?to=kim%40example.org` is an address all the same. Patterns look at the
plain view; what they find is cut out of the text itself, whole escapes at a time, so that JSON stays JSON.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

HINT: Final = r"""\\[uxbfnrt"'/]|%[0-9A-Fa-f]{2}|&(?:#|amp|commat|colon|quot|period)"""
"""Stands in every text that has escapes."""

HIDING: Final = r"\\[ux](?:00)?[2-7][0-9A-Fa-f]|%[2-7][0-9A-Fa-f]|&#|&commat|&colon|&period"
"""Stands in every text whose escapes hide plain ASCII: such a text is looked through whatever else it holds."""

_ESCAPE: Final = re.compile(
    r"""\\{1,16}(?:u(?P<u>[0-9A-Fa-f]{4})|x(?P<x>[0-9A-Fa-f]{2})|(?P<c>[bfnrt"'/]))"""
    r"|%(?:25){0,4}(?P<p>[0-9A-Fa-f]{2})"
    r"|&(?:amp;){0,4}(?:#(?P<d>[0-9]{1,7});|#x(?P<h>[0-9A-Fa-f]{1,6});|(?P<n>amp|commat|colon|quot|period);)"
)
_SHORT: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_NAMED: Final = {"amp": "&", "commat": "@", "colon": ":", "quot": '"', "period": "."}


@dataclass(frozen=True)
class View:
    """The plain text, and for each escape: where it stands in the plain text, and its bounds in the original."""

    plain: str
    at: list[int]
    starts: list[int]
    ends: list[int]

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return the bounds in the original of `plain[start:end]`, which is not empty."""
        return self._bounds(start)[0], self._bounds(end - 1)[1]

    def _bounds(self, place: int) -> tuple[int, int]:
        index = bisect_right(self.at, place) - 1
        if index < 0:
            return place, place + 1
        if self.at[index] == place:
            return self.starts[index], self.ends[index]
        begin = self.ends[index] + place - self.at[index] - 1
        return begin, begin + 1


def plain_view(text: str) -> View:
    r"""Return `text` with its escapes undone.

    >>> plain_view(r"kim\\u0040example.org").plain
    'kim@example.org'
    """
    pieces: list[str] = []
    at, starts, ends = [], [], []
    reached, length = 0, 0
    for match in _ESCAPE.finditer(text):
        pieces += (text[reached : match.start()], _meaning(match))
        length += match.start() - reached + 1
        at.append(length - 1)
        starts.append(match.start())
        ends.append(match.end())
        reached = match.end()
    return View("".join([*pieces, text[reached:]]), at, starts, ends)


def _meaning(match: re.Match[str]) -> str:
    kind = match.lastgroup or ""
    value = match[kind]
    if kind == "c":
        return _SHORT.get(value, value)
    if kind == "n":
        return _NAMED[value]
    number = int(value) if kind == "d" else int(value, 16)
    return chr(number) if number < 0x110000 else "\ufffd"
