"""Verdicts that were recorded: JSON lines {rule_id, output or unit_id, verdict, reason, quotes, confidence}; nothing leaves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor.judges.question import Item, Prompt
from monitor.judges.reply import Heard
from monitor.judges.transport import NoReply


@dataclass(frozen=True)
class Recorded:
    """Replays a file, which is read anew for every batch of questions."""

    file: Path

    def lines(self) -> dict[tuple[str, str], Mapping[str, Any]]:
        """Return what is recorded, by rule and by answer or trace. Raises `NoReply`."""
        found: dict[tuple[str, str], Mapping[str, Any]] = {}
        try:
            text = self.file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise NoReply("down", f"its file {self.file.name} cannot be read") from None
        for number, line in enumerate(text.splitlines(), 1):
            for name in ("unit_id", "output") if line.strip() else ():
                told = _object(line, number)
                if isinstance(told.get(name), str):
                    found[str(told.get("rule_id")), told[name]] = told
        return found

    def heard(self, item: Item, prompt: Prompt, lines: Mapping[tuple[str, str], Mapping[str, Any]]) -> Heard:
        """Return what is recorded of `item`. Raises `NoReply` where nothing is."""
        names = (item.turn.unit_id, item.turn.output_text or "")
        told = next((lines[item.rule.id, name] for name in names if (item.rule.id, name) in lines), None)
        if told is None:
            raise NoReply("asked", "nothing is recorded for this answer", told="")
        code = next((code for code, verdict in prompt.codes.items() if verdict == told.get("verdict")), None)
        return Heard({**told, "verdict": code}, 0, 0)


def _object(line: str, number: int) -> dict[str, Any]:
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise NoReply("form", f"line {number} of its file is no JSON object")
    return told
