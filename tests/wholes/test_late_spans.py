"""No trace and no session is graded before it is whole; what nobody could wait for is graded again, and no verdict stands on a half."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.wholes.late_spans import TURNS, lived, pieces


@pytest.mark.slow
def test_late_spans_are_waited_for_and_later_ones_graded_again(tmp_path: Path) -> None:
    found = lived(tmp_path, pieces(6, 0.1, 0.04, random.Random(5)), 90)
    assert found.early  # it was graded without what nobody could know of
    assert found.early <= found.excused
    assert found.standing_on_halves == {}
    assert found.whole == {"TRACE": 6 * TURNS, "SESSION": 6}


@pytest.mark.statistics
@pytest.mark.parametrize("very_late", [0.0, 0.01])
def test_ten_thousand_traces(tmp_path: Path, very_late: float) -> None:
    sessions = 10_000 // TURNS
    found = lived(tmp_path, pieces(sessions, 6, very_late, random.Random(11)), 60)
    print(
        f"{sessions * TURNS:,} traces, {sessions:,} sessions, {very_late:.0%} of spans later than the wait: "
        f"{len(found.early - found.excused)} half-finished graded, {len(found.early)} of those that nobody could wait for, each graded "
        f"again; standing on halves: {sum(found.standing_on_halves.values())}; whole: {found.whole}"
    )
    assert found.early <= found.excused
    assert found.standing_on_halves == {}
    assert found.whole == {"TRACE": sessions * TURNS, "SESSION": sessions}
