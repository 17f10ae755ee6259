"""What the local tier costs: answers a second on one core of every grader by itself, and of the starter policy as a whole.

Run: `.venv/bin/python -m benchmarks.local_tier [--against FOLDER]`, with another installed checkout to hold the cascade against, in turns with
it. CPU time, because wall time on a shared machine tells of the neighbours; answers of 2 KB, each beside a document and two calls of tools.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from monitor.clock import FakeClock
from monitor.graders.answers import Answers
from monitor.graders.banned import Banned
from monitor.graders.exposure import HiddenPrompt
from monitor.graders.grader import Grader, Tools
from monitor.graders.grounded import Grounded
from monitor.graders.injection import Injection
from monitor.graders.language import Language
from monitor.graders.leaks import PersonalData, Secret
from monitor.graders.length import Length
from monitor.graders.loops import Loop
from monitor.graders.obeyed import Obeyed
from monitor.graders.refusal import Refusal
from monitor.graders.repetition import Repetition
from monitor.graders.structured import Json
from monitor.graders.tool_calls import ToolCalls
from monitor.model.values import ToolUse, Turn
from plumbline.demo.texts import RAMBLES, fill

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
TURNS: Final = 1_000
ROUNDS: Final = 5
FAMILIES: Final[dict[str, Grader]] = {
    "refusal": Refusal(),
    "personal_data": PersonalData(),
    "secret": Secret(),
    "hidden_prompt": HiddenPrompt(),
    "banned": Banned(phrases=("as an ai",), patterns=(r"\{\{ *\w+ *\}\}",)),
    "json": Json(when="asked"),
    "length": Length(max_chars=900),
    "language": Language(),
    "repetition": Repetition(),
    "grounded": Grounded(),
    "injection": Injection(),
    "obeyed": Obeyed(),
    "tool_calls": ToolCalls(tools={"look": {"required": ["q"]}}),
    "loop": Loop(),
}
PROMPT: Final = (
    "You are Robin of Quillmere. Help with orders, deliveries, accounts and payments, and be kind to whoever writes."
)

CASCADE: Final = """
import random, time
from datetime import UTC, datetime
from monitor.clock import FakeClock
from monitor.graders import grade_turns
from monitor.model.values import Turn
from monitor.policy import load_policies
try:
    from monitor.graders.grader import Tools
    from plumbline.demo.texts import RAMBLES, fill
except ImportError:  # before graders were handed more than the time
    Tools = lambda clock: clock.now()
    from monitor.demo.texts import RAMBLES, fill
now, chance = datetime(2026, 1, 1, tzinfo=UTC), random.Random(1)
said = [" ".join(fill(chance.choice(RAMBLES), {}, chance) for _ in range(25))[:2048] for _ in range(1000)]
turns = [Turn(str(n), now, "shop", "How does this work for my order?", text) for n, text in enumerate(said)]
policies, tools = load_policies(None), Tools(FakeClock(now))
grade_turns(policies, turns[:10], tools)
began = time.process_time()
grade_turns(policies, turns, tools)
print(1000 / (time.process_time() - began))
"""
"""The whole of it, as any checkout runs it."""


def turns() -> list[Turn]:
    """Return answers of about 2 KB, each with a prompt, a document and two calls."""
    chance = random.Random(1)
    made = []
    for number in range(TURNS):
        answer, page = (" ".join(fill(chance.choice(RAMBLES), {}, chance) for _ in range(25))[:2048] for _ in range(2))
        uses = (
            ToolUse("search", None, page, retrieval=True),
            ToolUse("look", json.dumps({"q": f"Q-{number + 100000}"}), page[:500]),
            ToolUse("look", json.dumps({"q": "lamp"}), "nothing"),
        )
        made.append(Turn(f"{number}", NOW, "shop", "How does this work?", answer, PROMPT, tools=uses))
    return made


def each() -> Iterator[tuple[str, float]]:
    """Yield every family of local graders with its answers a second."""
    known = turns()
    for name, grader in FAMILIES.items():
        runner = grader.runner(Tools(FakeClock(NOW)))
        runner.judge(Answers(known[:10]))
        began = time.process_time()
        runner.judge(Answers(known))
        yield name, TURNS / (time.process_time() - began)


def cascade(folder: Path) -> float:
    """Return answers a second of the starter policy of an installed checkout."""
    done = subprocess.run(
        [str(folder / ".venv" / "bin" / "python"), "-c", CASCADE],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path, help="another installed checkout")
    other = parser.parse_args().against
    print("| grader | answers/s |\n|---|---|")
    for name, pace in each():
        print(f"| {name} | {pace:,.0f} |", flush=True)
    here = Path(__file__).parents[1]
    if other is None:
        print(f"\nstarter policy: {cascade(here):,.0f} answers/s")
        return
    rounds = [(cascade(here), cascade(other)) for _ in range(ROUNDS)]
    ratio = statistics.median(ours / theirs for ours, theirs in rounds)
    ours, theirs = (statistics.median(side) for side in zip(*rounds, strict=True))
    print(
        f"\nstarter policy: {ours:,.0f} answers/s here, {theirs:,.0f} there; median ratio of {ROUNDS} rounds {ratio:.2f}"
    )


if __name__ == "__main__":
    main()
