"""What people call a metric: one vocabulary for findings, readouts, plans and messages. The dashboard has the same, by contract its own.

A share is told of the turns it is a share of ("turns with an error"); where it is a noun of its own it is "share of turns with an error".
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from monitor.wording import plain_line

SHARE: Final = "share"

Titles = Mapping[str, str]
"""What people call rules, by id."""

NO_TITLES: Final[Titles] = MappingProxyType({})


class Measure(NamedTuple):
    """The name of a metric, and the unit in which its values are; "" where the name says it."""

    name: str
    unit: str


MEASURES: Final = {
    "output_chars": Measure("length of answers", "characters"),
    "output_tokens": Measure("output tokens", ""),
    "duration_ms": Measure("time to answer", "ms"),
    "cost_usd": Measure("cost", "USD"),
    "error": Measure("turns with an error", SHARE),
    "cut_off": Measure("answers that were cut off", SHARE),
    "text:answers": Measure("answers that are worded otherwise", SHARE),
    "tool_error": Measure("turns with a tool that failed", SHARE),
    "tool_calls": Measure("tool calls of a turn", ""),
    "steps": Measure("model calls of a turn", ""),
    "judge:hits": Measure("known violations that the judge finds", SHARE),
    "judge:false_alarms": Measure("answers known to keep the rule that the judge calls violations", SHARE),
}


def measure(metric: str, titles: Titles = NO_TITLES) -> Measure:
    """Return what people call `metric`, and its unit; a rule goes by its title, or by its id where no policy here knows it.

    >>> measure("missing:output_tokens").name, measure("score:warmth").name
    ('turns without a known value: output tokens', 'score warmth')
    """
    kind, _, name = metric.partition(":")
    if kind == "rule" and name:
        return Measure(titles.get(name, name), SHARE)
    if kind == "undecided":
        return Measure(f"answers that could not be judged: {quoted(name, titles)}", SHARE)
    if kind == "missing":
        return Measure(f"turns without a known value: {MEASURES[name].name if name in MEASURES else name}", SHARE)
    if kind == "new":
        return Measure(f"turns of a {name.replace('_', ' ')} that was new", SHARE)
    return MEASURES.get(metric, Measure(f"score {name}" if kind == "score" else metric, ""))


def called(metric: str, titles: Titles = NO_TITLES) -> str:
    """Return what a metric is called in a sentence about it, on one line.

    >>> called("rule:pii"), called("rule:pii", {"pii": "No personal data"})
    ('violation rate of pii', 'violation rate of “No personal data”')
    >>> called("error"), called("duration_ms")
    ('share of turns with an error', 'time to answer')
    """
    kind, _, name = metric.partition(":")
    if kind == "rule" and name:
        return f"violation rate of {plain_line(quoted(name, titles))}"
    said = measure(metric, titles)
    return plain_line(f"share of {said.name}" if said.unit == SHARE else said.name)


def quoted(rule_id: str, titles: Titles) -> str:
    """Return a title as words of somebody else; an id as it is."""
    return f"“{titles[rule_id]}”" if rule_id in titles else rule_id
