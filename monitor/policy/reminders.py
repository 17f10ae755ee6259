"""What a policy has to be reminded of: keys that wait for something, dates that come near. None of it stops a policy."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, timedelta
from typing import Final

from monitor.config.yaml_lines import Step, YamlText
from monitor.graders.evidently import Evidently
from monitor.graders.rubric import Judge
from monitor.policy.checks import Lint
from monitor.policy.schema import BoundRule, Policy

SOON: Final = timedelta(days=30)
"""So long before a date it is told."""

REVIEWS: Final = "is not read by the weekly review yet: what no grader can judge is picked for it as other answers are"
PICKED: Final = (
    "puts what is flagged among the risks that the weekly review picks, as many as its size allows; it promises no more"
)
CARDS: Final = "lets the judge decide once the labels of people show it; until then it only proposes, and no rate or alert counts it"
JUDGES: Final = "waits for judges, which are not connected yet; until then local graders decide alone"
HEAVY: Final = (
    "runs in a process of its own that takes half a minute to start and 300 MB; how often it is right is not measured"
)

Hit = tuple[tuple[Step, ...], str | None, str]


def waiting(policy: Policy, source_text: str, judges: Collection[str] = ()) -> list[Lint]:
    """Return the keys of `policy` that have no effect yet, and for what each waits; `source_text` is its file's text.

    `judges` are the names of those that are connected.
    """
    rules = (hit for n, rule in enumerate(policy.rules) for hit in _rule_waits(n, rule, judges))
    hits = [*_header_waits(policy, judges), *rules]
    return _placed(policy, source_text, hits)


def due(policy: Policy, source_text: str, today: date) -> list[Lint]:
    """Return what of `policy` has to be looked at by now, or soon."""
    hits = [
        *_header_due(policy, today),
        *(hit for n, rule in enumerate(policy.rules) for hit in _rule_due(n, rule, today)),
    ]
    return _placed(policy, source_text, hits)


def _placed(policy: Policy, source_text: str, hits: list[Hit]) -> list[Lint]:
    source = YamlText(policy.path, source_text)
    return [Lint(policy.path, source.line(steps), rule_id, warning) for steps, rule_id, warning in hits]


def _header_waits(policy: Policy, judges: Collection[str]) -> Iterator[Hit]:
    said = policy.file.defaults
    if said.on_uncertain == "human_review":
        yield ("defaults", "on_uncertain"), None, f"on_uncertain: human_review {REVIEWS}"
    if said.judge not in {"none", *judges}:
        yield ("defaults", "judge"), None, f"judge: {said.judge} {JUDGES}"


def _rule_waits(number: int, rule: BoundRule, judges: Collection[str]) -> Iterator[Hit]:
    at: tuple[Step, ...] = ("rules", number)
    if rule.text.sampling.always_review_if_flagged:
        yield (*at, "sampling", "always_review_if_flagged"), rule.id, f"always_review_if_flagged {PICKED}"
    for key in ("min_recall", "max_false_alarm"):
        wanted = getattr(rule.text.decision, key)
        if wanted is not None:
            yield (*at, "decision", key), rule.id, f"{key} {wanted:g} {CARDS if _judged(rule, judges) else JUDGES}"
    for position, grader in enumerate(rule.text.graders):
        if isinstance(grader, Judge) and not _asked(rule, grader, judges):
            yield (*at, "graders", position), rule.id, f"a judge by {grader.rubric} {JUDGES}"
        if isinstance(grader, Evidently):
            yield (*at, "graders", position), rule.id, f"Evidently's {grader.descriptor} {HEAVY}"
    seen = (
        frozenset[str]().union(*(grader.looks_at for grader in rule.text.graders)) if rule.text.graders else {"output"}
    )
    for position, surface in enumerate(rule.text.surface):
        if surface not in seen:
            yield (*at, "surface", position), rule.id, f"surface {surface} waits for a grader that looks there"


def _judged(rule: BoundRule, judges: Collection[str]) -> bool:
    """Whether some connected judge is asked about a rule."""
    return any(isinstance(one, Judge) and one.judge in judges for one in rule.asked)


def _asked(rule: BoundRule, grader: Judge, judges: Collection[str]) -> bool:
    """Whether some connected judge is asked by the rubric of `grader`."""
    bound = (one for one in rule.asked if isinstance(one, Judge) and one.rubric == grader.rubric)
    return any(one.judge in judges for one in bound)


def _header_due(policy: Policy, today: date) -> Iterator[Hit]:
    header = policy.file.policy
    if policy.status != "retired" and header.review_by is not None and header.review_by - today <= SOON:
        past = "was" if header.review_by < today else "is"
        yield ("policy", "review_by"), None, f"the review of this policy {past} due by {header.review_by}"
    if header.effective is not None and header.effective > today:
        yield (
            ("policy", "effective"),
            None,
            f"in force from {header.effective} on; until then it grades and tells nobody",
        )
    if header.supersedes == header.version:
        yield ("policy", "supersedes"), None, f"version {header.version} supersedes itself; name the one before"


def _rule_due(number: int, rule: BoundRule, today: date) -> Iterator[Hit]:
    for position, exemption in enumerate(rule.text.exceptions):
        if today <= exemption.expires <= today + SOON:
            steps = ("rules", number, "exceptions", position, "expires")
            yield (
                steps,
                rule.id,
                f"exception {exemption.id} ends on {exemption.expires}; renew it with {exemption.approved_by}",
            )
