"""The policy file, `apiVersion: policy/v1`. The classes are the schema, as in `monitor.config.schema`.

A policy is read by people first: legal, product and reviewers. So it holds more than graders need (owners, reasons, controls);
what later rooms use is checked here already, for a key that is wrong today must not be found out in a year.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Literal

import msgspec

from monitor.graders.kinds import AnyGrader
from monitor.graders.rubric import Judge
from monitor.model.values import Severity, Turn, Unit
from monitor.policy.cases import Block, Example, Exemption

Harm = Literal["critical", "high", "medium", "low"]
Status = Literal["draft", "shadow", "active", "retired"]
Surface = Literal["input", "output", "tool_call", "retrieval", "conversation"]

SEVERITIES: Final[dict[Harm, Severity]] = {
    "critical": Severity.CRITICAL,
    "high": Severity.ERROR,
    "medium": Severity.WARNING,
    "low": Severity.INFO,
}
"""The policy's word for harm, as the pager says it."""


class Header(Block, frozen=True):
    """Who wrote it, which version it is, and whether it is in force."""

    id: str
    version: str
    status: Status = "draft"
    effective: date | None = None
    supersedes: str | None = None
    owner: str | None = None
    approvers: tuple[str, ...] = ()
    review_by: date | None = None


class Scope(Block, frozen=True):
    """Where it holds; an empty list means everywhere."""

    apps: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()


class Defaults(Block, frozen=True):
    """What rules take when they say nothing themselves. `judge` is asked where a rule names none; `none` leaves those judges out: local graders decide alone."""

    severity: Harm = "medium"
    on_uncertain: Literal["human_review", "cannot_judge"] = "cannot_judge"
    judge: str = "none"
    double_blind_rate: float = 0.0


class Raci(Block, frozen=True):
    """Who is responsible, accountable, consulted and informed."""

    responsible: str | None = None
    accountable: str | None = None
    consulted: tuple[str, ...] = ()
    informed: tuple[str, ...] = ()


class Decision(Block, frozen=True):
    """When a score counts as a violation, and what a judge must have shown on people's labels before it decides."""

    flag_at: float = 0.5
    min_recall: float | None = None
    max_false_alarm: float | None = None


class Sampling(Block, frozen=True):
    """How often turns are picked for this rule, beside the rate of their app; whether what is flagged goes to the review."""

    weight: float = 1.0
    always_review_if_flagged: bool = False


class Thresholds(Block, frozen=True):
    """Rates of violation that warn and that make an incident."""

    warn_rate: float | None = None
    incident_rate: float | None = None
    zero_tolerance: bool = False


class Incident(Block, frozen=True):
    """Who is told, and what they do first."""

    category: str
    page: str | None = None
    playbook: str | None = None


class Regional(Block, frozen=True):
    """What a region adds: words, and graders that are asked besides the others of turns of that region. It never loosens a rule."""

    statement_add: str
    graders: tuple[AnyGrader, ...] = ()


class Rule(Block, frozen=True):
    """One sentence the application is held to, with its reason, its examples and how it is checked."""

    id: str
    title: str
    kind: Literal["must_not", "must", "should", "must_help"]
    statement: str
    rationale: str
    examples: tuple[Example, ...] = ()
    graders: tuple[AnyGrader, ...] = ()
    category: str | None = None
    crosswalk: dict[str, str] = msgspec.field(default_factory=dict)
    authority: Literal["hard", "default", "advisory"] = "default"
    severity: Harm | None = None
    surface: tuple[Surface, ...] = ("output",)
    unit: Unit = "turn"
    allow: tuple[str, ...] = ()
    exceptions: tuple[Exemption, ...] = ()
    decision: Decision = Decision()
    sampling: Sampling = Sampling()
    thresholds: Thresholds = Thresholds()
    incident: Incident | None = None
    regional: dict[str, Regional] = msgspec.field(default_factory=dict)
    controls: tuple[str, ...] = ()


class PolicyFile(Block, frozen=True):
    """All of one policy file."""

    apiVersion: Literal["policy/v1"]  # noqa: N815 the key is written so, as in other manifests
    policy: Header
    rules: tuple[Rule, ...]
    scope: Scope = Scope()
    defaults: Defaults = Defaults()
    raci: Raci = Raci()
    vocab: dict[str, str] = msgspec.field(default_factory=dict)
    precedence: tuple[str, ...] = ()


