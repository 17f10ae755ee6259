"""How retention is told: what is kept how long, when the step last ran, what it removed, what it waits for."""

from __future__ import annotations

import json
from typing import Any, Final

from monitor.wording import minute

MB: Final = 1_000_000


def kept_for(told: dict[str, Any]) -> dict[str, str]:
    """Return `told` (retention in the status of the agent) as names and words."""
    kept = told["kept"]
    if not any(kept.values()):
        return {"retention": "everything is kept for ever"}
    limits = ", ".join(f"{name} {limit or 'for ever'}" for name, limit in kept.items())
    ran = f"last ran {minute(told['ran_at'])}" if told["ran_at"] else "has not run yet"
    lines = {"retention": f"{limits}; {ran}"}
    if told["last"]:
        lines["last removed"] = f"{_rows(told['last']['removed'])} ({minute(told['last']['started_at'])})"
    if owed := owing(told):
        lines["still in the bytes"] = owed
    return lines


def owing(told: dict[str, Any]) -> str:
    """Return what keeps removed rows in the bytes of the store; empty when nothing does."""
    if not told["owed"]:
        return ""
    if told["lacking_bytes"]:
        return f"rewriting the store waits for {told['lacking_bytes'] // MB + 1} MB more free disk"
    return "what was removed leaves the file when it is next rewritten, within a day"


def _rows(removed: str) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(json.loads(removed).items())) or "nothing"
