"""Which answers a review looks at: a random panel in strata, picks for what they are, and the same list again from the seed.

A unit lies at a seeded position in [0, 1) of its kind of stratum. Of each stratum the units with the lowest positions are taken,
and the position of the last one is kept as its cut: that is simple random sampling without replacement, and whoever draws again
needs the seed and the cuts alone. A unit that was erased meanwhile drops out and moves nobody else. Only the panel (or a census)
has a probability, and only it speaks for other answers; picks find cases.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import polars as pl
from msgspec.structs import replace

from monitor.sampling import position

CENSUS: Final = "census"
PANEL: Final = "panel"
FURTHER: Final = "further"
GOLD: Final = "gold"
PICKS: Final = {
    "wanted": (1 / 4, "somebody asked for it"),
    GOLD: (1 / 15, "further answers"),
    "risk": (0.2, "a grader says that it breaks a rule that matters much"),
    "change": (0.1, "answered right after something changed"),
    "disputed": (1 / 15, "graders cannot tell, do not agree, or may only propose"),
    "refusals": (1 / 15, "a grader says that it refuses what it should help with"),
}
"""Kinds of picks in the order in which they are made: share of the items at most, and why."""

MOST_ALIKE: Final = "most alike"
ALIKE: Final = "alike"
FLOORS: Final = {"flagged": 1 / 3, MOST_ALIKE: 1 / 12, ALIKE: 1 / 12}
"""Of the panel, at least, by band: what a grader calls a violation, or what is like those that people found, is looked at more often
than it comes, and weighs less."""

FEWEST: Final = 2
"""Of a stratum of the panel: one alone says nothing of how much answers differ."""


class Stratum(msgspec.Struct, frozen=True):
    """Some of the units there were, how many of them were taken, and by which cut.

    `kind` is census, panel, further, or one of `PICKS`; a panel is of one `app` and `band`, or of several (None). `probability`
    is that of each unit in it to be taken, None where units stand for nothing but themselves.
    """

    name: str
    kind: str
    n_units: int
    n_taken: int
    cut: float
    probability: float | None = None
    app: str | None = None
    band: str | None = None

    @property
    def chance(self) -> float | None:
        """Of a pick, how probable it was to be picked among those that could be; it stands for nothing but itself all the same."""
        return None if self.probability is not None else self.n_taken / max(1, self.n_units)


@dataclass(frozen=True)
class Drawn:
    """One unit that is looked at, and why."""

    unit_id: str
    stratum: str
    inclusion_probability: float | None
    reason: str
    pick_probability: float | None = None  # of a pick, that of being picked among those that could be


def draw(units: pl.DataFrame, size: int, seed: int) -> list[Stratum]:
    """Return the strata by which `size` of `units` are taken; all of them, as a census, where there are no more.

    `units`: unit_id, app, inside (of the stretch the review speaks for), band (flagged, not flagged, not graded, alike, most alike)
    and a boolean column for each kind of pick.
    """
    frame = units.filter("inside")
    quotas = {kind: min(round(share * size), int(units[kind].sum())) for kind, (share, _) in PICKS.items()}
    if frame.height <= size:
        strata = [Stratum(CENSUS, CENSUS, frame.height, frame.height, 1.0, 1.0)]
        size = frame.height + quotas["wanted"] + quotas[GOLD]
    else:
        strata = _panel(frame, size - sum(quotas.values()), seed)
    left = units.filter(~_taken(units, strata, seed))
    for kind, quota in quotas.items():
        stratum = _picked(left, kind, seed, min(quota, size - sum(one.n_taken for one in strata)))
        strata.append(stratum)
        left = left.filter(~_taken(left, [stratum], seed))
    missing = size - sum(stratum.n_taken for stratum in strata)
    return [s for s in (*strata, _picked(left, FURTHER, seed, missing)) if s.n_taken]


def extended(units: pl.DataFrame, strata: Sequence[Stratum], more: Mapping[str, int], seed: int) -> list[Stratum]:
    """Return `strata` with so many `more` units taken of each of the panel that is named: those that lie next behind its cut.

    What was taken stays; its probability grows with that of the others, and a pick that lies before the new cut is of the panel.
    """
    return [
        _further(units, stratum, more[stratum.name], seed)
        if stratum.kind == PANEL and more.get(stratum.name)
        else stratum
        for stratum in strata
    ]


def _further(units: pl.DataFrame, stratum: Stratum, more: int, seed: int) -> Stratum:
    behind = _positions(units.filter(_member(PANEL, stratum.app, stratum.band)), PANEL, seed)
    behind = behind.filter(behind > stratum.cut).sort()[:more]
    if behind.is_empty():
        return stratum
    taken = min(stratum.n_units, stratum.n_taken + len(behind))
    return replace(stratum, n_taken=taken, cut=float(behind[-1]), probability=taken / stratum.n_units)


def items(units: pl.DataFrame, strata: Sequence[Stratum], seed: int) -> list[Drawn]:
    """Return what was taken of `units` by `strata`, in the order of being looked at: a shuffle, which the seed knows."""
    return sorted(_items(units, strata, seed), key=lambda item: (position(item.unit_id, seed), item.unit_id))


def _items(units: pl.DataFrame, strata: Sequence[Stratum], seed: int) -> Iterator[Drawn]:
    left = units
    for stratum in strata:
        rows = _taken(left, [stratum], seed)
        why = _why(stratum)
        for unit_id in left.filter(rows)["unit_id"]:
            yield Drawn(unit_id, stratum.name, stratum.probability, why, stratum.chance)
        left = left.filter(~rows)


def _why(stratum: Stratum) -> str:
    if stratum.kind == CENSUS:
        return f"all {stratum.n_units} answers are looked at"
    if stratum.kind == PANEL:
        return f"one of {stratum.n_taken} drawn by lot from {stratum.n_units}"
    return PICKS[stratum.kind][1] if stratum.kind in PICKS else "further answers"


def _panel(frame: pl.DataFrame, size: int, seed: int) -> list[Stratum]:
    """As fine as two units a stratum allow: by application and band, by band, or not at all."""
    for keys in (["app", "band"], ["band"]):
        groups = [dict(zip(keys, row, strict=False)) | {"n": row[-1]} for row in frame.group_by(keys).len().rows()]
        if len(groups) * FEWEST <= size:
            break
    else:
        groups = [{"n": frame.height}]
    groups = sorted(groups, key=lambda group: (group.get("app", ""), group.get("band", "")))
    taken = _allocated([group["n"] for group in groups], [str(group.get("band")) for group in groups], size)
    return [
        _panel_stratum(frame, group.get("app"), group.get("band"), n, seed)
        for group, n in zip(groups, taken, strict=True)
        if n
    ]


def _panel_stratum(frame: pl.DataFrame, app: str | None, band: str | None, n: int, seed: int) -> Stratum:
    rows = frame.filter(_member(PANEL, app, band))
    name = ": ".join([PANEL, ", ".join(part for part in (app, band) if part) or "all"])
    return Stratum(name, PANEL, rows.height, n, _cut(rows, PANEL, seed, n), n / rows.height, app, band)


def _allocated(counts: Sequence[int], bands: Sequence[str], size: int) -> list[int]:
    """Return how many are taken of each stratum: in proportion, but as many as `FLOORS` says at least, and two of each."""
    total = sum(counts)
    there = {band: sum(n for n, other in zip(counts, bands, strict=True) if other == band) for band in set(bands)}
    rooms = {
        band: min(n, max(round(FLOORS[band] * size), round(size * n / total)))
        for band, n in there.items()
        if band in FLOORS
    }
    rest = sum(n for band, n in there.items() if band not in FLOORS)
    shares = [
        n * (rooms[band] / there[band] if band in FLOORS else (size - sum(rooms.values())) / rest)
        for n, band in zip(counts, bands, strict=True)
    ]
    taken = [min(n, max(FEWEST, int(share))) for n, share in zip(counts, shares, strict=True)]
    return _rounded(taken, shares, counts, size)


def _rounded(taken: list[int], shares: Sequence[float], counts: Sequence[int], size: int) -> list[int]:
    """Give the rest to, or take what is too many from, those that are furthest from their share."""
    while sum(taken) != size:
        step = 1 if sum(taken) < size else -1
        able = [n for n in range(len(taken)) if (taken[n] < counts[n] if step > 0 else taken[n] > 1)]
        if not able:
            break
        furthest = max(able, key=lambda n: step * (shares[n] - taken[n]))
        taken[furthest] += step
    return taken


def _picked(units: pl.DataFrame, kind: str, seed: int, quota: int) -> Stratum:
    rows = units.filter(_member(kind, None, None))
    taken = min(max(0, quota), rows.height)
    return Stratum(kind, kind, rows.height, taken, _cut(rows, kind, seed, taken))


def _member(kind: str, app: str | None, band: str | None) -> pl.Expr:
    if kind in PICKS:
        return pl.col(kind)
    of_app = pl.lit(value=True) if app is None else pl.col("app") == app
    of_band = pl.lit(value=True) if band is None else pl.col("band") == band
    return pl.col("inside") & of_app & of_band


def _taken(units: pl.DataFrame, strata: Sequence[Stratum], seed: int) -> pl.Series:
    """Return for each of `units` whether one of `strata` takes it."""
    taken: set[str] = set()
    for stratum in strata:
        members = units.filter(_member(stratum.kind, stratum.app, stratum.band))
        taken |= set(members.filter(_positions(members, stratum.kind, seed) <= stratum.cut)["unit_id"])
    return units["unit_id"].is_in(sorted(taken))


def _cut(units: pl.DataFrame, kind: str, seed: int, n: int) -> float:
    """The position of the last of the `n` that are taken; below all where none is."""
    return float(_positions(units, kind, seed).sort()[n - 1]) if n else -1.0


def _positions(units: pl.DataFrame, kind: str, seed: int) -> pl.Series:
    return pl.Series([position(f"{kind}:{unit_id}", seed) for unit_id in units["unit_id"]], dtype=pl.Float64)
