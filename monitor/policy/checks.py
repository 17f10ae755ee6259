"""What makes a well-formed policy wrong, and what only makes it weak.

Wrong (an error): ids used twice, examples that contradict each other or the rule's own graders, an expired exception.
Weak (a `Lint`): wording a reader can bend, too few examples, nobody in charge.
"""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from typing import Final

from monitor.clock import Clock
from monitor.config.yaml_lines import Step, YamlText
from monitor.errors import ConfigError
from monitor.graders.cascade import judge
from monitor.graders.grader import Grader, Tools, kind_of
from monitor.graders.leaks import PersonalData, counting_tests
from monitor.graders.rubric import Judge
from monitor.model.values import Verdict
from monitor.policy.cases import Example
from monitor.policy.controls import unknown_control
from monitor.policy.schema import BoundRule, Policy

VAGUE: Final = re.compile(
    r"\b(generally|usually|normally|typically|mostly|often|sometimes|appropriately|reasonabl[ye]|properly|where possible"
    r"|if possible|as needed|ideally|preferably|somewhat|etc)\b",
    re.IGNORECASE,
)
"""Words under which two fair readers reach two verdicts."""

HEAVIEST: Final = 1000.0
WANTED: Final = {"violates": 3, "complies": 3, "borderline": 1}
"""Examples a rule should have, by label."""


@dataclass(frozen=True)
class Lint:
    """A weakness that does not stop a policy from being used."""

    path: str
    line: int | None
    rule_id: str | None
    warning: str


def check_shape(source: YamlText, policy: Policy, clock: Clock) -> None:
    """Raise `ConfigError` for the first thing in one policy that cannot be meant, whatever its examples say."""
    _check_ids(source, policy)
    _check_precedence(source, policy)
    for number, rule in enumerate(policy.rules):
        _check_exceptions(source, policy, number, clock.now().date())
        _check_thresholds(source, rule, ("rules", number, "thresholds"))
        _check_weight(source, rule, ("rules", number, "sampling", "weight"))
        _check_demands(source, rule, ("rules", number, "decision"))
        _check_controls(source, rule, ("rules", number, "controls"))


def check_examples(source: YamlText, policy: Policy, tools: Tools) -> None:
    """Raise `ConfigError` for the first example of one policy that its own graders contradict."""
    for number, rule in enumerate(policy.rules):
        for position, example in enumerate(rule.text.examples):
            _check_example(source, rule, example, ("rules", number, "examples", position), tools)


def check_together(loaded: Sequence[tuple[YamlText, Policy]]) -> None:
    """Raise `ConfigError` when two policies, or two rules, cannot both hold."""
    policies: dict[str, str] = {}
    rules: dict[str, str] = {}
    for source, policy in loaded:
        if policy.id in policies:
            raise source.error(("policy", "id"), f"policy `{policy.id}` is also in {policies[policy.id]}", _RENAME)
        policies[policy.id] = source.path
        for number, rule in enumerate(policy.rules):
            if rule.id in rules:
                raise source.error(("rules", number, "id"), f"rule `{rule.id}` is also in {rules[rule.id]}", _RENAME)
            rules[rule.id] = source.path
    for one in loaded:
        _check_examples([one])
    for one, other in combinations(loaded, 2):
        if _overlap(one[1], other[1]):
            _check_examples([one, other])


_RENAME: Final = "grades are kept by id, so each id names one thing for ever"


def lint(policy: Policy, source_text: str) -> list[Lint]:
    """Return what is weak in `policy`; `source_text` is the text of its file, for line numbers."""
    source = YamlText(policy.path, source_text)
    found = [*_lint_header(policy), *(hit for n, rule in enumerate(policy.rules) for hit in _lint_rule(n, rule))]
    return [Lint(policy.path, source.line(steps), rule_id, warning) for steps, rule_id, warning in found]


Hit = tuple[tuple[Step, ...], str | None, str]


