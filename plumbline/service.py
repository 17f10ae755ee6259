"""The agent as a service: its timetable, and the api until a signal asks to stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from monitor.config.durations import parse_duration
from monitor.config.schema import Settings
from monitor.health import Health
from monitor.places import Address, bind
from plumbline.answers import Answers
from plumbline.api.bearer import ensure_token
from plumbline.api.server import create_app, serve
from plumbline.button_presses import Lines
from plumbline.judging import judge_waiting
from plumbline.opening import open_agent
from plumbline.reviewing import keep_reviews, read_ahead
from plumbline.schedule import Job, Paced, hurry, overdue, stand_by, start, watch_clock


@dataclass(frozen=True)
class Guarded:
    """A job whose failure is counted and tried again at its next turn; one bad pass never ends the agent."""

    name: str
    work: Callable[[], object]
    health: Health

    def __call__(self) -> None:
        """Do the work."""
        with self.health.guard(f"job {self.name}"):
            self.work()


LOAD_EVERY_S = 0.2
LOAD_RESTS = 24.0
LOAD_AFTER_S = 1.1
"""Loading takes a few hundredths of a core when little comes; what is acknowledged is still seen well within two seconds."""

FINISH_EVERY_S = 0.5
FINISH_RESTS = 24.0
FINISH_AFTER_S = 3.0
"""Finishing has as many statements for one trace as for thousands, and nobody waits for a turn as for a span."""

JUDGE_EVERY_S = 1.0
JUDGE_RESTS = 4.0
JUDGE_AFTER_S = 2.0

DELIVER_EVERY_S = 2.0
PATIENCE_S = 20.0
"""A timetable that is later than this does nothing any more; what it should have told is told all the same."""

MAINTAIN_EVERY_S = 600.0
BACKUP_EVERY_S = 600.0
RETAIN_EVERY_S = 60.0
"""How often to look whether the hour is over: an agent that is started again and again gets there too."""

REVIEWS_EVERY_S = 60.0
READ_AHEAD_EVERY_S = 5.0


def run_agent(settings: Settings, data_dir: Path, host: str, port: int, ready: Callable[[Address], None]) -> None:
    """Own `data_dir` and serve the api until SIGTERM or SIGINT; `ready` is called once requests are answered."""
    bound = bind(Address(host, port), "--api")
    agent = open_agent(settings, data_dir, repair=True)
    token = ensure_token(agent.places.token)
    agent.watch.pulse.expect(agent.clock.now())
    deliver = Guarded("deliver", agent.deliver, agent.health)

    def cycle() -> None:
        agent.cycle()
        hurry(timetable, "deliver")  # what it owes leaves now

    timetable = start(
        [
            Job("load", LOAD_EVERY_S, Paced(Guarded("load", agent.take, agent.health), LOAD_RESTS, LOAD_AFTER_S)),
            Job(
                "finish",
                FINISH_EVERY_S,
                Paced(Guarded("finish", agent.finish, agent.health), FINISH_RESTS, FINISH_AFTER_S),
            ),
            Job(
                "cycle",
                parse_duration(settings.agent.cycle_every).total_seconds(),
                Guarded("cycle", cycle, agent.health),
            ),
            Job(
                "judges",
                JUDGE_EVERY_S,
                Paced(Guarded("judges", lambda: judge_waiting(agent), agent.health), JUDGE_RESTS, JUDGE_AFTER_S),
            ),
            Job("deliver", DELIVER_EVERY_S, deliver),
            Job("buttons", DELIVER_EVERY_S, Guarded("buttons", Lines(agent).keep, agent.health)),
            Job("maintain", MAINTAIN_EVERY_S, Guarded("maintain", agent.maintain, agent.health)),
            Job("backup", BACKUP_EVERY_S, Guarded("backup", agent.back_up, agent.health)),
            Job("reviews", REVIEWS_EVERY_S, Guarded("reviews", lambda: keep_reviews(agent), agent.health)),
            Job("tables", READ_AHEAD_EVERY_S, Guarded("tables", lambda: read_ahead(agent), agent.health)),
            Job("retain", RETAIN_EVERY_S, Guarded("retain", agent.retain, agent.health)),
        ]
    )
    watch_clock(timetable, agent.stopping)
    stand_by(lambda: overdue(timetable, "deliver"), PATIENCE_S, deliver, agent.stopping)
    try:
        serve(
            create_app(Answers(agent), agent.access.register.credentials(token), host), bound, ready, agent.stopping.set
        )
    finally:
        agent.stopping.set()
        timetable.stop()
        agent.close()
