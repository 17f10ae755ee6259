"""Numbers and times as people read them. Unknown is said, never shown as 0."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Final

UNKNOWN: Final = "not known"
RATES: Final = ("error", "cut_off", "tool_error", "rule:", "missing:", "undecided:", "new:", "judge:", "text:")


def utc(instant: datetime | str) -> datetime:
    """Return an instant of the api with its zone; the store keeps UTC without saying so."""
    moment = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def when(instant: datetime | str | None) -> str:
    """Return an instant to the minute, saying that it is UTC."""
    return UNKNOWN if instant is None else f"{utc(instant):%-d %b %Y, %H:%M} UTC"


def day(instant: datetime | str | None) -> str:
    """Return the day of an instant."""
    return UNKNOWN if instant is None else f"{utc(instant):%-d %b %Y}"


def count(number: float | None) -> str:
    """Return a whole number with thousands apart."""
    return UNKNOWN if number is None else f"{number:,.0f}"


def percent(value: float, digits: int = 0) -> str:
    """Return a share of 1 in percent: the one place where that is written."""
    return f"{100 * value:.{digits}f} %"


def share(value: float | None) -> str:
    """Return a rate in percent with one decimal, two where it is small."""
    return UNKNOWN if value is None else percent(value, 2 if 0 < abs(value) < 0.01 else 1)


def share_interval(low: float | None, high: float | None) -> str:
    """Return the bounds of a rate in percent."""
    if low is None or high is None:
        return "interval not known"
    digits = 2 if 0 < high < 0.01 else 1
    return f"{percent(low, digits).removesuffix(' %')} to {percent(high, digits)}"


def took(ms: float | None) -> str:
    """Return a duration in the largest unit that leaves two digits or so: the one place where that is decided."""
    if ms is None:
        return UNKNOWN
    if abs(ms) < 1000:
        return f"{ms:.0f} ms"
    per, unit = next((per, unit) for below, per, unit in _UNITS if abs(ms) < below)
    return f"{ms / per:.1f} {unit}"


_UNITS: Final = (
    (60_000, 1000, "s"),
    (7_200_000, 60_000, "min"),
    (172_800_000, 3_600_000, "h"),
    (math.inf, 86_400_000, "days"),
)
"""Below how many milliseconds a duration is said in which unit."""


def money(usd: float | None) -> str:
    """Return US dollars; small amounts keep two significant digits."""
    if usd is None:
        return UNKNOWN
    if 1e-7 <= abs(usd) < 0.01:
        return f"${usd:.{1 - math.floor(math.log10(abs(usd)))}f}".rstrip("0")
    return f"${usd:,.2f}"


SILENT: Final = {
    "missing": "share of turns without a known value: {}",
    "undecided": "share of answers that could not be judged: {}",
    "new": "share of turns of a {} that was new",
}
"""What streams are called that tell of what breaks in silence."""


OF_JUDGES: Final = {
    "judge:hits": "share of known violations that the judge finds",
    "judge:false_alarms": "share of answers known to keep the rule that the judge calls violations",
}
"""What streams are called that watch judges by known items."""

COUNTS: Final = ("tool_calls", "steps")
"""Numbers so small that their mean says more than their median."""


THOUSAND: Final = 1000
"""Turns of which a cost is said: that of one has too many zeros to be read."""


def is_rate(metric: str) -> bool:
    """Whether a metric is the share of turns that do something."""
    return metric.startswith(RATES)


def measure(metric: str, value: float | None) -> str:
    """Return a value of `metric` in its own unit."""
    if value is None:
        return UNKNOWN
    if is_rate(metric):
        return share(value)
    if metric == "duration_ms":
        return took(value)
    if metric == "cost_usd":
        return f"{money(THOUSAND * value)} per 1,000 turns"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def change(metric: str, value: float | None) -> str:
    """Return a difference with its sign: in points for a rate, else in the unit of the metric."""
    if value is None:
        return UNKNOWN
    if is_rate(metric):
        return f"{100 * value:+.1f} points"
    return f"{'-' if value < 0 else '+'}{measure(metric, abs(value))}"


def metric_name(metric: str) -> str:
    """Return the name of a metric for a heading."""
    known = {
        "output_chars": "length of answers (characters)",
        "duration_ms": "time to answer",
        "output_tokens": "output tokens",
        "cost_usd": "cost",
        "error": "share of turns with an error",
        "cut_off": "share of answers that were cut off",
        "text:answers": "share of answers that are worded otherwise",
        "tool_error": "share of turns with a tool that failed",
        "tool_calls": "tool calls of a turn",
        "steps": "model calls of a turn",
    }
    if metric in OF_JUDGES:
        return OF_JUDGES[metric]
    if metric.startswith("rule:"):
        return f"violation rate of {metric.removeprefix('rule:')}"
    if metric.startswith("score:"):
        return f"score {metric.removeprefix('score:')}"
    kind, _, name = metric.partition(":")
    if kind in SILENT:
        return SILENT[kind].format(known.get(name, name.replace("_", " ")))
    return known.get(metric, metric)


def wilson(hits: float, n: float, z: float = 1.96) -> tuple[float, float]:
    """Return the 95 % score interval of a share (Wilson 1927); (0, 1) when nothing was seen."""
    if n <= 0:
        return 0.0, 1.0
    rate = hits / n
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)
