"""What is remembered of a stream between batches: plain values, at most 8 KB as JSON, no text of any trace.

A stream first collects its reference (`warm`), then is watched against it. Composition rows (model, prompt version, ...) are
numbered in `combos`; number -1 stands for rows that were dropped to keep the state small.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec
import numpy as np

from monitor.drift.calendar import Calendar
from monitor.stats.ranks import Floats

VERSION: Final = 3
"""Streams of another version start anew."""

COMBOS: Final = 16
"""Most composition rows a state remembers."""

Combo = tuple[str | None, ...]


class Reference(msgspec.Struct, kw_only=True):
    """The outputs a stream is compared with.

    `n`, `total` and `squares` are those of the last finished stage, per function, and do not move while the stream is
    watched; the `growing_*` ones take in every output until the reference is full. `week`: how they fell
    on the parts of a week. `ranks`: sorted outputs, empty for rates.
    """

    kind: Literal["rate", "numeric"]
    ranks: list[float]
    growing_total: list[float]
    growing_squares: list[float]
    growing_n: int = 0
    n: int = 0
    total: list[float] = []
    squares: list[float] = []
    composition: dict[int, int] = {}
    growing_week: Calendar = msgspec.field(default_factory=Calendar)
    week: Calendar = msgspec.field(default_factory=Calendar)


class Warm(msgspec.Struct, kw_only=True):
    """Points collected before there is a reference, each with its first and last output."""

    time: list[int] = []  # milliseconds, each minus the one before
    combo: list[tuple[int, int]] = []  # runs: combo number, length
    outputs: list[list[float]] = []


class Trail(msgspec.Struct, kw_only=True):
    """Recent outputs, thinned the more the older they are; which positions are kept follows from `count` and `loose` alone.

    The last `loose` ones were added since it was thinned: none are where it is stored.
    """

    count: int = 0
    loose: int = 0
    time: list[int] = []  # seconds, each minus the one before
    combo: list[tuple[int, int]] = []
    value: list[float] = []


class Stream(msgspec.Struct, kw_only=True):
    """One metric on one segment of one app. `n` counts the values of the present reference, `seen` all there ever were."""

    version: int = VERSION
    seen: int = 0
    born: int = 0  # milliseconds: its first and last output
    last: int = 0
    begin: int = 0  # milliseconds: outputs of before say nothing about the present reference
    skipped: int = 0  # outputs that came so late that they lay before `begin`
    graded_by: str = ""  # version of the graders whose verdicts these are; "" where nobody graded
    n: int = 0
    warm: Warm = msgspec.field(default_factory=Warm)
    reference: Reference | None = None
    evidence: list[list[float]] = []
    trail: Trail = msgspec.field(default_factory=Trail)
    combos: list[Combo] = []


class KnownChange(msgspec.Struct, array_like=True):
    """A change that was reported: from the earliest possible start to its detection, the segments that raised it, its finding."""

    low: int
    at: int
    segments: list[str]
    finding: str = ""


class Day(msgspec.Struct, array_like=True):
    """Outputs of one day (since 1970, UTC), their sum and that of their squares, as `monitor.drift.course` sums them."""

    day: int
    n: int
    total: float
    squares: float


class Anchor(msgspec.Struct, kw_only=True):
    """What a stream was like before the first change of it that is open (`monitor.drift.anchors`).

    `findings` tell its changes; `lead` is the one that shows this stream. `function` moved, from `before` to `after`; times in milliseconds.
    `days` are those since its last change began. Of those up to `told` it was asked whether it goes on, which was the case or not (`going`).
    """

    findings: list[str]
    lead: str
    reference: Reference
    function: int
    before: float
    after: float
    since: int
    at: int
    days: list[Day] = []
    told: int = 0
    going: bool = False


class Crowded(msgspec.Struct, array_like=True):
    """Traffic of a measure that found no room: how many outputs, and the day of the last, since 1970."""

    n: int
    day: int


class Memory(msgspec.Struct, kw_only=True):
    """What is remembered beside the streams: reported changes, traffic of segments, heavy users, first kinds of turns, anchors by stream.

    `crowded_out` is the traffic of measures of whole apps that found no room, by app (`monitor.drift.unwatched`).
    """

    reported: dict[str, list[KnownChange]] = {}
    candidates: dict[str, int] = {}
    users: dict[str, dict[str, int]] = {}
    vocabularies: dict[str, dict[str, int]] = {}
    anchors: dict[str, Anchor] = {}
    crowded_out: dict[str, dict[str, Crowded]] = {}


def read_stream(state: str | None) -> Stream | None:
    """Return the stream of a stored state; None when there is none or it cannot be understood, so that it starts anew."""
    try:
        stream = msgspec.json.decode(state, type=Stream) if state else None
    except msgspec.MsgspecError:
        return None
    return stream if stream is not None and stream.version == VERSION else None


def write_state(state: msgspec.Struct) -> str:
    """Return the state as JSON text."""
    return msgspec.json.encode(state).decode()


def read_memory(state: str | None) -> Memory:
    """Return the memory of a stored state, empty when there is none or it cannot be understood."""
    try:
        return msgspec.json.decode(state, type=Memory) if state else Memory()
    except msgspec.MsgspecError:
        return Memory()


def short(value: float, digits: int = 5) -> float:
    """Return `value` to so many digits: what a state keeps of it."""
    return float(f"{value:.{digits}g}")


def shorts(values: Floats, digits: int = 5) -> list[Any]:
    """Return `values`, all at once, each to so many digits."""
    rounded: list[Any] = shortened(values, digits).tolist()
    return rounded


def shortened(values: Floats, digits: int = 5) -> Floats:
    """Return `values` as an array, each to so many digits."""
    size = np.where(values == 0, 1.0, np.abs(values))
    scale = 10.0 ** np.clip(digits - 1 - np.floor(np.log10(size)), -300, 300)
    rounded: Floats = np.round(values * scale) / scale
    return rounded