def _lint_header(policy: Policy) -> Iterator[Hit]:
    if policy.file.policy.owner is None:
        yield ("policy",), None, "nobody owns this policy; name an owner"
    if len(policy.rules) > 1 and not policy.file.precedence:
        yield ("policy",), None, "no precedence says which rule wins when several apply"


def _lint_rule(number: int, rule: BoundRule) -> Iterator[Hit]:
    at: tuple[Step, ...] = ("rules", number)
    vague = VAGUE.search(rule.text.statement)
    if vague:
        yield (*at, "statement"), rule.id, f"`{vague.group().lower()}` lets two readers disagree; say when"
    counts: Counter[str] = Counter(example.label for example in rule.text.examples)
    missing = [f"{wanted - counts[label]} {label}" for label, wanted in WANTED.items() if counts[label] < wanted]
    if missing:
        yield (*at, "examples"), rule.id, f"too few examples: add {', '.join(missing)}"
    if not any("over-refusal" in example.tags for example in rule.text.examples):
        yield (
            (*at, "examples"),
            rule.id,
            "no look-alike that complies (tag over-refusal) guards against too strict a reading",
        )
    if not rule.asked:
        yield at, rule.id, "no grader runs for this rule; it is never graded"


def _check_ids(source: YamlText, policy: Policy) -> None:
    rules: dict[str, int] = {}
    if not policy.rules:
        raise source.error(("rules",), f"policy `{policy.id}` has no rules", "add one, or delete the file")
    for number, rule in enumerate(policy.rules):
        if rule.id in rules:
            raise source.error(("rules", number, "id"), f"rule id `{rule.id}` is used twice", _RENAME)
        rules[rule.id] = number
        seen: set[str] = set()
        for position, example in enumerate(rule.text.examples):
            if example.id in seen:
                steps = ("rules", number, "examples", position, "id")
                raise source.error(steps, f"example id `{example.id}` is used twice in rule `{rule.id}`", "number them")
            seen.add(example.id)


def _check_precedence(source: YamlText, policy: Policy) -> None:
    for number, pattern in enumerate(policy.file.precedence):
        if not any(fnmatch.fnmatchcase(rule.id, pattern) for rule in policy.rules):
            raise source.error(
                ("precedence", number), f"precedence `{pattern}` matches no rule", "name a rule or drop it"
            )


def _check_exceptions(source: YamlText, policy: Policy, number: int, today: date) -> None:
    rule = policy.rules[number]
    for position, exemption in enumerate(rule.text.exceptions):
        if policy.status != "retired" and exemption.expires < today:
            steps = ("rules", number, "exceptions", position, "expires")
            problem = f"exception `{exemption.id}` of rule `{rule.id}` expired on {exemption.expires}"
            raise source.error(steps, problem, "renew it with its approver, or remove it")


def _check_thresholds(source: YamlText, rule: BoundRule, at: tuple[Step, ...]) -> None:
    limits = rule.text.thresholds
    for key in ("warn_rate", "incident_rate"):
        rate = getattr(limits, key)
        if rate is not None and not 0 < rate < 1:
            hint = "say zero_tolerance: true" if rate == 0 else "write 0.01 for 1 %"
            raise source.error((*at, key), f"{key} {rate:g} of rule `{rule.id}` is not between 0 and 1", hint)
    if None not in (limits.warn_rate, limits.incident_rate) and (limits.warn_rate or 0) > (limits.incident_rate or 0):
        raise source.error((*at, "warn_rate"), f"rule `{rule.id}` warns beyond its incident rate", "warn earlier")


def _check_weight(source: YamlText, rule: BoundRule, at: tuple[Step, ...]) -> None:
    weight = rule.text.sampling.weight
    if not 0 < weight <= HEAVIEST:
        problem = f"weight {weight:g} of rule `{rule.id}` is not between 0 and {HEAVIEST:g}"
        raise source.error(at, problem, "write 5 for five times as often as the rate of the app")


