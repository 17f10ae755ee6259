"""The files of rules as they lie on the disk: one that is broken is told at once, and what was in force before it holds meanwhile."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeVar

from alerts.checks import load_rules
from alerts.rules import Rulebook
from monitor.clock import Clock
from monitor.config.schema import Settings
from monitor.errors import ConfigError
from monitor.health import Health
from monitor.policy import policies_in_force
from monitor.policy.load import in_force
from monitor.policy.salvage import salvage
from monitor.policy.schema import Policy
from monitor.private_file import replace_private

Signature = tuple[tuple[str, int, int], ...]
Found = TypeVar("Found")

POLICIES: Final = "policy files"
"""What the folder of policies is called among the parts that may fail."""

ALERTS: Final = "file of alert rules"
"""What the file of alert rules is called among them."""


@dataclass
class AlertFile:
    """The file of alert rules (None: the starter rules hold), and a copy of its text as it was when it last held.

    `instead` says that the copy holds, since the file was broken at the start.
    """

    file: Path | None
    copy: Path
    instead: bool = False

    def start(self, health: Health) -> Rulebook:
        """Return what to hold. Raises `ConfigError` where the file is broken and nothing was in force before."""
        try:
            return self.read()
        except ConfigError as error:
            before = self._before()
            if before is None:
                raise
            health.failed(ALERTS, self.blamed(error))
            self.instead = True
            return before

    def read(self) -> Rulebook:
        """Return the rules of the file, which hold from now on. Raises `ConfigError`."""
        book = load_rules(self.file)
        if self.file is not None:
            with contextlib.suppress(OSError):  # a full disk keeps no copy, and stops nobody
                replace_private(self.copy, self.file.read_bytes())
        self.instead = False
        return book

    @staticmethod
    def blamed(error: ConfigError) -> ConfigError:
        """Return `error`, saying what holds meanwhile."""
        return replace(error, problem=f"the rules of before hold; {error.problem}")

    def _before(self) -> Rulebook | None:
        if self.file is None or not self.copy.exists():
            return None
        try:
            return load_rules(self.copy)
        except ConfigError:  # such as a secret that is gone from the environment
            return None


@dataclass
class RuleFiles:
    """What holds was read at the start or put in force since; later looks only see whether the files could be read again.

    What was broken at the start is read once it is sound: that start is then made up for. `remember` keeps the policies that were found.
    """

    settings: Settings
    health: Health
    clock: Clock
    alerts: AlertFile
    remember: Callable[[Sequence[Policy]], None] = lambda _: None
    mended: Rulebook | None = None
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
        return self.look(found) if self.alerts.instead else found

    def look(self, held: Sequence[Policy]) -> Sequence[Policy]:
        """Read what has changed since it was last sound, and return what to hold from now on; what cannot be read is not well."""
        found = self._look(POLICIES, self.settings.policies, self._policies)
        self._look(ALERTS, self.settings.alerts, self._rules)
        if not self._instead or found is None:
            return held
        self._instead = {}
        self.remember(found)
        return found

    def _rules(self, file: Path) -> Rulebook:
        if not self.alerts.instead:
            return load_rules(file)
        try:
            self.mended = self.alerts.read()
        except ConfigError as error:
            raise self.alerts.blamed(error) from None
        return self.mended

    def take_mended(self) -> Rulebook | None:
        """Return alert rules that were broken at the start and are sound now, once; None where there are none."""
        book, self.mended = self.mended, None
        return book

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
