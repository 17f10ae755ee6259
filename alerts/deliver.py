"""Send what is due: in order per alert and receiver, at least once, until the receiver has it.

A message is claimed with a lease, sent, and settled. Killed in between, it is sent again under the same key. A receiver
that is down costs one attempt per pass, not one per message; when it answers again, everything that waits for it leaves
at once. What a receiver will never take is tried once more in short, then it is dead: another receiver gets it instead,
and an alert of our own says so.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from alerts import change_events, self_alerts
from alerts.channels import Channel, Threaded, Timeline
from alerts.message import ChangeNote, Message, clean, shortened
from alerts.outgoing import Outgoing
from alerts.patience import patiently
from monitor.clock import Clock
from monitor.errors import RetryLater, Undeliverable
from monitor.health import Health
from monitor.outgoing import LONGEST_WAIT
from monitor.state import ControlState, Transaction, acts, alerts, outbox

LEASE: Final = timedelta(seconds=60)
"""Longer than any attempt may take."""

BACKOFF_BASE_S: Final = 2.0
BACKOFF_CAP_S: Final = 300.0
LATE: Final = timedelta(minutes=10)
"""A message that will be later than this makes us say that its receiver is out of reach."""

GIVE_UP: Final = timedelta(hours=72)
"""How long a message about an alert that has ended is tried; while an alert is open there is no limit."""

_log = logging.getLogger("plumbline.alerts")

Row = dict[str, Any]


@dataclass(frozen=True)
class Delivered:
    """What came of the attempts: messages taken, put off, to be sent again in short, and given up."""

    sent: int = 0
    retried: int = 0
    shortened: int = 0
    dead: int = 0

    def __add__(self, other: Delivered) -> Delivered:
        """Return the sum of two."""
        return Delivered(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True)
class Post:
    """Everything a delivery works with. When `stopping`, the attempt at hand is the last, and is not waited for long: the rest is sent after the next start."""

    state: ControlState
    channels: Mapping[str, Channel]
    outgoing: Outgoing
    clock: Clock
    rng: random.Random
    health: Health | None = None
    stopping: Callable[[], bool] = lambda: False


def deliver_due(post: Post) -> Delivered:
    """Send everything that is due and return what came of it.

    Passes are repeated while something moved, since a sent message lets the next one of its alert leave. A receiver
    that put a message off is left in peace until the next call.
    """
    resting: set[str] = set()
    total = moved = _pass(post, resting)
    while not post.stopping() and (moved.sent or moved.shortened or moved.dead):
        moved = _pass(post, resting)
        total += moved
    return total


def _pass(post: Post, resting: set[str]) -> Delivered:
    with post.state.transaction() as txn:
        now = post.clock.now()
        due = outbox.due(txn, now, acts.silenced(txn, now).keys())
    total = Delivered()
    for row in due:
        if row["receiver"] not in resting and not post.stopping():
            outcome = _attempt(post, row)
            total += outcome
            if outcome.retried:
                resting.add(row["receiver"])
    return total


def _attempt(post: Post, row: Row) -> Delivered:
    now = post.clock.now()
    with post.state.transaction() as txn:
        if not outbox.claim(txn, row, now, now + LEASE):
            return Delivered()
        thread = outbox.thread_of(txn, row)
    came = _send(post, row, thread)
    now = post.clock.now()
    with post.state.transaction() as txn:
        if isinstance(came, str):
            return _sent(txn, post, row, came, now)
        if isinstance(came, RetryLater):
            return _later(txn, post, row, came, now)
        return _refused(txn, post, row, came, now)


def _send(post: Post, row: Row, thread: str) -> RetryLater | Undeliverable | str:
    """Try once; the answer is a value, and what the receiver calls the message when it has it ("" where it names none).

    A channel that breaks is a bug of ours, and its message waits for the repair.
    """
    channel, part = post.channels.get(row["receiver"]), f"receiver {row['receiver']}"
    if channel is None:
        return Undeliverable("this receiver is no longer in the rule file")
    try:
        handle = patiently(lambda: _hand_over(channel, row, thread), post.stopping)
    except (RetryLater, Undeliverable) as error:
        return error
    except Exception as error:  # noqa: BLE001 - the stage around channels: one broken channel never ends a pass
        if post.health is None:
            _log.exception("channel %s broke", channel.name)
        else:
            post.health.failed(part, error)
        return RetryLater(clean(f"bug in the channel: {type(error).__name__}: {error}"))
    if post.health is not None:
        post.health.worked(part)
    return handle


def _hand_over(channel: Channel, row: Row, thread: str) -> str:
    if row["kind"] == change_events.KIND:
        return _note(channel, row)
    whole = msgspec.json.decode(row["body"], type=Message)
    message = shortened(whole) if row["shortened"] else whole
    if isinstance(channel, Threaded):
        return channel.send_in(thread, message, key=row["key"])
    channel.send(message, key=row["key"])
    return ""


def _note(channel: Channel, row: Row) -> str:
    if not isinstance(channel, Timeline):
        raise Undeliverable("this receiver shows no changes any more")
    note = msgspec.json.decode(row["body"], type=ChangeNote)
    channel.note(change_events.shortened(note) if row["shortened"] else note, key=row["key"])
    return ""


def _sent(txn: Transaction, post: Post, row: Row, handle: str, now: datetime) -> Delivered:
    outbox.settle(txn, row["id"], state="sent", sent_at=now, outcome="taken", handle=handle or None)
    outbox.hurry(txn, row["receiver"], now)
    self_alerts.reached(txn, row["receiver"], post.outgoing, now)
    return Delivered(sent=1)


def _later(txn: Transaction, post: Post, row: Row, error: RetryLater, now: datetime) -> Delivered:
    ended = not alerts.is_open(txn, row["fingerprint"], row["episode"])
    if ended and now - row["due_at"] > GIVE_UP:
        return _dead(txn, post, row, f"given up after {GIVE_UP}: {error.reason}", now)
    wait = timedelta(seconds=_wait(row["attempts"] + 1, error.after_s, post.rng))
    outbox.settle(txn, row["id"], state="pending", next_at=now + wait, outcome=error.reason)
    if error.after_s is not None:
        outbox.hold_back(txn, row["receiver"], now + wait)
    if now + wait - row["due_at"] >= LATE:
        self_alerts.unreached(txn, row["receiver"], error.reason, post.outgoing, now)
    return Delivered(retried=1)


def _wait(attempts: int, wish_s: float | None, rng: random.Random) -> float:
    """Return the receiver's own wish, or full jitter: anything up to twice the last cap, five minutes at most."""
    if wish_s is not None:
        return min(max(wish_s, 0.0), LONGEST_WAIT.total_seconds())
    return rng.uniform(0.0, min(BACKOFF_CAP_S, BACKOFF_BASE_S * 2.0 ** min(attempts - 1, 16)))


