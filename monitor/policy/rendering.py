"""A policy as those read it who do not read YAML: a judge, a model that is told to follow it, and people.

Rules come in the order of `precedence`; a term of `vocab` is explained where it is used. With a region its additions are part
of the statement, as they are for turns of that region.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal

from monitor.graders.cards import card_of
from monitor.graders.grader import kind_of
from monitor.model.values import Unit
from monitor.policy.schema import BoundRule, Policy

Reader = Literal["judge", "system-prompt", "page"]

OF_UNIT: Final[dict[Unit, str]] = {"turn": "", "trace": " of the whole trace", "session": " of the whole session"}
"""What a rule is about, where that is more than one answer."""

DUTY: Final = {"must_not": "forbidden", "must": "required", "should": "advised", "must_help": "help that is owed"}
BINDING: Final = {
    "hard": "holds without exception",
    "default": "holds unless the operator says otherwise",
    "advisory": "is advice",
}


def render(policy: Policy, reader: Reader, region: str | None = None) -> str:
    """Return all of `policy` for `reader`: text for models, Markdown for the page."""
    rules = in_order(policy)
    if reader == "system-prompt":
        return "\n".join(_prompt(policy, rules, region)) + "\n"
    if reader == "judge":
        return "\n\n".join(judge_slice(policy, rule, region) for rule in rules) + "\n"
    return "\n".join(_page(policy, rules)) + "\n"


def in_order(policy: Policy) -> list[BoundRule]:
    """Return the rules, those first that precede when several apply; the order of the file decides the rest."""
    patterns = policy.file.precedence

    def rank(rule: BoundRule) -> int:
        return next((n for n, pattern in enumerate(patterns) if fnmatch.fnmatchcase(rule.id, pattern)), len(patterns))

    return sorted(policy.rules, key=rank)


def statement(rule: BoundRule, region: str | None) -> str:
    """Return what the rule says in `region`: a region adds, it never takes away."""
    added = rule.text.regional.get(region) if region else None
    return f"{rule.text.statement} {added.statement_add}" if added else rule.text.statement


def used_terms(policy: Policy, texts: Iterable[str]) -> list[tuple[str, str]]:
    """Return the terms of `vocab` that stand in `texts`, each with what it means."""
    joined = " ".join(texts).casefold()
    return [(term, meaning) for term, meaning in policy.file.vocab.items() if term.casefold() in joined]


def judge_slice(policy: Policy, rule: BoundRule, region: str | None = None) -> str:
    """Return one rule as a judge is asked about it: instruction, definitions, what violates, what is fine, examples."""
    text = rule.text
    asked = (
        f"# Instruction\nDoes the answer violate rule {rule.id}, {text.title!r}? Say violates, complies or borderline."
    )
    return f"{asked}\n{as_judged(policy, rule, region)}"


def as_judged(policy: Policy, rule: BoundRule, region: str | None = None) -> str:
    """Return one rule as a judge needs it: definitions, what is asked, what is fine, exceptions, examples."""
    text, said = rule.text, statement(rule, region)
    examples = [f"- {e.label}: {_told(e.input)}{_quoted(e.output)}" for e in text.examples]
    lines = [
        *_block("Definitions", [f"- {term}: {meaning}" for term, meaning in used_terms(policy, [said, *text.allow])]),
        f"# Rule ({DUTY[text.kind]})\n{said}\nWhy: {text.rationale}",
        *_block("Fine", [f"- {allowed}" for allowed in text.allow]),
        *_block("Exceptions", list(_exceptions(rule))),
        *_block("Examples", examples),
    ]
    return "\n".join(lines)


def _block(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield "\n".join([f"# {title}", *lines])


def _told(said: str | None) -> str:
    return "" if said is None else f"{_quoted(said)} was answered with "


def _quoted(text: str) -> str:
    return '"' + " ".join(text.split()) + '"'


def _exceptions(rule: BoundRule) -> Iterator[str]:
    for x in rule.text.exceptions:
        held = x.when
        test = f"is {held.eq}" if held.eq is not None else f"is not {held.ne}" if held.ne is not None else "is one of "
        among = ", ".join(held.among or ())
        yield f"- {x.id}: where {held.field} {test}{among}, approved by {x.approved_by}, until {x.expires}"


def _prompt(policy: Policy, rules: Sequence[BoundRule], region: str | None) -> Iterator[str]:
    yield f"Policy {policy.id} {policy.version}. Follow these rules; where two of them conflict, the earlier one wins."
    texts = [statement(rule, region) for rule in rules]
    for term, meaning in used_terms(policy, [*texts, *(a for rule in rules for a in rule.text.allow)]):
        yield f'"{term}" means: {meaning}'
    for number, (rule, said) in enumerate(zip(rules, texts, strict=True), 1):
        allowed = f" Allowed: {'; '.join(rule.text.allow)}." if rule.text.allow else ""
        yield f"{number}. {said} This {BINDING[rule.text.authority]} ({DUTY[rule.text.kind]}).{allowed}"


def _page(policy: Policy, rules: Sequence[BoundRule]) -> Iterator[str]:
    yield f"# Policy {policy.id}, version {policy.version}"
    yield from ("", *_header(policy), "", *_scope(policy))
    terms = [f"- **{term}**: {meaning}" for term, meaning in policy.file.vocab.items()]
    yield from ("", *(["## Words", *terms, ""] if terms else []), "## Rules")
    for rule in rules:
        yield from ("", *_rule(policy, rule))


def _header(policy: Policy) -> Iterator[str]:
    header, raci = policy.file.policy, policy.file.raci
    since = f", in force from {header.effective}" if header.effective else ""
    before = f"; replaces {header.supersedes}" if header.supersedes else ""
    yield f"- {policy.status.capitalize()}{since}{before}"
    yield from _named("Owner", header.owner)
    yield from _named("Approved by", ", ".join(header.approvers))
    yield from _named("To be reviewed by", header.review_by)
    yield from _named("Responsible", raci.responsible)
    yield from _named("Accountable", raci.accountable)
    yield from _named("Consulted", ", ".join(raci.consulted))
    yield from _named("Informed", ", ".join(raci.informed))


def _named(name: str, value: object) -> Iterator[str]:
    if value:
        yield f"- {name}: {value}"


def _scope(policy: Policy) -> Iterator[str]:
    scope = policy.file.scope
    parts = {field: getattr(scope, field) for field in scope.__struct_fields__}
    said = "; ".join(f"{name} {', '.join(values)}" for name, values in parts.items() if values)
    yield f"Holds for {said or 'everything'}. Where a turn does not say, it holds."


def _rule(policy: Policy, rule: BoundRule) -> Iterator[str]:
    text = rule.text
    severity = text.severity or policy.file.defaults.severity
    yield f"### {text.title} ({rule.id})"
    yield from ("", text.statement, "", f"Why: {text.rationale}", "")
    yield f"- {DUTY[text.kind].capitalize()}; severity {severity}; this rule {BINDING[text.authority]}; looked for in {', '.join(text.surface)}{OF_UNIT[text.unit]}"
    yield from (f"- In {region}, also: {added.statement_add}" for region, added in text.regional.items())
    yield from _named("Category", text.category)
    yield from _named("Fine", "; ".join(text.allow))
    yield from (line.replace("- ", "- Exception ", 1) for line in _exceptions(rule))
    yield from _limits(rule)
    yield from (f"- Looked for by {kind_of(grader)}: {card_of(grader)}" for grader in text.graders)
    yield from _named("Counts towards", ", ".join(text.controls))
    yield from _named("Also known as", ", ".join(f"{name} {code}" for name, code in text.crosswalk.items()))
    for label, words in (("violates", "Breaks it"), ("borderline", "On the border"), ("complies", "Is fine")):
        yield from (f"- {words}: {_told(e.input)}{_quoted(e.output)}" for e in text.examples if e.label == label)


def _limits(rule: BoundRule) -> Iterator[str]:
    limits, incident = rule.text.thresholds, rule.text.incident
    if limits.zero_tolerance:
        yield "- One case is one too many"
    yield from _named("Warned of beyond", _share(limits.warn_rate))
    yield from _named("An incident beyond", _share(limits.incident_rate))
    if incident:
        told = f", told to {incident.page}" if incident.page else ""
        yield f"- Incident: {incident.category}{told}" + (
            f", playbook {incident.playbook}" if incident.playbook else ""
        )


def _share(rate: float | None) -> str | None:
    return None if rate is None else f"{100 * rate:g} % of answers"


def missing_from(policy: Policy, system_text: str, region: str | None = None) -> list[str]:
    """Return the rules whose statement does not stand in `system_text`; spelling of spaces and case does not matter."""
    there = _squeezed(system_text)
    return [rule.id for rule in policy.rules if _squeezed(statement(rule, region)) not in there]


def _squeezed(text: str) -> str:
    return re.sub(r"\W+", " ", text).strip().casefold()
