"""A child with the judge room alone, killed over and over: `python -m tests.faults.judging FOLDER URL KILLS SEED`.

The first process opens nothing and starts no thread, so that its children can be forked: each begins as after a fresh start.
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from monitor.clock import FakeClock
from monitor.config.schema import JudgeBudget, JudgeSettings, OutgoingSettings
from monitor.judges.judge import ConnectedJudge
from monitor.judges.lines import line_to
from monitor.judges.purse import Purse, ceiling_of
from monitor.judges.question import Item
from monitor.model.values import Turn
from monitor.policy.load import load_policies
from monitor.policy.schema import Policy
from monitor.state import ControlState
from tests.judges.support import PLAIN, POLICY

CALLS = 2_000
AT = datetime(2026, 11, 28, 12, tzinfo=UTC)


def settings(url: str) -> JudgeSettings:
    budget = JudgeBudget(calls_per_day=CALLS)
    return JudgeSettings(url=f"{url}/v1", model="stub-1", budget=budget, concurrency=8, timeout="60s")


def ask_on(folder: Path, url: str, policy: Policy) -> None:
    """Open the control state and ask until nothing may be asked any more."""
    state = ControlState.open(folder / "plumbline.sqlite", FakeClock(AT))
    asked = settings(url)
    purse = Purse(state, "small", ceiling_of(asked), None)
    judge = ConnectedJudge("small", asked, purse, FakeClock(AT), secrets.SystemRandom())

    async def one(item: Item, seat: asyncio.Semaphore, line: object) -> None:
        async with seat:
            await judge.ask(item, line, 0, {})  # type: ignore[arg-type]  # a line

    async def all_of_them() -> None:
        seat = asyncio.Semaphore(asked.concurrency)
        async with line_to(judge, OutgoingSettings(), {}) as line:
            texts = (f"{PLAIN} {secrets.token_hex(8)}" for _ in range(CALLS + 20))
            turns = (Turn("t", AT, "shop", "Where is it?", text) for text in texts)
            await asyncio.gather(*(one(Item(policy, policy.rules[0], turn), seat, line) for turn in turns))

    asyncio.run(all_of_them())


def main() -> None:
    folder, url, kills, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    (folder / "policy.yaml").write_text(POLICY)
    (policy,) = load_policies(folder)
    chance, killed = random.Random(seed), 0
    for number in range(kills + 1):
        child = os.fork()
        if child == 0:
            ask_on(folder, url, policy)
            os._exit(0)
        if number < kills:
            time.sleep(chance.uniform(0.1, 0.6))
            os.kill(child, signal.SIGKILL)
        killed += os.WIFSIGNALED(os.waitpid(child, 0)[1])
    print(killed)


if __name__ == "__main__":
    main()