def _check_demands(source: YamlText, rule: BoundRule, at: tuple[Step, ...]) -> None:
    """What is asked of a judge has to be such that labels can show it."""
    for key in ("min_recall", "max_false_alarm"):
        bound = getattr(rule.text.decision, key)
        if bound is not None and not 0 < bound < 1:
            problem = f"{key} {bound:g} of rule `{rule.id}` is not between 0 and 1"
            raise source.error((*at, key), problem, "write 0.9 for 90 %; all of it no number of labels can show")


def _check_controls(source: YamlText, rule: BoundRule, at: tuple[Step, ...]) -> None:
    for number, control in enumerate(rule.text.controls):
        problem = unknown_control(control)
        if problem:
            raise source.error((*at, number), f"unknown control `{control}` in rule `{rule.id}`", problem)


def _check_example(source: YamlText, rule: BoundRule, example: Example, steps: tuple[Step, ...], tools: Tools) -> None:
    """A judge may yet find what local graders miss; what they do find stands."""
    local = tuple(grader for grader in rule.asked if not isinstance(grader, Judge))
    if not local or example.label == "borderline":
        return
    asked = as_written(local, example)
    judgement = judge(asked, [example.turn()], tools)[0].judgement
    labelled = f"contradiction: example `{example.id}` of rule `{rule.id}` is labelled {example.label}"
    if example.label == "complies" and judgement.verdict is Verdict.VIOLATES:
        why = f"{judgement.reason}{_quoted(example.output, judgement.span)}"
        raise source.error(steps, f"{labelled}, but its graders say violates: {why}", _CHANGE)
    if example.label == "violates" and judgement.verdict is Verdict.COMPLIES and local == rule.asked:
        raise source.error(
            steps, f"{labelled}, but no grader of it finds anything: {_words(asked, example, tools)}", _CHANGE
        )


def as_written(graders: Sequence[Grader], example: Example) -> tuple[Grader, ...]:
    """Return `graders` as they read an example: nobody writes real data into one, so a test value stands for a real one."""
    counts = example.label == "violates"
    return tuple(counting_tests(g) if counts and isinstance(g, PersonalData) else g for g in graders)


_CHANGE: Final = "change the one that is wrong"


def _quoted(output: str, span: tuple[int, int] | None) -> str:
    """An example is its author's own text, so an error may quote it, unlike an answer."""
    return "" if span is None else f' ("{" ".join(output[slice(*span)].split())[:60]}")'


def _words(graders: Sequence[Grader], example: Example, tools: Tools) -> str:
    """Return what each grader said, for a person who expected that one of them finds it."""
    said = (judge([grader], [example.turn()], tools)[0].judgement.reason for grader in graders)
    return "; ".join(f"{kind_of(grader)}: {reason}" for grader, reason in zip(graders, said, strict=True))


def _check_examples(loaded: Sequence[tuple[YamlText, Policy]]) -> None:
    labelled: dict[tuple[object, ...], tuple[str, str]] = {}
    for source, policy in loaded:
        for number, rule in enumerate(policy.rules):
            for position, example in enumerate(rule.text.examples):
                if example.label == "borderline":
                    continue
                label, where = labelled.setdefault(_text_of(example), (example.label, f"{rule.id}/{example.id}"))
                if label != example.label:
                    raise _contradiction(source, ("rules", number, "examples", position), rule, example, where)


def _text_of(example: Example) -> tuple[object, ...]:
    said = None if example.input is None else " ".join(example.input.split())
    around = (example.system, example.retrieved, tuple(call.use() for call in example.calls))
    return said, " ".join(example.output.split()), around


def _contradiction(
    source: YamlText, steps: tuple[Step, ...], rule: BoundRule, example: Example, where: str
) -> ConfigError:
    problem = f"contradiction: example `{rule.id}/{example.id}` and `{where}` are one text with opposite labels"
    return source.error(steps, problem, "add the input that makes the difference, or change one label")


def _overlap(one: Policy, other: Policy) -> bool:
    in_force = all(policy.status in ("active", "shadow") for policy in (one, other))
    return in_force and (not one.apps or not other.apps or not set(one.apps).isdisjoint(other.apps))
