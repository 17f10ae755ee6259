"""People's verdicts as they come in: what a row must say, what it is held against, and the label that follows.

A batch is taken whole or not at all, so that whoever sends it again after mending a row need not know which rows were taken.
Not for machines: a judge or an importer writes grades, or scores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec

from monitor.errors import BadRows

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Text = Annotated[str, msgspec.Meta(max_length=20_000)]
MOST: Final = 1_000
"""Labels of one batch."""


class NewLabel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One verdict as a person gives it.

    `key` makes a repeat harmless. `plan` is the sampling plan that picked the turn, `inclusion_probability` its probability of
    doing so: without them the label is shown and corrects no rate, since nobody knows what it stands for. An `adjudicated` label
    decides where people disagree.
    """

    unit_id: Id
    rule_id: Id
    verdict: Literal["violates", "complies", "borderline", "cannot_judge"]
    note: Text | None = None
    corrected: Text | None = None
    key: Id | None = None
    plan: Id | None = None
    inclusion_probability: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    review_id: Id | None = None
    adjudicated: bool = False


def read_labels(rows: Sequence[Any]) -> list[NewLabel]:
    """Return the rows as labels. Raises `BadRows` with a line for each that is not one."""
    labels, problems = [], []
    for number, row in enumerate(rows):
        try:
            labels.append(msgspec.convert(row, NewLabel))
        except msgspec.ValidationError as error:
            problems.append(f"labels[{number}] is not what is expected here: {error}")
    if len(rows) > MOST:
        problems = [f"there are {len(rows)} of them (send at most {MOST} at once)"]
    if problems:
        raise BadRows(f"a batch of {len(rows)}", problems)
    return labels


@dataclass(frozen=True)
class Unit:
    """A turn that may be labelled."""

    time: datetime
    app: str


@dataclass(frozen=True)
class Judged:
    """A rule of a policy in force: what a label says it was judged by."""

    policy: str
    policy_version: str
    policy_hash: str


Redact = Callable[[str, str], str]
"""(text, trace id) -> the text as it may be kept."""


@dataclass(frozen=True)
class Asked:
    """A turn that a review asks about: the rules as they were when it was opened, those it asks, and what the turn stands for.

    `probability` is None for a turn that was picked for what it is.
    """

    rules: Mapping[str, Judged]
    asked: frozenset[str]
    plan: str
    probability: float | None
    closed: bool = False


@dataclass(frozen=True)
class LabelCheck:
    """What labels are held against: the turns there are, the rules in force by app, and what may be kept of a text.

    `reviews`: (review, unit) -> what a review asks of it; a review that is not there is of somebody's own making.
    """

    units: Mapping[str, Unit]
    rules: Callable[[str], Mapping[str, Judged]]
    redact: Redact
    reviews: Mapping[tuple[str, str], Asked] = field(default_factory=dict)

    def rows(self, labels: Sequence[NewLabel], person: str, at: datetime) -> list[dict[str, Any]]:
        """Return the labels as the control state keeps them. Raises `BadRows`."""
        problems = [
            f"labels[{number}]: {said}" for number, label in enumerate(labels) for said in self._problems(label)
        ]
        if problems:
            raise BadRows(f"a batch of {len(labels)}", problems)
        return [self._row(label, person, at) for label in labels]

    def _problems(self, label: NewLabel) -> Iterator[str]:
        unit = self.units.get(label.unit_id)
        if unit is None:
            yield f"no turn is named {label.unit_id} (unit ids are the trace_id of the view turns)"
        elif label.rule_id not in self._rules(label):
            there = ", ".join(sorted(self._rules(label))[:20]) or "none"
            yield f"no rule {label.rule_id} is in force for {unit.app} (rules there: {there})"
        asked = self._asked(label)
        if asked is not None and asked.closed:
            yield f"review {label.review_id} is closed (leave review_id out, and it is a label on a turn that you chose)"
        if (label.plan is None) != (label.inclusion_probability is None):
            yield "plan and inclusion_probability go together (give both, or neither where somebody chose the turn)"

    def _row(self, label: NewLabel, person: str, at: datetime) -> dict[str, Any]:
        unit = self.units[label.unit_id]
        texts = {name: self._kept(getattr(label, name), label.unit_id) for name in ("note", "corrected")}
        judged = asdict(self._rules(label)[label.rule_id])
        given = msgspec.structs.asdict(self._planned(label))
        return {
            **given,
            **texts,
            **judged,
            "adjudicated": int(label.adjudicated),
            "time": unit.time,
            "at": at,
            "person": person,
        }

    def _asked(self, label: NewLabel) -> Asked | None:
        return None if label.review_id is None else self.reviews.get((label.review_id, label.unit_id))

    def _rules(self, label: NewLabel) -> Mapping[str, Judged]:
        """The rules there are for the turn; a review holds it to those of the day it was opened."""
        asked = self._asked(label)
        now = self.rules(self.units[label.unit_id].app)
        return now if asked is None else {**now, **asked.rules}

    def _planned(self, label: NewLabel) -> NewLabel:
        """What a review drew by lot, and asks, stands for the others; what else is said there is said of a turn somebody chose."""
        asked = self._asked(label)
        if asked is None or label.plan is not None or asked.probability is None or label.rule_id not in asked.asked:
            return label
        return msgspec.structs.replace(label, plan=asked.plan, inclusion_probability=asked.probability)

    def _kept(self, text: str | None, unit_id: str) -> str | None:
        return self.redact(text, unit_id) if text else None
