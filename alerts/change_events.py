"""Changes on the timelines of receivers that ask for them: each once, by the outbox, and nobody is paged.

A row of the outbox is what remembers that a change was told, also once it is sent: its key, made of the change and the receiver, is
never added twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from alerts.channels import Channel, Timeline
from alerts.message import ChangeNote, clean
from monitor.model.values import ChangeEvent
from monitor.state import Transaction, outbox

KIND: Final = "change"
EVERY: Final = "*"
WHAT: Final = 500


def timelines(channels: Mapping[str, Channel]) -> dict[str, Sequence[str]]:
    """Return the receivers that ask for changes, each with the applications it asks about."""
    asking = {name: channel.changes for name, channel in channels.items() if isinstance(channel, Timeline)}
    return {name: apps for name, apps in asking.items() if apps}


def owe_changes(
    txn: Transaction, asking: Mapping[str, Sequence[str]], events: Sequence[ChangeEvent], link_base: str, now: datetime
) -> int:
    """Owe each of `events` to every receiver in `asking` that asks about its application; return how many messages are new."""
    owed = {
        f"{event.key}:{name}:1:{KIND}:1": (event, name)
        for event in events
        for name, apps in asking.items()
        if _asks(apps, event)
    }
    known = outbox.keys_among(txn, owed)
    rows = [_row(key, *owed[key], link_base, now) for key in owed if key not in known]
    outbox.queue_all(txn, rows)
    return len(rows)


def _row(key: str, event: ChangeEvent, receiver: str, link_base: str, now: datetime) -> outbox.Row:
    return {
        "key": key,
        "fingerprint": event.key,
        "receiver": receiver,
        "episode": 1,
        "kind": KIND,
        "body": msgspec.json.encode(note_of(event, link_base)).decode(),
        "created_at": now,
        "due_at": now,
    }


def _asks(apps: Sequence[str], event: ChangeEvent) -> bool:
    """A change to all applications concerns everybody."""
    return event.app is None or EVERY in apps or event.app in apps


def note_of(event: ChangeEvent, link_base: str) -> ChangeNote:
    """Return what is told of `event`."""
    return ChangeNote(
        app=clean(event.app or ""),
        kind=clean(event.kind),
        what=clean(event.what, WHAT),
        at=event.time,
        source=clean(event.source),
        link=f"{link_base}/drift" if link_base else "",
    )


def shortened(note: ChangeNote) -> ChangeNote:
    """Return the least that is worth sending: for a receiver that refused the whole."""
    return msgspec.structs.replace(note, what=clean(note.what, 100), source="", link="")


def notes_about(txn: Transaction, app: str) -> list[str]:
    """Return the fingerprints of what was told of changes to one application."""
    told = {row["fingerprint"]: msgspec.json.decode(row["body"], type=ChangeNote) for row in outbox.of_kind(txn, KIND)}
    return [fingerprint for fingerprint, note in told.items() if note.app == clean(app)]
