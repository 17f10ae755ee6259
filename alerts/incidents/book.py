"""The book of incidents: opened from an alert, followed by what people note, closed with what was learnt.

Each act works in a transaction that is handed in, beside its line of the audit. Evidence is put on hold when an incident is opened:
the example traces of its alert, for ninety days, owned by whoever owns the incident.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from alerts.incidents.playbooks import playbook_for, text_of
from alerts.incidents.severity import Weighed, weigh
from alerts.message import clean
from alerts.outgoing import Outgoing
from alerts.records import from_row
from alerts.sentence import affected, before_and_now, cause, ended, headline
from alerts.states import AlertState
from monitor.errors import NotFound, UsageError
from monitor.state import Transaction, alerts, holds, incidents, outbox
from monitor.wording import minute

KEPT: Final = timedelta(days=90)
"""How long evidence is held before somebody has to look again."""

LONGEST: Final = 10_000
Row = dict[str, Any]
Forms = Callable[[str], frozenset[str]]
"""Every way in which the id of a trace may be written down."""


@dataclass(frozen=True)
class Opening:
    """What an incident is opened with; what is empty follows from the alert."""

    title: str = ""
    owner: str = ""
    playbook: str = ""
    weighed: Weighed | None = None


@dataclass(frozen=True)
class Book:
    """The incidents of one data directory."""

    outgoing: Outgoing
    forms: Forms

    def open(self, txn: Transaction, alert: AlertState, asked: Opening, person: str, now: datetime) -> Row:
        """Open an incident about `alert`, or join the one that is open about it; say its number and what is held."""
        known = incidents.about(txn, alert.fingerprint, alert.episode)
        if known is not None:
            return {"number": known, "done": f"incident {known} is open about it already"}
        number = incidents.add(txn, self._row(alert, asked, person, now))
        incidents.link(txn, number, alert.fingerprint, alert.episode)
        incidents.add_event(txn, number, now, person, "opened", f"opened by {person}")
        kept = self._hold(txn, alert, number, asked.owner or person, now)
        if kept:
            incidents.add_event(
                txn, number, now, person, "hold", f"{kept} traces are on hold until {minute(now + KEPT)}"
            )
        return {"number": number, "done": f"incident {number} is open; {kept} traces are on hold as evidence"}

    def _row(self, alert: AlertState, asked: Opening, person: str, now: datetime) -> Row:
        signal = alert.memory.signal
        about, concern = (signal.about, signal.concern) if signal else (None, None)
        rule = self.outgoing.rule(alert.rule_id)
        category = (concern.category if concern else "") or (rule.category if rule else "")
        playbook = asked.playbook or (concern.playbook if concern else "") or playbook_for(category)
        weighed = asked.weighed or weigh(alert.severity, about.users if about else None, playbook)
        return {
            "title": clean(asked.title or headline(alert, rule)),
            "severity": str(weighed.severity),
            "weighed": msgspec.json.encode(weighed).decode(),
            "playbook": clean(playbook),
            "owner": clean(asked.owner or (concern.owner if concern else "") or person),
            "opened_at": now,
            "opened_by": person,
            "n_users": about.users if about else None,
            "n_turns": about.turns if about else None,
        }

    def _hold(self, txn: Transaction, alert: AlertState, number: int, owner: str, now: datetime) -> int:
        examples = alert.memory.signal.examples if alert.memory.signal else ()
        reason = f"evidence of incident {number}"
        for trace in examples:
            holds.add(txn, "trace", self.forms(trace), owner, reason, now + KEPT, owner, now)
        return len(examples)

    def note(self, txn: Transaction, number: int, kind: str, text: str, person: str, now: datetime) -> Row:
        """Add a note, a task, or what was done, to an incident that is open. Raises `NotFound`, `UsageError`."""
        self._open_one(txn, number)
        if not text.strip() or len(text) > LONGEST:
            raise UsageError(f"a {kind} has a text, of at most {LONGEST} characters")
        incidents.add_event(txn, number, now, person, kind, text.strip())
        return {"number": number, "done": f"incident {number}: {kind} written"}

    def close(self, txn: Transaction, number: int, review: str, person: str, now: datetime) -> Row:
        """Close an incident with what was learnt. Raises `NotFound`, `UsageError`."""
        self._open_one(txn, number)
        if not review.strip() or len(review) > LONGEST:
            raise UsageError("closing needs what was learnt: --review TEXT")
        self._count(txn, number)
        incidents.change(txn, number, closed_at=now, closed_by=person, review=review.strip())
        incidents.add_event(txn, number, now, person, "closed", review.strip())
        return {
            "number": number,
            "done": f"incident {number} is closed; its evidence stays on hold until it is released",
        }

    def _open_one(self, txn: Transaction, number: int) -> Row:
        row = _one(txn, number)
        if row["closed_at"] is not None:
            raise UsageError(f"incident {number} is closed")
        return row

    def _count(self, txn: Transaction, number: int) -> None:
        """Write the most users and turns that its alerts have known."""
        row = _one(txn, number)
        abouts = [alert.memory.signal.about for alert in _alerts(txn, number) if alert.memory.signal]
        users = [row["n_users"], *(about.users for about in abouts if about)]
        turns = [row["n_turns"], *(about.turns for about in abouts if about)]
        incidents.change(txn, number, n_users=_most(users), n_turns=_most(turns))

    def shown(self, txn: Transaction, number: int) -> Row:
        """Return one incident with its alerts as sentences, its timeline and its playbook. Raises `NotFound`."""
        row = _one(txn, number)
        told = [self._alert(alert) for alert in _alerts(txn, number)]
        return {
            **row,
            "weighed": json.loads(row["weighed"]),
            "status": status(row),
            "alerts": told,
            "timeline": self.timeline(txn, number),
            "playbook_text": text_of(row["playbook"]),
        }

    def _alert(self, alert: AlertState) -> Row:
        signal = alert.memory.signal
        return {
            "fingerprint": alert.fingerprint,
            "episode": alert.episode,
            "title": (headline if alert.is_open else ended)(alert, self.outgoing.rule(alert.rule_id)),
            "affected": affected(signal),
            "change": before_and_now(signal),
            "cause": cause(signal),
            "state": alert.state,
            "began_at": signal.about.began if signal and signal.about else None,
            "noticed_at": alert.started_at,
            "ended_at": alert.ended_at,
            "examples": list(signal.examples) if signal else [],
        }

    def timeline(self, txn: Transaction, number: int) -> list[Row]:
        """Return what happened, oldest first: steps of the alerts, who was told, and what people did."""
        lines = [{"at": row["at"], "who": row["person"], "what": _did(row)} for row in incidents.events(txn, number)]
        for fingerprint, episode in incidents.alerts_of(txn, number):
            lines += _steps(txn, fingerprint, episode)
        return sorted(lines, key=lambda line: line["at"])


def status(row: Mapping[str, Any]) -> str:
    """Return how an incident stands, in a word."""
    return "open" if row["closed_at"] is None else "closed"


def _one(txn: Transaction, number: int) -> Row:
    row = incidents.numbered(txn, number)
    if row is None:
        raise NotFound(f"incident {number}")
    return row


def _alerts(txn: Transaction, number: int) -> list[AlertState]:
    wanted = set(incidents.alerts_of(txn, number))
    return [from_row(row) for row in alerts.all_alerts(txn) if (row["fingerprint"], row["episode"]) in wanted]


def _most(known: list[int | None]) -> int | None:
    return max((number for number in known if number is not None), default=None)


_DID: Final = {"note": "wrote: ", "task": "has to be done: ", "done": "was done: ", "closed": "closed, having learnt: "}


def _did(row: Row) -> str:
    return f"{_DID.get(row['kind'], '')}{row['text']}"


_STEPS: Final = {  # what is put before the reason of a step; some reasons say all of it
    "firing": "the alert fired: ",
    "resolved": "it was over: ",
    "severity": "it got worse: ",
    "flapping": "it keeps coming back: ",
    "no_data": "nothing more was heard: ",
    "unsilenced": "",
    "assigned": "",
    "commented": "comment of ",
    "acknowledged": "",
    "silenced": "",
}


def _steps(txn: Transaction, fingerprint: str, episode: int) -> Iterator[Row]:
    for event in alerts.events_of(txn, fingerprint):
        if event["episode"] == episode and event["kind"] in _STEPS:
            yield {"at": event["at"], "who": "Plumbline", "what": f"{_STEPS[event['kind']]}{event['reason']}"}
    for sent in outbox.messages_of(txn, fingerprint, episode):
        if sent["sent_at"] is not None:
            yield {"at": sent["sent_at"], "who": "Plumbline", "what": f"{sent['receiver']} was told ({sent['kind']})"}
