"""The files of rules as they lie on the disk: one that is broken is told at once, and what was in force before it holds meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeVar

from alerts.checks import load_rules
from monitor.clock import Clock
from monitor.config.schema import Settings
from monitor.errors import ConfigError
from monitor.health import Health
from monitor.policy import policies_in_force
from monitor.policy.load import in_force
from monitor.policy.salvage import salvage
from monitor.policy.schema import Policy

Signature = tuple[tuple[str, int, int], ...]
Found = TypeVar("Found")

POLICIES: Final = "policy files"
"""What the folder of policies is called among the parts that may fail."""


@dataclass
class RuleFiles:
    """What holds was read at the start or put in force since; later looks only see whether the files could be read again.

    A folder that was broken at the start is read once it is sound: that start is then made up for. `remember` keeps what was found.
    """

    settings: Settings
    health: Health
    clock: Clock
    remember: Callable[[Sequence[Policy]], None] = lambda _: None
    _sound: dict[str, Signature] = field(default_factory=dict)
    _instead: dict[str, Policy | None] = field(default_factory=dict)

    def start(self, last: Mapping[str, str]) -> Sequence[Policy]:
        """Return what to hold: the policies of the folder, and where one is broken the text of it that was in force `last`.

        `last` is by name of file. Never raises.
        """
        folder = Path(self.settings.policies) if self.settings.policies else None
        try:
            found: Sequence[Policy] = policies_in_force(folder)
        except ConfigError as error:
            self.health.failed(POLICIES, error)
            salvaged = salvage(Path(error.path) if folder is None else folder, last, self.clock)
            self._instead = salvaged.instead
            return self.look(in_force(salvaged.policies))
        self.remember(found)
        return found

    def look(self, held: Sequence[Policy]) -> Sequence[Policy]:
        """Read what has changed since it was last sound, and return what to hold from now on; what cannot be read is not well."""
        found = self._look(POLICIES, self.settings.policies, self._policies)
        self._look("file of alert rules", self.settings.alerts, load_rules)
        if not self._instead or found is None:
            return held
        self._instead = {}
        self.remember(found)
        return found

    def _policies(self, folder: Path) -> Sequence[Policy]:
        try:
            return policies_in_force(folder)
        except ConfigError as error:
            if error.path not in self._instead:
                raise
            stead = self._instead[error.path]
            holds = "nothing holds in its place" if stead is None else f"version {stead.version} of before holds"
            raise replace(error, problem=f"{holds}, since it {error.problem}") from None

    def _look(self, part: str, given: str | None, read: Callable[[Path], Found]) -> Found | None:
        if given is None or _signature(Path(given)) == self._sound.get(part):
            return None
        for _ in range(2):  # somebody may be writing it
            with self.health.guard(part):
                now = _signature(Path(given))
                found = read(Path(given))
                self._sound[part] = now
                return found
        return None


def _signature(path: Path) -> Signature:
    try:
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        stats = [(file.name, file.stat()) for file in files]
    except OSError:  # it is gone: reading it says so
        return ()
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)
