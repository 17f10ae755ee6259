"""Which judges decide a rule, and what of a judge changes whenever it may judge otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from monitor.config.schema import JudgeSettings
from monitor.graders.rubric import Judge
from monitor.judges.question import FORM
from monitor.model.values import stable_id
from monitor.policy.schema import BoundRule, Policy


def judges_in(rule: BoundRule) -> list[Judge]:
    """Return the judges that a rule asks anywhere."""
    return [grader for grader in rule.everyone if isinstance(grader, Judge)]


def names_in(grader: Judge, judges: Mapping[str, JudgeSettings]) -> frozenset[str]:
    """Return which of `judges` a grader asks, members of panels instead of those."""
    named = {grader.judge, grader.escalate_to} & judges.keys()
    return frozenset(one for name in named for one in (judges[str(name)].panel or (str(name),)))


def asked_by(rule: BoundRule, judges: Mapping[str, JudgeSettings]) -> frozenset[str]:
    """Return which of `judges` decide `rule`."""
    return frozenset(name for grader in judges_in(rule) for name in names_in(grader, judges))


def rules_asking(policies: Sequence[Policy], judges: Mapping[str, JudgeSettings]) -> dict[str, frozenset[str]]:
    """Return the rules that connected judges are asked about, and which ones those are."""
    rules = [rule for policy in policies for rule in policy.rules]
    asked = {rule.id: asked_by(rule, judges) for rule in rules}
    return {rule: names for rule, names in asked.items() if names}


def hash_of(judge: JudgeSettings) -> str:
    """Return what changes whenever another model, or other words to it, may judge otherwise."""
    return stable_id(judge.transport, judge.url, judge.model, judge.file, FORM)
