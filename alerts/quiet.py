"""Silences over several alerts, by what they are about: what one would hold now, and an end by the clock.

With an end, whatever fits is silenced when it fires, until then. Without one, those that fire now are silent until they are good
again, each for itself: nothing that begins later is held back by somebody who could not know of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from alerts.acts import Hand, demand_reason, silence
from alerts.message import clean
from alerts.outbox import firing_alerts, record_within
from alerts.outgoing import Outgoing
from alerts.rules import fits
from alerts.states import AlertState, Transition
from monitor.state import Transaction, acts, silence_orders
from monitor.wording import counted, minute


def would_hold(alerts: Iterable[AlertState], where: Mapping[str, str], outgoing: Outgoing) -> list[AlertState]:
    """Return those of `alerts` that a silence about `where` holds."""
    return [alert for alert in alerts if fits(dict(where), outgoing.facts(alert))]


@dataclass(frozen=True)
class Wide:
    """What `where` and a reason have in common: silencing all that fits, and hearing it again."""

    where: Mapping[str, str]

    def silence(self, hand: Hand, reason: str, lasts: timedelta | None) -> dict[str, Any]:
        """Silence what fits; say which alerts that is now. Raises `UsageError`."""
        demand_reason(reason, lasts)
        held = would_hold(firing_alerts(hand.txn), self.where, hand.outgoing)
        if lasts is None:
            for alert in held:
                silence(reason, None)(hand, alert)
            return {"holds": len(held), "done": f"{counted(len(held), 'alert')} silent, each until it is good again"}
        until = hand.now + lasts
        silence_orders.order(hand.txn, self.where, hand.person, clean(reason), hand.now, until)
        follow_orders(hand.txn, hand.outgoing, hand.now)
        now = f"{counted(len(held), 'alert')} now" if held else "nothing now"
        return {"holds": len(held), "done": f"silent until {minute(until)}: {now}, and what fires until then"}

    def hear(self, hand: Hand) -> dict[str, Any]:
        """End the silence of what fits; what waited leaves now."""
        heard = silence_orders.lift(hand.txn, self.where, hand.person, hand.now)
        for alert in firing_alerts(hand.txn):
            if alert.fingerprint in heard:
                said = f"heard again, by {hand.person}"
                hand.record(Transition("unsilenced", alert, hand.now, said, {"person": hand.person}))
        return {"holds": 0, "done": f"{counted(len(heard), 'alert')} heard again"}


def follow_orders(txn: Transaction, outgoing: Outgoing, now: datetime) -> int:
    """Silence what fires and fits a silence over several alerts, each alert once; return how many were."""
    orders = silence_orders.running(txn, now)
    steps = [step for order in orders for step in _follow(txn, outgoing, order, now)]
    record_within(txn, steps, outgoing)
    return len(steps)


def _follow(txn: Transaction, outgoing: Outgoing, order: dict[str, Any], now: datetime) -> list[Transition]:
    done, silent = silence_orders.followed(txn, order["id"]), acts.silenced(txn, now)
    steps = []
    for alert in would_hold(firing_alerts(txn), order["where"], outgoing):
        if alert.fingerprint in done or alert.fingerprint in silent:
            continue
        person, reason, until = order["person"], order["reason"], order["until"]
        acts.silence(txn, alert.fingerprint, person, reason, now, until, order["id"])
        said = f"silenced by {person} until {minute(until)}, with what is like it: {reason}"
        steps.append(Transition("silenced", alert, now, said, {"person": person}))
    return steps
