"""Receivers that forget what is not said again (Alertmanager) hear it every minute: what fires, and what ended lately.

Nothing is owed by this: the messages of the outbox say what changed. After a restart it is said once at once, which changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from alerts.channels import Kept
from alerts.compose import compose
from alerts.deliver import Post
from alerts.message import Message
from alerts.outbox import known_alerts, told
from alerts.patience import patiently
from alerts.rounds import Rounds
from alerts.states import AlertState
from monitor.errors import RetryLater, Undeliverable

ENDED: Final = timedelta(minutes=5)
"""How long an end is said again, in case the first time was lost."""

_log = logging.getLogger("plumbline.alerts")


@dataclass(frozen=True)
class Keeping:
    """What is true, said again."""

    rounds: Rounds = field(default_factory=Rounds)

    def keep(self, post: Post) -> int:
        """Say once more what is true to every receiver whose time has come; return how many were told."""
        now, said = post.clock.now(), 0
        for name, channel in post.channels.items():
            if isinstance(channel, Kept) and not post.stopping() and self.rounds.comes_to(name, channel.again, now):
                said += _say(channel, list(_true(post, name, now)), post.stopping)
        return said


def _say(channel: Kept, messages: list[Message], stopping: Callable[[], bool]) -> bool:
    """Whether it was taken; what was not is said again in a minute, and what changed waits in the outbox anyhow."""
    if not messages:
        return False
    try:
        patiently(partial(channel.keep, messages), stopping)
    except (RetryLater, Undeliverable) as error:
        _log.info("%s was not told again what fires: %s", channel.name, error.reason)
        return False
    return True


def _true(post: Post, receiver: str, now: datetime) -> Iterator[Message]:
    with post.state.transaction() as txn:
        for alert in known_alerts(txn):
            if _counts(alert, now) and receiver in told(txn, alert):
                yield _message(post, alert, now)


def _counts(alert: AlertState, now: datetime) -> bool:
    if alert.state == "firing":
        return True
    return alert.state == "resolved" and alert.ended_at is not None and now - alert.ended_at <= ENDED


def _message(post: Post, alert: AlertState, now: datetime) -> Message:
    kind = "firing" if alert.state == "firing" else "resolved"
    outgoing = post.outgoing
    return compose(kind, alert, outgoing.rule(alert.rule_id), now, alert.reason, outgoing.link_base)
