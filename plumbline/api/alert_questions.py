"""Questions by which people act on alerts: take one up, give it to somebody, comment it, silence it or several, hear them again, close it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, ClassVar, Final

from alerts.conditions import conditions
from monitor.config.durations import parse_duration
from monitor.errors import UsageError
from plumbline.api.question import Method, Question, Scope


class Alerts(Question[list[dict[str, Any]]], frozen=True):
    """Alerts that are open, newest first, with who took them up and until when they are silent; with `ended` the others, too."""

    path: ClassVar[str] = "/v1/alerts"
    under: ClassVar[str] = "alerts"

    ended: bool = False


class _OnAlert(Question[dict[str, Any]], frozen=True):
    """An act on the alert whose fingerprint begins with `fingerprint`; the answer names it and says what was done."""

    method: ClassVar[Method] = "POST"
    scope: ClassVar[Scope] = "operate"
    quiet: ClassVar[bool] = True

    fingerprint: str

    def about(self, _hidden: Callable[[str], str]) -> str:
        return self.fingerprint


class AckAlert(_OnAlert, frozen=True):
    """Take an alert up: nobody is reminded of it until it gets worse."""

    path: ClassVar[str] = "/v1/alerts/ack"


class SilenceAlert(_OnAlert, frozen=True):
    """Say nothing about an alert for `lasts` ("4h"), or, where that is empty, until it is good again."""

    path: ClassVar[str] = "/v1/alerts/silence"

    reason: str = ""
    lasts: str = ""

    def check(self) -> None:
        if not self.reason.strip():
            raise UsageError("a silence needs a reason, for those who wonder why nobody was told")
        self.duration()

    def duration(self) -> timedelta | None:
        """Return how long, None for until it is good again. Raises `UsageError`."""
        return _length(self.lasts) if self.lasts else None


class UnsilenceAlert(_OnAlert, frozen=True):
    """Hear an alert again."""

    path: ClassVar[str] = "/v1/alerts/unsilence"


class CloseAlert(_OnAlert, frozen=True):
    """End an alert that is still bad, and say whether it was worth its message."""

    path: ClassVar[str] = "/v1/alerts/close"

    useful: bool | None = None
    note: str = ""


class AssignAlert(_OnAlert, frozen=True):
    """Give an alert to somebody, who is told of it where a receiver has that name."""

    path: ClassVar[str] = "/v1/alerts/assign"

    to: str


class CommentAlert(_OnAlert, frozen=True):
    """Write a line of an alert's trail."""

    path: ClassVar[str] = "/v1/alerts/comment"

    text: str


class SnoozeAlert(_OnAlert, frozen=True):
    """Say nothing about an alert for `lasts`, then say it again if it is still bad."""

    path: ClassVar[str] = "/v1/alerts/snooze"

    lasts: str = "1h"

    def check(self) -> None:
        self.duration()

    def duration(self) -> timedelta:
        """Return how long. Raises `UsageError`."""
        return _length(self.lasts)


class WouldSilence(Question[list[dict[str, Any]]], frozen=True):
    """Alerts that a silence would hold now; `where` has one `key=value` a line."""

    path: ClassVar[str] = "/v1/alerts/would-silence"
    under: ClassVar[str] = "alerts"

    where: str

    def conditions(self) -> Mapping[str, str]:
        """Return what an alert has to fit. Raises `UsageError`."""
        return conditions(self.where)


class _OnAlerts(Question[dict[str, Any]], frozen=True):
    """An act on every alert that fits `where`, one `key=value` a line."""

    method: ClassVar[Method] = "POST"
    scope: ClassVar[Scope] = "operate"
    quiet: ClassVar[bool] = True

    where: str

    def conditions(self) -> Mapping[str, str]:
        """Return what an alert has to fit. Raises `UsageError`."""
        return conditions(self.where)

    def about(self, _hidden: Callable[[str], str]) -> str:
        return ", ".join(self.where.split("\n"))


class SilenceAlerts(_OnAlerts, frozen=True):
    """Say nothing about what fits for `lasts`; where that is empty, about what fires now until it is good again."""

    path: ClassVar[str] = "/v1/alerts/silence-all"

    reason: str = ""
    lasts: str = ""

    def duration(self) -> timedelta | None:
        """Return how long, None for until each is good again. Raises `UsageError`."""
        return _length(self.lasts) if self.lasts else None


class UnsilenceAlerts(_OnAlerts, frozen=True):
    """Hear what fits again."""

    path: ClassVar[str] = "/v1/alerts/unsilence-all"


def _length(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(str(error)) from None


ON_ALERTS: Final[tuple[type[Question[Any]], ...]] = (
    Alerts,
    AckAlert,
    AssignAlert,
    CommentAlert,
    SnoozeAlert,
    SilenceAlert,
    UnsilenceAlert,
    CloseAlert,
    WouldSilence,
    SilenceAlerts,
    UnsilenceAlerts,
)