def _refused(txn: Transaction, post: Post, row: Row, error: Undeliverable, now: datetime) -> Delivered:
    if row["shortened"] or row["receiver"] not in post.channels:
        return _dead(txn, post, row, error.reason, now)
    outbox.settle(txn, row["id"], state="pending", next_at=now, shortened=1, outcome=error.reason)
    return Delivered(shortened=1)


def _dead(txn: Transaction, post: Post, row: Row, reason: str, now: datetime) -> Delivered:
    outbox.settle(txn, row["id"], state="dead", outcome=reason)
    _redirect(txn, post, row, now)
    self_alerts.unreached(txn, row["receiver"], reason, post.outgoing, now)
    return Delivered(dead=1)


def _redirect(txn: Transaction, post: Post, row: Row, now: datetime) -> None:
    """Owe the dead message to the first other receiver, unless that one is told of it anyway; a change is no news to people."""
    if row["kind"] == change_events.KIND:
        return
    other = next((name for name in post.outgoing.receivers() if name != row["receiver"]), None)
    if other is not None:
        same = {name: row[name] for name in ("fingerprint", "episode", "kind", "body")}
        key = row["key"].replace(f":{row['receiver']}:", f":{other}:", 1)
        outbox.queue(txn, same | {"key": key, "receiver": other, "created_at": now, "due_at": now})
