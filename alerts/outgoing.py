"""Who is told of what: the rules, routes and receivers as messages need them, and Plumbline's alerts about itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from alerts.rules import OWN, AlertRule, Route, Rulebook
from alerts.states import AlertState
from monitor.model.values import Severity, Signal

DELIVERY: Final = AlertRule(
    id=f"{OWN}delivery",
    signal="delivery",
    title="Messages do not reach a receiver",
    severity=Severity.ERROR,
    category="pipeline.blind",
)
"""Plumbline's alert about itself. It has no entry in the rule file and is told to every other receiver."""

UNWELL: Final = AlertRule(
    id=f"{OWN}unwell",
    signal="unwell",
    title="A part of Plumbline does not work",
    severity=Severity.ERROR,
    category="pipeline.blind",
)
"""The other one: a step, rule, stream or job that fails again and again."""

WAITING: Final = AlertRule(
    id=f"{OWN}review",
    signal="review",
    title="A review waits for its reviewers",
    severity=Severity.INFO,
    category="review",
)
"""No fault, but told and reminded of in the same way: answers wait to be judged."""


STORM: Final = AlertRule(
    id=f"{OWN}storm",
    signal="storm",
    title="Many alerts at once",
    severity=Severity.ERROR,
    category="pipeline.storm",
)
"""What is told in one message, since a receiver was told of too much within minutes."""

HISTORY: Final = AlertRule(
    id=f"{OWN}history",
    signal="history",
    title="Wrong since before Plumbline watched",
    severity=Severity.WARNING,
    category="pipeline.history",
)
"""What an import brought along: it is known, and nobody is paged for it."""

OWN_RULES: Final = (DELIVERY, UNWELL, STORM, HISTORY, WAITING)


@dataclass(frozen=True)
class Outgoing:
    """What messages are made from: the rules, and the address of the dashboard ("" when there is none to link to)."""

    book: Rulebook
    link_base: str = ""

    def rule(self, rule_id: str) -> AlertRule | None:
        """Return the rule of that id, or None when it is gone from the file."""
        return next((rule for rule in (*self.book.rules, *OWN_RULES) if rule.id == rule_id), None)

    def route(self, alert: AlertState) -> Route | None:
        """Return who is told of `alert`; None only when its rule is gone from the file."""
        return self.book.route(self.facts(alert))

    def facts(self, alert: AlertState) -> dict[str, str]:
        """Return what routes, inhibitions and mute windows can match of `alert`."""
        rule, signal = self.rule(alert.rule_id), alert.memory.signal
        own = {"severity": str(alert.severity), "category": rule.category if rule else "", "id": alert.rule_id}
        labels = signal.labels if signal else dict(alert.labels)
        return {**labels, **_said(signal), **own, "signal": signal.name if signal else ""}

    def audience(self, alert: AlertState) -> tuple[str, ...]:
        """Return who is told that `alert` fires: the route, and the receiver that the policy pages, where there is one of that name."""
        route, page = self.route(alert), _said(alert.memory.signal).get("page")
        return (*(route.to if route else ()), *(name for name in self.receivers() if name == page))

    def receivers(self) -> list[str]:
        """Return the names of all receivers, in the order of the file."""
        return [receiver.name for receiver in self.book.receivers]


def _said(signal: Signal | None) -> dict[str, str]:
    """Return what a policy says about an alert, by what a route may match; nothing is said in empty words."""
    concern = signal.concern if signal else None
    said = {"owner": concern.owner, "incident": concern.category, "page": concern.page} if concern else {}
    return {key: word for key, word in said.items() if word}
