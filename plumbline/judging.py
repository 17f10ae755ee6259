"""What waits for judges, worked off beside the cycle, so that a slow judge holds nobody up; and what judges are worth."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from monitor.certifying import told_cards
from monitor.store.judging import Said, keep
from plumbline.agent import Agent
from plumbline.api.call import Actor


def judge_waiting(agent: Agent) -> int:
    """Ask the judges of `agent` about what waits for them; return how many verdicts came of it."""

    def put(said: Said) -> int:
        with agent.cycling, agent.store.transaction() as txn:  # what is being erased, or copied, is not written to
            return keep(txn, said)

    return agent.judges.work(agent.policies, put)


def cards_of(agent: Agent, actor: Actor) -> list[dict[str, Any]]:
    """Return what the judges of `agent` are worth under each rule as far as `actor` may see it, at most a minute old."""
    judges = agent.settings.judges
    return told_cards(agent.judges.gates.cards(), agent.policies, judges, actor.apps) if judges else []


def rates_of(agent: Agent, actor: Actor) -> list[dict[str, Any]]:
    """Return how often rules that judges decide were broken in the last four weeks, of the applications that `actor` sees; at most a minute old."""
    found = agent.rates.now(agent.policies, agent.recent.errors)
    return [asdict(rate) for rate in found if actor.apps is None or rate.app in actor.apps]
