"""The alert desk: what the agent asks of alerting. Signals go in, messages go out, and every answer has its reason."""

from __future__ import annotations

import json
import random
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TextIO

import pyarrow as pa

from alerts import self_alerts
from alerts.channels import Means
from alerts.channels.registered import build_channels
from alerts.checks import load_rules
from alerts.deliver import Delivered, Post, deliver_due
from alerts.evaluation import observe as look
from alerts.evaluation import storable
from alerts.explain import explain_alert
from alerts.outbox import Outgoing, known_alerts, record_within, remind
from alerts.rules import Rulebook
from alerts.states import evaluate
from monitor.clock import Clock
from monitor.config.schema import Settings
from monitor.health import Guarding
from monitor.model.values import Signal
from monitor.outgoing import OPEN, Guard
from monitor.state import ControlState, alerts, audit, labels, notes, outbox

_TIME: Final = pa.timestamp("us")

_ALERTS: Final[dict[str, pa.DataType]] = {
    "fingerprint": pa.string(),
    "rule_id": pa.string(),
    "severity": pa.string(),
    "state": pa.string(),
    "started_at": _TIME,
    "ended_at": _TIME,
    "labels": pa.string(),
    "reason": pa.string(),
}

_NOTIFICATIONS: Final[dict[str, pa.DataType]] = {
    "fingerprint": pa.string(),
    "receiver": pa.string(),
    "kind": pa.string(),
    "state": pa.string(),
    "attempts": pa.int64(),
    "sent_at": _TIME,
    "key": pa.string(),
}

SCHEMAS: Final = {"alerts": pa.schema(_ALERTS), "notifications": pa.schema(_NOTIFICATIONS)}
"""The public tables; they have their columns even when they have no rows."""


@dataclass(frozen=True)
class AlertDesk:
    """Rules, control state and channels of one data directory. Calls may come from any thread.

    A rule that fails within `guard` changes nothing; the others are evaluated.
    """

    post: Post
    guard: Guarding = nullcontext

    @property
    def state(self) -> ControlState:
        """Where alerts and messages are kept."""
        return self.post.state

    def observe(self, signals: Sequence[Signal], now: datetime) -> int:
        """Evaluate every rule once and queue what is owed, in one transaction; return how many alerts changed."""
        outgoing = self.post.outgoing
        seen = [storable(signal) for signal in signals]
        broken = self._broken(seen)
        rules = [rule for rule in outgoing.book.rules if rule.id not in broken]
        with self.state.transaction() as txn:
            known = [alert for alert in known_alerts(txn) if alert.rule_id not in broken]
            steps = evaluate(rules, seen, known, now)
            changed = record_within(txn, steps, outgoing)
            remind(txn, outgoing, now)
        return changed

    def _broken(self, signals: Sequence[Signal]) -> set[str]:
        """Return the rules that cannot look at `signals`."""
        broken = {rule.id for rule in self.post.outgoing.book.rules}
        for rule in self.post.outgoing.book.rules:
            with self.guard(f"alert rule {rule.id}"):
                look([rule], signals)
                broken.discard(rule.id)
        return broken

    def tell_unwell(self, parts: Mapping[str, str], now: datetime) -> None:
        """Raise our own alert for each of `parts` (name to what went wrong), and end it for those that work again.

        Needs neither the cycle nor the telemetry store. Told to every receiver.
        """
        with self.state.transaction() as txn:
            self_alerts.unwell(txn, parts, self.post.outgoing, now)

    def deliver(self) -> int:
        """Send what is due; return how many messages were taken."""
        return self.deliver_due().sent

    def deliver_due(self) -> Delivered:
        """Send what is due and return what came of it."""
        return deliver_due(self.post)

    def counts(self) -> dict[str, int]:
        """Return sizes for the status line: open alerts by state, messages by state."""
        with self.state.transaction() as txn:
            messages, opened = outbox.counts(txn), alerts.open_counts(txn)
        counted = {f"messages_{name}": messages.get(name, 0) for name in ("pending", "inflight", "sent", "dead")}
        return {name: opened.get(name, 0) for name in ("firing", "pending")} | counted

    def tables(self) -> dict[str, pa.Table]:
        """Return the public tables `alerts` and `notifications`."""
        rows = {"alerts": self.state.alerts_table(), "notifications": self.state.notifications_table()}
        return {name: pa.Table.from_pylist(rows[name], schema=schema) for name, schema in SCHEMAS.items()}

    def history(self) -> list[dict[str, Any]]:
        """Return every episode, oldest first, with its labels as a mapping."""
        return [row | {"labels": json.loads(row["labels"])} for row in self.state.alerts_table()]

    def explain(self, subject: str) -> list[str]:
        """Return the reason trail of the alert whose fingerprint begins with `subject`; empty when there is none."""
        with self.state.transaction() as txn:
            return explain_alert(txn, subject)

    def forget(self, app: str) -> int:
        """Erase alerts and notes about one app, with their trail and messages; return how many alerts there were."""
        with self.state.transaction() as txn:
            about = [alert.fingerprint for alert in known_alerts(txn) if alert.labels.get("app") == app]
            alerts.forget(txn, about)
            notes.forget(txn, app)
        return len(about)

    def erase(self, change: Callable[[str], str]) -> int:
        """Apply `change` to every text about alerts, drop what it touches in the audit, rewrite the file; return rows changed."""
        with self.state.transaction() as txn:
            parts = (alerts.rewrite_texts, audit.erase, labels.erase, notes.erase)
            changed = sum(part(txn, change) for part in parts)
        self.state.compact()
        return changed

    def rehearsal(self) -> AlertDesk:
        """Return a desk with the same rules, an empty state in memory and nobody to tell: for replay."""
        state = ControlState.open(None, self.post.clock)
        return AlertDesk(replace(self.post, state=state, channels={}))

    def close(self) -> None:
        """Let go of the control state."""
        self.state.close()


def open_desk(settings: Settings, path: Path, clock: Clock, stream: TextIO | None = None) -> AlertDesk:
    """Open the control state at `path` under the configured rules. Raises `ConfigError` and `StoreError`.

    Consoles print to `stream`, or to standard error, which leaves standard output to the answer of a command.
    """
    book = load_rules(Path(settings.alerts) if settings.alerts else None)
    guard = Guard(proxy=settings.outgoing.proxy, ca=settings.outgoing.ca)
    return desk_for(book, ControlState.open(path, clock), clock, _dashboard(settings), stream or sys.stderr, guard)


def desk_for(
    book: Rulebook, state: ControlState, clock: Clock, link_base: str, stream: TextIO, guard: Guard = OPEN
) -> AlertDesk:
    """Return a desk over an open control state."""
    channels = build_channels(book.receivers, Means(stream, clock, guard))
    rng = random.Random(secrets.randbits(64))  # noqa: S311 - spreads retries, guards nothing
    return AlertDesk(Post(state, channels, Outgoing(book, link_base), clock, rng))


def _dashboard(settings: Settings) -> str:
    """Return the address people open; a port the system picks later cannot be linked to."""
    if settings.dashboard.public_url:
        return settings.dashboard.public_url.rstrip("/")
    host, _, port = settings.dashboard.address.rpartition(":")
    reachable = "127.0.0.1" if host in {"0.0.0.0", "[::]", ""} else host  # noqa: S104 - compared, not bound
    return "" if port == "0" else f"http://{reachable}:{port}"
