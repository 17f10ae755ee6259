"""Known items: answers of which it is settled whether they break a rule, from the examples of policies and from people.

The set that a judge is asked about stays as it is until there are half as many more: its mean must not move because items were added.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Final, Literal

import msgspec
import polars as pl

from monitor.config.schema import JudgeSettings
from monitor.judges.question import Item
from monitor.judges.rubrics import rubric_of
from monitor.judges.versions import asks, hash_of_grader, judges_in
from monitor.model.values import Turn, stable_id
from monitor.policy.cases import Example
from monitor.policy.schema import BoundRule, Policy
from monitor.store.judging import EXAMPLE

Label = Literal["violates", "complies"]
LABELS: Final[tuple[Label, Label]] = ("violates", "complies")

MOST: Final = 100
"""Known items of one rule and label."""

_GROWS: Final = 1.5


@dataclass(frozen=True)
class KnownItem:
    """One known item of a rule. `turn` is that of an example; of an answer of production `seq` and `time` say where it is."""

    policy: Policy
    rule: BoundRule
    rubric: str
    unit_id: str
    label: Label
    turn: Turn | None = None
    seq: int = 0
    time: datetime | None = None

    @property
    def asked_as(self) -> tuple[str, str, str]:
        """What makes it another question: rule, rubric, answer."""
        return self.rule.id, self.rubric, self.unit_id

    def item(self, turn: Turn) -> Item:
        """Return what the judge is asked."""
        return Item(self.policy, self.rule, turn, self.rubric)


@dataclass(frozen=True)
class KnownSet:
    """The known items of one judge. `version` changes with the judge, the words of its rules and the items."""

    version: str
    items: tuple[KnownItem, ...]

    def of(self, label: Label) -> dict[str, list[KnownItem]]:
        """Return the items of a label, by rule."""
        meant = sorted((one for one in self.items if one.label == label), key=lambda one: one.rule.id)
        return {rule: list(items) for rule, items in groupby(meant, key=lambda one: one.rule.id)}


def known_set(
    name: str, judges: Mapping[str, JudgeSettings], policies: Sequence[Policy], settled: pl.DataFrame
) -> KnownSet:
    """Return the known items of the judge or panel `name`; `settled` is what people settled (`monitor.store.known.settled`)."""
    found: list[KnownItem] = []
    for policy, rule, rubric in _asked(name, judges, policies):
        rows = settled.filter(pl.col("rule_id") == rule.id)
        people = [
            KnownItem(policy, rule, rubric, row["unit_id"], row["label"], seq=row["seq"], time=row["time"])
            for row in rows.iter_rows(named=True)
            if policy.grades(row["app"])
        ]
        every = [*_examples(policy, rule, rubric), *people]
        found += [one for label in LABELS for one in _frozen([one for one in every if one.label == label])]
    told = sorted(f"{one.rule.id} {one.label} {one.unit_id}" for one in found)
    rules = sorted({f"{one.rule.id} {one.rubric} {one.rule.text.statement} {one.rule.text.rationale}" for one in found})
    return KnownSet(stable_id(hash_of_grader(name, judges), *told, *rules), tuple(found))


def shared(known: KnownSet, others: Sequence[KnownSet]) -> KnownSet:
    """Return the known items that `others` have, too, asked in the same words: what a panel is asked about goes by each member."""
    named = [{one.asked_as for one in other.items} for other in others]
    items = tuple(one for one in known.items if all(one.asked_as in there for there in named))
    return known if len(items) == len(known.items) else KnownSet(stable_id(known.version, len(items)), items)


def _asked(
    name: str, judges: Mapping[str, JudgeSettings], policies: Sequence[Policy]
) -> Iterator[tuple[Policy, BoundRule, str]]:
    for policy in policies:
        for rule in policy.rules:
            grader = next((one for one in judges_in(rule) if asks(one, name, judges)), None)
            if grader is not None and rule.unit == "turn":
                yield policy, rule, rubric_of(grader.rubric, Path(policy.path).parent)


def _examples(policy: Policy, rule: BoundRule, rubric: str) -> Iterator[KnownItem]:
    """The examples of a rule; a judge is not told of the one that it is asked about."""
    for example in rule.text.examples:
        if example.label in LABELS:
            unit = f"{EXAMPLE}{rule.id}:{example.id}"
            turn = replace(example.turn(), unit_id=unit)
            yield KnownItem(policy, _without(rule, example), rubric, unit, example.label, turn)


def _without(rule: BoundRule, example: Example) -> BoundRule:
    others = tuple(one for one in rule.text.examples if one.id != example.id)
    return replace(rule, text=msgspec.structs.replace(rule.text, examples=others))


def _frozen(items: Sequence[KnownItem]) -> Sequence[KnownItem]:
    """The first items, as many as the largest step that there are enough for."""
    size, step = 0, 1.0
    while step <= min(len(items), MOST):
        size, step = int(step), max(step + 1, step * _GROWS)
    return items[:size]
