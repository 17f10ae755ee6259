"""What the sentence of an alert says beside the number: what it is called, for whom it is, since when, and how it was before.

The start is where two rates tell the counts best apart: an estimate for people, not evidence; whether a limit is passed is decided in
`monitor.policy.watching`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from monitor.clock import aware_utc
from monitor.counted import Counted
from monitor.measures import Measure
from monitor.measures import measure as named
from monitor.model.values import Signal
from monitor.policy.watching import Watched
from monitor.rule_verdicts import NOTHING, VIOLATES, Codes, Said, decisive
from monitor.stats.estimators import clustered_interval, hajek
from monitor.verdict_columns import Told, Words, cluster_numbers, said_under

Floats = NDArray[np.float64]
Stream = tuple[str, str]
"""App and rule."""

PLAIN: Final = 6.0
"""Log likelihood by which two rates must tell the counts better than one, before a start is named."""


@dataclass(frozen=True)
class Whom:
    """Turns that were looked at, those that break the rule, and the users who got one."""

    seen: int
    turns: int
    users: int
    share: tuple[float, float] | None = None  # between which it lies; None: nobody reckoned it, or it is all of them


@dataclass(frozen=True)
class Onset:
    """When a rate rose, and what it was before."""

    began: datetime
    before: float


def whom(said: Told) -> dict[tuple[str | None, str], Whom]:
    """Return who is affected by (app, rule): the word of people counts before the machine's."""
    found: dict[tuple[str | None, str], Whom] = {}
    for app, words in said.by_app.items():
        known: dict[bytes, Whom] = {}  # of most rules the same was said: that they were kept
        for rule, heard in words.by_rule.items():
            one = known.get(heard.content) or known.setdefault(heard.content, _whom(words.turns, heard))
            found[app, rule] = one
    return found


def last_violations(said: Told, n: int) -> dict[tuple[str | None, str], datetime]:
    """Return since when (naive UTC) each app and rule had its last `n` violations; those that had fewer are left out."""
    found: dict[tuple[str | None, str], datetime] = {}
    for app, words in said.by_app.items():
        times = words.turns["time"].to_numpy()
        for rule, heard in words.by_rule.items():
            bad = times[_stands(heard) == VIOLATES]
            if len(bad) >= n:
                found[app, rule] = np.partition(bad, -n)[-n].item()
    return found


def _whom(rows: pl.DataFrame, words: Said) -> Whom:
    stands = _stands(words)
    bad = stands == VIOLATES
    users = _users(rows, pl.Series(bad)) if bad.any() else 0
    return Whom(int(decisive(stands).sum()), int(bad.sum()), users)


def _users(rows: pl.DataFrame, hit: pl.Series) -> int:
    """How many users are known of those of `rows` that are `hit`."""
    users = rows["user"] if hit.all() else rows["user"].filter(hit)
    return users.n_unique() - (users.null_count() > 0)


def _stands(words: Said) -> Codes:
    """The word of people where they gave one, else the machine's."""
    stands: Codes = np.where(words.label != NOTHING, words.label, words.verdict)
    return stands


def reached(said: Told, metric: str, app: str, segment: str, since: datetime) -> Whom | None:
    """Return whom a change reached `since` (naive UTC), of the turns that were looked at; None where nothing tells.

    A change of a rule reaches those who got an answer that breaks it in `segment`, any other one everybody there.
    """
    words, (column, _, value) = said.by_app.get(app), segment.partition("=")
    if words is None or (value and column not in words.turns.columns):
        return None
    seen = _since(words, since)
    inside = (seen[column].cast(pl.String) == value).fill_null(value=False) if value else _all(seen)
    kind, _, rule = metric.partition(":")
    if kind != "rule":
        return _of(seen, inside, _all(seen))
    rows = seen.filter(inside) if value else seen
    whole = rows.height == words.turns.height
    heard = words.by_rule.get(rule) if whole else said_under(rule, rows, said.labels)
    if heard is None:
        return None
    stands = _stands(heard)
    return _of(rows, pl.Series(stands == VIOLATES), pl.Series(decisive(stands)))


