"""Whether a judge may decide a rule: what `decision` of the rule demands, held against the sure side of its card.

A judge that has not shown it yet only proposes: its verdict is kept as a proposal and the answer is `not_graded`, so that it counts in
no rate and no alert; the weekly review looks at it. What it proposed stays a proposal when the gate opens later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from monitor.graders.grader import Judgement
from monitor.judges.card import Card, Cards
from monitor.model.values import PROPOSED, Verdict
from monitor.policy.schema import BoundRule, Decision
from monitor.wording import minute, percent

SAYS: Final = {
    Verdict.VIOLATES: "it breaks the rule",
    Verdict.COMPLIES: "it keeps the rule",
    Verdict.BORDERLINE: "it is on the border",
}
"""Verdicts that a judge can propose, in words."""


@dataclass(frozen=True)
class Gates:
    """The gates of a house; `cards` returns what is known of its judges."""

    cards: Callable[[], Cards]

    def passed(
        self, rule: BoundRule, word: Judgement, judge: str, version: str, language: str | None
    ) -> tuple[Judgement, str | None]:
        """Return what stands of a judge's word on an answer in `language`, and what it only proposed, None where it decides."""
        if not guarded(rule.text.decision) or word.verdict not in SAYS:
            return word, None
        why = shut(rule.text.decision, self.cards().get((rule.id, judge, version, language or "")))
        if not why:
            return word, None
        reason = f"{PROPOSED}{judge}: {SAYS[word.verdict]} ({word.reason}); a person decides, since {why}"
        return replace(word, verdict=Verdict.NOT_GRADED, reason=reason), word.verdict.value


def guarded(decision: Decision) -> bool:
    """Whether a rule demands anything of its judges."""
    return decision.min_recall is not None or decision.max_false_alarm is not None


def shut(decision: Decision, card: Card | None) -> str:
    """Return why a judge with this card may not decide, "" where it may; the bound of the interval counts, not the value."""
    why = _lacking(decision, card)
    if not why or card is None or card.changed_at is None:
        return why
    return f"it changed under its name by {minute(card.changed_at)}, so that labels on what it said before do not count, and since then {why}"


def _lacking(decision: Decision, card: Card | None) -> str:
    """What labels that count do not show."""
    recall, alarms = (card.recall, card.alarms) if card else (None, None)
    if decision.min_recall is not None:
        if recall is None:
            return f"people have found no violation yet on which it could show that it finds {percent(decision.min_recall)}"
        if recall.low < decision.min_recall:
            return f"people's labels show that it finds at least {percent(recall.low, 1)} of violations, and {percent(decision.min_recall)} is asked"
    if decision.max_false_alarm is not None:
        if alarms is None:
            return f"people have seen no good answer yet on which it could show at most {percent(decision.max_false_alarm)} false alarms"
        if alarms.high > decision.max_false_alarm:
            return f"by people's labels it may blame up to {percent(alarms.high, 1)} of good answers, and at most {percent(decision.max_false_alarm)} is allowed"
    return ""
