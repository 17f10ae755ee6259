"""The watch over grading: looks after every cycle what is no longer graded, and between them whether cycles still run and keep up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from monitor.clock import Clock
from monitor.health import Health
from monitor.policy.schema import Policy
from monitor.store import reads
from monitor.store.opening import Store
from monitor.vital_signs import Pulse, silences, told


@dataclass
class GradingWatch:
    """What is known of grading between two looks; in memory only. Calls may come from any thread."""

    store: Store
    clock: Clock
    health: Health
    pulse: Pulse
    _silent: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def cycle(self, policies: Sequence[Policy]) -> Iterator[None]:
        """Do a cycle; after it, however it ended, look at what its rules still decide."""
        self.pulse.begin(self.clock.now())
        try:
            yield
        finally:
            self.pulse.end(self.clock.now())
            with self.health.guard("watch over graders"):
                self._silent = told(silences(self.store, policies, self.clock.now()))

    def unwell(self) -> dict[str, str]:
        """Return what to tell, by the name of the part."""
        now = self.clock.now()
        graded = reads.marks(self.store).get("grade", (0, None))[0]
        self.pulse.watch(now, graded, reads.newest_turn(self.store))
        return self._silent | dict(self.pulse.troubles(now))
