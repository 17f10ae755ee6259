"""How many turns each app had in any stretch of time, and which of them came as they happened."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from monitor.estimates import EPOCH
from monitor.rule_verdicts import Ints
from monitor.sight import Row

_US: Final = timedelta(microseconds=1)
_COUNTED: Final[dict[str, pl.DataType]] = {
    "app": pl.String(),
    "time": pl.Datetime("us"),
    "n": pl.Int64(),
    "sessions": pl.Int64(),
}


@dataclass
class Paces:
    """Times of turns by app, in order (microseconds since 1970): of all of them, of those that ended a session, of those that are live."""

    _all: dict[str | None, Ints] = field(default_factory=dict)
    _ended: dict[str | None, Ints] = field(default_factory=dict)
    _live: dict[str | None, Ints] = field(default_factory=dict)

    def add(self, turns: pl.DataFrame) -> None:
        """Take in turns (time, app, live, ended), which come after those that are known."""
        for (app,), part in turns.group_by("app"):
            time = part["time"].cast(pl.Datetime("us")).cast(pl.Int64)
            for known, kept in ((self._all, None), (self._ended, "ended"), (self._live, "live")):
                fresh = (time if kept is None else time.filter(part[kept].fill_null(value=False))).sort().to_numpy()
                known[_named(app)] = np.concatenate((known.get(_named(app), fresh[:0]), fresh))

    def turns(self, start: datetime, end: datetime) -> pl.DataFrame:
        """Return app, time (`start`), n and sessions of start <= time < end."""
        rows = [
            (app, start, n, _between(self._ended[app], start, end, "left"))
            for app, times in self._all.items()
            if (n := _between(times, start, end, "left"))
        ]
        return pl.DataFrame(rows, _COUNTED, orient="row")

    def pulses(self, at: datetime, reach: timedelta) -> list[Row]:
        """Return app, first, last and n of live turns of the time `reach` up to and with `at`."""
        found = []
        for app, times in self._live.items():
            low, high = (int(np.searchsorted(times, _us(bound), side="right")) for bound in (at - reach, at))
            if high > low:
                first, last = (EPOCH + int(times[place]) * _US for place in (low, high - 1))
                found.append({"app": app, "first": first, "last": last, "n": high - low})
        return found

    def came(self, app: str, after: datetime, until: datetime) -> int:
        """Return how many live turns of `app` there are of after < time <= until."""
        return _between(self._live[app], after, until, "right")


def _between(times: NDArray[np.int64], start: datetime, end: datetime, side: str) -> int:
    low, high = np.searchsorted(times, [_us(start), _us(end)], side=side)  # type: ignore[call-overload]  # left or right
    return int(high - low)


def _us(time: datetime) -> int:
    return (time - EPOCH) // _US


def _named(app: object) -> str | None:
    return None if app is None else str(app)
