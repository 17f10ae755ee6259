"""Real drift with ground truth: GPT-4 and GPT-3.5, March to June 2023 (LLMDrift), replayed as traffic."""

from __future__ import annotations

import pytest

from monitor.clock import aware_utc
from tests.drift.traffic import Watch
from tests.statistics.llmdrift import START, STEP, answers, as_turns, split
from tests.support.shared import needs_shared

pytestmark = needs_shared

CHANGES = [
    ("prime", "gpt-4", "rule:answers", 0.329),
    ("prime", "gpt-4", "output_chars", None),
    ("prime", "gpt-3.5", "rule:answers", -0.262),
    ("prime", "gpt-3.5", "output_chars", None),
    ("opinion", "gpt-4", "rule:answers", 0.759),
    ("opinion", "gpt-4", "output_chars", None),
]


@pytest.mark.parametrize("batch", [200, 5000])
@pytest.mark.parametrize(("task", "family", "metric", "change"), CHANGES)
def test_every_large_change_is_found_once_with_the_right_start(
    task: str, family: str, metric: str, change: float | None, batch: int
) -> None:
    march, june = answers(task, family)
    watch = Watch()
    watch.feed(as_turns(march, june), batch)
    [found] = [finding for finding in watch.findings if finding.metric == metric]
    true = aware_utc(START + march.height * STEP)
    assert found.since_low <= true <= found.since_high
    assert abs(found.since - true) <= 60 * STEP
    assert found.cause.startswith(f"model changed from {march['model'][0]} to {june['model'][0]}")
    if change is not None:
        assert found.change == pytest.approx(change, abs=0.15)
        assert found.change_low < change < found.change_high


def test_a_real_change_below_the_floor_is_not_paged() -> None:
    """GPT-3.5 on opinions, +.024: real, and not worth a page by default."""
    watch = Watch()
    watch.feed(as_turns(*answers("opinion", "gpt-3.5")), 500)
    assert watch.findings == []


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("task", ["prime", "opinion"])
@pytest.mark.parametrize("family", ["gpt-4", "gpt-3.5"])
def test_two_halves_of_the_same_month_raise_nothing(task: str, family: str, seed: int) -> None:
    march, _ = answers(task, family)
    watch = Watch()
    watch.feed(as_turns(*split(march, seed)), 250)
    assert watch.findings == []


def test_fifty_outputs_are_said_to_be_too_few() -> None:
    march, june = answers("sensitive", "gpt-4")
    watch = Watch()
    outcome = watch.feed(as_turns(march, june).drop("rule:answers"))
    assert outcome.findings == []
    assert watch.learning() == {'["output_chars","qa","all"]': 200}
