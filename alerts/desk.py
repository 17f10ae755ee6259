"""The alert desk: what the agent asks of alerting. Signals go in, messages go out, and every answer has its reason."""

from __future__ import annotations

import json
import random
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from alerts import self_alerts
from alerts.acts import Act, Hand, the_alert
from alerts.answers_back import Listening
from alerts.change_events import notes_about, owe_changes, timelines
from alerts.channels import Means
from alerts.channels.registered import build_channels
from alerts.checks import load_rules
from alerts.deliver import Delivered, Post, deliver_due
from alerts.digests import tell_digests
from alerts.evaluation import RANK, Observation, storable
from alerts.evaluation import observe as look
from alerts.explain import explain_alert
from alerts.incidents.book import Book, Forms
from alerts.incidents.tables import incident_tables
from alerts.keeping import Keeping
from alerts.outbox import escalate, firing_alerts, known_alerts, record_within, remind, tell_held, unattended
from alerts.outgoing import Outgoing
from alerts.quiet import Wide, follow_orders, would_hold
from alerts.rehearsal import kept_back, owed_messages
from alerts.rules import Rulebook
from alerts.sentence import headline
from alerts.states import AlertState, decide
from alerts.tables import SCHEMAS, alert_rows
from alerts.watchdog import Signs
from alerts.worth import worth_rows
from monitor.clock import Clock
from monitor.config.schema import Settings
from monitor.health import Guarding
from monitor.model.values import ChangeEvent, Severity, Signal
from monitor.outgoing import OPEN, Guard
from monitor.state import ControlState, Transaction, alerts, audit, erasures, incidents, labels, notes, outbox, reviews
from monitor.state.public import PublicTables, of_rows

WideAct = Callable[[Wide, Hand], dict[str, Any]]


