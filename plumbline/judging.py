"""What waits for judges, worked off beside the cycle, so that a slow judge holds nobody up."""

from __future__ import annotations

from monitor.store.judging import Said, keep
from plumbline.agent import Agent


def judge_waiting(agent: Agent) -> int:
    """Ask the judges of `agent` about what waits for them; return how many verdicts came of it."""

    def put(said: Said) -> int:
        with agent.cycling, agent.store.transaction() as txn:  # what is being erased, or copied, is not written to
            return keep(txn, said)

    return agent.judges.work(agent.policies, put)
