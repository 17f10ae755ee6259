"""Rows, frames and stores for the tests of the store: small, real, and in virtual time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from collectors.frames import to_frame, to_ipc
from monitor.clock import FakeClock
from monitor.model.rows import TABLES
from monitor.spool_writer import SpoolWriter
from monitor.store.finishing.finish import finish
from monitor.store.load import Loaded, pump
from monitor.store.opening import Store

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
TRACE = "ab" * 16
QUESTION = '[{"role":"user","parts":[{"type":"text","content":"%s"}]}]'
ANSWER = '[{"role":"assistant","parts":[{"type":"text","content":"%s"}]}]'

Row = dict[str, Any]


def us(seconds: float = 0) -> int:
    """Microseconds since the epoch, `seconds` after the start of the story."""
    return int((START + timedelta(seconds=seconds)).timestamp() * 1_000_000)


def a_span(span_id: str, at: float = 0, **fields: Any) -> Row:
    """A span of the one trace, unless told otherwise."""
    base = {"trace_id": TRACE, "time": us(at), "received_at": us(at + 5), "duration_ms": 100.0, "name": "n"}
    return base | {"span_id": span_id, "kind": "other", "status": "ok", "app": "shop", "source": "shop"} | fields


def a_call(span_id: str, at: float = 0, **fields: Any) -> Row:
    """A model call."""
    base = {"kind": "llm", "request_model": "m", "response_model": "m-1", "operation": "chat"}
    return a_span(span_id, at, **(base | fields))


def texts(span_id: str, said: str | None = "hi", saw: str | None = "hello", at: float = 0, **fields: Any) -> Row:
    """The content row of a span."""
    base = {"trace_id": TRACE, "span_id": span_id, "time": us(at), "origin": "span"}
    messages = {"input_messages": QUESTION % said if said else None, "output_messages": ANSWER % saw if saw else None}
    return base | messages | fields


def frame(**tables: list[Row]) -> dict[str, bytes]:
    """What one group commit writes."""
    return {
        name: to_ipc(to_frame({c: [row.get(c) for row in rows] for c in TABLES[name]}, TABLES[name]))
        for name, rows in tables.items()
    }


class Home:
    """A data directory with a spool and a store under a clock that is moved by hand."""

    def __init__(self, folder: Path, *, repair: bool = False) -> None:
        self.folder = folder
        self.clock = FakeClock(START + timedelta(minutes=1))
        self.store = Store.open(folder, clock=self.clock, repair=repair)

    def take(self, *frames: dict[str, bytes]) -> Loaded:
        """Spool the frames and load them."""
        writer = SpoolWriter(self.folder / "spool")
        for one in frames:
            writer.append(one)
        writer.close()
        return pump(self.store, self.folder / "spool")

    def finish(self) -> int:
        """Finish every trace."""
        return finish(self.store, self.clock.now(), timedelta(seconds=2), timedelta(minutes=1), flush=True)

    def rows(self, sql: str) -> list[Row]:
        """Ask."""
        found: list[Row] = self.store.read(sql).to_pylist()
        return found
