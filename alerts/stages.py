"""What an alert that fires passes before a receiver is told: a visible list of stages, each of which lets it pass or says why not.

What is held is asked about again at every look, so that an alert that is still bad is told when nothing holds it any more. Behind
the last stage it is rendered (`alerts.compose`) and delivered (`alerts.deliver`); a silence is kept there, so that the order of
messages stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from alerts.evaluation import RANK
from alerts.outgoing import Outgoing
from alerts.rules import fits
from alerts.sentence import headline
from alerts.states import AlertState
from alerts.windows import covers

Told = dict[tuple[str, int], list[str]]
"""Receivers that were told, by alert and episode."""


@dataclass(frozen=True)
class Case:
    """One alert that fires, and one receiver that it would be told to."""

    alert: AlertState
    receiver: str


@dataclass
class Scene:
    """What stages look at: who fires, who was told of what, and how many new alerts each receiver got lately.

    `told` and `lately` grow while a look goes on.
    """

    outgoing: Outgoing
    now: datetime
    firing: Sequence[AlertState]
    told: Told
    lately: dict[str, int]
    inhibiting: list[tuple[AlertState, dict[str, str]]] = field(default_factory=list)
    by_cause: dict[tuple[str, str], list[AlertState]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Look up once what may explain others."""
        for alert in self.firing:
            if (cause := cause_of(alert)) is not None:
                self.by_cause.setdefault(cause, []).append(alert)
        sources = [rule.source for rule in self.outgoing.book.inhibit]
        for alert in self.firing if sources else ():
            facts = self.outgoing.facts(alert)
            if any(fits(source, facts) for source in sources):
                self.inhibiting.append((alert, facts))

    def tell(self, case: Case) -> None:
        """Remember that a message is owed."""
        self.told.setdefault((case.alert.fingerprint, case.alert.episode), []).append(case.receiver)
        self.lately[case.receiver] = self.lately.get(case.receiver, 0) + 1


Stage = Callable[[Case, Scene], str]
"""Returns why the case is held; "" lets it pass."""


def inhibit(case: Case, scene: Scene) -> str:
    """Something graver that explains it fires already."""
    facts = scene.outgoing.facts(case.alert)
    for rule in (rule for rule in scene.outgoing.book.inhibit if fits(rule.target, facts)):
        for other, known in scene.inhibiting:
            same = all(known.get(key) == facts.get(key) for key in rule.equal)
            if same and other.fingerprint != case.alert.fingerprint and fits(rule.source, known):
                return f"explained by another alert: {headline(other, scene.outgoing.rule(other.rule_id))}"
    return ""


def mute(case: Case, scene: Scene) -> str:
    """Nobody wants to hear of it at this time."""
    windows = (one for one in scene.outgoing.book.mute if covers(one, scene.now))
    facts = scene.outgoing.facts(case.alert)
    return next((f"mute until {one.end} {one.zone}: {one.reason}" for one in windows if fits(one.match, facts)), "")


def group(case: Case, scene: Scene) -> str:
    """One cause is one message: another alert of the application with that cause was told of, and is as grave.

    A change that was held so stays quiet when the other one ends: it is evidence of the cause, not harm that goes on.
    """
    cause = cause_of(case.alert)
    for other in scene.by_cause.get(cause, ()) if cause else ():
        if other.fingerprint == case.alert.fingerprint:
            continue
        known = case.receiver in scene.told.get((other.fingerprint, other.episode), ())
        if known and RANK[other.severity] >= RANK[case.alert.severity]:
            return f"{SAME_CAUSE}: {headline(other, scene.outgoing.rule(other.rule_id))}"
    before = case.alert.memory.held.get(case.receiver, "")
    return before.removeprefix("group: ") if SAME_CAUSE in before and _is_change(case.alert) else ""


SAME_CAUSE: Final = "same cause as another alert"


def cause_of(alert: AlertState) -> tuple[str, str] | None:
    """Return application and likely cause; None where no cause is known."""
    signal = alert.memory.signal
    if signal is None or signal.about is None or not signal.about.cause:
        return None
    return signal.labels.get("app", ""), signal.about.cause


def _is_change(alert: AlertState) -> bool:
    return alert.memory.signal is not None and alert.memory.signal.name == "drift"


def digest(case: Case, scene: Scene) -> str:  # noqa: ARG001 - one signature for every stage
    """One message told of it together with others."""
    before = case.alert.memory.held.get(case.receiver, "")
    return before.removeprefix("digest: ") if IN_DIGEST in before else ""


def history(case: Case, scene: Scene) -> str:  # noqa: ARG001 - as above
    """It began before anybody watched here: one message tells of all of these."""
    signal = case.alert.memory.signal
    return PAST if signal is not None and signal.about is not None and signal.about.past else ""


IN_DIGEST: Final = "told in one message with others"
PAST: Final = "began before this application was watched"
CROWD: Final = "too many at once"


def dedup(case: Case, scene: Scene) -> str:
    """It was told already."""
    told = scene.told.get((case.alert.fingerprint, case.alert.episode), ())
    return "told already" if case.receiver in told else ""


def storm(case: Case, scene: Scene) -> str:
    """Its receiver got too many within minutes: one message tells of the others."""
    limit = scene.outgoing.book.storm
    if limit is None or scene.lately.get(case.receiver, 0) < limit.more_than:
        return ""
    return f"{CROWD}: more than {limit.more_than} within {limit.within}"


STAGES: Final[tuple[Stage, ...]] = (inhibit, mute, dedup, digest, group, history, storm)
"""In this order; the first that holds an alert says why."""


def held(case: Case, scene: Scene) -> str:
    """Return why `case` is not told now; "" where it passes every stage."""
    reasons: Iterator[str] = (f"{stage.__name__}: {why}" for stage in STAGES if (why := stage(case, scene)))
    return next(reasons, "")
