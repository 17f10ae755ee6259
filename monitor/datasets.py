"""Data sets out of what was graded: a turn as an evaluation case, with its provenance, redacted once more.

A case says who decided its label, a person or a machine, under which policy, and how it was picked: cases that somebody looked for do not
tell a rate. Texts go through the redactor again, since what was stored while redaction was off is not redacted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from monitor.model.values import Label, ToolUse, Turn
from monitor.policy.cases import Example, ExampleCall
from monitor.policy.schema import Policy
from monitor.store.cases import Wanted, standing_cases_of
from monitor.store.opening import Store
from monitor.store.precedence import HUMAN
from monitor.store.tool_uses import with_tools
from monitor.store.turns import turns_at

Redacted = Callable[[str, str], str]
"""Given a text and the id of its trace, the text without personal data and secrets."""


def cases(store: Store, policies: Sequence[Policy], wanted: Wanted, redacted: Redacted) -> list[dict[str, Any]]:
    """Return the cases that are wanted as plain values, the newest first; a turn whose texts are gone is no case."""
    grades = standing_cases_of(store, wanted)
    since = min((grade["time"] for grade in grades), default=wanted.start)
    turns = with_tools(store, turns_at(store, [grade["seq"] for grade in grades], since)) if grades else []
    by_unit = {turn.unit_id: turn for turn in turns if turn.output_text is not None}
    titles = {rule.id: rule.text for policy in policies for rule in policy.rules}
    rule = titles.get(wanted.rule)
    told = {"id": wanted.rule} | ({"title": rule.title, "statement": rule.statement} if rule else {})
    return [_case(by_unit[grade["unit_id"]], grade, told, redacted) for grade in grades if grade["unit_id"] in by_unit]


def case_of(turn: Turn, policy: Policy, rule_id: str, label: Label, redacted: Redacted) -> dict[str, Any]:
    """Return one turn as a case that a person labels now, under a rule of `policy`."""
    [rule] = [rule for rule in policy.rules if rule.id == rule_id]
    judged = {"policy": policy.id, "policy_version": policy.version, "policy_hash": policy.hash}
    grade = {**judged, "verdict": label, "grader": HUMAN, "plan": None, "picked_by": None}
    return _case(turn, grade, {"id": rule_id, "title": rule.text.title, "statement": rule.text.statement}, redacted)


def _case(turn: Turn, grade: dict[str, Any], rule: dict[str, str], redacted: Redacted) -> dict[str, Any]:
    texts = msgspec.to_builtins(example_of(turn, "case", grade["verdict"], redacted))
    by_person = str(grade["grader"]).startswith(HUMAN)
    case = {name: value for name, value in texts.items() if name not in {"id", "label"}}
    return {
        "id": hashlib.sha256(f"{turn.unit_id} {rule['id']}".encode()).hexdigest()[:16],
        "input": case.pop("in", None),
        "output": case.pop("out"),
        **case,
        "label": grade["verdict"],
        "labelled_by": "person" if by_person else "machine",
        "rule": rule,
        "provenance": {
            "trace": turn.unit_id,
            "app": turn.app,
            "time": turn.time.isoformat(),
            "grader": "person" if by_person else f"{grade['grader']} {grade['grader_version']}",
            "policy": f"{grade['policy']} {grade['policy_version']}",
            "policy_hash": grade["policy_hash"],
            "picked_by": grade["plan"] or grade["picked_by"] or "somebody",
        },
        "private": True,
    }


def example_of(turn: Turn, name: str, label: Label, redacted: Redacted) -> Example:
    """Return a turn as an example of a policy, with what stood around the answer; redacted."""

    def plain(text: str | None) -> str | None:
        return None if text is None else redacted(text, turn.unit_id)

    def call(use: ToolUse) -> ExampleCall:
        return ExampleCall(tool=use.name, arguments=plain(use.arguments), result=plain(use.result))

    return Example(
        id=name,
        label=label,
        output=plain(turn.output_text) or "",
        input=plain(turn.input_text),
        retrieved=tuple(plain(use.result) or "" for use in turn.tools if use.retrieval and use.result),
        calls=tuple(call(use) for use in turn.tools if not use.retrieval),
    )
