"""Alerting: a thousand alerts that fire, looked at, routed and queued; and what a look costs that changes nothing."""

from __future__ import annotations

import random
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from alerts.deliver import Post
from alerts.desk import AlertDesk
from alerts.outgoing import Outgoing
from alerts.rules import Rulebook
from monitor.clock import FakeClock
from monitor.model.values import About, Signal
from monitor.state import ControlState

NOW: Final = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
RULE: Final = {
    "id": "rate",
    "signal": "violation_rate",
    "title": "Answers break the policy",
    "severity": "error",
    "when": {"stat": "lower_bound", "op": ">", "value": 0.05},
    "clear": {"stat": "upper_bound", "op": "<", "value": 0.05},
}
BOOK: Final[dict[str, Any]] = {
    "receivers": [{"kind": "console", "name": "log"}, {"kind": "console", "name": "pager"}],
    "rules": [RULE],
    "routes": [{"to": ["log", "pager"]}],
}


def a_signal(number: int, value: float) -> Signal:
    """The rate of one application."""
    return Signal(
        name="violation_rate",
        labels={"app": f"app{number}", "rule": "no-refusal"},
        at=NOW,
        value=value,
        low=value - 0.02,
        high=value + 0.02,
        n=200,
        since=NOW - timedelta(days=1),
        examples=(f"{number:032x}",),
        summary="no-refusal is violated",
        about=About("Be kind", before=0.02, began=NOW, cause=f"release {number % 50} on 2026-03-02"),
    )


def measure(alerts: int = 1000) -> list[dict[str, object]]:
    """Return what each look costs, in a control state on the disk."""
    clock = FakeClock(NOW)
    with tempfile.TemporaryDirectory() as folder:
        state = ControlState.open(Path(folder) / "control.sqlite", clock)
        post = Post(state, {}, Outgoing(msgspec.convert(BOOK, Rulebook)), clock, random.Random(1))
        desk = AlertDesk(post)
        looks = {"all begin": 0.3, "nothing changes": 0.3, "all numbers change": 0.31, "all end": 0.01}
        rows = [_look(desk, clock, name, [a_signal(n, value) for n in range(alerts)]) for name, value in looks.items()]
        desk.close()
    return rows


def _look(desk: AlertDesk, clock: FakeClock, name: str, signals: list[Signal]) -> dict[str, object]:
    clock.advance(timedelta(minutes=1))
    moved = [replace(signal, at=clock.now()) for signal in signals]
    began, worked = time.perf_counter(), time.process_time()
    desk.observe(moved, clock.now())
    took, cpu = time.perf_counter() - began, time.process_time() - worked
    return {"look": name, "alerts": len(signals), "seconds": round(took, 3), "of them computing": round(cpu, 3)}
