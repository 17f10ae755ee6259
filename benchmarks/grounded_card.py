"""The card of the grader of grounded answers: one fact of an answer swapped, beside a naive baseline.

Run: `.venv/bin/python -m benchmarks.grounded_card`. A context is an answer of AlpacaEval of ../shared that holds facts, cut into
passages; the answer to it tells some of its sentences again, in another order and with other spellings of numbers and days. Then one number,
name, day, address or quotation is swapped for another. The baseline calls an answer ungrounded in which one word in five is not in the context.
Intervals are Wilson's at 95 %.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator, Sequence
from typing import Final

import polars as pl

from benchmarks.exposure_card import DATA, NOW, share
from monitor.clock import FakeClock
from monitor.graders.answers import Answers
from monitor.graders.facts import KINDS, Fact, Kind, facts
from monitor.graders.grader import Tools
from monitor.graders.grounded import Grounded
from monitor.model.values import ToolUse, Turn

CASES: Final = 600
_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+|\n+")
_THOUSANDS: Final = re.compile(r"(?<![\w.,])(\d{1,3}),(\d{3})(?![\w,])")
_FAMILY: Final = (
    "Pellam",
    "Harrowmere",
    "Voss",
    "Fairley",
    "Dunvale",
    "Elmsby",
    "Larkpost",
    "Hopfreight",
    "Westerfold",
    "Quillmere",
)

Case = tuple[str, str]
"""Context and answer."""


def cases(seed: int) -> list[Case]:
    """Return contexts that hold facts, each with an answer that tells some of their sentences again."""
    rng = random.Random(seed)
    texts = (
        pl.read_parquet(DATA / "alpaca_outputs_2.parquet")["output"].drop_nulls().unique(maintain_order=True).to_list()
    )
    rng.shuffle(texts)
    found = []
    for text in texts:
        told = _told(text, rng)
        if told is not None:
            found.append((text, told))
        if len(found) == CASES:
            break
    return found


def _told(text: str, rng: random.Random) -> str | None:
    sentences = [one.strip() for one in _SENTENCE.split(text) if len(one.strip()) > 30]
    if not 4 <= len(sentences) <= 60 or not any(facts(text)):
        return None
    picked = rng.sample(sentences, rng.randint(2, min(6, len(sentences))))
    answer = " ".join(one if one[-1] in ".!?" else f"{one}." for one in picked)
    return _THOUSANDS.sub(r"\1\2", answer)


def swapped(case: Case, kind: Kind, rng: random.Random) -> Case | None:
    """Return the case with one fact of `kind` swapped, or None where the answer has none that the context holds."""
    context, answer = case
    found = list(facts(answer, (kind,)))
    if not found:
        return None
    fact = rng.choice(found)
    put = _other(fact, answer[slice(*fact.span)], rng)
    return context, f"{answer[: fact.span[0]]}{put}{answer[fact.span[1] :]}"


def _other(fact: Fact, text: str, rng: random.Random) -> str:
    if fact.kind == "url":
        return f"https://www.{rng.choice(_FAMILY).lower()}{rng.randrange(10, 99)}.example/{rng.choice(['guide', 'faq', 'report'])}"
    if fact.kind == "name":
        return " ".join(rng.choice(_FAMILY) for _ in text.split())
    if fact.kind == "date":
        return f"{rng.randrange(1, 28)} {rng.choice(['February', 'August', 'November'])} {rng.randrange(1901, 1949)}"
    if fact.kind == "quote":
        return (
            '"'
            + " ".join(
                rng.sample(
                    [
                        "nobody",
                        "had",
                        "ever",
                        "promised",
                        "that",
                        "lamps",
                        "would",
                        "arrive",
                        "before",
                        "the",
                        "winter",
                    ],
                    6,
                )
            )
            + '"'
        )
    return _other_number(text, rng)


def _other_number(text: str, rng: random.Random) -> str:
    digits = [at for at, letter in enumerate(text) if letter.isdigit()]
    at = rng.choice(digits)
    other = rng.choice([digit for digit in "123456789" if digit != text[at]])
    return f"{text[:at]}{other}{text[at + 1 :]}"


def graded(them: Sequence[Case]) -> list[bool]:
    """Return which answers the grader calls ungrounded."""
    turns = [
        Turn(f"{n}", NOW, "", "Tell me about it.", answer, tools=(ToolUse("search", None, context, retrieval=True),))
        for n, (context, answer) in enumerate(them)
    ]
    return [said.verdict == "violates" for said in Grounded().runner(Tools(FakeClock(NOW))).judge(Answers(turns))]


def naive(them: Sequence[Case]) -> list[bool]:
    """Return which answers have one word in five that their context lacks."""

    def words(text: str) -> list[str]:
        return re.findall(r"\w+", text.lower())

    known = [frozenset(words(context)) for context, _ in them]
    return [
        sum(word not in held for word in words(answer)) > 0.2 * len(words(answer))
        for held, (_, answer) in zip(known, them, strict=True)
    ]


def others(them: Sequence[Case]) -> list[Case]:
    """Return every answer with the context of another."""
    return [(them[number - 1][0], answer) for number, (_, answer) in enumerate(them)]


def rows(seed: int = 7) -> Iterator[str]:
    """Yield the rows of the card."""
    rng, clean = random.Random(seed), cases(seed)
    kinds = [("nothing swapped", clean)]
    for kind in KINDS:
        made = [swapped(case, kind, rng) for case in clean]
        kinds.append((f"one {kind} swapped", [case for case in made if case is not None]))
    kinds.append(("another context", others(clean)))
    yield "| answers | n | called ungrounded | naive: one word in five |\n|---|---|---|---|"
    for name, them in kinds:
        if them:
            yield f"| {name} | {len(them)} | {share(graded(them))} | {share(naive(them))} |"
    began = time.process_time()
    graded(clean)
    yield f"\n{len(clean) / (time.process_time() - began):,.0f} answers/s on one core"


if __name__ == "__main__":
    for row in rows():
        print(row)
