"""What differs between two versions of a policy, in plain words, and how large a step that is by the rules of SemVer.

Major: an example of either version gets another verdict. Minor: rules, regions or examples were added, or limits moved. Patch: words
only. Computed from the examples that stand in the two files; what it would mean for real traffic says a preview.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from monitor.clock import Clock
from monitor.graders.cascade import judge
from monitor.graders.grader import Tools
from monitor.policy.cases import Example
from monitor.policy.checks import as_written
from monitor.policy.schema import BoundRule, Policy

Step = Literal["major", "minor", "patch", "none"]
WORDS: Final = frozenset({"title", "statement", "rationale", "controls", "crosswalk", "category"})
"""Keys of a rule that say it better and change nothing else."""


@dataclass(frozen=True)
class Change:
    """One difference; `rule_id` is None for what concerns the whole policy."""

    rule_id: str | None
    key: str
    before: Any
    after: Any

    def __str__(self) -> str:
        where = self.rule_id or "policy"
        if self.key == "rule":
            return f"{where}: {'new rule' if self.before is None else 'rule is gone'}"
        return f"{where}: {self.key} was {_said(self.before)}, is {_said(self.after)}"


def _said(value: Any) -> str:
    if value in (None, {}, []):
        return "not said"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def changes(before: Policy, after: Policy) -> list[Change]:
    """Return what differs, the whole policy first, then rule by rule."""
    one, other = (msgspec.to_builtins(policy.file) for policy in (before, after))
    rules = [{rule["id"]: rule for rule in file.pop("rules")} for file in (one, other)]
    found = [Change(None, key, a, b) for key, a, b in _differing(one, other)]
    for rule_id in dict.fromkeys([*rules[0], *rules[1]]):
        old, new = (side.get(rule_id) for side in rules)
        if old is None or new is None:
            found.append(Change(rule_id, "rule", old, new))
        else:
            found += [Change(rule_id, key, a, b) for key, a, b in _differing(old, new)]
    return found


def _differing(one: Any, other: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in dict.fromkeys([*one, *other]):
            yield from _differing(one.get(key), other.get(key), f"{path}.{key}" if path else str(key))
    elif one != other:
        yield path, one, other


def flips(before: Policy, after: Policy, clock: Clock) -> list[tuple[str, str, str, str]]:
    """Return rule, example, verdict before and after of every example of either version on which they differ."""
    found = []
    new = {rule.id: rule for rule in after.rules}
    for rule in before.rules:
        if rule.id in new:
            frozen = {(e.input, e.output): e for e in (*rule.text.examples, *new[rule.id].text.examples)}
            for example in frozen.values():
                a, b = (_verdict(one, example, clock) for one in (rule, new[rule.id]))
                if a != b:
                    found.append((rule.id, example.id, a, b))
    return found


def _verdict(rule: BoundRule, example: Example, clock: Clock) -> str:
    graders = as_written(rule.asked, example)
    return str(judge(graders, [example.turn()], Tools(clock))[0].judgement.verdict) if graders else "never graded"


def step(found: list[Change], flipped: list[tuple[str, str, str, str]]) -> Step:
    """Return how the version has to move."""
    gone = any(change.key == "rule" and change.after is None for change in found)
    if flipped or gone:
        return "major"
    weighty = [c for c in found if c.key not in {"policy.version", "policy.supersedes"}]
    if any(c.rule_id is None or c.key not in WORDS for c in weighty):
        return "minor"
    return "patch" if weighty else "none"
