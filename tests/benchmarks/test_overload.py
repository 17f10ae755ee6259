"""The overload benchmark, small: it is also the proof that a storm loses nothing that was acknowledged."""

from __future__ import annotations

import pytest

from benchmarks import overload


@pytest.mark.slow
def test_what_was_acknowledged_in_a_storm_is_there_once_and_the_rest_was_told_when_to_come_back() -> None:
    figures = overload.measure(seconds=2, probe_s=1)
    counted = figures["acknowledged, visible"]
    assert isinstance(counted, tuple)
    assert counted[0] == counted[1] > 0
    assert figures["ledger off by"] == 0
    assert figures["other answers"] == 0
    assert figures["503 without Retry-After"] == 0
