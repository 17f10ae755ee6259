"""Calls of tools that do not follow what was declared: an unknown tool, arguments that are no JSON, or of another shape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Final

import msgspec

from monitor.graders.grader import Judgement, Runner, Settings, Tools, cannot_judge, complies, violates
from monitor.graders.runners import EachTurn
from monitor.graders.shapes import check_schema, mismatches
from monitor.model.values import ToolUse, Turn

TOLD: Final = 3


class ToolCalls(Settings, frozen=True, tag="tool_calls"):
    """`tools` declares the arguments of tools by name, as JSON Schema; what it does not name is held to the names that the model was offered.

    Where neither is known, arguments only have to be a JSON object. Schemas that a sender attaches to every call are not kept, so
    shapes have to stand in the policy.
    """

    code: ClassVar[int] = 1
    wants_tools: ClassVar[bool] = True
    tools: dict[str, dict[str, Any]] = msgspec.field(default_factory=dict)
    others: bool = True  # tools that are neither declared nor among those offered may be called, where any are known

    def __post_init__(self) -> None:
        for name, schema in self.tools.items():
            check_schema(schema, name)

    @property
    def looks_at(self) -> frozenset[str]:
        """The surfaces that are judged."""
        return frozenset({"tool_call"})

    def runner(self, tools: Tools) -> Runner:  # noqa: ARG002 it asks nobody else
        """Return the runner of these settings."""
        return EachTurn(self.look)

    def look(self, turn: Turn) -> Judgement:
        """Hold every call of the turn against what was declared."""
        calls = [use for use in turn.tools if not use.retrieval]
        wrong = [
            f"call {n} of {_named(use)}: {said}" for n, use in enumerate(calls, 1) for said in self._wrong(use, turn)
        ]
        if wrong:
            more = f" and {len(wrong) - TOLD} more" if len(wrong) > TOLD else ""
            return violates("; ".join(wrong[:TOLD]) + more)
        if any(use.arguments is None for use in calls):
            return cannot_judge("the arguments of a call were not captured")
        return complies(f"{len(calls)} calls as declared" if calls else "no tool was called")

    def _wrong(self, use: ToolUse, turn: Turn) -> Iterator[str]:
        known = {*self.tools, *turn.offered}
        if known and use.name not in known and (turn.offered or not self.others):
            yield "it was not offered"
            return
        if use.arguments is None:
            return
        try:
            value = msgspec.json.decode(use.arguments)
        except (msgspec.DecodeError, RecursionError):
            yield "its arguments are no JSON"
            return
        yield from mismatches(value, self.tools.get(use.name, {"type": "object"}))


def _named(use: ToolUse) -> str:
    return " ".join(use.name.split())[:40] or "a tool"
