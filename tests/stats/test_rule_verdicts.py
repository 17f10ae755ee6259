"""What was said under two rules is told apart by its digest, and by nothing else."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.rule_verdicts import Said

ROWS = st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0.5, 1.0]), st.sampled_from([np.nan, 0.5])), max_size=4)


def said(rows: list[tuple[int, float, float]]) -> Said:
    verdict, probability, belief = (np.array([row[at] for row in rows], float) for at in range(3))
    nobody, never = np.zeros(len(rows), np.uint8), np.zeros(len(rows))
    clusters, disputed = np.zeros(len(rows), np.int64), np.zeros(len(rows), np.bool_)
    return Said(verdict.astype(np.uint8), belief, probability, nobody, nobody, never, clusters, disputed)


@settings(max_examples=500)
@given(ROWS, ROWS)
def test_the_same_was_said_where_the_digest_is_the_same(
    some: list[tuple[int, float, float]], others: list[tuple[int, float, float]]
) -> None:
    same = str(some) == str(others)
    assert (said(some).content == said(others).content) is same
    assert said(some).content == said(list(some)).content
