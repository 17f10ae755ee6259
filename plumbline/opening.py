"""Opening a data directory in this process: stores, control state, rules and people, put together as one agent."""

from __future__ import annotations

import secrets
import threading
from dataclasses import replace
from pathlib import Path

from alerts.desk import open_desk
from monitor.certifying import CardFile
from monitor.clock import Clock, SystemClock
from monitor.config.durations import parse_duration
from monitor.config.schema import Settings
from monitor.errors import PlumblineError
from monitor.health import Health
from monitor.judges.connecting import queue_of
from monitor.places import Places
from monitor.policy import policies_in_force
from monitor.privacy.keyed import install_key
from monitor.removal.tombstones import recall_tombstones
from monitor.rolling import FourWeeks
from monitor.store.opening import Store
from monitor.store.user_sql.readers import Readers
from monitor.vital_signs import Pulse
from plumbline.agent import Agent
from plumbline.grading_watch import GradingWatch
from plumbline.people.access import access_of
from plumbline.policies.activation import Activation
from plumbline.rule_files import AlertFile, RuleFiles


def open_agent(settings: Settings, data_dir: Path, clock: Clock | None = None, *, repair: bool = False) -> Agent:
    """Open the data directory in this process. Raises `StoreInUse`, `ConfigError`, `StoreError`.

    Policies and alert rules that are broken stop the first start of a house only: later those of before hold (`plumbline.rule_files`).
    With `repair` a store that is damaged is moved aside and filled again from the spool; without, it stays where it is.
    """
    clock, places = clock or SystemClock(), Places(data_dir)
    if not places.control.exists():
        policies_in_force(_folder(settings))  # whoever sets up a house is told of a mistake before anything is made
    limit, threads = settings.agent.memory_limit, settings.agent.threads
    store = Store.open(data_dir, memory_limit=limit, threads=threads, clock=clock, repair=repair)
    try:
        agent = _put_together(settings, places, clock, store)
    except PlumblineError:
        store.close()
        raise
    try:
        _remember(agent)
    except PlumblineError:
        agent.close()
        raise
    return agent


def _folder(settings: Settings) -> Path | None:
    return Path(settings.policies) if settings.policies else None


def _put_together(settings: Settings, places: Places, clock: Clock, store: Store) -> Agent:
    """Open the control state beside the store and make the parts that answer from both."""
    health, stopping = Health(clock), threading.Event()
    rules = AlertFile(Path(settings.alerts) if settings.alerts else None, places.alert_rules)
    opened = open_desk(settings, places.control, clock, book=rules.start(health))
    desk = replace(opened, guard=health.guard, post=replace(opened.post, health=health, stopping=stopping.is_set))
    cards = CardFile(store, clock, {name: judge.panel for name, judge in settings.judges.items() if judge.panel})
    judges = queue_of(settings, store, desk.state, clock, secrets.SystemRandom(), cards.now, stopping.is_set)
    return Agent(
        settings,
        places,
        clock,
        store,
        desk,
        (),
        Readers(store, places.root / "sql"),
        health,
        access_of(settings, desk.state, store, install_key(places.root), clock),
        RuleFiles(settings, health, clock, rules, Activation(desk.state, _folder(settings), clock).remember),
        GradingWatch(store, clock, health, Pulse(parse_duration(settings.agent.cycle_every)), judges.troubles),
        judges,
        FourWeeks(store, clock, settings),
        stopping=stopping,
    )


def _remember(agent: Agent) -> None:
    """Take up what an earlier process of this house left: the rules that held, what may not come back, an erasure under way."""
    activation = Activation(agent.desk.state, _folder(agent.settings), agent.clock)
    agent.policies = agent.files.start(activation.last_texts())
    recall_tombstones(agent.store, agent.places.root)
    agent.finish_erasure()
