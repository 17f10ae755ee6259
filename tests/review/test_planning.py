"""The next labels go where they narrow a rate most, and never beyond the answers there are."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.review.planning import Cell, shared

cells = st.tuples(st.integers(1, 500), st.integers(0, 500), st.integers(0, 500)).map(
    lambda told: Cell(told[0], min(told[0], told[1]), min(told[0], told[1], told[2]))
)


@settings(max_examples=40, deadline=None)
@given(st.lists(cells, min_size=1, max_size=5), st.integers(0, 1500))
def test_more_labels_are_shared_out_whole_and_where_there_is_room(there: list[Cell], more: int) -> None:
    given_ = shared(there, more)
    assert sum(given_) == min(more, sum(cell.n_units - cell.n for cell in there))
    assert all(0 <= n <= cell.n_units - cell.n for n, cell in zip(given_, there, strict=True))


def test_a_small_stratum_full_of_violations_gets_more_than_its_share() -> None:
    few, rest = shared([Cell(400, 30, 12), Cell(19_600, 170, 0)], 200)
    assert few > 2 * 200 * 400 / 20_000
    assert rest > few


def test_what_was_judged_as_a_whole_gets_nothing() -> None:
    assert shared([Cell(50, 50, 3), Cell(100, 10, 1)], 20) == [0, 20]
