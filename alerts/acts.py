"""What people do about an alert: take it up, give it to somebody, silence it, hear it again, close it. Each act is a line of its own trail.

Taking up ends reminders until the alert gets worse, and is told to those who were told of the alert. A silence holds back what is
said about an alert, but not its end to those who know of it; what is snoozed is said again when the time is over. Closing ends an
alert that is still bad; it begins again once it was good, or when it gets worse. Silences over several alerts: `alerts.quiet`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from alerts.message import clean
from alerts.outbox import record_within
from alerts.outgoing import Outgoing
from alerts.records import from_row
from alerts.states import AlertState, Transition
from monitor.errors import NotFound, UsageError
from monitor.state import Transaction, acts, alerts
from monitor.wording import minute

LONGEST_SNOOZE: Final = timedelta(days=1)

LONGEST: Final = timedelta(days=30)
"""A silence has an end within this, or lasts until the alert is good again: nothing is forgotten for ever."""

Act = Callable[["Hand", AlertState], str]
"""One act on an alert; the answer is what was done, as a sentence."""


@dataclass(frozen=True)
class Hand:
    """Who acts, when, and where it is written; one transaction."""

    txn: Transaction
    outgoing: Outgoing
    person: str
    now: datetime

    def record(self, step: Transition) -> None:
        """Write one step of an alert, and the messages it owes."""
        record_within(self.txn, [step], self.outgoing)


def the_alert(txn: Transaction, prefix: str) -> AlertState:
    """Return the last episode of the alert whose fingerprint begins with `prefix`. Raises `NotFound`, `UsageError`."""
    found = alerts.beginning_with(txn, prefix) if prefix else []
    if not found:
        raise NotFound(f"{clean(prefix, 40)!r} among the alerts (plumbline alerts list names them)")
    if len(found) > 1:
        raise UsageError(f"{len(found)} alerts begin with {prefix!r}; give more of its digits")
    return from_row(found[0])


def acknowledge(hand: Hand, alert: AlertState) -> str:
    """Take an alert up: nobody is reminded of it until it gets worse."""
    _demand_firing(alert, "taken up")
    if not acts.acknowledge(hand.txn, alert.fingerprint, alert.episode, hand.person, hand.now):
        known = acts.acknowledged(hand.txn)[alert.fingerprint, alert.episode]
        return f"{known['person']} has taken it up already, {minute(known['at'])}"
    hand.record(Transition("acknowledged", alert, hand.now, f"taken up by {hand.person}", {"person": hand.person}))
    return f"taken up by {hand.person}; nobody is reminded unless it gets worse"


def assign(person: str) -> Act:
    """Return the act that gives an alert to `person`, who is told of it where a receiver has that name. Raises `UsageError`."""
    if not person.strip():
        raise UsageError("to whom? give a name")

    def act(hand: Hand, alert: AlertState) -> str:
        _demand_firing(alert, "given to anybody")
        whom = clean(person.strip(), 100)
        acts.assign(hand.txn, alert.fingerprint, alert.episode, whom, hand.person, hand.now)
        said = f"given to {whom} by {hand.person}"
        hand.record(Transition("assigned", alert, hand.now, said, {"person": hand.person, "to": whom}))
        return said + (", who is told" if whom in hand.outgoing.receivers() else "")

    return act


def comment(text: str) -> Act:
    """Return the act that writes a line of the trail, also of an alert that is over. Raises `UsageError`."""
    if not text.strip():
        raise UsageError("a comment needs a text")

    def act(hand: Hand, alert: AlertState) -> str:
        said = f"{hand.person}: {clean(text, 1000)}"
        hand.record(Transition("commented", alert, hand.now, said, {"person": hand.person}))
        return "written down"

    return act


def snooze(lasts: timedelta) -> Act:
    """Return the act that is silent about an alert for `lasts` and then says it again, if it is still bad. Raises `UsageError`."""
    if not timedelta(0) < lasts <= LONGEST_SNOOZE:
        raise UsageError("an alert is snoozed for a day at most; a silence lasts longer")

    def act(hand: Hand, alert: AlertState) -> str:
        _demand_firing(alert, "snoozed")
        until = hand.now + lasts
        acts.take_back(hand.txn, alert.fingerprint, alert.episode)  # what is taken up would not be said again
        acts.silence(hand.txn, alert.fingerprint, hand.person, acts.SNOOZED, hand.now, until)
        said = f"snoozed by {hand.person} until {minute(until)}"
        hand.record(Transition("silenced", alert, hand.now, said, {"person": hand.person}))
        return f"snoozed until {minute(until)}; then it is said again, unless it is good"

    return act


def demand_reason(reason: str, lasts: timedelta | None) -> None:
    """Raise `UsageError` where a silence lacks a reason or would last too long."""
    if not reason.strip():
        raise UsageError("a silence needs a reason, for those who wonder why nobody was told")
    if lasts is not None and not timedelta(0) < lasts <= LONGEST:
        raise UsageError(f"a silence lasts up to {LONGEST.days} days, or until the alert is good again")


def silence(reason: str, lasts: timedelta | None) -> Act:
    """Return the act that silences an alert for `lasts`, or (None) until it is good again. Raises `UsageError`."""
    demand_reason(reason, lasts)

    def act(hand: Hand, alert: AlertState) -> str:
        until = None if lasts is None else hand.now + lasts
        acts.silence(hand.txn, alert.fingerprint, hand.person, clean(reason), hand.now, until)
        end = "it is good again" if until is None else minute(until)
        said = f"silenced by {hand.person} until {end}: {clean(reason)}"
        hand.record(Transition("silenced", alert, hand.now, said, {"person": hand.person}))
        return f"silent until {end}; who knows of it is still told when it ends"

    return act


def unsilence(hand: Hand, alert: AlertState) -> str:
    """End the silence of an alert; what waited leaves now."""
    if not acts.lift(hand.txn, alert.fingerprint, hand.person, hand.now):
        return "it is not silenced; nothing was changed"
    hand.record(Transition("unsilenced", alert, hand.now, f"heard again, by {hand.person}", {"person": hand.person}))
    return "heard again" + ("; what waited leaves now" if alert.is_open else "")


def close(useful: bool | None, note: str) -> Act:
    """Return the act that ends an alert, saying whether it was worth its message; of one that is over, that is all there is to say."""

    def act(hand: Hand, alert: AlertState) -> str:
        if alert.state == "resolved" and useful is not None:
            return _rate(hand, alert, useful=useful, note=note)
        _demand_firing(alert, "closed")
        said = f"closed by {hand.person}{_WORTH[useful]}" + (f": {clean(note)}" if note.strip() else "")
        memory = replace(alert.memory, closed=True)
        ended = replace(alert, state="resolved", ended_at=hand.now, reason=said, memory=memory)
        numbers: dict[str, Any] = {"person": hand.person, "useful": useful}
        hand.record(Transition("resolved", ended, hand.now, said, numbers))
        return f"{said}; it begins again once it was good, or when it gets worse"

    return act


def _rate(hand: Hand, alert: AlertState, *, useful: bool, note: str) -> str:
    said = f"called {_WORTH[useful].removeprefix(' as ')} by {hand.person}" + (
        f": {clean(note)}" if note.strip() else ""
    )
    hand.record(Transition("rated", alert, hand.now, said, {"person": hand.person, "useful": useful}))
    return said


_WORTH: Final = {None: "", True: " as useful", False: " as not useful"}


def _demand_firing(alert: AlertState, what: str) -> None:
    if alert.state != "firing":
        raise UsageError(f"this alert is {alert.state}, so that it cannot be {what}")
