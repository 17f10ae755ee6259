"""Two users in a data directory under a clock moved by hand: one to be erased, and one who stays."""

from __future__ import annotations

import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

from monitor.clock import FakeClock
from monitor.config.schema import Settings
from monitor.spool_writer import SpoolWriter
from plumbline.agent import Agent
from plumbline.opening import open_agent
from tests.store.rows import START, a_call, a_span, frame, texts
from tests.support.gone import holding, told_by_sql

T1, T2 = "a1" * 16, "b2" * 16


class Case:
    """A data directory with two users; the texts of one are incompressible marks."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, FakeClock(START)
        self.clock.advance(timedelta(hours=1))
        self.mark, self.other = secrets.token_hex(40), secrets.token_hex(40)
        self.user = f"user-{secrets.token_hex(8)}"
        self.agent = self.open()
        self.writer = SpoolWriter(folder / "spool")

    def open(self) -> Agent:
        return open_agent(Settings(), self.folder, self.clock, repair=True)  # as the running agent does

    def batch(self) -> dict[str, bytes]:
        spans = [
            a_span("r1", trace_id=T1, user_id=self.user, session_id="s1"),
            a_call("c1", trace_id=T1, parent_id="r1", response_id="resp-1", attrs=f'{{"x": "{self.mark}"}}'),
            a_span("r2", trace_id=T2, user_id="kept", session_id="s2"),
            a_call("c2", trace_id=T2, parent_id="r2"),
        ]
        score = {"time": spans[0]["time"], "received_at": spans[0]["received_at"], "name": "good", "source": "shop"}
        return frame(
            spans=spans,
            content=[texts("c1", self.mark, self.mark, trace_id=T1), texts("c2", self.other, self.other, trace_id=T2)],
            scores=[score | {"key": "k1", "response_id": "resp-1", "comment": self.mark}],
            exposures=[
                score | {"key": "e1", "user_id": self.user, "experiment": "x", "variant": "a"},
                score | {"key": "e2", "user_id": "kept", "experiment": "x", "variant": "a"},
            ],
        )

    def send(self, batch: dict[str, bytes] | None = None) -> dict[str, int]:
        self.writer.append(batch or self.batch())
        self.writer.sync()
        return self.agent.load(flush=True)

    def holding(self, text: str) -> list[str]:
        return holding(self.folder, text)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        return self.agent.sql(sql, 1000).table.to_pylist()

    def told(self, text: str) -> list[str]:
        """Tables and columns in which SQL still finds `text`."""
        return told_by_sql(self.agent.store, text)

    def close(self) -> None:
        self.writer.close()
        self.agent.close()