def _since(words: Words, since: datetime) -> pl.DataFrame:
    """Return the turns from `since` on: where they are in the order of time a part of these themselves, not a copy."""
    turns = words.turns
    return (
        turns[int(turns["time"].search_sorted(since, side="left")) :]
        if words.ordered
        else turns.filter(pl.col("time") >= since)
    )


def _all(rows: pl.DataFrame) -> pl.Series:
    return pl.repeat(True, rows.height, eager=True)


def _of(rows: pl.DataFrame, hit: pl.Series, seen: pl.Series) -> Whom | None:
    """Those of `rows` that are `hit` among those that are `seen`; one user is one cluster."""
    looked, turns = rows if seen.all() else rows.filter(seen), int((hit & seen).sum())
    if not turns:
        return None
    users = _users(rows, hit & seen)
    if turns == looked.height:
        return Whom(looked.height, turns, users)
    share = hajek(hit.filter(seen).to_numpy().astype(float), np.ones(looked.height), cluster_numbers(looked))
    interval = clustered_interval(share).interval
    return Whom(looked.height, turns, users, (interval.low, interval.high))


def onsets(counts: Iterable[Counted]) -> Mapping[Stream, Onset]:
    """Return when the rate of each stream rose that did."""
    found: dict[Stream, Onset] = {}
    for one in counts:
        at = None if one.spotless else split(one.n, one.bad)
        if at is not None:
            before = float(one.bad[:at].sum() / one.n[:at].sum())
            found[one.app, one.rule_id] = Onset(aware_utc(one.bucket(at)), before)
    return found


def split(n: Floats, bad: Floats) -> int | None:
    """Return the first position of the part with the higher rate, or None where one rate tells the counts as well.

    >>> split(np.full(20, 10.0), np.array([1.0] * 12 + [5.0] * 8))
    12
    >>> split(np.full(20, 10.0), np.full(20, 5.0)) is None
    True
    """
    if len(n) < 2:
        return None
    n0, b0 = np.cumsum(n)[:-1], np.cumsum(bad)[:-1]
    n1, b1 = n.sum() - n0, bad.sum() - b0
    gain = _fit(b0, n0) + _fit(b1, n1) - _fit(bad.sum(), n.sum())
    gain = np.where(b1 / n1 > b0 / n0, gain, -np.inf)
    best = int(np.argmax(gain))
    return best + 1 if gain[best] > PLAIN else None


def _fit(bad: Floats | float, n: Floats | float) -> Floats:
    """Log likelihood of `bad` of `n` under their own rate."""
    rate = np.clip(np.asarray(bad) / n, 1e-12, 1 - 1e-12)
    return np.asarray(bad * np.log(rate) + (n - bad) * np.log(1 - rate))


def measure(metric: str, rules: Mapping[str, Watched]) -> Measure:
    """Return what people call `metric`, and its unit."""
    return named(metric, {rule_id: one.rule.text.title for rule_id, one in rules.items()})


def title_of(rule_id: str, rules: Mapping[str, Watched]) -> str:
    """Return what people call a rule; its id where no policy here knows it."""
    return rules[rule_id].rule.text.title if rule_id in rules else rule_id


def watched_only(signals: Sequence[Signal], since: Mapping[str, datetime]) -> list[Signal]:
    """Mark signals about what began before their application was watched; `since` is its first turn that came as it happened.

    An import brings such things along: they are true, and nobody has to be woken for them.
    """
    return [_marked(signal, since) for signal in signals]


def _marked(signal: Signal, since: Mapping[str, datetime]) -> Signal:
    app = signal.labels.get("app")
    if signal.about is None or app is None or signal.name != "drift":  # a rate is one of the last hours
        return signal
    first = since.get(app)
    past = first is None or (signal.about.began is not None and signal.about.began < first - HOUR)
    return replace(signal, about=replace(signal.about, past=True)) if past else signal


HOUR: Final = timedelta(hours=1)
