"""From transitions to messages owed: alert rows, reason trail and outbox rows, written in one transaction.

Every message has a key, `fingerprint:receiver:episode:kind:n`, that a repeated decision cannot add twice. Who is told
of the end of an episode is read from the outbox, not from the routes: a resolve is owed to everyone who was told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from alerts.compose import compose
from alerts.evaluation import RANK
from alerts.outgoing import Outgoing
from alerts.records import from_row, to_event, to_row
from alerts.stages import Case, Scene, Told, held
from alerts.states import AlertState, Kind, Transition
from monitor.state import ControlState, Transaction, acts, alerts, outbox
from monitor.wording import stretch

Row = dict[str, Any]


def known_alerts(txn: Transaction) -> list[AlertState]:
    """Return what the next evaluation needs to know: the last episode of every alert."""
    return [from_row(row) for row in alerts.latest_alerts(txn)]


def firing_alerts(txn: Transaction) -> list[AlertState]:
    """Return those of them that fire."""
    return [from_row(row) for row in alerts.firing_alerts(txn)]


def record(state: ControlState, transitions: Iterable[Transition], outgoing: Outgoing) -> int:
    """Write `transitions` and the messages they owe; return how many events there were. All or nothing."""
    with state.transaction() as txn:
        return record_within(txn, transitions, outgoing)


def record_within(txn: Transaction, transitions: Iterable[Transition], outgoing: Outgoing) -> int:
    """Do the same inside a transaction that has read what the transitions were decided from."""
    steps = sorted(transitions, key=_gravest_first)
    if not steps:
        return 0
    quiet = acts.silenced(txn, max(step.at for step in steps))
    looked = Looked(txn, outgoing, outbox.told_of_open(txn))
    keep(txn, steps)
    for step in steps:
        if follow_acts(txn, step, quiet):
            looked.look_again(step.alert)
    owed = [row for step in steps for row in messages(txn, step, outgoing, looked.audience(step))]
    looked.write()
    _make_way(txn, steps)
    outbox.queue_all(txn, owed)
    return sum(step.kind != "seen" for step in steps)


def _make_way(txn: Transaction, steps: Iterable[Transition]) -> None:
    """Retire reminders that wait to be told of what ends now."""
    waiting = outbox.waiting(txn, *URGING)
    for step in steps:
        episode = (step.alert.fingerprint, step.alert.episode)
        if step.kind == "resolved" and episode in waiting:
            outbox.supersede(txn, *episode, *URGING)


URGING: Final = ("reminder", "escalated")


def _gravest_first(step: Transition) -> tuple[int, bool]:
    """The order in which alerts of one look are told: of one cause the gravest speaks, harm before what explains it."""
    signal = step.alert.memory.signal
    return -RANK[step.alert.severity], signal is not None and signal.name == "drift"


@dataclass
class Looked:
    """A transaction, who was told of what goes on in it, and what the stages look at; read when it is first asked for.

    What the stages keep back is written by `write`, in one go.
    """

    txn: Transaction
    outgoing: Outgoing
    known: Told
    _scene: Scene | None = None
    _held: list[AlertState] = field(default_factory=list)
    _trail: list[Transition] = field(default_factory=list)

    def scene(self, now: datetime) -> Scene:
        """Return what the stages look at, the same for the whole transaction."""
        if self._scene is None:
            storm = self.outgoing.book.storm
            lately = outbox.begun_since(self.txn, now - storm.span) if storm else {}
            self._scene = Scene(self.outgoing, now, firing_alerts(self.txn), self.known, lately)
        return self._scene

    def audience(self, step: Transition) -> Sequence[str]:
        """Return who is owed a message about `step`."""
        alert = step.alert
        if step.kind == "firing":
            return self.passing(alert, self.outgoing.audience(alert), step.at)
        if step.kind == "severity":
            known = self.told(alert)
            others = [name for name in self.outgoing.audience(alert) if name not in known]
            return (*known, *self.passing(alert, others, step.at))
        if step.kind in {"resolved", "flapping", "acknowledged"} or (
            step.kind == "no_data" and step.numbers.get("then") == "alert"
        ):
            return self.told(alert)
        if step.kind == "assigned":
            return [name for name in self.outgoing.receivers() if name == step.numbers.get("to")]
        return ()

    def told(self, alert: AlertState) -> tuple[str, ...]:
        """Return who was, or is about to be, told of this episode."""
        return tuple(self.known.get((alert.fingerprint, alert.episode), ()))

    def look_again(self, alert: AlertState) -> None:
        """Messages about `alert` were retired: who was told of it is read anew."""
        self.known[alert.fingerprint, alert.episode] = told(self.txn, alert)

    def write(self) -> None:
        """Write what the stages kept back, and the lines of its trail."""
        alerts.save_alerts(self.txn, [to_row(alert) for alert in self._held])
        alerts.add_events(self.txn, [to_event(step) for step in self._trail])

    def passing(self, alert: AlertState, receivers: Iterable[str], now: datetime) -> list[str]:
        """Return those of `receivers` that `alert` is told to now; why the others are not is kept, and a line of its trail."""
        before, scene = dict(alert.memory.held), self.scene(now)
        reasons = {name: held(Case(alert, name), scene) for name in receivers}
        kept = {name: why for name, why in (before | reasons).items() if why}
        for name in (name for name, why in reasons.items() if not why):
            scene.tell(Case(alert, name))
        if kept != before:
            self._keep(alert, kept, before, now)
        return [name for name, why in reasons.items() if not why]

    def _keep(self, alert: AlertState, kept: dict[str, str], before: dict[str, str], now: datetime) -> None:
        after = replace(alert, memory=replace(alert.memory, held=kept))
        self._held.append(after)
        for name in (*kept, *(before.keys() - kept.keys())):
            if kept.get(name) != before.get(name):
                kind: Kind = "held" if name in kept else "heard"
                why = kept.get(name) or "nothing holds it any more"
                self._trail.append(Transition(kind, after, now, f"{name}: {why}", {}))


def tell_held(txn: Transaction, outgoing: Outgoing, now: datetime) -> int:
    """Tell of alerts that nothing holds any more; return how many messages that owes."""
    waiting = [alert for alert in firing_alerts(txn) if alert.memory.held]
    if not waiting:
        return 0
    looked, owed = Looked(txn, outgoing, outbox.told_of_open(txn)), 0
    for alert in sorted(waiting, key=lambda alert: -RANK[alert.severity]):
        receivers = looked.passing(alert, alert.memory.held, now)
        owe(txn, Transition("firing", alert, now, alert.reason, {}), outgoing, receivers)
        owed += len(receivers)
    looked.write()
    return owed


def keep(txn: Transaction, steps: Iterable[Transition]) -> None:
    """Write the alerts as they are after `steps`, and add the steps to their reason trails."""
    known = list(steps)
    alerts.save_alerts(txn, [to_row(step.alert) for step in known if step.kind != "inactive"])
    for step in known:
        if step.kind == "inactive":
            alerts.remove_alert(txn, step.alert.fingerprint, step.alert.episode)
    alerts.add_events(txn, [to_event(step) for step in known if step.kind != "seen"])


def follow_acts(txn: Transaction, step: Transition, quiet: Collection[str]) -> bool:
    """Let what people did follow `step`: an alert that got worse has to be taken up again, one that is good again is heard again.

    Returns whether messages were retired.
    Who would only now be told that a silenced alert had begun is not told of its end either. `quiet` are the alerts that are silenced.
    """
    fingerprint = step.alert.fingerprint
    if step.kind == "severity":
        acts.take_back(txn, fingerprint, step.alert.episode)
    if step.kind != "resolved" or fingerprint not in quiet:
        return False
    outbox.retire(txn, fingerprint, step.alert.episode)
    acts.lift_until_good(txn, fingerprint, step.at)
    return True


def told(txn: Transaction, alert: AlertState) -> list[str]:
    """Return who was, or is about to be, told of this episode."""
    rows = outbox.messages_of(txn, alert.fingerprint, alert.episode)
    return list(dict.fromkeys(row["receiver"] for row in rows if row["state"] != "superseded"))


def owe(txn: Transaction, step: Transition, outgoing: Outgoing, receivers: Iterable[str]) -> None:
    """Queue one message about `step` to each of `receivers`."""
    told_now = list(dict.fromkeys(receivers))
    if told_now and step.kind == "resolved":
        outbox.supersede(txn, step.alert.fingerprint, step.alert.episode, *URGING)
    outbox.queue_all(txn, messages(txn, step, outgoing, told_now))


def messages(txn: Transaction, step: Transition, outgoing: Outgoing, receivers: Sequence[str]) -> list[Row]:
    """Return the rows of the outbox that `step` owes to each of `receivers`."""
    alert = step.alert
    if not receivers:
        return []
    route = outgoing.route(alert) if step.kind == "firing" else None
    message = compose(step.kind, alert, outgoing.rule(alert.rule_id), step.at, step.reason, outgoing.link_base)
    body, delay = msgspec.json.encode(message).decode(), route.delay if route else timedelta(0)
    return [
        {
            "key": f"{alert.fingerprint}:{receiver}:{alert.episode}:{step.kind}:{_ordinal(txn, step, receiver)}",
            "fingerprint": alert.fingerprint,
            "receiver": receiver,
            "episode": alert.episode,
            "kind": step.kind,
            "body": body,
            "created_at": step.at,
            "due_at": step.at + delay,
        }
        for receiver in dict.fromkeys(receivers)
    ]


def _ordinal(txn: Transaction, step: Transition, receiver: str) -> int:
    """Number messages that can come more than once in an episode; fires and resolves come once."""
    if step.kind == "severity":
        return RANK[step.alert.severity]
    if step.kind not in {"reminder", "no_data", "digest"}:
        return 1
    rows = outbox.messages_of(txn, step.alert.fingerprint, step.alert.episode)
    return 1 + len([row for row in rows if row["kind"] == step.kind and row["receiver"] == receiver])


def unattended(txn: Transaction, now: datetime) -> list[AlertState]:
    """Return the alerts that fire, that nobody has taken up, and that are not silenced."""
    silenced, taken_up = acts.silenced(txn, now), acts.acknowledged(txn)
    return [
        a for a in firing_alerts(txn) if a.fingerprint not in silenced and (a.fingerprint, a.episode) not in taken_up
    ]


def remind(txn: Transaction, outgoing: Outgoing, alerts_left: Iterable[AlertState], now: datetime) -> int:
    """Queue the reminders of `alerts_left` (see `unattended`) that are due; return how many.

    Nobody is reminded of what they have not been told yet, and a reminder that still waits gives way to the new one,
    so that an outage ends with one reminder and not with a heap. What was snoozed is said again when the time is over.
    """
    left = {alert.fingerprint: alert for alert in alerts_left}
    reminded, rung = 0, acts.rung(txn, now)
    for last in outbox.last_messages(txn):
        alert = left.get(last["fingerprint"])
        route = outgoing.route(alert) if alert else None
        if alert is None or route is None or last["episode"] != alert.episode:
            continue
        waits = last["state"] in {"pending", "inflight"}
        said = last["sent_at"] or last["created_at"]
        early = now - said < route.reminder and said >= rung.get(alert.fingerprint, said)
        if early or (waits and last["kind"] != "reminder"):
            continue
        if waits:
            outbox.supersede(txn, alert.fingerprint, alert.episode, "reminder")
        owe(txn, Transition("reminder", alert, now, alert.reason, {}), outgoing, [last["receiver"]])
        reminded += 1
    return reminded


def escalate(txn: Transaction, outgoing: Outgoing, alerts_left: Iterable[AlertState], now: datetime) -> int:
    """Tell more people of those of `alerts_left` that waited too long; return how many messages that owes. Each is told once an episode."""
    owed = 0
    for alert in alerts_left:
        receivers = _too_late_for(txn, outgoing, alert, now)
        if receivers:
            waited = stretch((now - alert.started_at).total_seconds())
            why = f"firing for {waited}, and nobody has taken it up; {alert.reason}"
            owe(txn, Transition("escalated", alert, now, why, {}), outgoing, receivers)
            owed += len(receivers)
    return owed


def _too_late_for(txn: Transaction, outgoing: Outgoing, alert: AlertState, now: datetime) -> list[str]:
    """Return who has to be told that nobody has taken `alert` up, and was not yet."""
    route = outgoing.route(alert)
    late = [step for step in (route.escalate if route else ()) if now - alert.started_at >= step.delay]
    if not late:
        return []
    rows = outbox.messages_of(txn, alert.fingerprint, alert.episode)
    if alert.memory.held and not rows:
        return []  # nobody waits for an answer to what is held
    told_so = {row["receiver"] for row in rows if row["kind"] == "escalated"}
    return sorted({name for step in late for name in step.to} - told_so)
