"""The judges of a house, made from its settings."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from monitor.clock import Clock
from monitor.config.durations import parse_duration
from monitor.config.schema import JudgeSettings, Settings
from monitor.graders.grader import Connected
from monitor.judges.canary import Canary, Dial
from monitor.judges.card import Cards
from monitor.judges.gates import Gates
from monitor.judges.judge import ConnectedJudge
from monitor.judges.purse import Purse, ceiling_of
from monitor.judges.queue import JudgeQueue
from monitor.state import ControlState
from monitor.store.opening import Store
from monitor.store.prices import price_of, shipped


def queue_of(
    settings: Settings,
    store: Store,
    state: ControlState,
    clock: Clock,
    chance: Random,
    cards: Callable[[], Cards],
    stopping: Callable[[], bool] = lambda: False,
) -> JudgeQueue:
    """Return what works off all that waits for the judges of `settings`.

    `chance` must be unpredictable to others; `cards` returns what is known of how good judges are.
    """

    def connected(name: str, judge: JudgeSettings) -> ConnectedJudge:
        price = price_of(judge.model, settings.prices, shipped().models if settings.list_prices else {})
        return ConnectedJudge(
            name, judge, Purse(state, name, ceiling_of(judge), price, judge.budget.rules), clock, chance
        )

    alone = {name: connected(name, judge) for name, judge in settings.judges.items() if not judge.panel}
    panels = {name: judge.panel for name, judge in settings.judges.items() if judge.panel}
    texts = Connected(settings.judges.keys(), frozenset(settings.judge_texts.apps))
    dial = Dial(settings.drift.budget.alarms, parse_duration(settings.drift.budget.per))
    canary = Canary(store, clock, settings.judges, texts, dial, chance)
    return JudgeQueue(store, clock, alone, panels, texts, settings.outgoing, canary, Gates(cards), stopping)
