"""Opening a data directory in this process: stores, control state, rules and people, put together as one agent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from alerts.desk import open_desk
from monitor.clock import Clock, SystemClock
from monitor.config.durations import parse_duration
from monitor.config.schema import Settings
from monitor.errors import PlumblineError
from monitor.health import Health
from monitor.places import Places
from monitor.policy import policies_in_force
from monitor.privacy.keyed import install_key
from monitor.removal.tombstones import recall_tombstones
from monitor.store.opening import Store
from monitor.store.user_sql.readers import Readers
from monitor.vital_signs import Pulse
from plumbline.agent import Agent
from plumbline.grading_watch import GradingWatch
from plumbline.people.access import access_of
from plumbline.policies.activation import Activation
from plumbline.rule_files import RuleFiles


def open_agent(settings: Settings, data_dir: Path, clock: Clock | None = None, *, repair: bool = False) -> Agent:
    """Open the data directory in this process. Raises `StoreInUse`, `ConfigError`, `StoreError`.

    With `repair` a store that is damaged is moved aside and filled again from the spool; without, it stays where it is.
    """
    clock, places = clock or SystemClock(), Places(data_dir)
    health = Health(clock)
    policies = policies_in_force(Path(settings.policies) if settings.policies else None)
    limit, threads = settings.agent.memory_limit, settings.agent.threads
    store = Store.open(data_dir, memory_limit=limit, threads=threads, clock=clock, repair=repair)
    try:
        opened = open_desk(settings, places.control, clock)
        desk = replace(opened, guard=health.guard, post=replace(opened.post, health=health))
    except PlumblineError:
        store.close()
        raise
    access = access_of(settings, desk.state, store, install_key(data_dir), clock)
    readers = Readers(store, places.root / "sql")
    watch = GradingWatch(store, clock, health, Pulse(parse_duration(settings.agent.cycle_every)))
    agent = Agent(
        settings, places, clock, store, desk, policies, readers, health, access, RuleFiles(settings, health), watch
    )
    try:
        Activation(desk.state, Path(settings.policies) if settings.policies else None, clock).remember(policies)
        recall_tombstones(store, data_dir)
        agent.finish_erasure()
    except PlumblineError:
        agent.close()
        raise
    return agent
