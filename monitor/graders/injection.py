"""Prompt injection: a text that tries to give orders to the model that reads it, in what users write and in what is retrieved.

Finds wordings (`attacks.yaml`), a text at a time and all texts of a batch at once in the Rust engine. It says that somebody tried, not
that the application obeyed: that is `obeyed`. An attack in other words, or in a picture, it does not see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import ClassVar, Final, Literal

import polars as pl

from monitor.graders.answers import Answers
from monitor.graders.grader import Judgement, Runner, Settings, Tools, cannot_judge, complies, violates
from monitor.graders.normal import folded, neat
from monitor.model.values import Turn
from monitor.plain_yaml import plain

Where = Literal["input", "retrieval"]
LONGEST: Final = 20_000
"""Characters of one text that are looked at: half from its beginning, half from its end."""

ENOUGH: Final = 1.0
"""Weights of wordings that add up to this are an attack."""


@dataclass(frozen=True)
class Cue:
    """One wording of an attack; a pattern over text in one spelling and one case."""

    name: str
    weight: float
    pattern: str


class Injection(Settings, frozen=True, tag="injection"):
    """`where` is what is looked at: what the user wrote, and what was retrieved or returned by tools."""

    code: ClassVar[int] = 1
    wants_tools: ClassVar[bool] = True
    where: tuple[Where, ...] = ("input", "retrieval")

    def __post_init__(self) -> None:
        if not self.where:
            raise ValueError("injection looks at input, at retrieval, or at both")

    @property
    def looks_at(self) -> frozenset[str]:
        """The surfaces that are judged."""
        return frozenset(self.where)

    def runner(self, tools: Tools) -> Runner:  # noqa: ARG002 it asks nobody else
        """Return the runner of these settings."""
        return Attempts(self.where)


@dataclass(frozen=True)
class Attempts:
    """Looks at the texts around an answer; it needs no answer."""

    where: tuple[Where, ...]
    without_output: ClassVar[bool] = True

    def judge(self, answers: Answers) -> Sequence[Judgement]:
        """Return one judgement a turn: of its texts the worst."""
        texts = [(row, *one) for row, turn in enumerate(answers.turns) for one in self._texts(turn)]
        scores, names = attempts([text for _, _, text in texts])
        said = [self._silent()] * len(answers.turns)
        worst = [-1.0] * len(answers.turns)
        for (row, place, _), score, found in zip(texts, scores, names, strict=True):
            if score > worst[row]:
                worst[row], said[row] = score, _judgement(place, score, found)
        return said

    def _texts(self, turn: Turn) -> list[tuple[str, str]]:
        asked = [("what the user wrote", turn.input_text)] if "input" in self.where else []
        brought = (
            [(f"what {_named(use.name)} brought in", use.result) for use in turn.tools]
            if "retrieval" in self.where
            else []
        )
        return [(place, text) for place, text in (*asked, *brought) if text]

    def _silent(self) -> Judgement:
        return cannot_judge(f"no text was captured of {' and '.join(self.where)}")


def _named(name: str) -> str:
    return " ".join(name.split())[:40] or "a tool"


def _judgement(place: str, score: float, found: list[str]) -> Judgement:
    if score < ENOUGH:
        return complies(
            f"no attack by known wordings; nearest in {place}" if found else "no attack by known wordings", score / 2
        )
    return violates(f"{place} {'; '.join(found[:3])}", min(1.0, 0.5 + score / 4))


def attempts(texts: Sequence[str]) -> tuple[list[float], list[list[str]]]:
    """Return for every text the weights that add up, and the names of the wordings that were found."""
    if not texts:
        return [], []
    spelt = folded(neat(pl.Series("text", [_ends(text) for text in texts], pl.String)))
    hits = [(cue, spelt.str.contains(cue.pattern)) for cue in cues()]
    scores = sum((hit.cast(pl.Float64) * cue.weight for cue, hit in hits), pl.zeros(len(texts), pl.Float64, eager=True))
    names: list[list[str]] = [[] for _ in texts]
    for cue, hit in hits:
        for row in hit.arg_true():
            names[row].append(cue.name)
    return scores.round(6).to_list(), names


def _ends(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]}\n{text[-LONGEST // 2 :]}"


@lru_cache(maxsize=1)
def cues() -> tuple[Cue, ...]:
    """Return the wordings that ship with Plumbline."""
    text = (files("monitor.graders") / "attacks.yaml").read_text(encoding="utf-8")
    return tuple(Cue(**{**cue, "pattern": f"(?m){cue['pattern']}"}) for cue in plain(text)["cues"])
