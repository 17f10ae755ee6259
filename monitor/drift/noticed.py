"""Changes that nobody told and the traffic shows: what the cause of a finding names that somebody must have done.

Who writes to us (a heavy user, another traffic mix) is a cause too, but no change to the application.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from monitor.drift.cause import AROUND_MS, AT_ONCE
from monitor.model.dimensions import CAUSES
from monitor.model.values import ChangeEvent, Finding, stable_id

NOTICED: Final = "noticed by Plumbline"
"""Who tells a change that nobody told."""

KINDS: Final = {"model": "model", "fingerprint": "model", "prompt_version": "prompt", "release": "release"}
"""What people would have called a change that a column shows; others have no word of their own."""

_ON: Final = r"(?: on (?P<day>\d{4}-\d\d-\d\d))?"
_SHIFT: Final = re.compile(
    rf"(?P<column>{'|'.join(CAUSES)}) (?:changed from .+ to (?P<to>.+?)|(?P<grown>.+) went from .+?){_ON}"
)
_SERVED: Final = re.compile(rf"the model was served otherwise: fingerprint (?P<grown>.+) went from .+?{_ON}")


def noticed(finding: Finding) -> list[ChangeEvent]:
    """Return the changes that a finding's cause names and nobody told. Findings of one change name the same ones."""
    parts = finding.cause.removesuffix(AT_ONCE).split("; ")
    return [event for part in parts if (event := _event(finding, part)) is not None]


def _event(finding: Finding, part: str) -> ChangeEvent | None:
    shown = _SHIFT.fullmatch(part) or _SERVED.fullmatch(part)
    if shown is None:
        return None
    seen = shown.groupdict()
    column, value = seen.get("column") or "fingerprint", seen.get("to") or seen["grown"]
    key = stable_id("noticed", finding.app, column, value, seen["day"] or "")  # shares differ from measure to measure
    return ChangeEvent(key, finding.since, KINDS.get(column, "other"), finding.app, part, NOTICED)


def is_told(event: ChangeEvent, told: ChangeEvent) -> bool:
    """Whether `told` is what was noticed as `event`: of the same kind, in the same application, about the same hour."""
    near = abs(event.time - told.time) <= timedelta(milliseconds=AROUND_MS)
    return near and event.kind == told.kind and told.app in {None, event.app}
