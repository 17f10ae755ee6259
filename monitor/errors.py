"""Every error a user can meet, each one line long: where, what, what to do.

Anything that is not a `PlumblineError` is a bug and may show a traceback.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

SHOWN: Final = 10
"""Problems that one line names; the rest is counted."""


class PlumblineError(Exception):
    """Something the user can act on. `exit_code` is the documented exit code of the CLI."""

    exit_code = 1


@dataclass(eq=False)
class ConfigError(PlumblineError):
    """A file a person wrote is wrong. `line` is 1-based, or None when the file as a whole is at fault."""

    path: str
    line: int | None
    problem: str
    hint: str = ""
    exit_code = 2

    def __str__(self) -> str:
        where = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{where}: {self.problem}" + (f" ({self.hint})" if self.hint else "")


class UsageError(PlumblineError):
    """The command line cannot be carried out as written."""

    exit_code = 2


class BadRows(UsageError):
    """Some of the rows that were given cannot be taken, so none was. `problems` has a line for each: where, what, what to do."""

    def __init__(self, given: str, problems: Sequence[str]) -> None:
        rest = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        super().__init__(f"{given}: none was taken, since {'; '.join(problems[:SHOWN])}{rest}")
        self.problems = list(problems)


class NotFound(PlumblineError):
    """What was named does not exist (any more)."""

    exit_code = 2

    def __init__(self, name: str) -> None:
        super().__init__(f"nothing here is named {name}")


class Forbidden(PlumblineError):
    """Whoever asks is known, and may not do this."""

    exit_code = 2


class TooMany(PlumblineError):
    """Asked too often; the text says when to ask again."""


class OnHold(PlumblineError):
    """Somebody needs it as evidence; the text says which hold keeps it."""


class StoreError(PlumblineError):
    """The store cannot be opened, read or written."""


class StoreInUse(PlumblineError):
    """Another process owns the data directory."""

    exit_code = 3


class Unreachable(PlumblineError):
    """A process that should answer does not."""

    exit_code = 4


class BadSql(PlumblineError):
    """A user's SQL is not one read-only SELECT, or does not run."""

    exit_code = 2


class PluginError(PlumblineError):
    """A grader, detector or channel broke; `name` says which."""


@dataclass(eq=False)
class RetryLater(PlumblineError):
    """A receiver cannot take a message now. `after_s` is its own wish, or None for our backoff."""

    reason: str
    after_s: float | None = None

    def __str__(self) -> str:
        return self.reason


@dataclass(eq=False)
class Undeliverable(PlumblineError):
    """A receiver will never take this message as it is."""

    reason: str

    def __str__(self) -> str:
        return self.reason