@dataclass(frozen=True)
class AlertDesk:
    """Rules, control state and channels of one data directory. Calls may come from any thread.

    A rule that fails within `guard` changes nothing; the others are evaluated.
    """

    post: Post
    guard: Guarding = nullcontext
    keeping: Keeping = field(default_factory=Keeping)
    listening: Listening = field(default_factory=Listening)
    signs: Signs = field(default_factory=Signs)
    means: Means | None = None  # what channels work with; None: those that `post` has are all there will be

    @property
    def state(self) -> ControlState:
        """Where alerts and messages are kept."""
        return self.post.state

    def observe(self, signals: Sequence[Signal], now: datetime) -> int:
        """Evaluate every rule once and queue what is owed, in one transaction; return how many alerts changed."""
        outgoing = self.post.outgoing
        seen, broken = self._looks([storable(signal) for signal in signals])
        rules = [rule for rule in outgoing.book.rules if rule.id not in broken]
        with self.state.transaction() as txn:
            known = [alert for alert in known_alerts(txn) if alert.rule_id not in broken]
            steps = decide(rules, seen, known, now)
            changed = record_within(txn, steps, outgoing)
            follow_orders(txn, outgoing, now)
            tell_held(txn, outgoing, now)
            tell_digests(txn, outgoing, now)
            left = unattended(txn, now)
            remind(txn, outgoing, left, now)
            escalate(txn, outgoing, left, now)
        return changed

    def _looks(self, signals: Sequence[Signal]) -> tuple[dict[str, Observation], set[str]]:
        """Return what each rule sees of `signals`, and the rules that cannot look at them."""
        seen: dict[str, Observation] = {}
        broken = {rule.id for rule in self.post.outgoing.book.rules}
        for rule in self.post.outgoing.book.rules:
            for _ in range(2):  # as a step: some failures pass
                with self.guard(f"alert rule {rule.id}"):
                    seen |= look([rule], signals)
                    broken.discard(rule.id)
                    break
        return seen, broken

    def tell_unwell(self, parts: Mapping[str, str], now: datetime) -> None:
        """Raise our own alert for each of `parts` (name to what went wrong), and end it for those that work again.

        Needs neither the cycle nor the telemetry store. Told to every receiver.
        """
        with self.state.transaction() as txn:
            self_alerts.unwell(txn, parts, self.post.outgoing, now)

    def tell_waiting(self, reviews: Mapping[str, str], now: datetime) -> None:
        """Say which reviews (name to how it stands) wait for people; the routes say to whom, and how often it is said again."""
        with self.state.transaction() as txn:
            self_alerts.waiting(txn, reviews, self.post.outgoing, now)

    def tell_changes(self, read: Callable[[datetime], Sequence[ChangeEvent]]) -> int:
        """Owe each change that `read` returns once to the receivers that ask for it; return how many messages that is.

        Where no receiver asks, nothing is read.
        """
        asking, now = timelines(self.post.channels), self.post.clock.now()
        if not asking:
            return 0
        events = read(now)
        with self.state.transaction() as txn:
            return owe_changes(txn, asking, events, self.post.outgoing.link_base, now)

    def act(self, txn: Transaction, prefix: str, act: Act, person: str) -> dict[str, Any]:
        """Let `person` act on the alert whose fingerprint begins with `prefix`; say what was done. Raises `NotFound`, `UsageError`."""
        alert = the_alert(txn, prefix)
        done = act(Hand(txn, self.post.outgoing, person, self.post.clock.now()), alert)
        return {"fingerprint": alert.fingerprint, "title": self._title(alert), "done": done}

    def act_on_all(self, txn: Transaction, where: Mapping[str, str], act: WideAct, person: str) -> dict[str, Any]:
        """Let `person` act on every alert that fits `where`; say what was done. Raises `UsageError`."""
        return act(Wide(where), Hand(txn, self.post.outgoing, person, self.post.clock.now()))

    def would_hold(self, where: Mapping[str, str]) -> list[dict[str, Any]]:
        """Return the alerts that a silence about `where` would hold now, as `listed` shows them."""
        with self.state.transaction() as txn:
            held = {alert.fingerprint for alert in would_hold(firing_alerts(txn), where, self.post.outgoing)}
        return [row for row in self.listed() if row["fingerprint"] in held]

    def _title(self, alert: AlertState) -> str:
        return headline(alert, self.post.outgoing.rule(alert.rule_id))

    def deliver(self) -> int:
        """Send what is due, say again what must be, hear what was taken up elsewhere, give a sign of life; return how many messages were taken."""
        done = self.deliver_due()
        self.keeping.keep(self.post)
        self.listening.listen(self.post)
        self.signs.give(self.post.outgoing.book.watchdog, self.post, self.means)
        return done.sent

    def deliver_due(self) -> Delivered:
        """Send what is due and return what came of it."""
        return deliver_due(self.post)

    def counts(self) -> dict[str, int]:
        """Return sizes for the status line: open alerts by state, messages by state."""
        with self.state.transaction() as txn:
            messages, opened = outbox.counts(txn), alerts.open_counts(txn)
        counted = {f"messages_{name}": messages.get(name, 0) for name in ("pending", "inflight", "sent", "dead")}
        return {name: opened.get(name, 0) for name in ("firing", "pending")} | counted

    def tables(self) -> PublicTables:
        """Return the public tables `alerts`, `notifications`, `silences`, `alert_worth`, `incidents` and `incident_events`."""
        rows = {
            "alerts": self._alerts,
            "alert_worth": self._worth,
            "notifications": self.state.notifications_table,
            "silences": self.state.silences_table,
        }
        told = PublicTables({name: of_rows(SCHEMAS[name], made) for name, made in rows.items()})
        return told | incident_tables(self.state)

    def _alerts(self) -> list[dict[str, Any]]:
        with self.state.transaction() as txn:
            return alert_rows(txn, self.post.outgoing, self.post.clock.now())

    def _worth(self) -> list[dict[str, Any]]:
        with self.state.transaction() as txn:
            return worth_rows(txn, self.post.outgoing)

    def listed(self, *, ended: bool = False) -> list[dict[str, Any]]:
        """Return alerts as plain values, worst first, then newest: those that are open, or with `ended` all of them."""
        kept = [row for row in reversed(self._alerts()) if ended or row["ended_at"] is None]
        kept.sort(key=lambda row: -RANK[Severity(row["severity"])])
        return [{name: _plain(value) for name, value in row.items()} for row in kept]

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
            alerts.forget(txn, [*about, *notes_about(txn, app)])
            notes.forget(txn, app)
            erasures.forget(txn, app, self.post.clock.now())
        return len(about)

    def erase(self, change: Callable[[str], str]) -> int:
        """Apply `change` to every text about alerts, drop what it touches in the audit, rewrite the file; return rows changed."""
        with self.state.transaction() as txn:
            parts = (alerts.rewrite_texts, audit.erase, incidents.erase, labels.erase, notes.erase)
            changed = sum(part(txn, change) for part in (*parts, reviews.erase))
            changed += erasures.erase(txn, change, self.post.clock.now())
        self.state.compact()
        return changed

    def under(self, book: Rulebook | None) -> AlertDesk:
        """Return this desk under other rules and receivers (None: those it has); what is known and owed stays."""
        if book is None:
            return self
        channels = build_channels(book.receivers, self.means) if self.means else self.post.channels
        outgoing = replace(self.post.outgoing, book=book)
        return replace(self, post=replace(self.post, outgoing=outgoing, channels=channels))

    def rehearsal(self) -> AlertDesk:
        """Return a desk with the same rules, an empty state in memory and nobody to tell: for replay."""
        state = ControlState.open(None, self.post.clock)
        return AlertDesk(replace(self.post, state=state, channels={}))

    def incidents(self, forms: Forms) -> Book:
        """Return the book of incidents; `forms` tells how an id of a trace may be written down."""
        return Book(self.post.outgoing, forms)

    def rehearsed(self) -> dict[str, list[dict[str, Any]]]:
        """Return what a rehearsal would have sent, and what a stage kept back, oldest first."""
        with self.state.transaction() as txn:
            return {"messages": owed_messages(txn), "held": kept_back(txn, self.post.outgoing)}

    def close(self) -> None:
        """Let go of the control state."""
        self.state.close()


