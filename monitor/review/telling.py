"""The sentences of a review: what was looked at, what was found, and how sure that is."""

from __future__ import annotations

from monitor.review.results import Rate, more_for_half
from monitor.stats.intervals import Interval


def share(value: float) -> str:
    """Return a share as a person says it: per cent with the digits that mean something.

    >>> share(0.0012), share(0.0358), share(0.24), share(0)
    ('0.1 %', '3.6 %', '24 %', '0 %')
    """
    if 0 < value < 0.0005:
        return "under 0.1 %"
    return f"{100 * value:.1f} %" if 0 < value < 0.1 else f"{100 * value:.0f} %"


def between(told: Rate | Interval) -> str:
    """Return an interval in words.

    >>> between(Interval(0.0012, 0.0357))
    'between 0.1 % and 3.6 %'
    """
    return f"between {share(told.low)} and {share(told.high)}"


def sentence(n: int, found: int, told: Rate | None, *, census: bool) -> str:
    """Return what a review says of a rule.

    >>> sentence(200, 2, Rate(0.01, 0.0012, 0.0357), census=False)
    'You reviewed 200, found 2: between 0.1 % and 3.6 %; about 600 more would halve that.'
    """
    if told is None:
        return "Nobody has judged an answer that stands for others."
    if census and not told.corrected:
        return f"You reviewed all {n}, found {found}: {share(told.value)}."
    half = "" if census else f"; about {more_for_half(n):,} more would halve that"
    own = ", your own errors reckoned in" if told.corrected else ""
    return f"You reviewed {n:,}, found {found}: {between(told)}{own}{half}."


def not_judged(n_missing: int, n: int, told: Interval) -> str:
    """Return what is known whatever the answers are that nobody judged; nothing where all were.

    >>> not_judged(80, 200, Interval(0.001, 0.44))
    '80 of 200 were not judged: whatever they are, the rate is between 0.1 % and 44 %.'
    """
    if not n_missing:
        return ""
    return f"{n_missing} of {n} were not judged: whatever they are, the rate is {between(told)}."


def learnt(worth: int) -> str:
    """Return what a score that was learned from people's labels is worth; nothing where it is worth nothing.

    >>> learnt(210)
    'A score learned from what people said narrows this as much as 210 more labels would.'
    """
    if not worth:
        return ""
    return f"A score learned from what people said narrows this as much as {worth:,} more labels would."
