"""The judges of a house as they are told of: who each is, what waits for it, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitor.judges.judge import ConnectedJudge


@dataclass(frozen=True)
class Staff:
    """Judges, panels of them, and how many answers wait for which name, with the titles of their rules."""

    judges: Mapping[str, ConnectedJudge]
    panels: Mapping[str, Sequence[str]]
    left: Mapping[str, tuple[int, tuple[str, ...]]]

    def told(self, canary: Callable[[str], dict[str, Any] | None]) -> list[dict[str, Any]]:
        """Return every judge and panel as plain values; `canary` is what known items say of one."""
        troubles = self.troubles()
        alone = [
            judge.told()
            | {
                "waits": self._waits_for(name)[0],
                "trouble": troubles.get(f"judge {name}", ""),
                "canary": canary(name),
            }
            for name, judge in self.judges.items()
        ]
        panels = [
            {
                "name": name,
                "panel": list(members),
                "waits": self.left.get(name, (0, ()))[0],
                "trouble": "",
                "canary": canary(name),
            }
            for name, members in self.panels.items()
        ]
        return [*alone, *panels]

    def troubles(self) -> dict[str, str]:
        """Return what to tell of judges that do not answer, by the name of the part."""
        told = (
            (name, judge.breaker.trouble or "; ".join(tuple(judge.short.values())), judge)
            for name, judge in self.judges.items()
        )
        return {
            f"judge {name}": f"judge {name}: {cause}{self._ungraded(name)}"
            for name, cause, judge in told
            if cause and self._waits_for(name)[0]
        }

    def _ungraded(self, name: str) -> str:
        n, titles = self._waits_for(name)
        since = self.judges[name].breaker.since
        when = f" since {since:%d %b %H:%M} UTC" if since else ""
        return f"{when}; {n:,} answers wait for it and are ungraded ({', '.join(titles[:4])})"

    def _waits_for(self, name: str) -> tuple[int, tuple[str, ...]]:
        """How many answers wait for a judge, by itself or as a member of a panel."""
        asked = [name, *(panel for panel, members in self.panels.items() if name in members)]
        counts = [self.left.get(one, (0, ())) for one in asked]
        return sum(n for n, _ in counts), tuple(title for _, titles in counts for title in titles)
