"""What people take up at a receiver is taken up here: receivers that can be asked are asked, now and then.

An acknowledgement counts when it is younger than what it answers: an alert that got worse, or was snoozed, has to be taken up anew.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from alerts.acts import Hand, acknowledge
from alerts.channels import Answered, Asked
from alerts.deliver import Post
from alerts.outbox import firing_alerts
from alerts.patience import patiently
from alerts.rounds import Rounds
from monitor.errors import RetryLater, Undeliverable
from monitor.state import Transaction, acts, alerts

ANEW: Final = frozenset({"firing", "severity", "silenced"})
"""Steps of an alert after which what was taken up before counts no longer."""

_log = logging.getLogger("plumbline.alerts")


@dataclass(frozen=True)
class Listening:
    """What people did at receivers, asked for."""

    rounds: Rounds = field(default_factory=Rounds)

    def listen(self, post: Post) -> int:
        """Ask every receiver whose time has come; return how many alerts were taken up by that."""
        now, taken = post.clock.now(), 0
        for name, channel in post.channels.items():
            every = channel.asks_every if isinstance(channel, Asked) else None
            if every is not None and not post.stopping() and self.rounds.comes_to(name, every, now):
                taken += take_up(post, _asked(channel, post))  # type: ignore[arg-type]  # one that can be asked
        return taken


def _asked(channel: Asked, post: Post) -> Sequence[Answered]:
    """What it does not say now, it says later: nothing depends on it but reminders."""
    try:
        return patiently(channel.taken_up, post.stopping)
    except (RetryLater, Undeliverable) as error:
        _log.info("%s does not say what was taken up there: %s", channel.name, error.reason)
        return ()


def take_up(post: Post, answered: Sequence[Answered]) -> int:
    """Take up what people took up elsewhere, each under their name; return how many alerts that were."""
    by_alert = {one.fingerprint: one for one in answered}
    if not by_alert:
        return 0
    taken = 0
    with post.state.transaction() as txn:
        known = acts.acknowledged(txn)
        for alert in firing_alerts(txn):
            one = by_alert.get(alert.fingerprint)
            if one is None or (alert.fingerprint, alert.episode) in known or one.at < _asked_at(txn, one.fingerprint):
                continue
            acknowledge(Hand(txn, post.outgoing, one.person, post.clock.now()), alert)
            taken += 1
    return taken


def _asked_at(txn: Transaction, fingerprint: str) -> datetime:
    """Return since when an alert waits for somebody."""
    since: datetime = max(event["at"] for event in alerts.events_of(txn, fingerprint) if event["kind"] in ANEW)
    return since
