"""Policies in force as plain values for a page: each rule with what it says, whose it is, its limits and its tested examples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

import polars as pl

from monitor.clock import Clock
from monitor.graders.cards import card_of
from monitor.graders.grader import kind_of
from monitor.policy.rendering import DUTY, in_order, missing_from
from monitor.policy.schema import BoundRule, Policy
from monitor.policy.trying import Tried, tried_today
from monitor.policy.watching import Watched


def told(policies: Iterable[Policy], clock: Clock) -> list[dict[str, Any]]:
    """Return every policy in force or in shadow with its rules, those first that precede."""
    return [_policy(policy, clock) for policy in policies if policy.status in ("active", "shadow")]


def _policy(policy: Policy, clock: Clock) -> dict[str, Any]:
    today = clock.now().date()
    tried = {(one.rule_id, one.example): one for one in tried_today(policy, clock)}
    header = policy.file.policy
    return {
        "id": policy.id,
        "version": policy.version,
        "status": policy.status,
        "hash": policy.hash,
        "owner": policy.owner,
        "apps": list(policy.apps),
        "elsewhere": bool(policy.unless),
        "effective": _day(header.effective),
        "review_by": _day(header.review_by),
        "review_due": header.review_by is not None and header.review_by <= today,
        "rules": [_rule(policy, rule, tried) for rule in in_order(policy)],
    }


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _rule(policy: Policy, rule: BoundRule, tried: dict[tuple[str, str], Tried]) -> dict[str, Any]:
    text, one = rule.text, Watched(policy, rule)
    return {
        "id": rule.id,
        "title": text.title,
        "statement": text.statement,
        "rationale": text.rationale,
        "duty": DUTY[text.kind],
        "category": text.category,
        "severity": text.severity or policy.file.defaults.severity,
        "loudest": str(one.severity("incident")),
        "authority": text.authority,
        "limits": dict(one.limits),
        "zero_tolerance": text.thresholds.zero_tolerance,
        "demanding": (text.decision.min_recall, text.decision.max_false_alarm) != (None, None),
        "page": text.incident.page if text.incident else None,
        "playbook": text.incident.playbook if text.incident else None,
        "allow": list(text.allow),
        "controls": list(text.controls),
        "graders": [kind_of(grader) for grader in text.graders],
        "asked": [kind_of(grader) for grader in rule.asked],
        "cards": [f"{kind_of(grader)}: {card_of(grader)}" for grader in text.graders],
        "examples": [
            {
                "id": e.id,
                "label": e.label,
                "input": e.input,
                "output": e.output,
                "verdict": str(tried[rule.id, e.id].verdict),
                "outcome": tried[rule.id, e.id].outcome,
                "reason": tried[rule.id, e.id].reason,
            }
            for e in text.examples
        ],
    }


def prompt_check(policies: Sequence[Policy], prompts: pl.DataFrame) -> list[dict[str, Any]]:
    """Return per policy and app which rules the system prompts of its traces lack, and since when.

    `prompts`: app, system_text, first, last, n; a row a text. What counts is the prompt that was seen last. Apps whose traces
    show no system prompt cannot be told about, and are left out.
    """
    found: list[dict[str, Any]] = []
    for app in prompts["app"].unique(maintain_order=True):
        rows = prompts.filter(pl.col("app") == app).sort("last", descending=True).to_dicts()
        found += [_checked(policy, app, rows) for policy in policies if policy.grades(app)]
    return found


def _checked(policy: Policy, app: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    lacks = missing_from(policy, rows[0]["system_text"])
    since: datetime | None = None
    for row in rows if lacks else ():
        if not missing_from(policy, row["system_text"]):
            break
        since = row["first"]
    return {
        "policy": policy.id,
        "version": policy.version,
        "app": app,
        "missing": lacks,
        "since": since,
        "last_seen": rows[0]["last"],
    }
