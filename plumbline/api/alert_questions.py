"""Questions by which people act on alerts: take one up, silence it, hear it again, close it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar, Final

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
        try:
            return parse_duration(self.lasts) if self.lasts else None
        except ValueError as error:
            raise UsageError(str(error)) from None


class UnsilenceAlert(_OnAlert, frozen=True):
    """Hear an alert again."""

    path: ClassVar[str] = "/v1/alerts/unsilence"


class CloseAlert(_OnAlert, frozen=True):
    """End an alert that is still bad, and say whether it was worth its message."""

    path: ClassVar[str] = "/v1/alerts/close"

    useful: bool | None = None
    note: str = ""


ON_ALERTS: Final[tuple[type[Question[Any]], ...]] = (Alerts, AckAlert, SilenceAlert, UnsilenceAlert, CloseAlert)
