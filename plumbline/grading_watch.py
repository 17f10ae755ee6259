"""The watch over grading: looks after cycles what is no longer graded, and between them whether cycles still run and keep up.

What rules decide is looked at again once anything was finished or graded, a rule failed or policies changed, and else now and then,
since time passes too: a house in which nothing happens is not asked every half minute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from monitor.clock import Clock
from monitor.health import Health
from monitor.policy.schema import Policy
from monitor.store import reads
from monitor.store.behind import missed
from monitor.store.opening import Store
from monitor.vital_signs import Pulse, silences, told

AGAIN: Final = timedelta(minutes=10)
"""Where nothing has come: rules that find nothing any more are found out by time alone, and are looked at over days."""


@dataclass
class GradingWatch:
    """What is known of grading between two looks; in memory only. Calls may come from any thread."""

    store: Store
    clock: Clock
    health: Health
    pulse: Pulse
    judges: Callable[[], Mapping[str, str]] = dict
    _silent: dict[str, str] = field(default_factory=dict)
    _seen: tuple[Any, ...] = ()
    _looked: datetime | None = None

    @contextmanager
    def cycle(self, policies: Sequence[Policy]) -> Iterator[None]:
        """Do a cycle; after it, however it ended, look at what its rules still decide."""
        self.pulse.begin(self.clock.now())
        try:
            yield
        finally:
            self.pulse.end(self.clock.now())
            with self.health.guard("watch over graders"):
                self._look(policies, self.clock.now())

    def _look(self, policies: Sequence[Policy], now: datetime) -> None:
        seen = (self._graded(), reads.newest_turn(self.store), missed(self.store), [policy.hash for policy in policies])
        if seen == self._seen and self._looked is not None and now - self._looked < AGAIN:
            return
        self._silent = told(silences(self.store, policies, now))
        self._seen, self._looked = seen, now

    def _graded(self) -> int:
        """How far grading is."""
        return reads.marks(self.store).get("grade", (0, None))[0]

    def unwell(self) -> dict[str, str]:
        """Return what to tell, by the name of the part."""
        now = self.clock.now()
        self.pulse.watch(now, self._graded(), reads.newest_turn(self.store))
        return self._silent | dict(self.pulse.troubles(now)) | dict(self.judges())
