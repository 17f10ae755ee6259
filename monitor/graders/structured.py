"""Answers that a program is to read."""

from __future__ import annotations

import json
import re
from typing import Any, ClassVar, Final, Literal

from monitor.graders.grader import Judgement, Runner, Settings, Tools, complies, violates
from monitor.graders.quoted import FENCE
from monitor.graders.runners import EachText
from monitor.model.values import Turn

_WORD: Final = re.compile(r"\bjson\b", re.IGNORECASE)


class Json(Settings, frozen=True, tag="json"):
    """The answer is one JSON value (RFC 8259), and an object with all `required` keys where any are named.

    With `when: asked` only turns are held to it whose input or system text says JSON. One Markdown fence (CommonMark) around the
    whole answer is taken off unless `fence` is false: a program that reads answers strictly should say so. A byte order mark
    in front is passed over, as RFC 8259 lets readers do.
    """

    code: ClassVar[int] = 2
    required: tuple[str, ...] = ()
    when: Literal["always", "asked"] = "always"
    fence: bool = True

    def runner(self, tools: Tools) -> Runner:  # noqa: ARG002 it asks nobody else
        """Return the runner of these settings."""
        return EachText(self.look)

    def look(self, output: str, turn: Turn) -> Judgement:
        """Say where the text stops being JSON, by line and column."""
        if self.when == "asked" and not _WORD.search(f"{turn.system_text or ''}\n{turn.input_text or ''}"):
            return complies("no JSON was asked for")
        return self._read(self._bare(output.removeprefix("\ufeff").replace("\r\n", "\n").strip()))

    def _bare(self, text: str) -> str:
        fenced = FENCE.fullmatch(text) if self.fence else None
        return fenced["code"] if fenced else text

    def _read(self, text: str) -> Judgement:
        try:
            value = json.loads(text, parse_constant=_refuse)
        except json.JSONDecodeError as error:
            return violates(f"not JSON: {error.msg.lower()} at line {error.lineno}, column {error.colno}")
        except (ValueError, RecursionError):
            return violates("not JSON: a number or a nesting that no reader takes")
        return self._keys(value)

    def _keys(self, value: Any) -> Judgement:
        if self.required and not isinstance(value, dict):
            return violates("JSON, but not an object")
        missing = [key for key in self.required if key not in value]
        return violates(f"JSON without the key {', '.join(missing)}") if missing else complies("valid JSON")


def _refuse(name: str) -> None:
    raise ValueError(name)
