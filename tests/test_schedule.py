"""Work that is paced by what it cost, on a clock that the test moves."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from plumbline.schedule import Paced


@dataclass
class Busy:
    """Work that takes `costs` seconds of its own clock."""

    costs: float
    now: float = 100.0
    runs: list[float] = field(default_factory=list)

    def work(self) -> None:
        self.runs.append(self.now)
        self.now += self.costs


def ran_within(busy: Busy, paced: Paced, seconds: float) -> int:
    """How often it ran when it was asked every 0.1 s."""
    end = busy.now + seconds
    while busy.now < end:
        paced()
        busy.now += 0.1
    return len(busy.runs)


@pytest.mark.parametrize(("costs", "most"), [(0.05, 42), (0.2, 11), (2.0, 5)])
def test_it_rests_by_what_it_cost_and_not_at_all_when_there_is_plenty_to_do(costs: float, most: int) -> None:
    busy = Busy(costs)
    runs = ran_within(busy, Paced(busy.work, rest=4.0, most_s=0.8, monotonic=lambda: busy.now), 10.0)
    assert 0.6 * most <= runs <= most
    gaps = [later - earlier for earlier, later in zip(busy.runs, busy.runs[1:], strict=False)]
    assert max(gaps) <= costs + 0.8 + 0.2


def test_it_rests_after_a_failure_too() -> None:
    now, tries = [0.0], []

    def fails() -> None:
        tries.append(now[0])
        now[0] += 0.1
        raise ValueError("it broke")

    paced = Paced(fails, rest=4.0, most_s=0.8, monotonic=lambda: now[0])
    with pytest.raises(ValueError, match="it broke"):
        paced()
    paced()
    assert tries == [0.0]