@dataclass(frozen=True)
class BoundRule:
    """A rule as its policy applies it: defaults filled in, graders that run here picked out."""

    text: Rule
    severity: Severity
    asked: tuple[AnyGrader, ...]
    added: tuple[tuple[str, tuple[AnyGrader, ...]], ...] = ()

    @property
    def id(self) -> str:
        """The rule's id, which is never given to another rule."""
        return self.text.id

    @property
    def unit(self) -> Unit:
        """What one verdict is about."""
        return self.text.unit

    @property
    def regions(self) -> Sequence[str]:
        """The regions whose turns are asked about by graders of their own besides."""
        return [region for region, _ in self.added]

    def asked_in(self, region: str | None) -> tuple[AnyGrader, ...]:
        """Return the graders of a turn of `region`; of a turn that does not say, those of everywhere."""
        return (*self.asked, *dict(self.added).get(region or "", ()))

    @property
    def everyone(self) -> tuple[AnyGrader, ...]:
        """Every grader that is asked anywhere."""
        return (*self.asked, *(grader for _, graders in self.added for grader in graders))

    @property
    def judged(self) -> bool:
        """Whether some grader of it is a judge."""
        return any(isinstance(grader, Judge) for grader in self.everyone)

    def excuse(self, turn: Turn) -> str | None:
        """Return the exception that covers `turn`, or None."""
        day = turn.time.date()
        held = next((x for x in self.text.exceptions if day <= x.expires and x.when.holds(turn)), None)
        return f"exception {held.id}, approved by {held.approved_by}" if held else None

    def flagged(self, score: float | None) -> bool:
        """Return whether a violation with `score` counts as one; below `decision.flag_at` it is borderline."""
        return score is None or score >= self.text.decision.flag_at


@dataclass(frozen=True)
class Policy:
    """A policy that was read and found in order.

    `hash` is the SHA-256 of its canonical form: comments and the order of keys do not change it, any change of meaning does.
    It is in force only for apps that none of `unless` grades; to hold some of its rules alone, replace `rules`.
    """

    path: str
    hash: str
    file: PolicyFile
    rules: tuple[BoundRule, ...]
    unless: tuple[Policy, ...] = ()

    @property
    def id(self) -> str:
        """The policy's id."""
        return self.file.policy.id

    @property
    def version(self) -> str:
        """The version its authors gave it."""
        return self.file.policy.version

    @property
    def status(self) -> Status:
        """Draft and retired policies grade nothing; a policy in shadow grades but is not meant to alert."""
        return self.file.policy.status

    @property
    def owner(self) -> str:
        """Who answers for it; "" when nobody is named."""
        return self.file.policy.owner or self.file.raci.accountable or ""

    @property
    def apps(self) -> Sequence[str]:
        """The applications it holds for; empty means all."""
        return self.file.scope.apps

    @property
    def wants_tools(self) -> bool:
        """Whether some grader of it looks at tools and at what was retrieved."""
        return any(grader.wants_tools for rule in self.rules for grader in rule.everyone)

    @property
    def units(self) -> set[Unit]:
        """What its rules are about."""
        return {rule.unit for rule in self.rules}

    def about(self, units: set[Unit]) -> Policy:
        """Return it with those of its rules alone that are about one of `units`."""
        return replace(self, rules=tuple(rule for rule in self.rules if rule.unit in units))

    def tells(self, today: date) -> bool:
        """Return whether its rules may alert: it is active, and the day it takes effect has come."""
        effective = self.file.policy.effective
        return self.status == "active" and (effective is None or effective <= today)

    def covers(self, turn: Turn) -> bool:
        """Return whether `turn` lies within its scope, apart from the app; where the turn does not say, it does."""
        scope = self.file.scope
        said = {
            "channels": turn.channel,
            "audiences": turn.audience,
            "regions": turn.region,
            "languages": turn.language,
        }
        return all(value is None or value in (getattr(scope, key) or (value,)) for key, value in said.items())

    def grades(self, app: str) -> bool:
        """Return whether turns of `app` are graded against it."""
        named = self.status in ("active", "shadow") and (not self.apps or app in self.apps)
        return named and not any(other.grades(app) for other in self.unless)


def bind(rule: Rule, defaults: Defaults) -> BoundRule:
    """Return `rule` as its policy applies it: asked are graders that look at one of the surfaces which it is about."""

    def running(graders: Sequence[AnyGrader]) -> tuple[AnyGrader, ...]:
        named = (_named(grader, defaults) for grader in graders if not grader.looks_at.isdisjoint(rule.surface))
        return tuple(grader for grader in named if grader is not None)

    added = tuple((region, running(more.graders)) for region, more in rule.regional.items() if more.graders)
    return BoundRule(rule, SEVERITIES[rule.severity or defaults.severity], running(rule.graders), added)


def _named(grader: AnyGrader, defaults: Defaults) -> AnyGrader | None:
    """Return a judge under the name that is asked, None where none is; other graders as they are."""
    if not isinstance(grader, Judge) or grader.judge is not None:
        return None if isinstance(grader, Judge) and grader.judge == "none" else grader
    return None if defaults.judge == "none" else msgspec.structs.replace(grader, judge=defaults.judge)


def units_of_rules(policies: Iterable[Policy]) -> dict[str, Unit]:
    """Return what each rule is about, by its id."""
    return {rule.id: rule.unit for policy in policies for rule in policy.rules}
