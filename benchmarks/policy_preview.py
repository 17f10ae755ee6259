"""How long a preview of an edited policy takes over 100,000 stored turns: its first word of a draw, and all of it.

`python -m benchmarks.policy_preview [TURNS]`: answers of the demo's shop, the demo's policy with one rule edited.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from collectors.batch import Batch
from collectors.frames import to_tables
from collectors.importers.record import Origin
from collectors.importers.records import add_record
from monitor.clock import FakeClock
from monitor.config.schema import Settings
from monitor.spool_writer import SpoolWriter
from plumbline.agent import Agent
from plumbline.answers import Answers
from plumbline.api.call import Call, silent, token_owner
from plumbline.api.policy_questions import ActivatePolicy, PreviewPolicy
from plumbline.opening import open_agent

NOW: Final = datetime(2026, 11, 27, tzinfo=UTC)
FOLDER: Final = Path(__file__).parents[1] / "policies"
DRAW: Final = 2_000
BATCH: Final = 5_000
WORDS: Final = (
    "Order {n} left our depot on Monday and is with Larkpost now. ",
    "The tracking page shows each scan within an hour. ",
)


def records(turns: int) -> Iterator[dict[str, Any]]:
    """Yield answers of about 850 characters over a week; one in fifty promises a refund, one in twenty says refund."""
    for n in range(turns):
        extra = "Your refund is guaranteed." if n % 50 == 0 else "The refund is decided there." if n % 20 == 1 else ""
        yield {
            "id": f"r{n}",
            "time": (NOW - timedelta(days=7) * (n + 1) / (turns + 1)).isoformat(),
            "app": "demo-support",
            "user": f"u{n % 5000}",
            "input": f"Where is my order {n}?",
            "output": (WORDS[0] * 8 + WORDS[1] * 7).format(n=n) + extra,
        }


class Watch(FakeClock):
    """Stands still as a calendar, and runs as a stopwatch: a draw is as large as its time allows."""

    def monotonic(self) -> float:
        """Return the seconds of the machine."""
        return time.monotonic()


def filled(folder: Path, turns: int) -> Agent:
    """Return an agent over a data directory that holds `turns` turns."""
    writer, batch, at = SpoolWriter(folder / "spool"), Batch(), int(NOW.timestamp() * 1_000_000)
    for number, record in enumerate(records(turns), 1):
        add_record(batch, record, number, Origin(at, at, None))
        if number % BATCH == 0 or number == turns:
            writer.append(to_tables(batch, None))
            batch = Batch()
    writer.close()
    shutil.copytree(FOLDER, folder / "policies")
    agent = open_agent(Settings(policies=str(folder / "policies")), folder, Watch(NOW))
    agent.settle()
    return agent


def timed(agent: Agent, text: str, most: int | None) -> tuple[float, dict[str, Any]]:
    """Return seconds and answer of one preview."""
    began = time.perf_counter()
    found = Answers(agent).answer(PreviewPolicy("edited.yaml", text, "7d", most), Call(token_owner(), silent))
    return time.perf_counter() - began, found


def main(turns: int) -> None:
    """Print both times, and the rate before and after with its interval of each."""
    text = (FOLDER / "support.yaml").read_text(encoding="utf-8")
    edited = text.replace('phrases: ["guaranteed refund",', 'phrases: ["refund is decided", "guaranteed refund",')
    assert edited != text
    with tempfile.TemporaryDirectory() as folder:
        agent = filled(Path(folder), turns)
        print("| answers | of | seconds | before | after | interval after |\n|---|---|---|---|---|---|")
        for most in (DRAW, None):
            seconds, found = timed(agent, edited, most)
            rule = next(rule for rule in found["rules"] if rule["rule_id"] == "SUP-PROMISE-01")
            low, high = rule["interval_after"]
            before, after = (f"{100 * rule[name]:.2f} %" for name in ("rate_before", "rate_after"))
            interval = f"{100 * low:.2f} to {100 * high:.2f} %"
            print(
                f"| {found['turns']:,} | {found['of']:,} | {seconds:.1f} | {before} | {after} | {interval} |",
                flush=True,
            )
        print(f"\n{after_activation(agent, edited, found)}")
        agent.close()


def after_activation(agent: Agent, edited: str, promised: dict[str, Any]) -> str:
    """Put the edited policy in force, let the cycle grade everything, and say whether that is what the preview said."""
    Answers(agent).answer(ActivatePolicy("edited.yaml", edited, approved_by="legal"), Call(token_owner(), silent))
    agent.cycle()
    wrong = 0
    for rule in promised["rules"]:
        asked = f"SELECT unit_id FROM grades WHERE rule_id = '{rule['rule_id']}' AND verdict = 'violates'"
        flagged = {row["unit_id"] for row in agent.sql(asked, 200_000).table.to_pylist()}
        wrong += abs(len(flagged) - round((rule["rate_after"] or 0) * rule["n_after"]))
        wrong += len(set(rule["newly_flagged"]) - flagged) + len(set(rule["no_longer_flagged"]) & flagged)
    return f"after activation {wrong} of {promised['turns']:,} answers have another verdict under any of {len(promised['rules'])} rules"


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
