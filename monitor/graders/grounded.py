"""Groundedness: numbers, dates, addresses, names and quotations of an answer that nothing the model was given holds.

What was given is what was retrieved and what tools returned in the turn, what the user wrote, and the system prompt. Finds facts that
were changed or made up; a fact that is retold in other words, a sum of two numbers, or a claim without any such fact it does not see.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import ClassVar

from monitor.graders.facts import KINDS, Fact, Kind, facts, known, stand_in
from monitor.graders.grader import Judgement, Runner, Settings, Tools, cannot_judge, complies, violates
from monitor.graders.runners import EachText
from monitor.model.values import Turn


class Grounded(Settings, frozen=True, tag="grounded"):
    """`facts` are the kinds that are looked for; an answer may hold `tolerate` that are not found; `known` texts hold for every turn.

    A turn in which nothing was retrieved and no tool answered is `cannot_judge`.
    """

    code: ClassVar[int] = 1
    wants_tools: ClassVar[bool] = True
    facts: tuple[Kind, ...] = KINDS
    tolerate: int = 0
    known: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.facts or self.tolerate < 0:
            raise ValueError("grounded looks for at least one kind of facts, and tolerates none or more")

    def runner(self, tools: Tools) -> Runner:  # noqa: ARG002 it asks nobody else
        """Return the runner of these settings."""
        return EachText(self.look)

    def look(self, output: str, turn: Turn) -> Judgement:
        """Look every fact of the answer up in what was given."""
        brought = [use.result for use in turn.tools if use.result]
        if not brought:
            return cannot_judge("nothing that was retrieved, and no answer of a tool, was captured")
        found = list(facts(output, self.facts))
        loose = list(self._loose(found, brought, turn))
        if len(loose) <= self.tolerate:
            return complies(f"{len(found) - len(loose)} of {len(found)} facts stand in what was given")
        said = ", ".join(_counted(kind, n) for kind, n in Counter(fact.kind for fact in loose).items())
        first = min(loose, key=lambda fact: fact.span)
        reason = (
            f"{said} of {len(found)} facts not in what was given; first a {first.kind} at character {first.span[0]}"
        )
        return violates(reason, span=first.span)

    def _loose(self, found: list[Fact], brought: list[str], turn: Turn) -> Iterator[Fact]:
        texts = (*brought, turn.input_text, turn.conversation, turn.system_text, *self.known)
        given = [known(text) for text in dict.fromkeys(texts) if text]
        words = frozenset[str]().union(*(one.words for one in given))
        for fact in found:
            is_name = fact.kind == "name"
            if not (stand_in(words, str(fact.value)) if is_name else any(one.holds(fact) for one in given)):
                yield fact


def _counted(kind: str, count: int) -> str:
    return f"{count} {kind}{'s' if count > 1 else ''}"
