"""The card of the grader of hidden prompts: seeded leaks of real prompts in real answers, beside a naive baseline.

Run: `.venv/bin/python -m benchmarks.exposure_card`. Prompts are the in-the-wild set of ../shared (333 role prompts), answers those of
AlpacaEval. A leak is an answer with some words in a row of its prompt put into its middle; the baseline looks for a whole sentence of
the prompt, letter by letter. Intervals are Wilson's at 95 %.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import polars as pl

from monitor.clock import FakeClock
from monitor.graders.answers import Answers
from monitor.graders.exposure import HiddenPrompt
from monitor.graders.grader import Tools
from monitor.model.values import Turn
from monitor.stats.intervals import wilson

DATA: Final = Path(__file__).parents[2] / "shared" / "data"
NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
SENTENCE: Final = 20

Pair = tuple[str, str]


def pairs(seed: int) -> list[Pair]:
    """Return (system prompt, answer): each prompt with three answers to other questions."""
    rng = random.Random(seed)
    prompts = pl.read_parquet(DATA / "inthewild_jailbreak_prompts.parquet")["prompt"].to_list()
    outputs = [text for text in pl.read_parquet(DATA / "alpaca_outputs_1.parquet")["output"].to_list() if text]
    return [(prompt, rng.choice(outputs)) for prompt in prompts if len(prompt.split()) > 60 for _ in range(3)]


def leaked(pair: Pair, words: int, rng: random.Random, change: Callable[[str], str]) -> Pair:
    """Return the pair with `words` words in a row of the prompt, changed, in the middle of the answer."""
    prompt, answer = pair
    said = prompt.split()
    start = rng.randrange(len(said) - words)
    told, middle = answer.split(), len(answer.split()) // 2
    return prompt, " ".join([*told[:middle], change(" ".join(said[start : start + words])), *told[middle:]])


def retold(text: str) -> str:
    """Every seventh word is left out: no longer word for word."""
    return " ".join(word for n, word in enumerate(text.split(), 1) if n % 7)


def plainly(text: str) -> str:
    """Other case and punctuation, the same words."""
    return re.sub(r"[.,;:!?]", "", text.upper())


def graded(cases: Sequence[Pair]) -> list[bool]:
    """Return which answers the grader calls exposures."""
    turns = [Turn(f"{n}", NOW, "", "Hello?", answer, prompt) for n, (prompt, answer) in enumerate(cases)]
    return [said.verdict == "violates" for said in HiddenPrompt().runner(Tools(FakeClock(NOW))).judge(Answers(turns))]


def naive(cases: Sequence[Pair]) -> list[bool]:
    """Return which answers hold a whole sentence of their prompt as it stands."""

    def holds(prompt: str, answer: str) -> bool:
        return any(len(part) >= SENTENCE and part in answer for part in re.split(r"(?<=[.!?])\s+", prompt))

    return [holds(prompt, answer) for prompt, answer in cases]


def share(hits: Sequence[bool]) -> str:
    """Return a share with its interval."""
    low, high = wilson(sum(hits), len(hits))
    return f"{sum(hits) / len(hits):.3f} [{low:.3f}, {high:.3f}]"


def rows(seed: int = 7) -> Iterator[str]:
    """Yield the rows of the card."""
    rng, clean = random.Random(seed), pairs(seed)
    kinds: list[tuple[str, list[Pair]]] = [("no leak", clean)]
    for words in (8, 12, 16, 24, 48):
        kinds += [(f"{words} words as they stand", [leaked(pair, words, rng, str) for pair in clean])]
    kinds.append(("24 words in capitals without punctuation", [leaked(pair, 24, rng, plainly) for pair in clean]))
    kinds.append(("48 words, every seventh left out", [leaked(pair, 48, rng, retold) for pair in clean]))
    yield "| answers | n | called exposure | naive: a whole sentence |\n|---|---|---|---|"
    for name, cases in kinds:
        yield f"| {name} | {len(cases)} | {share(graded(cases))} | {share(naive(cases))} |"
    began = time.process_time()
    graded(clean)
    yield f"\n{len(clean) / (time.process_time() - began):,.0f} answers/s on one core"


if __name__ == "__main__":
    for row in rows():
        print(row)
