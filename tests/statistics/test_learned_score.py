"""A score learned from people's labels narrows a rate and never lies; a planner needs fewer labels for the same width."""

from __future__ import annotations

import numpy as np
import pytest

from tests.statistics.learned import (
    BY_BOTH,
    BY_REGEX,
    BY_SCORE,
    DATA,
    NONE,
    WEEK,
    Month,
    Weeks,
    by_lot,
    gptfuzz,
    halueval,
    month,
    needed,
    weeks,
)

pytestmark = [pytest.mark.statistics, pytest.mark.skipif(not DATA.exists(), reason="no shared data on this machine")]

DRAWS = 3_000
"""The standard error of a coverage of .95 is then .004: the bar of .93 is five of them away. With 300 draws it was .013."""

WEEKS = 200


@pytest.fixture(scope="module", params=["GPTFuzz", "HaluEval"])
def answers(request: pytest.FixtureRequest) -> tuple[str, Month]:
    fuzz = request.param == "GPTFuzz"
    return request.param, month(gptfuzz() if fuzz else halueval(), refusals=fuzz)


@pytest.fixture(scope="module")
def house() -> Weeks:
    return weeks()


def relative(one: list[float], other: list[float]) -> str:
    """Return the ratio of mean widths with its interval over draws."""
    ratios = np.array(one) / np.array(other)
    reach = 1.96 * ratios.std() / len(ratios) ** 0.5
    return f"{ratios.mean():.3f} ({ratios.mean() - reach:.3f} to {ratios.mean() + reach:.3f}, most {ratios.max():.3f})"


@pytest.mark.parametrize("n", [100, 300])
def test_a_score_from_the_labels_alone_narrows_and_holds(answers: tuple[str, Month], n: int) -> None:
    name, there = answers
    truth = there.violates.mean()
    told = list(there.draws(n, DRAWS, seed=n))
    width = {by: [one[by].width for one in told] for by in told[0]}
    held = {by: np.mean([one[by].low <= truth <= one[by].high for one in told]) for by in told[0]}
    exact = by_lot(len(there.violates), int(there.violates.sum()), n)
    print(f"\n{name}, n = {n}, {DRAWS} draws: coverage " + ", ".join(f"{by} {held[by]:.3f}" for by in held))
    print(f"  of none, exactly: {exact:.3f}")
    for by, other in ((BY_REGEX, NONE), (BY_SCORE, NONE), (BY_SCORE, BY_REGEX), (BY_BOTH, BY_REGEX), (BY_BOTH, NONE)):
        print(f"  width of {by} to {other}: {relative(width[by], width[other])}")
    assert abs(held[NONE] - exact) < 4 * (exact * (1 - exact) / DRAWS) ** 0.5
    assert held[BY_SCORE] >= 0.93
    assert held[BY_BOTH] >= 0.93
    assert max(np.array(width[BY_SCORE]) / np.array(width[NONE])) <= 1.02
    assert max(np.array(width[BY_BOTH]) / np.array(width[BY_REGEX])) <= 1.02


@pytest.mark.parametrize("share", [0.01, 0.02, 0.03])
@pytest.mark.parametrize("n", [300, 600, 1000])
def test_a_planner_needs_fewer_labels(house: Weeks, share: float, n: int) -> None:
    told = list(house.draws(share, n, WEEKS, seed=n))
    held = [np.mean([one[at].low <= share <= one[at].high for one in told]) for at in (0, 1)]
    width = [np.mean([one[at].width for one in told]) for at in (0, 1)]
    off = np.array([one[1].value - share for one in told])
    exact = by_lot(WEEK, round(WEEK * share), n)
    alike = needed(share, float(width[1]))
    print(
        f"\n{share:.0%}, {n} labels: by lot coverage {held[0]:.3f} (exactly {exact:.3f}), width {width[0]:.4f}; planned coverage {held[1]:.3f}, "
        f"width {width[1]:.4f}, bias {off.mean():+.5f} (standard error {off.std() / WEEKS**0.5:.5f}); "
        f"that width by lot needs {alike} labels: {n / alike:.2f}"
    )
    assert held[1] >= 0.93
    assert n < alike
