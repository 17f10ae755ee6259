"""Ids and times as they may be: which ids are ones, when something happened and how long it took, in our units.

A time that cannot be is replaced or left out, and flagged.
"""

from __future__ import annotations

from typing import Final

from collectors.decode.wire import WireSpan

DAY_US: Final = 86_400_000_000
ZERO_TRACE: Final = "0" * 32
ZERO_SPAN: Final = "0" * 16
HEX: Final = "0123456789abcdef"


def is_id(text: str, zero: str) -> bool:
    """Tell a well-formed id; `zero` is the invalid one of the same length."""
    return len(text) == len(zero) and text != zero and not text.strip(HEX)


def moment(time_ns: int, received: int, flags: list[str]) -> int:
    """Return microseconds; a time that is missing or lies ahead of us is replaced by when we got it, and flagged."""
    time = time_ns // 1000
    if time <= 0:
        flags.append("time_unknown")
        return received
    if time > received + DAY_US:
        flags.append("time_future")
        return received
    return time


def duration_ms(span: WireSpan, received: int, flags: list[str]) -> float | None:
    """Return milliseconds; None when it is not known or cannot be."""
    if span.start_ns <= 0 or span.end_ns <= 0:
        return None
    if span.end_ns < span.start_ns:
        flags.append("negative_duration")
        return None
    if span.end_ns // 1000 > received + DAY_US and "time_future" not in flags:
        flags.append("end_future")
        return None
    return (span.end_ns - span.start_ns) / 1e6
