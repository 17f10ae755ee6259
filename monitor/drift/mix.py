"""Mix or behaviour: would a change be undone if the parts of the traffic were as large as before?

Kitagawa (1955), as Oaxaca (1973) has it: with shares w0, w1 and means m0, m1 of each part before and since, the mix makes
sum (w1 - w0) m1 of a change, and what is left at the old mix, sum w0 (m1 - m0), is behaviour. It is read from turns, so a part
need not be watched as a stream. Like is compared with like: turns of before weigh as much in each part of the week as those since.
A coincidence in time, as every cause: what moved with the mix for another reason is called mix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from monitor.drift.calendar import parts_of_week
from monitor.drift.cause import AT_ONCE, NOTHING
from monitor.drift.finding_sentences import segment_words
from monitor.drift.points import Ints
from monitor.drift.wording_state import parts_of_day
from monitor.model.dimensions import DIMENSIONS
from monitor.model.values import Finding
from monitor.stats.ranks import Floats, mid_ranks, rank_functions
from monitor.wording import percent

SPLITS: Final = tuple(d.name for d in DIMENSIONS if d.name != "app" and not d.people)
"""Columns that are tried. Users are none: one heavy user is a cause of its own, and many are not told apart by a few turns each."""

ENOUGH: Final = 60
"""Turns before and since that are needed."""

FEW: Final = 10
"""Turns up to which a part is no part of its own, and of a part that went says nothing of how it behaves now."""

UNDONE: Final = 0.6
"""Share of a change that has to be gone at the old mix, and that the mix must not make more than once and two fifths."""

SURE: Final = 3.0
"""Standard errors that the mix must make: about a dozen columns are tried."""

SHARED: Final = 0.1
"""Share of the traffic, before and since, in parts that were there both times: where all are new, nothing can be weighed."""


_LEAST: Final = 1e-9


@dataclass(frozen=True)
class Mix:
    """A part of the traffic whose share moved, and what of the change goes with the mix of its column (`by`, of `total`)."""

    column: str
    part: str
    shares: tuple[float, float]
    by: float
    total: float
    error: float
    is_rate: bool

    @property
    def undone(self) -> float:
        """Share of the change that is gone at the old mix."""
        return self.by / self.total if self.total else 0.0

    @property
    def explains(self) -> bool:
        """Whether the mix is what changed."""
        return abs(1 - self.undone) <= 1 - UNDONE and abs(self.by) >= SURE * self.error

    @property
    def words(self) -> str:
        """It, as a cause."""
        before, since = map(percent, self.shares)
        return f"traffic mix: {self.part} went from {before} to {since} of outputs; at the old mix little of the change would be left"

    @property
    def evidence(self) -> str:
        """How we know."""
        scale = "the rate" if self.is_rate else "what of the ranks moved most"
        return f"another mix makes {self.by:+.2g} of {self.total:+.2g} in {scale} (standard error {self.error:.1g})"


@dataclass(frozen=True)
class _Turns:
    """Turns before and since (`late`): their weight, who, and the value that is decomposed, of a rate or of ranks."""

    late: NDArray[np.bool_]
    weight: Floats
    who: Ints
    value: Floats
    is_rate: bool
    rows: pl.DataFrame


def with_mix(finding: Finding, turns: pl.DataFrame, zone: str) -> Finding:
    """Return the finding with the mix of the traffic as its cause, or beside those it has; as it is where the mix is none.

    `turns`: side (before, maybe, since), time, who, value and dimensions of turns around its change. A column that is named
    already is no cause of its own, and a heavy user moves the mix.
    """
    mix = mix_behind(turns, zone, finding)
    if mix is None or f"{mix.column} " in finding.cause or "one heavy user" in finding.cause:
        return finding
    named = finding.cause != NOTHING
    cause = f"{finding.cause.removesuffix(AT_ONCE)}; {mix.words}{AT_ONCE}" if named else mix.words
    return replace(finding, cause=cause, reason=f"{finding.reason}; {mix.evidence}")


def mix_behind(turns: pl.DataFrame, zone: str, finding: Finding) -> Mix | None:
    """Return the shift of the mix that explains the change of a finding best; None where none does."""
    told = [mix for mix in splits(turns, zone) if mix.explains and (not mix.is_rate or mix.total * finding.change > 0)]
    return min(told, key=lambda mix: abs(1 - mix.undone), default=None)


def splits(turns: pl.DataFrame, zone: str) -> list[Mix]:
    """Return the change split over each column that splits the traffic; none where turns are too few."""
    known = _known(turns, zone) if not turns.is_empty() else None
    if known is None:
        return []
    mixes = (_mix(known, column) for column in SPLITS if known.rows[column].n_unique() > 1)
    return [mix for mix in mixes if mix is not None]


def _known(turns: pl.DataFrame, zone: str) -> _Turns | None:
    """The turns of both sides that may be compared; None where they are too few."""
    sure = turns.filter(pl.col("side") != "maybe")
    rows = sure if (sure["side"] == "since").sum() >= ENOUGH else turns
    late = (rows["side"] != "before").to_numpy()
    part = parts_of_day(parts_of_week(rows["time"].cast(pl.Datetime("ms")).cast(pl.Int64).to_numpy(), zone))
    counts = np.stack([np.bincount(part[side], minlength=4) for side in (~late, late)])
    both = (counts.min(axis=0) > 0)[part]
    if min(int((both & ~late).sum()), int((both & late).sum())) < ENOUGH:
        return None
    weight = np.where(late, 1.0, counts[1, part] / np.maximum(1, counts[0, part]))[both]
    who = rows["who"].rank("dense").to_numpy()[both].astype(np.int64)
    value = rows["value"].to_numpy()[both]
    is_rate = bool(np.isin(value, (0.0, 1.0)).all())
    return _Turns(late[both], weight, who, value if is_rate else _moved(value, late[both]), is_rate, rows.filter(both))


def _moved(value: Floats, late: NDArray[np.bool_]) -> Floats:
    """Of numbers that function of their ranks of which the mean moved most clearly."""
    shapes = rank_functions(mid_ranks(np.sort(value), value))
    moved = shapes[late].mean(axis=0) - shapes[~late].mean(axis=0)
    clearest: Floats = shapes[:, int(np.argmax(np.abs(moved) / np.maximum(shapes.std(axis=0), 1e-9)))]
    return clearest


@dataclass(frozen=True)
class _Side:
    """One side of a change, by part: how many turns, their share, their mean; and the weight of each turn, 0 on the other side."""

    n: Ints
    share: Floats
    mean: Floats
    weight: Floats


def _mix(turns: _Turns, column: str) -> Mix | None:
    """The change split over the values of one column; None where too little of the traffic was there both times."""
    names, group = _parts(turns.rows[column])
    before, since = (_side(turns, side, group, len(names)) for side in (~turns.late, turns.late))
    stays = since.n >= FEW
    if min(before.share[stays].sum(), since.share[before.n >= FEW].sum()) < SHARED:
        return None
    now = np.where(stays, since.mean, before.mean)
    old, new, reweighed = (float(share @ mean) for share, mean in _weighings(before, since, now))
    moved = int(np.argmax((since.share - before.share) * (now - reweighed) * np.sign(new - reweighed)))
    return Mix(
        column=column,
        part=segment_words(f"{column}={names[moved]}"),
        shares=(float(before.share[moved]), float(since.share[moved])),
        by=new - reweighed,
        total=new - old,
        is_rate=turns.is_rate,
        error=_error(turns, before, since, group, np.where(stays, since.mean, np.nan), reweighed),
    )


def _weighings(before: _Side, since: _Side, now: Floats) -> list[tuple[Floats, Floats]]:
    """Shares and means of before, of since, and of what would be at the old mix."""
    return [(before.share, before.mean), (since.share, since.mean), (before.share, now)]


def _side(turns: _Turns, chosen: NDArray[np.bool_], group: Ints, parts: int) -> _Side:
    weight = np.where(chosen, turns.weight, 0.0)
    sizes = np.bincount(group, weight, parts)
    mean = np.bincount(group, weight * turns.value, parts) / np.maximum(sizes, _LEAST)
    return _Side(
        np.bincount(group[chosen], minlength=parts), sizes / weight.sum(), mean, weight / np.maximum(1, weight.sum())
    )


def _error(turns: _Turns, before: _Side, since: _Side, group: Ints, now: Floats, reweighed: float) -> float:
    """The standard error of what the mix makes, users being independent of each other and their turns not.

    By influence: what a turn adds to the mean since, less what it adds to the mean at the old mix, through the means of parts and
    through their old shares; `now` is the mean of a part since, NaN of one that went, of which the mean of before stands for it.
    """
    here = now[group]
    gone = np.isnan(here)
    by_mean = np.where(gone, 0.0, before.share[group] * (turns.value - here) / np.maximum(since.share[group], _LEAST))
    later = since.weight * (turns.value - float(since.share @ since.mean) - by_mean)
    earlier = before.weight * (np.where(gone, turns.value, here) - reweighed)
    return float(np.sqrt((np.bincount(turns.who, later - earlier) ** 2).sum()))


def _parts(values: pl.Series) -> tuple[Sequence[str], Ints]:
    """The values of a column, and the number of each turn's; the rare ones are one."""
    named = values.fill_null("(none)")
    rare = [name for name, n in named.value_counts().iter_rows() if n < FEW]
    pooled = named.replace(rare, ["(rare ones)"] * len(rare))
    names = pooled.unique().sort().to_list()
    return names, pooled.replace_strict(names, range(len(names)), return_dtype=pl.Int64).to_numpy()
