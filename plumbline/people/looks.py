"""What an act changes, as the control state has it: looked at before the act and after it, so that the audit holds both.

Texts of notes and labels, secrets and ids of users are left out: the audit outlives all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from monitor.state import (
    Transaction,
    acts,
    alerts,
    credentials,
    erasures,
    holds,
    labels,
    notes,
    people,
    policy_versions,
    reviews,
)
from plumbline.api.alert_questions import AckAlert, AssignAlert, CloseAlert, SilenceAlert, SnoozeAlert, UnsilenceAlert
from plumbline.api.erasure_questions import AskErasure, RefuseErasure
from plumbline.api.hold_questions import AddHold, ReleaseHold
from plumbline.api.label_questions import AddLabels
from plumbline.api.note_questions import AddNote, RemoveNote
from plumbline.api.people_questions import AddKey, AddPerson, RevokePerson, SetPassword, SignPersonOut
from plumbline.api.policy_questions import ActivatePolicy, RollBackPolicy
from plumbline.api.question import Question
from plumbline.api.review_questions import AssignReview, CloseReview, OpenReview
from plumbline.api.seat_questions import CommitItem, DecideItem, UndoItem

State = dict[str, Any]
"""How things stand, by the name of each."""

_PERSON: Final = ("role", "apps", "password", "sessions", "added_at", "revoked_at")
_POLICY: Final = ("version", "hash", "status", "approved_by")


def _person(txn: Transaction, asked: Any) -> State:
    known = [row for row in people.listed(txn) if row["name"] == asked.name]
    keys = credentials.scopes_of_keys(txn, asked.name)
    return {f"person {asked.name}": {name: row[name] for name in _PERSON} | {"keys": keys} for row in known}


def _notes(txn: Transaction, asked: Any) -> State:
    names = ("kind", "subject", "author", "at")
    return {f"note {row['id']}": {name: row[name] for name in names} for row in notes.on(txn, asked.id)}


def _note(txn: Transaction, asked: Any) -> State:
    known = notes.numbered(txn, asked.number)
    return {} if known is None else {f"note {asked.number}": known}


def _holds(txn: Transaction, _: Any) -> State:
    return {f"hold {row['id']}": row for row in holds.listed(txn)}


def _erasures(txn: Transaction, _: Any) -> State:
    names = ("asked_by", "asked_at", "outcome", "ended_by", "ended_at")
    return {f"erasure request {row['number']}": {name: row[name] for name in names} for row in erasures.listed(txn)}


def _policies(txn: Transaction, _: Any) -> State:
    known = policy_versions.newest(txn)
    return {f"policy {one.policy}": {name: getattr(one, name) for name in _POLICY} for one in known}


def _alerts(txn: Transaction, asked: Any) -> State:
    taken, quiet = acts.acknowledged(txn), acts.unended(txn)
    return {
        f"alert {row['fingerprint']}": {
            "state": row["state"],
            "taken_up_by": taken.get((row["fingerprint"], row["episode"]), {}).get("person"),
            "silence": quiet.get(row["fingerprint"]),
        }
        for row in alerts.beginning_with(txn, asked.fingerprint)
    }


def _reviews(txn: Transaction, _: Any) -> State:
    return {f"review {row['id']}": row for row in reviews.listed(txn)}


def _shares(txn: Transaction, asked: Any) -> State:
    owned = Counter(name for row in reviews.items(txn, asked.id) for name in row["assigned"] or ())
    return {f"review {asked.id}": dict(sorted(owned.items()))}


def _item(txn: Transaction, asked: Any) -> State:
    said = {(row["rule_id"], row["person"]): row["verdict"] for row in labels.said_of(txn, asked.unit_id)}
    return {f"{rule} by {person}": verdict for (rule, person), verdict in said.items()}


def _labels(txn: Transaction, _: Any) -> State:
    return {"labels": labels.counted(txn)}


LOOKS: Final[Mapping[type[Question[Any]], Callable[[Transaction, Any], State]]] = {
    **dict.fromkeys((AddPerson, RevokePerson, AddKey, SignPersonOut, SetPassword), _person),
    AddNote: _notes,
    RemoveNote: _note,
    **dict.fromkeys((AddHold, ReleaseHold), _holds),
    **dict.fromkeys((AskErasure, RefuseErasure), _erasures),
    **dict.fromkeys((ActivatePolicy, RollBackPolicy), _policies),
    **dict.fromkeys((AckAlert, AssignAlert, SnoozeAlert, SilenceAlert, UnsilenceAlert, CloseAlert), _alerts),
    AddLabels: _labels,
    **dict.fromkeys((OpenReview, CloseReview), _reviews),
    AssignReview: _shares,
    **dict.fromkeys((CommitItem, UndoItem, DecideItem), _item),
}
"""An act that changes nothing here says what came of it by `Question.outcome`."""


def seen(txn: Transaction, question: Question[Any]) -> State | None:
    """Return what `question` may change, as it is now; None where it changes nothing of the control state."""
    look = LOOKS.get(type(question))
    return None if look is None else msgspec.to_builtins(look(txn, question))


def changed(before: State | None, after: State | None) -> tuple[State | None, State | None]:
    """Return of two looks what differs.

    >>> changed({"a": 1, "b": 2}, {"b": 3})
    ({'a': 1, 'b': 2}, {'b': 3})
    """
    if before is None or after is None:
        return before, after
    same = {name for name in before.keys() & after.keys() if before[name] == after[name]}
    old, new = ({name: value for name, value in state.items() if name not in same} for state in (before, after))
    return old, new
