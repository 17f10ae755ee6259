"""What a review freezes when it is opened: the list of answers, the rules that are asked of each, and their very words."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import msgspec
import polars as pl

from monitor.model.values import Severity
from monitor.policy.schema import BoundRule, Policy
from monitor.review.draw import Drawn, Stratum, draw, items
from monitor.sampling import position

ASKED: Final = 3
"""Rules that are asked of one answer at most: more is more than anybody keeps in mind."""

TWICE: Final = 0.10
"""Share of the answers that two people look at, unless the policy says otherwise."""

TWICE_SEVERE: Final = 0.25
"""The same for answers of an application with a rule that matters much."""

HARD_TO_READ: Final = frozenset({"violence", "self_harm", "self-harm", "sexual", "child_safety", "hate", "harassment"})
"""Categories of rules whose violations are shown folded, with a warning."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Asking:
    """Which rules are asked of the answers of which application, and the words of all of them.

    `rules`: app -> the rules, those that are asked first first; `named` are those that whoever opens the review chose.
    """

    policies: Sequence[Policy]
    named: Collection[str] = ()
    broken: Mapping[str, Counter[str]] = field(default_factory=dict)  # app -> rule -> how often a machine says so

    def rules(self, app: str) -> list[tuple[Policy, BoundRule]]:
        """Return every rule that may be asked there: those chosen, else those that seem to be broken most, then by harm."""
        known = [(policy, rule) for policy in self.policies if policy.grades(app) for rule in policy.rules]
        if self.named:
            known = [(policy, rule) for policy, rule in known if rule.id in self.named]
        order, often = list(Severity), self.broken.get(app, Counter())
        return sorted(known, key=lambda one: (-often[one[1].id], order.index(one[1].severity), one[1].id))

    def of(self, app: str, first: Collection[str] = (), *, ends: bool = True) -> list[tuple[Policy, BoundRule]]:
        """Return those that are asked of one answer; `first` come first, whatever their order. Those about sessions need one that `ends`."""
        known = [(policy, rule) for policy, rule in self.rules(app) if ends or rule.unit != "session"]
        return sorted(known, key=lambda one: one[1].id not in first)[:ASKED]

    def words(self, apps: Collection[str]) -> dict[str, Any]:
        """Return hash -> policy, version and the words of its rules, of everything that may be asked of `apps`."""
        told: dict[str, Any] = {}
        for app in sorted(apps):
            for policy, rule in self.rules(app):
                one = told.setdefault(policy.hash, {"policy": policy.id, "version": policy.version, "rules": {}})
                one["rules"][rule.id] = _words(rule)
        return told


def _words(rule: BoundRule) -> Row:
    text = rule.text
    examples = [{"label": e.label, "input": e.input, "output": e.output} for e in text.examples]
    return {
        "title": text.title,
        "statement": text.statement,
        "rationale": text.rationale,
        "severity": str(rule.severity),
        "category": text.category,
        "unit": rule.unit,
        "examples": examples,
    }


def mattering(policies: Sequence[Policy]) -> dict[str, list[str]]:
    """Return the rules whose violation is a risk, or always looked at (`severe`), and those that demand help (`helpful`), as they are now."""
    rules = [rule for policy in policies for rule in policy.rules]
    severe = [
        rule.id for rule in rules if rule.severity is Severity.CRITICAL or rule.text.sampling.always_review_if_flagged
    ]
    return {"severe": severe, "helpful": [rule.id for rule in rules if rule.text.kind == "must_help"]}


def asking(policies: Sequence[Policy], units: pl.DataFrame, named: Collection[str]) -> Asking:
    """Return what is asked of `units` (columns app and broken)."""
    broken: dict[str, Counter[str]] = {}
    for app, rules in units.filter("inside").select("app", "broken").drop_nulls().iter_rows():
        broken.setdefault(app, Counter()).update(rules)
    return Asking(policies, named, broken)


def seed_of(sampling: int, app: str | None, opened_at: datetime) -> int:
    """Return the seed of a review: the same house, application and time draw the same list."""
    told = f"review:{sampling}:{app or ''}:{opened_at.isoformat()}"
    return int.from_bytes(hashlib.sha256(told.encode()).digest()[:6], "big")


def frozen(units: pl.DataFrame, size: int, seed: int, asked: Asking) -> tuple[list[Stratum], list[Row]]:
    """Return the strata of a review and its items as the control state keeps them, in their order."""
    strata = draw(units, size, seed)
    about = {row["unit_id"]: row for row in units.iter_rows(named=True)}
    return strata, [_item(one, about[one.unit_id], seed, asked) for one in items(units, strata, seed)]


def _item(one: Drawn, unit: Row, seed: int, asked: Asking) -> Row:
    """Of the panel the same rules are asked whatever a machine says: else its labels would not stand for the rest."""
    first = () if one.inclusion_probability is not None else unit["broken"] or ()
    rules = asked.of(unit["app"], first, ends=unit["ends"])
    broken = [rule for _, rule in rules if rule.id in (unit["broken"] or ())]
    return {
        **vars(one),
        "time": unit["time"],
        "app": unit["app"],
        "need": 1 + (position(f"twice:{one.unit_id}", seed) < twice(rules)),
        "severe": int(any((rule.text.category or "") in HARD_TO_READ for rule in broken)),
        "policy_hash": " ".join(dict.fromkeys(policy.hash for policy, _ in rules)),
        "rules": [rule.id for _, rule in rules],
        "assigned": [],
    }


def like(one: Drawn, unit: Row, seed: int, words: Mapping[str, Any], model: Row) -> Row:
    """Return an item that is drawn later, of the panel: asked as `model` is, an item of the same application, by the `words` of that day."""
    known = {rule: told for hash_ in model["policy_hash"].split() for rule, told in words[hash_]["rules"].items()}
    severe = any(known[rule]["severity"] == Severity.CRITICAL for rule in model["rules"])
    rules = [rule for rule in model["rules"] if unit["ends"] or known[rule].get("unit") != "session"]
    broken = [rule for rule in rules if rule in (unit["broken"] or ())]
    return {
        **vars(one),
        "time": unit["time"],
        "app": unit["app"],
        "need": 1 + (position(f"twice:{one.unit_id}", seed) < (TWICE_SEVERE if severe else TWICE)),
        "severe": int(any((known[rule]["category"] or "") in HARD_TO_READ for rule in broken)),
        "policy_hash": model["policy_hash"],
        "rules": rules,
        "assigned": [],
    }


def twice(rules: Sequence[tuple[Policy, BoundRule]]) -> float:
    """Return the share of answers that two people look at: what the policies ask for, and no less than is usual."""
    said = max((policy.file.defaults.double_blind_rate for policy, _ in rules), default=0.0)
    severe = any(rule.severity is Severity.CRITICAL for _, rule in rules)
    return max(said, TWICE_SEVERE if severe else TWICE)


def told_strata(strata: Sequence[Stratum]) -> list[Any]:
    """Return strata as the control state keeps them."""
    return [msgspec.to_builtins(stratum) for stratum in strata]


def read_strata(told: Sequence[Any]) -> list[Stratum]:
    """Return strata as they were kept."""
    return msgspec.convert(told, list[Stratum])
