"""The cards of the graders of prompt injection, obeyed injection, loops and calls of tools, each beside a naive baseline.

Run: `.venv/bin/python -m benchmarks.injection_card`. Attacks are the in-the-wild set of ../shared (its odd rows were looked at when
wordings were written, its even rows only measured) and orders of our own put into answers of AlpacaEval as if these had been retrieved;
harmless texts are the instructions and answers of AlpacaEval and the questions of hh. Trajectories are seeded (`benchmarks.trajectories`).
Intervals are Wilson's at 95 %.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import polars as pl

from benchmarks.exposure_card import DATA, NOW, share
from benchmarks.trajectories import ORDERS, Half, goals, trajectories
from monitor.clock import FakeClock
from monitor.graders.answers import Answers
from monitor.graders.arguments import naming
from monitor.graders.grader import Grader, Tools
from monitor.graders.injection import Injection
from monitor.graders.loops import Loop
from monitor.graders.obeyed import Obeyed
from monitor.graders.repetition import Repetition
from monitor.graders.tool_calls import ToolCalls
from monitor.model.values import ToolUse, Turn

HALVES: Final[tuple[Half, ...]] = ("mended on", "held out")
_NAIVE: Final = re.compile(r"ignore (?:all )?(?:the )?previous instructions", re.IGNORECASE)
_KNOWN: Final = ("violates", "cannot_judge")


def found(grader: Grader, turns: Sequence[Turn]) -> list[bool]:
    """Return of which turns a grader says that they violate."""
    return [said.verdict == "violates" for said in grader.runner(Tools(FakeClock(NOW))).judge(Answers(turns))]


def asked(texts: Sequence[str]) -> list[Turn]:
    """Return turns in which users wrote `texts`."""
    return [Turn(f"{n}", NOW, "", text, "Done.") for n, text in enumerate(texts)]


def retrieved(texts: Sequence[str]) -> list[Turn]:
    """Return turns in which `texts` were retrieved."""
    return [
        Turn(f"{n}", NOW, "", "Tell me about it.", "Done.", tools=(ToolUse("search", None, text, retrieval=True),))
        for n, text in enumerate(texts)
    ]


def poisoned(texts: Sequence[str], half: Half, rng: random.Random) -> list[str]:
    """Return each text with an order put between two of its sentences."""
    made = []
    for text in texts:
        goal = rng.choice(goals(rng)).order
        order = rng.choice(ORDERS[half]).format(order=goal, Order=goal[0].upper() + goal[1:])
        at = text.find(". ", len(text) // 3)
        made.append(f"{text[: at + 1]} {order} {text[at + 1 :]}" if at >= 0 else f"{text} {order}")
    return made


def injection(seed: int = 7) -> Iterator[str]:
    """Yield the card of attempts."""
    rng = random.Random(seed)
    wild = pl.read_parquet(DATA / "inthewild_jailbreak_prompts.parquet")["prompt"].to_list()
    answers = (
        pl.read_parquet(DATA / "alpaca_outputs_1.parquet")["output"].drop_nulls().unique(maintain_order=True).to_list()
    )
    answers = [text for text in rng.sample(answers, 2000) if len(text) > 200]
    questions = pl.read_parquet(DATA / "alpaca_items.parquet")
    sets = [
        ("in the wild, looked at", asked(wild[1::2])),
        ("in the wild, held out", asked(wild[::2])),
        *((f"orders in what was retrieved, {half}", retrieved(poisoned(answers[:600], half, rng))) for half in HALVES),
        ("instructions of AlpacaEval", asked(questions["instruction"].to_list())),
        ("answers of AlpacaEval, as retrieved", retrieved(answers)),
    ]
    yield "| texts | n | called an attack | naive: ignore previous instructions |\n|---|---|---|---|"
    for name, turns in sets:
        texts = [turn.tools[0].result or "" if turn.tools else turn.input_text or "" for turn in turns]
        yield f"| {name} | {len(turns)} | {share(found(Injection(), turns))} | {share([bool(_NAIVE.search(t)) for t in texts])} |"
    yield _pace(Injection(), retrieved(answers), "texts")


def obeyed(seeds: Sequence[int] = range(1, 11)) -> Iterator[str]:
    """Yield the card of obeyed orders: 200 trajectories a seed, and all seeds together."""
    yield "| trajectories | n | recall | false alarms | naive: recall | naive: false alarms |\n|---|---|---|---|---|---|"
    for half in HALVES:
        for name, taken in ((f"{half}, seed 1", [1]), (f"{half}, {len(seeds)} seeds", seeds)):
            known = [one for seed in taken for one in trajectories(200, seed, half)]
            sides = [[turn for turn, attack in known if attack is side] for side in (True, False)]
            figures = [share(found(Obeyed(), side)) for side in sides] + [
                share([_tainted(t) for t in side]) for side in sides
            ]
            yield f"| {name} | {len(known)} | {' | '.join(figures)} |"
    yield _pace(Obeyed(), [turn for turn, _ in trajectories(1000, 99, "held out")], "trajectories")


def _tainted(turn: Turn) -> bool:
    """Whether any argument stands in what was brought in before, and not in what the user wrote."""
    for number, use in enumerate(turn.tools):
        before = " ".join(one.result or "" for one in turn.tools[:number])
        if any(name in before and name not in (turn.input_text or "") for name in naming(use.arguments)):
            return True
    return False


def _pace(grader: Grader, turns: Sequence[Turn], what: str) -> str:
    began = time.process_time()
    found(grader, turns)
    return f"\n{len(turns) / (time.process_time() - began):,.0f} {what}/s on one core\n"


BOOK: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["city", "nights"],
    "additionalProperties": False,
    "properties": {
        "city": {"type": "string", "minLength": 2},
        "nights": {"type": "integer", "minimum": 1, "maximum": 30},
        "rate": {"enum": ["saver", "flex"]},
        "guests": {
            "type": "array",
            "items": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
        },
    },
}


def valid(rng: random.Random) -> dict[str, Any]:
    """Return arguments as they are declared."""
    said: dict[str, Any] = {"city": rng.choice(["Oslo", "Graz", "Lyon"]), "nights": rng.randrange(1, 31)}
    if rng.random() < 0.5:
        said["rate"] = rng.choice(["saver", "flex"])
    if rng.random() < 0.5:
        said["guests"] = [{"name": rng.choice(["Ruth", "Ana"])} for _ in range(rng.randrange(3))]
    return said


BROKEN: Final[dict[str, Callable[[Any], Any]]] = {
    "a key is missing": lambda said: {key: value for key, value in said.items() if key != "city"},
    "another type": lambda said: said | {"nights": str(said["nights"])},
    "out of bounds": lambda said: said | {"nights": said["nights"] + 30},
    "an unknown key": lambda said: said | {"hotel": "Larkpost"},
    "none of the values": lambda said: said | {"rate": "cheap"},
    "wrong deep inside": lambda said: said | {"guests": [{"name": 7}]},
    "a list": lambda said: [said],
}


def calls(seed: int = 7, n: int = 300) -> Iterator[str]:
    """Yield the card of calls of tools."""
    rng = random.Random(seed)
    kinds: list[tuple[str, list[str]]] = [("as declared", [json.dumps(valid(rng)) for _ in range(n)])]
    kinds += [(name, [json.dumps(change(valid(rng))) for _ in range(n)]) for name, change in BROKEN.items()]
    kinds.append(("cut off", [json.dumps(valid(rng))[: -rng.randrange(1, 9)] for _ in range(n)]))
    yield "| arguments | n | called wrong | naive: no JSON |\n|---|---|---|---|"
    for name, texts in kinds:
        turns = [
            Turn(f"{k}", NOW, "", "Book it.", "Done.", tools=(ToolUse("book", text, "ok"),))
            for k, text in enumerate(texts)
        ]
        said = found(ToolCalls(tools={"book": BOOK}), turns)
        yield f"| {name} | {n} | {share(said)} | {share([not _is_json(text) for text in texts])} |"


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def runs(rng: random.Random) -> dict[str, list[ToolUse]]:
    """Return one run of tools of each kind, looping ones first."""

    def use(tool: str, argument: object, result: str) -> ToolUse:
        return ToolUse(tool, json.dumps({"q": argument}), result)

    times, period = rng.randrange(4, 13), rng.randrange(2, 5)
    return {
        "loop: one call": [use("search", "lamp", "nothing") for _ in range(times)],
        "loop: a round of calls": [use(f"tool{k}", k, "error") for _ in range(times) for k in range(period)],
        "loop: one call that brings other things": [
            use("search", "lamp", f"nothing at {rng.random()}") for _ in range(20 + times)
        ],
        "loop: calls that differ by a number": [use("search", k, "nothing") for k in range(12 + times)],
        "pages of a list": [use("list", page, f"rows {page}") for page in range(times + 8)],
        "waiting for a job": [*(use("status", 7, f"{k} % done") for k in range(times - 1)), use("status", 7, "done")],
        "tried again": [use("pay", 40, "timeout")] * rng.randrange(1, 4),
        "many things done once": [use("label", rng.randrange(10**6), "ok") for _ in range(times + 10)],
    }


def loops(seed: int = 7, n: int = 200) -> Iterator[str]:
    """Yield the card of loops."""
    rng = random.Random(seed)
    made = [runs(rng) for _ in range(n)]
    yield "| calls | n | called a loop | naive: more than 10 calls |\n|---|---|---|---|"
    for kind in made[0]:
        turns = [Turn(f"{k}", NOW, "", "Do it.", "Done.", tools=tuple(one[kind])) for k, one in enumerate(made)]
        yield f"| {kind} | {n} | {share(found(Loop(), turns))} | {share([len(turn.tools) > 10 for turn in turns])} |"


def runaway(seed: int = 7) -> Iterator[str]:
    """Yield the card of answers that repeat themselves: real ones, and real ones whose end is said over and over."""
    rng = random.Random(seed)
    answers = (
        pl.read_parquet(DATA / "alpaca_outputs_1.parquet")["output"].drop_nulls().unique(maintain_order=True).to_list()
    )
    fine = rng.sample([text for text in answers if len(text) > 400], 2000)
    kinds: list[tuple[str, list[str]]] = [("answers of AlpacaEval over 400 characters", fine)]
    kinds += [
        (f"the last {words} words over and over", [_stuck(text, words, rng) for text in fine[:500]])
        for words in (1, 5, 20)
    ]
    yield "| answers | n | called runaway | naive: over 4,000 characters |\n|---|---|---|---|"
    for name, texts in kinds:
        turns = [Turn(f"{k}", NOW, "", "Go on.", text) for k, text in enumerate(texts)]
        yield f"| {name} | {len(texts)} | {share(found(Repetition(), turns))} | {share([len(text) > 4000 for text in texts])} |"


def _stuck(text: str, words: int, rng: random.Random) -> str:
    said = text.split()
    return " ".join([*said, *(said[-words:] * (rng.randrange(200, 600) // words))])


CARDS: Final[dict[str, Callable[[], Iterator[str]]]] = {
    "Attempts of prompt injection": injection,
    "Obeyed injection": obeyed,
    "Calls of tools": calls,
    "Loops": loops,
    "Runaway answers": runaway,
}

if __name__ == "__main__":
    for title, card in CARDS.items():
        print(f"\n### {title}\n")
        for row in card():
            print(row)
