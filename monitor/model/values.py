"""The values that flow: sample, grade, estimate, finding, comparison. "I cannot tell" is a value, never 0 or NaN."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Literal

Label = Literal["violates", "complies", "borderline"]
"""What an example of a policy, or an evaluation case, is an example of."""

Unit = Literal["turn", "trace", "session"]
"""What a rule is about: what one user saw, all that the model said on the way there, or a session that has ended."""


class Verdict(StrEnum):
    """What a grader, or a person, says of one unit under one rule."""

    VIOLATES = "violates"
    COMPLIES = "complies"
    BORDERLINE = "borderline"
    CANNOT_JUDGE = "cannot_judge"
    NOT_GRADED = "not_graded"


WITHDRAWN: Final = "withdrawn"
"""The verdict of a label that takes back what the person said of a turn and rule; never a grade."""


WAITS_FOR_JUDGE: Final = "waits for the judge "
"""What the reason of a verdict begins with that a judge has yet to give; the name of the judge follows."""

PROPOSED: Final = "only proposed by the judge "
"""What the reason of a verdict begins with that a judge gave who may not decide; the name of the judge follows."""


class Severity(StrEnum):
    """How much harm, in PagerDuty's four words."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class ToolUse:
    """One tool that was called in a turn, or one retrieval: what it was asked, and what it brought in; None where not captured."""

    name: str
    arguments: str | None
    result: str | None
    retrieval: bool = False


@dataclass(frozen=True)
class Turn:
    """What is graded: what one user saw, the (input, output) of a finished trace; `unit_id` is its trace id.

    Of a whole trace, and of a session, the texts are all of it, one after the other; a session goes by its last trace.
    """

    unit_id: str
    time: datetime
    app: str
    input_text: str | None
    output_text: str | None
    system_text: str | None = None
    environment: str | None = None
    model: str | None = None
    user_id: str | None = None
    session_id: str | None = None
    error_type: str | None = None
    conversation: str | None = None  # what the user wrote before, as far as the trace holds it
    region: str | None = None
    channel: str | None = None
    audience: str | None = None
    tenant: str | None = None
    language: str | None = None
    tools: tuple[ToolUse, ...] = ()  # in their order; empty also where no grader asked for them
    offered: tuple[str, ...] = ()  # names of the tools that the model could call, as far as its sender told them
    unit: Unit = "turn"
    begins: tuple[int, ...] = ()  # where in the output each answer begins that it is made of; empty: it is one answer
    spared: frozenset[str] = frozenset()  # rules that are not asked of it, since no draw picked it for them


@dataclass(frozen=True)
class Sample:
    """One unit picked for grading, with the probability that the plan picked it (known at decision time)."""

    unit_id: str
    time: datetime
    plan: str
    stratum: str
    inclusion_probability: float
    drawn_at: datetime
    reason: str


@dataclass(frozen=True)
class Grade:
    """One verdict. A human label is a grade whose grader is a person."""

    unit_id: str
    time: datetime
    rule_id: str
    verdict: Verdict
    score: float | None
    reason: str
    grader: str
    grader_version: str
    policy: str
    policy_version: str
    policy_hash: str
    graded_at: datetime
    found_from: int | None = None  # where in the output that what was found begins, and ends
    found_to: int | None = None
    unit: Unit = "turn"


@dataclass(frozen=True)
class Estimate:
    """A rate with its interval and the design it came from. `method` names the interval and any missing correction."""

    rule_id: str
    app: str
    segment: str
    window_start: datetime
    window_end: datetime
    method: str
    value: float | None
    low: float | None
    high: float | None
    confidence: float
    n_units: int
    n_graded: int
    n_human: int
    unit: Unit = "turn"  # what `n_units` counts, and what the rule is about


@dataclass(frozen=True)
class Finding:
    """A change: what, where, since when, how large with interval, how sure, and the likely cause."""

    id: str
    kind: str
    metric: str
    app: str
    segment: str
    detected_at: datetime
    since: datetime
    since_low: datetime
    since_high: datetime
    reference_value: float
    current_value: float
    change: float
    change_low: float
    change_high: float
    e_value: float
    budget: str
    cause: str
    reason: str
    examples: tuple[str, ...]


@dataclass(frozen=True)
class ToldChange:
    """What somebody said was changed, in an app or, where that is None, in all."""

    time: datetime
    kind: str
    app: str | None
    what: str


@dataclass(frozen=True)
class ChangeEvent:
    """A change as a timeline outside shows it: told by `source`, or noticed in the traffic. `app` None: all applications.

    `key` is the same for every look at the same change.
    """

    key: str
    time: datetime
    kind: str
    app: str | None
    what: str
    source: str


@dataclass(frozen=True)
class Comparison:
    """One arm against control on one metric. `decision`: better, worse, differs, undecided, blocked.

    `reason` begins with the answer in one sentence: what to do with the arm.
    """

    experiment: str
    metric: str
    control: str
    arm: str
    effect: float | None
    low: float | None
    high: float | None
    n_control: int
    n_arm: int
    decision: str
    reason: str
    computed_at: datetime
    app: str = ""  # an experiment is one of an app
    role: str = "other"  # of the metric: primary, guardrail or other


def stable_id(*parts: Any) -> str:
    """Return 16 hex digits that depend on `parts` only, so that a repeat of the same decision has the same id."""
    return hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Concern:
    """What a policy says about an alert on one of its rules: what it is called, how bad, whose it is, what to do first."""

    title: str
    severity: Severity
    advisory: bool = False  # never told louder than info, whatever an alert rule says
    owner: str = ""
    category: str = ""
    page: str = ""
    playbook: str = ""


@dataclass(frozen=True)
class About:
    """What a signal is about, for the sentence that people read. Shares are of 1; None, or "", is not known."""

    subject: str  # title of the rule, or what was measured, in words
    unit: str = "share"  # of `value` and `before`
    before: float | None = None  # the measure before it began
    began: datetime | None = None
    turns: int | None = None  # that show it, of those that were looked at
    seen: int | None = None
    users: int | None = None  # who got such a turn
    share: tuple[float, float] | None = None  # between which it lies, where the signal itself is no share
    cause: str = ""  # what changed at the same time
    moved: tuple[str, ...] = ()  # what else moved with it, in words
    past: bool = False  # it began before the application was watched: an import brought it along


@dataclass(frozen=True)
class Signal:
    """One measured fact that alert rules look at: a rate with its interval, a finding, an A/B decision, a silence.

    `labels` say what it is about (app, rule, metric, segment, experiment, arm); they become the alert's identity.
    A NULL bound means "cannot tell", which neither fires nor resolves anything.
    """

    name: str  # violation_rate | drift | ab | no_data | ...
    labels: dict[str, str]
    at: datetime
    value: float | None
    low: float | None
    high: float | None
    n: int
    since: datetime | None
    examples: tuple[str, ...]
    summary: str
    concern: Concern | None = None
    about: About | None = None
