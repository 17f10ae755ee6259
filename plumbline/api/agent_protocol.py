"""What the api, and a command on a data directory at rest, ask of the agent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Protocol

import pyarrow as pa

Kind = Literal["user", "session", "trace", "app", "late"]

Progress = Callable[[float, str], None]
"""Called with the share done (0 to 1) and a word on what is going on; may raise to stop the work."""


class AgentCore(Protocol):
    """The owner of one data directory. Calls block; they may come from any thread."""

    def status(self) -> dict[str, Any]:
        """What runs, how far the loader is, sums of the ledger; ready to be JSON."""

    def sql(self, text: str, max_rows: int) -> pa.Table:
        """Rows of one read-only SELECT, at most `max_rows`. Raises `BadSql`."""

    def page(self, name: str, params: Mapping[str, str]) -> pa.Table:
        """A named read of the dashboard. Raises KeyError for an unknown name, `UsageError` for a bad parameter."""

    def sources(self, params: Mapping[str, str]) -> dict[str, Any]:
        """Every source of a window with its facts and problems; ready to be JSON. Raises `UsageError`."""

    def settle(self) -> dict[str, int]:
        """Load all of the spool, finish every trace, run one cycle; returns counts."""

    def replay(
        self, start: datetime, end: datetime, step: timedelta, notify: bool, progress: Progress
    ) -> dict[str, Any]:
        """Run the cycle over stored history in virtual time; returns what it would have told."""

    def explain(self, subject: str) -> list[str]:
        """Lines on why: `subject` is a finding id, an alert fingerprint or a trace id. Raises KeyError."""

    def report(self, finding_id: str) -> Path:
        """The HTML side-by-side report of a finding; rendered by a child process, up to 40 s. Raises KeyError."""

    def erase(self, kind: Kind, given: str) -> dict[str, int]:
        """Remove everything of one user, session, trace or app, from every file; returns the count per table."""

    def check(self) -> Sequence[Any]:
        """What is wrong with the store, one entry a problem; empty when nothing is."""

    def close(self) -> None:
        """Let go of the data directory."""
