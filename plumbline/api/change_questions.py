"""Questions about changes: what somebody did to an application, which a finding may have its cause in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar, Final

from monitor.errors import UsageError
from monitor.model.rows import CHANGE_KINDS
from plumbline.api.question import Method, Question, Scope

LONGEST: Final = 300
"""Characters of what was changed."""


class AddChange(Question[dict[str, Any]], frozen=True):
    """Say that something was changed; `app` None is all applications, `time` None is now."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/changes"
    scope: ClassVar[Scope] = "review"
    quiet: ClassVar[bool] = True

    kind: str
    what: str
    app: str | None = None
    time: datetime | None = None

    def check(self) -> None:
        if self.kind not in CHANGE_KINDS:
            raise UsageError(f"kind must be one of {', '.join(CHANGE_KINDS)}")
        if not self.what.strip() or len(self.what) > LONGEST:
            raise UsageError(f"what was changed has at least one word and at most {LONGEST} characters")
        if self.time is not None and self.time.tzinfo is None:
            raise UsageError("time must be an instant with a time zone")

    def about(self, _hidden: Callable[[str], str]) -> str:
        return self.app or "all"


OF_CHANGES: Final = (AddChange,)
"""In the order of the table of questions."""
