"""Incidents as people ask for them: each act is one transaction with its line of the audit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alerts.acts import the_alert
from alerts.desk import AlertDesk
from alerts.incidents.book import Book, Opening, status
from alerts.incidents.export import bundle
from alerts.incidents.severity import Weighed
from monitor.state import Transaction, incidents
from plumbline.api.call import Call
from plumbline.api.incident_questions import CloseIncident, NoteIncident, OpenIncident
from plumbline.api.question import Question
from plumbline.people.commands import Commands

Row = dict[str, Any]


@dataclass(frozen=True)
class IncidentAnswers:
    """The book of incidents of one data directory, and what acts on it."""

    desk: AlertDesk
    commands: Commands
    forms: Callable[[str], frozenset[str]]

    @property
    def book(self) -> Book:
        """The book."""
        return self.desk.incidents(self.forms)

    def listed(self) -> list[Row]:
        """Return every incident, oldest first."""
        with self.desk.state.transaction() as txn:
            return [_plain({**row, "status": status(row)}) for row in incidents.listed(txn)]

    def shown(self, number: int) -> Row:
        """Return one incident. Raises `NotFound`."""
        with self.desk.state.transaction() as txn:
            return dict(_plain(self.book.shown(txn, number)))

    def exported(self, number: int) -> dict[str, str]:
        """Return the files of its bundle. Raises `NotFound`."""
        return {name: body.decode() for name, body in bundle(self.shown(number)).items()}

    def open(self, call: Call, asked: OpenIncident) -> Row:
        """Open one about an alert."""
        weighed = Weighed(*asked.weights()) if asked.weighed else None
        opening = Opening(asked.title, asked.owner, asked.playbook, weighed)

        def act(txn: Transaction) -> Row:
            return self.book.open(txn, the_alert(txn, asked.fingerprint), opening, call.actor.name, self._now())

        return self._done(call, asked, act)

    def note(self, call: Call, asked: NoteIncident) -> Row:
        """Write into the timeline of one."""
        return self._done(
            call,
            asked,
            lambda txn: self.book.note(txn, asked.number, asked.kind, asked.text, call.actor.name, self._now()),
        )

    def close(self, call: Call, asked: CloseIncident) -> Row:
        """Close one."""
        return self._done(
            call, asked, lambda txn: self.book.close(txn, asked.number, asked.review, call.actor.name, self._now())
        )

    def _done(self, call: Call, asked: Question[Any], act: Callable[[Transaction], Row]) -> Row:
        told: Row = self.commands.carry_out(call, asked, act)
        return told

    def _now(self) -> datetime:
        return self.desk.post.clock.now()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, datetime) else value
