"""The files of rules as they lie on the disk: one that is broken while the agent runs is told at once, not by the next start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from alerts.checks import load_rules
from monitor.config.schema import Settings
from monitor.health import Health
from monitor.policy import policies_in_force

Signature = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class RuleFiles:
    """What holds was read at the start or put in force since; this only looks whether the files could be read again."""

    settings: Settings
    health: Health
    _sound: dict[str, Signature] = field(default_factory=dict)

    def look(self) -> None:
        """Read what has changed since it was last sound; what cannot be read is a part that is not well."""
        self._look("policy files", self.settings.policies, policies_in_force)
        self._look("file of alert rules", self.settings.alerts, load_rules)

    def _look(self, part: str, given: str | None, read: Callable[[Path], object]) -> None:
        if given is None or _signature(Path(given)) == self._sound.get(part):
            return
        for _ in range(2):  # somebody may be writing it
            with self.health.guard(part):
                now = _signature(Path(given))
                read(Path(given))
                self._sound[part] = now
                return


def _signature(path: Path) -> Signature:
    try:
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        stats = [(file.name, file.stat()) for file in files]
    except OSError:  # it is gone: reading it says so
        return ()
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)
