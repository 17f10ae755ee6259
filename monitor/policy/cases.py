"""The parts of a policy file that stand for turns: conditions on a turn, exceptions by them, and examples with their verdict."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, Final

import msgspec

from monitor.config.schema import Section
from monitor.model.values import Label, ToolUse, Turn


class Block(Section, frozen=True, omit_defaults=True):
    """Base of all blocks. Defaults stay out of the canonical form, so that a key added later changes no policy's hash."""


class Condition(Block, frozen=True):
    """A fact about a turn as data: one field of it and exactly one of equal, unequal, or one of several."""

    field: str
    eq: str | None = None
    ne: str | None = None
    among: tuple[str, ...] | None = msgspec.field(name="in", default=None)

    def __post_init__(self) -> None:
        if sum(given is not None for given in (self.eq, self.ne, self.among)) != 1:
            raise ValueError("a condition has exactly one of eq, ne, in")

    def holds(self, turn: Turn) -> bool:
        """Return whether it is known to hold; a field that the turn does not have makes no exception."""
        name = self.field.removeprefix("turn.")
        value = getattr(turn, name, None) if name in CONDITION_FIELDS else None
        if value is None:
            return False
        if self.among is not None:
            return value in self.among
        return bool(value == self.eq if self.eq is not None else value != self.ne)


CONDITION_FIELDS: Final = ("app", "environment", "model", "user_id", "session_id")
"""Fields of a turn that conditions can look at today; others, such as user.role, are never known to hold."""


class Exemption(Block, frozen=True):
    """An approved exception. It always expires."""

    id: str
    when: Condition
    approved_by: str
    expires: date


class ExampleCall(Block, frozen=True):
    """A tool that was called in an example: what with, as JSON or text, and what it brought in."""

    tool: str
    arguments: dict[str, Any] | str | None = None
    result: str | None = None

    def use(self) -> ToolUse:
        """Return it as graders see it."""
        said = self.arguments
        return ToolUse(self.tool, msgspec.json.encode(said).decode() if isinstance(said, dict) else said, self.result)


class Example(Block, frozen=True):
    """A text with its verdict; every one is a unit test of the rule. `retrieved` came before the `calls` of tools."""

    id: str
    label: Label
    output: str = msgspec.field(name="out")
    input: str | None = msgspec.field(name="in", default=None)
    system: str | None = None
    retrieved: tuple[str, ...] = ()
    calls: tuple[ExampleCall, ...] = ()
    tags: tuple[str, ...] = ()

    def turn(self) -> Turn:
        """Return the example as a turn of no app at no particular time."""
        brought = (ToolUse("retrieval", None, text, retrieval=True) for text in self.retrieved)
        uses = (*brought, *(call.use() for call in self.calls))
        return Turn(
            self.id, datetime.fromtimestamp(0, UTC), "", self.input, self.output, system_text=self.system, tools=uses
        )
