"""What waits for judges, worked off beside the cycle, so that a slow judge holds nobody up; and what judges are worth."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from monitor.certifying import CardFile, told_cards
from monitor.rolling import rolling_rates
from monitor.store.judging import Said, keep
from plumbline.agent import Agent
from plumbline.api.call import Actor


def judge_waiting(agent: Agent) -> int:
    """Ask the judges of `agent` about what waits for them; return how many verdicts came of it."""

    def put(said: Said) -> int:
        with agent.cycling, agent.store.transaction() as txn:  # what is being erased, or copied, is not written to
            return keep(txn, said)

    return agent.judges.work(agent.policies, put)


def cards_of(agent: Agent) -> list[dict[str, Any]]:
    """Return what the judges of `agent` are worth under each rule, by the labels that there are now."""
    if not agent.settings.judges:
        return []
    return told_cards(CardFile(agent.store, agent.clock).read(), agent.policies, agent.settings.judges)


def rates_of(agent: Agent, actor: Actor) -> list[dict[str, Any]]:
    """Return how often rules that judges decide were broken in the last four weeks, of the applications that `actor` sees."""
    settings, now = agent.settings, agent.clock.now()
    found = rolling_rates(agent.store, agent.policies, settings, now, agent.recent.errors)
    return [asdict(rate) for rate in found if actor.apps is None or rate.app in actor.apps]
