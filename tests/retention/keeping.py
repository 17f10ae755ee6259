"""A data directory under a clock moved by hand, whose texts nobody can compress: bytes on disk are found or not."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from monitor.clock import FakeClock
from monitor.config.schema import AgentSettings, RetentionSettings, Settings
from monitor.spool_writer import SpoolWriter
from plumbline.agent import Agent
from plumbline.opening import open_agent
from tests.store.rows import START, a_call, a_span, frame, texts
from tests.support.gone import holding

DAY = 86_400.0
OLD, NEW = "a1" * 16, "b2" * 16


OLD_MARK, NEW_MARK = secrets.token_hex(40), secrets.token_hex(40)


class Keeping:
    """A house with one old trace (day 0) and one new trace (day 20); the clock stands at day 20 and an hour."""

    old, new = OLD_MARK, NEW_MARK

    def __init__(self, folder: Path, retention: RetentionSettings, begun: datetime = START) -> None:
        self.folder, self.clock = folder, FakeClock(begun + timedelta(hours=1))
        self.settings = Settings(agent=AgentSettings(retention=retention))
        self.agent = self.open()
        self.writer = SpoolWriter(folder / "spool")

    def open(self) -> Agent:
        return open_agent(self.settings, self.folder, self.clock, repair=True)  # as the running agent does

    def again(self) -> None:
        """Start the agent again, as after a kill."""
        self.agent.close()
        self.agent = self.open()

    def batch(self, trace: str, mark: str, day: float) -> dict[str, bytes]:
        at = day * DAY
        root = a_span("r", at, trace_id=trace, user_id=f"user-{trace[:2]}", session_id="s", kind="workflow")
        fields = {"time": root["time"], "received_at": root["received_at"], "source": "shop"}
        return frame(
            spans=[
                root,
                a_call("c", at, trace_id=trace, parent_id="r", attrs=f'{{"x": "{mark}"}}', error_message=mark),
            ],
            content=[texts("c", mark, mark, at, trace_id=trace, system_text=mark)],
            features=[{"trace_id": trace, "span_id": "c", "time": root["time"], "output_chars": 5}],
            events=[fields | {"key": f"v{trace}", "trace_id": trace, "name": "e", "part": "details", "body": mark}],
            scores=[
                fields
                | {"key": f"k{trace}", "trace_id": trace, "name": "good", "value": 1.0}
                | {"comment": mark, "metadata": f'{{"y": "{mark}"}}'}
            ],
            exposures=[fields | {"key": f"e{trace}", "user_id": "u", "experiment": "x", "variant": "a"}],
        )

    def send(self, batch: dict[str, bytes]) -> dict[str, int]:
        self.writer.append(batch)
        self.writer.sync()
        return self.agent.load(flush=True)

    def fill(self) -> None:
        """Both traces, each sent on its day, and graded."""
        self.send(self.batch(OLD, self.old, 0))
        self.agent.cycle()
        self.clock.advance(timedelta(days=20))
        self.send(self.batch(NEW, self.new, 20))
        self.agent.cycle()
        self.agent.store.checkpoint()

    @classmethod
    def filled(cls, lived: Path, folder: Path, retention: RetentionSettings) -> Keeping:
        """A house over a copy of `lived`, the folder of one that was filled and closed."""
        shutil.copytree(lived, folder)
        return cls(folder, retention, START + timedelta(days=20))

    def later(self, **by: float) -> None:
        self.clock.advance(timedelta(**by))

    def holding(self, text: str) -> list[str]:
        return holding(self.folder, text)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        return self.agent.store.read(sql).to_pylist()

    def count(self, table: str, trace: str | None = None, column: str = "trace_id") -> int:
        where = "" if trace is None else f" WHERE {column} = '{trace}'"
        return int(self.rows(f"SELECT count(*) AS n FROM base.{table}{where}")[0]["n"])

    def exact(self) -> bool:
        (row,) = self.rows(
            "SELECT sum(received) = sum(stored) + sum(duplicate) + sum(refused) AS exact FROM base.ledger"
        )
        return bool(row["exact"])

    def close(self) -> None:
        self.writer.close()
        self.agent.close()


Make = Callable[..., Keeping]
