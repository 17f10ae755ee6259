"""What a check is: what to look for, and the problem it stands for. The checks themselves are tables of these."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from monitor.diagnosis.fixes import Fix
from monitor.diagnosis.problem import Problem, Severity

S = TypeVar("S")


@dataclass(frozen=True)
class Check(Generic[S]):
    """One line of a table of checks over subjects of one kind: sources, their voices, or their silence.

    `sign` returns what is seen in a subject, in one sentence, or None when there is no such problem. A fix that depends on the
    subject is a function of it. `bad_if` makes a problem bad that is otherwise of `severity`.
    """

    code: str
    severity: Severity
    sign: Callable[[S], str | None]
    why: str
    fix: Fix | Callable[[S], Fix]
    bad_if: Callable[[S], bool] | None = None

    def problems(self, subject: S) -> Iterator[Problem]:
        """Yield the problem of `subject`, if it has this one."""
        if (what := self.sign(subject)) is not None:
            severity: Severity = "bad" if self.bad_if and self.bad_if(subject) else self.severity
            yield Problem(
                self.code, severity, what, self.why, self.fix if isinstance(self.fix, Fix) else self.fix(subject)
            )


def problems_of(subject: S, checks: Iterable[Check[S]]) -> list[Problem]:
    """Return the problems that `checks` find in `subject`, in the order of the table."""
    return [problem for check in checks for problem in check.problems(subject)]
