"""Which values belong to nobody: reserved names and numbers, and the test values that payment services and registries publish."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files

from monitor.plain_yaml import plain


@dataclass(frozen=True)
class _Published:
    """Values of one kind, each with who published it: listed one by one, or told by their form."""

    listed: dict[str, str] = field(default_factory=dict)
    told: list[tuple[re.Pattern[str], str]] = field(default_factory=list)

    def source(self, form: str) -> str | None:
        return self.listed.get(form) or next((source for look, source in self.told if look.fullmatch(form)), None)


def publisher(kind: str, form: str) -> str | None:
    """Return who published a value as one that belongs to nobody, or None; `form` is what `canonical` makes of the value.

    >>> publisher("email", "kim@example.org")
    'RFC 2606 and RFC 6761 (reserved domains)'
    """
    published = _published().get(kind)
    return published.source(form) if published else None


@lru_cache(maxsize=1)
def _published() -> dict[str, _Published]:
    data = plain((files("monitor.privacy") / "nobodys.yaml").read_text(encoding="utf-8"))
    kinds: dict[str, _Published] = {}
    for entry in data["values"]:
        kind = kinds.setdefault(entry["kind"], _Published())
        kind.listed.update(dict.fromkeys(map(str, entry.get("listed", ())), entry["source"]))
        kind.told.extend((re.compile(pattern), entry["source"]) for pattern in [entry.get("pattern")] if pattern)
    return kinds