def _plain(value: Any) -> Any:
    return value.replace(tzinfo=UTC).isoformat() if isinstance(value, datetime) else value


def open_desk(
    settings: Settings, path: Path, clock: Clock, stream: TextIO | None = None, book: Rulebook | None = None
) -> AlertDesk:
    """Open the control state at `path` under the configured rules, or those of `book`. Raises `ConfigError` and `StoreError`.

    Consoles print to `stream`, or to standard error, which leaves standard output to the answer of a command.
    """
    book = book or load_rules(Path(settings.alerts) if settings.alerts else None)
    guard = Guard(proxy=settings.outgoing.proxy, ca=settings.outgoing.ca)
    return desk_for(book, ControlState.open(path, clock), clock, _dashboard(settings), stream or sys.stderr, guard)


def desk_for(
    book: Rulebook, state: ControlState, clock: Clock, link_base: str, stream: TextIO, guard: Guard = OPEN
) -> AlertDesk:
    """Return a desk over an open control state."""
    means = Means(stream, clock, guard)
    channels = build_channels(book.receivers, means)
    rng = random.Random(secrets.randbits(64))  # noqa: S311 - spreads retries, guards nothing
    return AlertDesk(Post(state, channels, Outgoing(book, link_base), clock, rng), means=means)


def _dashboard(settings: Settings) -> str:
    """Return the address people open; a port the system picks later cannot be linked to."""
    if settings.dashboard.public_url:
        return settings.dashboard.public_url.rstrip("/")
    host, _, port = settings.dashboard.address.rpartition(":")
    reachable = "127.0.0.1" if host in {"0.0.0.0", "[::]", ""} else host  # noqa: S104 - compared, not bound
    return "" if port == "0" else f"http://{reachable}:{port}"
