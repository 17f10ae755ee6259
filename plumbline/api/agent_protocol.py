"""Who answers the questions: the agent that runs, the agent on a directory at rest, and the agents of the tests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import pyarrow as pa

from plumbline.api.call import Call
from plumbline.api.question import Question


@dataclass(frozen=True)
class TableAnswer:
    """Rows, whether more of them existed than were asked for, and of when they are where that is not now."""

    table: pa.Table
    truncated: bool = False
    as_of: datetime | None = None


class AgentCore(Protocol):
    """The owner of one data directory. Calls block; they may come from any thread."""

    def answer(self, question: Question[Any], call: Call) -> Any:
        """Return the answer in the shape of `question`: values, a `TableAnswer`, or the path of a file.

        Raises `NotFound` for what does not exist, `UsageError` for a question that is wrong.
        """

    def close(self) -> None:
        """Let go of the data directory."""
