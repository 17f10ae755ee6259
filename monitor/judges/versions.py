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
    return frozenset(one for name in named for one in members_of(str(name), judges))


def asked_by(rule: BoundRule, judges: Mapping[str, JudgeSettings]) -> frozenset[str]:
    """Return which of `judges` decide `rule`."""
    return frozenset(name for grader in judges_in(rule) for name in names_in(grader, judges))


def asks(grader: Judge, name: str, judges: Mapping[str, JudgeSettings]) -> bool:
    """Return whether a grader asks `name`, by itself or as a member of a panel, or is that panel."""
    return name in {grader.judge, grader.escalate_to} or name in names_in(grader, judges)


def members_of(name: str, judges: Mapping[str, JudgeSettings]) -> tuple[str, ...]:
    """Return who is asked where `name` is: the members of a panel, or the judge itself."""
    return judges[name].panel or (name,)


def graders_of_rate(rule: BoundRule, judges: Mapping[str, JudgeSettings]) -> frozenset[str]:
    """Return whose word makes the rate of `rule`: judges and panels, which are one grader each."""
    return frozenset(str(name) for one in judges_in(rule) for name in {one.judge, one.escalate_to} & judges.keys())


def rules_asking(policies: Sequence[Policy], judges: Mapping[str, JudgeSettings]) -> dict[str, frozenset[str]]:
    """Return the rules that connected judges are asked about, and which ones those are."""
    rules = [rule for policy in policies for rule in policy.rules]
    asked = {rule.id: asked_by(rule, judges) for rule in rules}
    return {rule: names for rule, names in asked.items() if names}


def hash_of(judge: JudgeSettings) -> str:
    """Return what changes whenever another model, or other words to it, may judge otherwise."""
    return stable_id(judge.transport, judge.url, judge.model, judge.file, FORM)


def hash_of_grader(name: str, judges: Mapping[str, JudgeSettings]) -> str:
    """Return the like of a judge or panel: a panel is another once a member is."""
    hashes = [hash_of(judges[one]) for one in members_of(name, judges)]
    return stable_id(name, *hashes) if judges[name].panel else hashes[0]
