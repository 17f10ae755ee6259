"""The draw: exact sizes, known probabilities, the same list from the seed, and nobody moved by who is erased."""

from __future__ import annotations

import random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.review.draw import CENSUS, PANEL, PICKS, Stratum, draw, items


def units(n: int, seed: int, *, gold: int = 0) -> pl.DataFrame:
    """Answers of three applications, some of them picked on for every reason there is; `gold` of them from another week."""
    rng = random.Random(seed)
    rows = []
    for number in range(n + gold):
        inside = number < n
        rows.append(
            {
                "unit_id": f"{seed:04x}{number:08x}",
                "app": rng.choice(["shop", "shop", "desk", "bank"]),
                "inside": inside,
                "band": rng.choices(["flagged", "not flagged", "not graded"], [1, 8, 2])[0],
                "wanted": inside and rng.random() < 0.02,
                "gold": not inside,
                **{name: inside and rng.random() < 0.1 for name in ("risk", "change", "disputed", "refusals")},
            }
        )
    return pl.DataFrame(rows)


weeks = st.builds(units, st.integers(1, 400), st.integers(0, 1000), gold=st.integers(0, 30))


@settings(max_examples=40, deadline=None)
@given(frame=weeks, size=st.integers(1, 120), seed=st.integers(0, 2**48))
def test_the_draw_is_as_large_as_asked_and_drawn_again_it_is_the_same(
    frame: pl.DataFrame, size: int, seed: int
) -> None:
    strata = draw(frame, size, seed)
    drawn = items(frame, strata, seed)
    n = int(frame["inside"].sum())
    assert len({item.unit_id for item in drawn}) == len(drawn)
    assert len(drawn) == sum(stratum.n_taken for stratum in strata)
    if n > size:
        assert len(drawn) == size
    shuffled = frame.sample(fraction=1, shuffle=True, seed=1)
    assert items(shuffled, strata, seed) == drawn
    for stratum in strata:
        assert sum(item.stratum == stratum.name for item in drawn) == stratum.n_taken
        known = stratum.kind in {PANEL, CENSUS}
        assert (stratum.probability is None) == (not known)
        if known:
            assert stratum.probability == stratum.n_taken / stratum.n_units


@settings(max_examples=40, deadline=None)
@given(frame=weeks, size=st.integers(20, 120), seed=st.integers(0, 2**48), gone=st.integers(0, 2**30))
def test_who_is_erased_drops_out_and_nobody_takes_the_place(
    frame: pl.DataFrame, size: int, seed: int, gone: int
) -> None:
    strata = draw(frame, size, seed)
    rng = random.Random(gone)
    left = frame.filter(pl.Series([rng.random() < 0.8 for _ in range(frame.height)], dtype=pl.Boolean))
    kept = set(left["unit_id"])
    assert items(left, strata, seed) == [item for item in items(frame, strata, seed) if item.unit_id in kept]


@settings(max_examples=40, deadline=None)
@given(frame=weeks, size=st.integers(20, 120), seed=st.integers(0, 2**48))
def test_the_panel_stands_for_every_answer_of_the_stretch(frame: pl.DataFrame, size: int, seed: int) -> None:
    drawn = items(frame, draw(frame, size, seed), seed)
    weights = sum(1 / item.inclusion_probability for item in drawn if item.inclusion_probability)
    assert abs(weights - int(frame["inside"].sum())) < 1e-6


def test_a_week_of_few_answers_is_looked_at_as_a_whole() -> None:
    strata = draw(units(200, 1, gold=40), 300, 7)
    assert [(s.kind, s.n_units, s.n_taken, s.probability) for s in strata[:1]] == [(CENSUS, 200, 200, 1.0)]
    assert strata[1] == Stratum("gold", "gold", 40, 20, strata[1].cut)


def test_every_reason_has_its_share_and_flagged_answers_a_third_of_the_panel() -> None:
    frame = units(5000, 3, gold=40)
    strata = draw(frame, 300, 7)
    taken = {kind: sum(s.n_taken for s in strata if s.kind == kind) for kind in (PANEL, *PICKS)}
    assert taken["risk"] == 60
    assert taken["gold"] == taken["disputed"] == taken["refusals"] == 20
    assert taken["change"] == 30
    flagged = sum(s.n_taken for s in strata if s.kind == PANEL and s.band == "flagged")
    assert abs(flagged - taken[PANEL] / 3) <= 3


@pytest.mark.parametrize("seeds", [100, pytest.param(1_000, marks=pytest.mark.statistics)])
def test_every_answer_of_a_stratum_is_drawn_as_often_as_every_other(seeds: int) -> None:
    """Over many seeds each unit comes up as its probability says: chi-square within five standard deviations."""
    frame = units(60, 5)
    counts: dict[str, int] = dict.fromkeys(frame["unit_id"], 0)
    expected: dict[str, float] = dict.fromkeys(frame["unit_id"], 0.0)
    within = {key: part["unit_id"].to_list() for key, part in frame.partition_by("app", "band", as_dict=True).items()}
    for seed in range(seeds):
        strata = draw(frame, 30, seed)
        for item in items(frame, strata, seed):
            if item.inclusion_probability is not None:
                counts[item.unit_id] += 1
        for s in strata:
            for unit in within.get((s.app, s.band), ()) if s.probability else ():
                expected[unit] += s.probability or 0.0
    off = [
        (counts[unit] - expected[unit]) / max(1.0, expected[unit] * (1 - expected[unit] / seeds)) ** 0.5
        for unit in counts
    ]
    assert max(map(abs, off)) < 5
