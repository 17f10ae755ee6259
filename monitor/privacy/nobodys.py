"""Which values belong to nobody: reserved names and numbers, and the test values that payment services and registries publish."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import yaml

from monitor.privacy.canonical import canonical


@dataclass(frozen=True)
class _Entry:
    """Values of one kind from one source: listed one by one, or told by their form."""

    source: str
    listed: frozenset[str]
    pattern: re.Pattern[str] | None

    def holds(self, value: str) -> bool:
        return value in self.listed or bool(self.pattern and self.pattern.fullmatch(value))


def publisher(kind: str, value: str) -> str | None:
    """Return who published `value` as one that belongs to nobody, or None where nobody did.

    >>> publisher("email", "Kim@Example.org")
    'RFC 2606 and RFC 6761 (reserved domains)'
    """
    form = canonical(kind, value)
    return next((entry.source for entry in _entries().get(kind, ()) if entry.holds(form)), None)


@lru_cache(maxsize=1)
def _entries() -> dict[str, list[_Entry]]:
    data = yaml.safe_load((files("monitor.privacy") / "nobodys.yaml").read_text(encoding="utf-8"))
    entries: dict[str, list[_Entry]] = {}
    for told in data["values"]:
        pattern = re.compile(told["pattern"]) if "pattern" in told else None
        listed = frozenset(map(str, told.get("listed", ())))
        entries.setdefault(told["kind"], []).append(_Entry(told["source"], listed, pattern))
    return entries
