"""What else changed when the metric did: the model, a prompt version, a release, a heavy user; or nothing on record.

A coincidence in time, said as such: a cause is what to look at first, not a proof.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC
from typing import Final

import numpy as np

from monitor.drift.change import Change, Part, moved_function
from monitor.drift.points import Points, day_words
from monitor.drift.state import Combo
from monitor.model.dimensions import CAUSES
from monitor.model.values import Finding, ToldChange
from monitor.wording import percent

SHIFTED: Final = 0.2
"""Total variation between two compositions above which a column counts as shifted."""

ENOUGH_BEFORE: Final = 30
"""Outputs just before a change that are needed to compare with; else the whole reference is."""

NOTHING: Final = "no recorded change coincides"

AT_ONCE: Final = " (at once: cannot be told apart)"
"""What stands behind several causes."""

SHIFTED_USER: Final = 0.1
"""The same for one user, of whom an hour is one value: that the change vanishes without the user is asked for besides."""

ENOUGH_WITHOUT: Final = 20
"""Outputs of other users, before and since, that are needed to say what a change would be without one."""

_LEFT: Final = 0.4
_BEHAVES: Final = 0.4
_CARRIES: Final = 0.6
_ABOVE_SHARE: Final = 1.5


def carrier(parts: Sequence[Part]) -> str | None:
    """Return the segment that makes clearly more of a change of behaviour, sum w1 (m1 - m0), than its share of the traffic.

    None where none does, and where most of the change is another mix: then behaviour is noise, and some segment has most of that.
    """
    before, since = sum(part.n0 for part in parts), sum(part.n1 for part in parts)
    moved = {p.segment: p.n1 / since * (p.m1 - p.m0) for p in parts}
    total = sum(moved.values())
    mix = sum((p.n1 / since - p.n0 / before) * p.m0 for p in parts)
    if total * (total + mix) <= 0 or abs(total) < _BEHAVES * abs(total + mix):
        return None
    most = max(parts, key=lambda p: moved[p.segment] * (1 if total >= 0 else -1))
    explained = moved[most.segment] / total
    return most.segment if explained >= max(_CARRIES, _ABOVE_SHARE * most.n1 / since) else None


AROUND_MS: Final = 3_600_000
"""A change that was told counts from so long before the start on: traffic follows a release, and clocks differ."""

SHOWN_BY: Final = {"model": ("model",), "prompt": ("prompt_version",), "release": ("release",)}
"""Which columns show a change of a kind that may be told: where one does, it is not named twice."""


def coinciding(change: Change, told: Sequence[ToldChange]) -> str | None:
    """Return what coincides with a change: recorded columns that shifted, and what was told; several cannot be told apart."""
    shifts = composition_shifts(change)
    seen = " ".join(shifts)
    near = [t for t in told if change.since_low - AROUND_MS <= t.time.timestamp() * 1000 <= change.since_high]
    said = [
        f"{t.kind}: {plain_name(t.what)}, told for {t.time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        for t in near
        if not any(f"{column} " in seen for column in SHOWN_BY.get(t.kind, ()))
    ]
    causes = [*shifts, *dict.fromkeys(said)]
    return "; ".join(causes) + (AT_ONCE if len(causes) > 1 else "") or None


def as_told_before(finding: Finding, causes: Sequence[str]) -> Finding:
    """Return the finding with its cause in the words in which it was told before, if it was: shares differ from measure to measure.

    What has one cause stands on one card, and is one message.
    """
    same = (cause for cause in causes if _but_shares(cause) == _but_shares(finding.cause))
    return replace(finding, cause=next(same, finding.cause))


def _but_shares(cause: str) -> str:
    """A cause without its shares, but for the way they went."""
    return re.sub(r"from (\d+) % to (\d+) %", lambda shares: _way(*map(int, shares.groups())), cause)


def _way(before: int, since: int) -> str:
    return "up" if since > before else "down" if since < before else "level"


def composition_shifts(change: Change) -> list[str]:
    """Return which recorded columns changed their composition at the start of the change.

    The time in which the change may have begun belongs to neither side, as long as there is anything after it.
    """
    known, sure = change.before.time < change.since_low, change.after.time >= change.since_high  # not always in order
    sure[-1] = True
    just_before = _counts(change.before.only(known), change.combos)
    before = just_before if just_before.total() >= ENOUGH_BEFORE else _reference_counts(change)
    after = _counts(change.after.only(sure), change.combos)
    shifts = [_shift(change, column, before, after) for column in range(len(CAUSES))]
    return [text for text in [*shifts, _heavy_user(change, before, after)] if text]


def _heavy_user(change: Change, before: Counter[Combo], after: Counter[Combo]) -> str | None:
    """The heavy user whose part of the traffic shifted, where the change vanishes without that user."""
    column = len(CAUSES)
    old, new = _shares(before, column), _shares(after, column)
    moved = {user: new.get(user, 0.0) - old.get(user, 0.0) for user in {*old, *new} - {None}}
    if not moved:
        return None
    user = max(moved, key=lambda name: abs(moved[name]))
    if abs(moved[user]) < SHIFTED_USER or not _vanishes_without(change, user):
        return None
    day = _first_day(change, column, user if moved[user] > 0 else None)
    return (
        f"one heavy user, {user}, went from {percent(old.get(user, 0.0))} to {percent(new.get(user, 0.0))} of user-hours on {day}; "
        "without that user little of the change is left"
    )


def _vanishes_without(change: Change, user: str | None) -> bool:
    """Compare just before and since, with everybody and without `user`, on what moved most."""
    theirs = [number for number, combo in enumerate(change.combos) if combo[-1] == user]
    others = [~np.isin(side.combo, theirs) for side in (change.before, change.after)]
    if min(int(kept.sum()) for kept in others) < ENOUGH_WITHOUT:
        return False
    sides = [moved_function(change, side) for side in (change.before, change.after)]
    whole = sides[1].mean() - sides[0].mean()
    rest = sides[1][others[1]].mean() - sides[0][others[0]].mean()
    return bool(abs(rest) <= _LEFT * abs(whole))


def _shift(change: Change, column: int, before: Counter[Combo], after: Counter[Combo]) -> str | None:
    old, new = _shares(before, column), _shares(after, column)
    gains = {value: share - old.get(value, 0.0) for value, share in new.items()}
    if not gains or not old or sum(gain for gain in gains.values() if gain > 0) < SHIFTED:
        return None
    grown = max(gains, key=lambda value: gains[value])
    day = _first_day(change, column, grown)
    lost = max(old, key=lambda value: old[value] - new.get(value, 0.0))
    if old[lost] >= 0.9 and new[grown] >= 0.9:
        return f"{CAUSES[column]} changed from {plain_name(lost)} to {plain_name(grown)} on {day}"
    shares = f"from {percent(old.get(grown, 0.0))} to {percent(new[grown])} of outputs"
    return f"{CAUSES[column]} {plain_name(grown)} went {shares} on {day}"


def _counts(points: Points, combos: Sequence[Combo]) -> Counter[Combo]:
    return Counter(combos[number] for number in points.combo.tolist() if number >= 0)


def _reference_counts(change: Change) -> Counter[Combo]:
    return Counter({change.combos[n]: count for n, count in change.reference.composition.items() if n >= 0})


def _shares(counts: Counter[Combo], column: int) -> dict[str | None, float]:
    total = sum(counts.values())
    sums: Counter[str | None] = Counter()
    for combo, n in counts.items():
        sums[combo[column]] += n
    return {value: n / total for value, n in sums.items()}


def _first_day(change: Change, column: int, value: str | None) -> str:
    """The day of the first output with `value` in the time in which the change may have begun."""
    points = change.before.then(change.after)
    numbers = [n for n, combo in enumerate(change.combos) if combo[column] == value]
    times = points.time[np.isin(points.combo, numbers) & (points.time >= change.since_low)]
    first = int(times[0]) if len(times) else change.since
    return day_words(first)


def plain_name(value: str | None) -> str:
    """Return a name out of a trace on one line of plain text."""
    return "unknown" if value is None else " ".join("".join(_printable(value)).split()) or "blank"


def _printable(value: str) -> Iterable[str]:
    return (letter if letter.isprintable() else " " for letter in value)
