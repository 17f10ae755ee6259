"""One vocabulary: pages, findings, readouts and messages call a metric by the same name."""

from __future__ import annotations

import pytest

from dashboards.numbers import metric_name
from dashboards.rules import Rule
from dashboards.words import measure_name
from monitor.measures import MEASURES, called

OF_KINDS = (
    "missing:output_tokens",
    "missing:output_chars",
    "missing:cost_usd",
    "new:output_language",
    "score:warmth",
    "odd_one",
)


@pytest.mark.parametrize("metric", [*MEASURES, *OF_KINDS, "rule:R-1", "undecided:R-1"])
def test_pages_and_sentences_say_the_same(metric: str) -> None:
    """A heading of lengths says their unit, which a sentence says behind the value."""
    assert metric_name(metric).replace(" (characters)", "") == called(metric)


def test_what_could_not_be_judged_goes_by_the_title_of_its_rule() -> None:
    titles = {"R-1": "No promises"}
    rules = {"R-1": Rule({"id": "R-1", "title": "No promises"}, {})}
    assert measure_name("undecided:R-1", rules) == called("undecided:R-1", titles)
    assert called("undecided:R-1", titles) == "share of answers that could not be judged: “No promises”"
    assert called("rule:R-1", {"R-1": "No\npromises"}) == "violation rate of “No promises”"
