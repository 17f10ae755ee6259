"""What the types of the settings cannot say: which numbers and durations make sense."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import msgspec

from monitor.clock import is_zone
from monitor.config.durations import parse_duration
from monitor.config.schema import RetentionSettings, Settings
from monitor.config.yaml_lines import written_in
from monitor.errors import ConfigError
from monitor.judges.naming import wrong_with
from monitor.privacy.patterns import KINDS

_MEMORY = re.compile(r"\d+(\.\d+)?\s*([KMGT]i?B|%)", re.IGNORECASE)

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s]+")


def _is_duration(text: str) -> bool:
    try:
        return parse_duration(text).total_seconds() > 0
    except (ValueError, OverflowError):
        return False


def _is_zone(name: str) -> bool:
    return name == "none" or is_zone(name)


def _is_time_of_day(text: str) -> bool:
    return re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text) is not None


LONGEST: Final = timedelta(days=36_525)


@dataclass(frozen=True)
class Limit:
    """Keys that must meet a condition, and the condition in words."""

    keys: tuple[str, ...]
    holds: Callable[[Any], bool]
    words: str


LIMITS: Final = (
    Limit(
        (
            *(
                "agent.cycle_every",
                "agent.settle",
                "agent.settle_without_root",
                "agent.keep_spool",
                "agent.backup.every",
            ),
            *(
                "estimates.window",
                "drift.budget.per",
                "drift.expires",
                "people.session",
                "people.idle",
                "review.window",
                "review.due",
            ),
        ),
        _is_duration,
        "is not a duration (write a number and one of s, m, h, d, w, such as 30s or 7d)",
    ),
    Limit(
        ("agent.retention.content", "agent.retention.spans", "agent.retention.rollups"),
        lambda text: text is None or (_is_duration(text) and parse_duration(text) <= LONGEST),
        "is not a duration above 0 and up to 100 years (write a number and one of s, m, h, d, w, such as 30d; "
        "leave it out to keep for ever)",
    ),
    Limit(
        ("collector.redaction.kinds",),
        lambda kinds: set(kinds) <= set(KINDS),
        f"names a kind that is not known (known: {', '.join(KINDS)})",
    ),
    Limit(("sampling.rate",), lambda rate: 0 <= rate <= 1, "is not a share between 0 and 1"),
    Limit(
        ("sampling.strata", "sampling.rules"),
        lambda strata: all(0 <= rate <= 1 for rate in strata.values()),
        "holds a rate that is not a share between 0 and 1",
    ),
    Limit(
        ("estimates.confidence", "experiments.alpha"),
        lambda share: 0 < share < 1,
        "must lie between 0 and 1, both excluded",
    ),
    Limit(
        (
            *(
                "collector.max_body_mb",
                "collector.max_queue_mb",
                "collector.max_field_kb",
                "agent.threads",
                "agent.backup.keep",
            ),
            *("drift.budget.alarms", "drift.baseline.first", "drift.baseline.outputs", "drift.max_streams"),
        ),
        lambda number: number > 0,
        "must be above 0",
    ),
    Limit(
        ("collector.min_free_mb", "drift.rate_floor", "drift.rank_floor", "experiments.min_users"),
        lambda number: number >= 0,
        "must not be below 0",
    ),
    Limit(
        ("collector.cors",),
        lambda origins: all(origin == "*" or _ORIGIN.fullmatch(origin) for origin in origins),
        "holds what is not an origin (write https://HOST or https://HOST:PORT, or *)",
    ),
    Limit(
        ("dashboard.public_url",),
        lambda url: url is None or re.fullmatch(r"https?://[^/\s@?#]+/?", url) is not None,
        "is not the address of a site (write https://HOST or https://HOST:PORT, without a path)",
    ),
    Limit(
        ("drift.timezone",),
        _is_zone,
        "is not a time zone (write a name such as Europe/Berlin, UTC, or none for traffic that knows no week)",
    ),
    Limit(
        ("review.timezone",),
        is_zone,
        "is not a time zone (write a name such as Europe/Berlin, or UTC)",
    ),
    Limit(("review.at",), _is_time_of_day, "is not a time of day (write HH:MM, such as 09:00)"),
    Limit(("review.size",), lambda size: 1 <= size <= 20_000, "must lie between 1 and 20000"),
    Limit(
        ("metrics",),
        lambda metrics: all(m.bounds is None or m.bounds[0] < m.bounds[1] for m in metrics.values()),
        "holds bounds whose first is not below the second",
    ),
    Limit(
        ("metrics",),
        lambda metrics: all(m.smallest is None or m.smallest > 0 for m in metrics.values()),
        "holds a smallest effect that is not above 0",
    ),
    Limit(
        ("agent.memory_limit",),
        lambda text: _MEMORY.fullmatch(text.strip()) is not None,
        "is not an amount of memory (such as 2GB)",
    ),
)


def check_limits(settings: Settings, file: Path) -> None:
    """Refuse numbers and durations of `file` that make no sense. Raises `ConfigError` with the line of the first."""
    for limit in LIMITS:
        for key in limit.keys:
            value = operator.attrgetter(key)(settings)
            if not limit.holds(value):
                stands = written_in(file).get(key)
                raise ConfigError(str(file), stands.line if stands else None, f"{key}: {value!r} {limit.words}")
    _check_order(settings.agent.retention, file)
    _check_judges(settings, file)


def _check_judges(settings: Settings, file: Path) -> None:
    """Refuse judges that could never be asked, and panels of judges that are not there."""
    for name, judge in settings.judges.items():
        problem = wrong_with(name, judge, settings.judges)
        if problem is not None:
            lines = written_in(file)
            line = next((stands.line for key, stands in lines.items() if key.startswith(f"judges.{name}")), None)
            raise ConfigError(str(file), line, f"judges.{name}: {problem[0]}", problem[1])


def _check_order(retention: RetentionSettings, file: Path) -> None:
    """Texts hang on spans, and what is summed up must not go before what it sums up: no class outlives the next one."""
    for (inner, text), (outer, bound) in pairwise(msgspec.structs.asdict(retention).items()):
        if bound is not None and (text is None or parse_duration(text) > parse_duration(bound)):
            said = "for ever" if text is None else text
            stands = written_in(file).get(f"agent.retention.{outer}")
            raise ConfigError(
                str(file),
                stands.line if stands else None,
                f"agent.retention: {inner} would be kept longer ({said}) than {outer} ({bound})",
                f"write {inner}: {bound} or shorter",
            )
