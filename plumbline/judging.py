"""What waits for judges, worked off beside the cycle, so that a slow judge holds nobody up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from monitor.store.judging import keep
from plumbline.agent import Agent


def judge_waiting(agent: Agent) -> int:
    """Ask the judges of `agent` about what waits for them; return how many verdicts came of it."""

    def put(calls: Sequence[Mapping[str, Any]], grades: Sequence[Mapping[str, Any]]) -> int:
        with agent.cycling, agent.store.transaction() as txn:  # what is being erased, or copied, is not written to
            return keep(txn, calls, grades)

    return agent.judges.work(agent.policies, put)
