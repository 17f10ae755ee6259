"""Loops: an agent that makes the same call again and again, or too many calls for one answer."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, ClassVar, Final

import msgspec

from monitor.graders.arguments import value_of
from monitor.graders.grader import Judgement, Runner, Settings, Tools, complies, violates
from monitor.graders.runners import EachTurn
from monitor.model.values import Turn

LEAST: Final = 2
LONGER: Final = 5
"""Whoever waits for something asks the same question and gets other answers: so many times more of these are a loop, too."""


class Loop(Settings, frozen=True, tag="loop"):
    """`same` calls with the same arguments that bring the same are a loop; `max_calls` bounds the calls of one turn."""

    code: ClassVar[int] = 1
    wants_tools: ClassVar[bool] = True
    same: int = 4
    max_calls: int | None = None

    def __post_init__(self) -> None:
        if self.same < LEAST or (self.max_calls is not None and self.max_calls < 1):
            raise ValueError(f"same is at least {LEAST}, max_calls at least 1")

    @property
    def looks_at(self) -> frozenset[str]:
        """The surfaces that are judged."""
        return frozenset({"tool_call"})

    def runner(self, tools: Tools) -> Runner:  # noqa: ARG002 it asks nobody else
        """Return the runner of these settings."""
        return EachTurn(self.look)

    def look(self, turn: Turn) -> Judgement:
        """Count calls that say the same, and among those the ones that bring what the one before brought."""
        if self.max_calls is not None and len(turn.tools) > self.max_calls:
            return violates(f"{len(turn.tools)} calls, more than {self.max_calls}")
        brought: dict[str, list[str | None]] = defaultdict(list)
        for use in turn.tools:
            brought[f"{use.name} {_spelt(use.arguments)}"].append(use.result)
        most = max((len(results) for results in brought.values()), default=0)
        stuck = max((_unchanged(results) for results in brought.values()), default=0)
        if stuck >= self.same or most >= LONGER * self.same:
            return violates(
                f"one call is made {most} times with the same arguments, {stuck} times in a row with the same result"
            )
        return complies(f"{len(turn.tools)} calls, none more than {most} times" if most else "no tool was called")


def _spelt(arguments: str | None) -> str:
    value: Any = value_of(arguments)
    return value if isinstance(value, str) else msgspec.json.encode(value, order="sorted").decode()


def _unchanged(results: list[str | None]) -> int:
    """Return the length of the longest run of equal results."""
    longest = run = 0
    for number, result in enumerate(results):
        run = run + 1 if number and result == results[number - 1] else 1
        longest = max(longest, run)
    return longest
