"""What can be asked of the agent, declared once: name, parameters, answer, scope, and where HTTP finds it.

Routes, the client, a session on a directory at rest, the dashboard and the fakes of the tests all follow from this
table. A new question is one class here, its answer in `plumbline.answers`, and whoever asks it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Final, Literal

import msgspec

from monitor.config.durations import parse_duration
from monitor.errors import BadSql, PlumblineError, UsageError
from plumbline.api.alert_questions import ON_ALERTS
from plumbline.api.change_questions import OF_CHANGES
from plumbline.api.dataset_questions import OF_DATASETS
from plumbline.api.erasure_questions import OF_ERASURES
from plumbline.api.experiment_questions import OF_EXPERIMENTS
from plumbline.api.finding_questions import OF_FINDINGS
from plumbline.api.grading_questions import OF_GRADING
from plumbline.api.hold_questions import OF_HOLDS
from plumbline.api.incident_questions import OF_INCIDENTS
from plumbline.api.label_questions import AddLabels
from plumbline.api.note_questions import OF_NOTES
from plumbline.api.people_questions import OF_PEOPLE
from plumbline.api.policy_questions import (
    ActivatePolicy,
    Policies,
    PolicyText,
    PreviewPolicy,
    PromptCheck,
    RollBackPolicy,
    Versions,
)
from plumbline.api.question import Method, Question, Scope, Shape, name_of
from plumbline.api.review_questions import OF_REVIEWS
from plumbline.api.seat_questions import OF_SEATS

ErasedKind = Literal["user", "session", "trace", "app"]


class Status(Question[dict[str, Any]], frozen=True):
    """What runs, how far the loader is, sums of the ledger."""

    path: ClassVar[str] = "/v1/status"


class Check(Question[list[str]], frozen=True):
    """What is wrong with the store, one entry a problem."""

    path: ClassVar[str] = "/v1/check"
    under: ClassVar[str] = "problems"


class Sql(Question[dict[str, Any]], frozen=True):
    """Rows of one read-only SELECT, at most `max_rows`; the answer says whether there were more."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/sql"
    shape: ClassVar[Shape] = "table"
    refused: ClassVar[type[PlumblineError]] = BadSql

    sql: str
    max_rows: int = 10_000

    def check(self) -> None:
        if self.max_rows < 1:
            raise UsageError("max_rows must be at least 1")


class Page(Question[dict[str, Any]], frozen=True):
    """Rows of a named read of the dashboard."""

    path: ClassVar[str] = "/v1/read/{name}"
    shape: ClassVar[Shape] = "table"
    rest: ClassVar[str] = "parameters"

    name: str
    parameters: Mapping[str, str] = msgspec.field(default_factory=dict)


class Sources(Question[dict[str, Any]], frozen=True):
    """Every source of a window with its facts and problems; seven days where no window is named."""

    path: ClassVar[str] = "/v1/sources"
    rest: ClassVar[str] = "parameters"

    parameters: Mapping[str, str] = msgspec.field(default_factory=dict)


class Settle(Question[dict[str, int]], frozen=True):
    """Load all of the spool and finish every trace, without waiting for late spans; an import asks it before and after."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/settle"
    scope: ClassVar[Scope] = "operate"


class Explain(Question[list[str]], frozen=True):
    """Lines on why: of a finding, an alert or a trace."""

    path: ClassVar[str] = "/v1/explain/{id:path}"
    under: ClassVar[str] = "lines"

    id: str


class Report(Question[str], frozen=True):
    """The side-by-side report of a finding as HTML; the first time takes up to 40 s."""

    path: ClassVar[str] = "/v1/findings/{id:path}/report"
    shape: ClassVar[Shape] = "file"

    id: str


class Replay(Question[dict[str, Any]], frozen=True, rename={"start": "from", "end": "to"}):
    """What the cycle would have told over stored history, in virtual time."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/replay"
    scope: ClassVar[Scope] = "operate"
    job: ClassVar[bool] = True

    start: datetime
    end: datetime
    step: str = "1h"
    notify: bool = False

    def check(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None or self.start >= self.end:
            raise UsageError("from and to must be instants with a time zone, from before to")
        try:
            parse_duration(self.step)
        except ValueError as error:
            raise UsageError(str(error)) from None

    def outcome(self, answer: dict[str, Any]) -> dict[str, Any]:
        return {"findings": len(answer["findings"]), "alerts": len(answer["alerts"]), "added": answer["added"]}


class Erase(Question[dict[str, int]], frozen=True):
    """Remove everything of one user, session, trace or app, from every file; counts by table.

    The id travels in the body, so that no log of addresses holds it.
    """

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/erase"
    scope: ClassVar[Scope] = "admin"

    kind: ErasedKind
    id: str

    def check(self) -> None:
        if not self.id:
            raise UsageError(f"which {self.kind}? the id is empty")

    def about(self, _hidden: Callable[[str], str]) -> str:
        return f"{self.kind} {_hidden(self.id)}"

    def outcome(self, answer: dict[str, int]) -> dict[str, Any]:
        return {"removed": answer}


class Backup(Question[dict[str, str]], frozen=True):
    """Take a backup into `folder`, a path on the machine of the agent; the answer says where it is."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/backup"
    scope: ClassVar[Scope] = "admin"
    job: ClassVar[bool] = True

    folder: str

    def check(self) -> None:
        if not self.folder.startswith("/"):
            raise UsageError(f"{self.folder!r} is not an absolute path")

    def about(self, _hidden: Callable[[str], str]) -> str:
        return self.folder

    def outcome(self, answer: dict[str, str]) -> dict[str, str]:
        return answer


class Questions(Question[list[dict[str, Any]]], frozen=True):
    """This table, for a client that does not import it: the dashboard."""

    path: ClassVar[str] = "/v1/questions"
    under: ClassVar[str] = "questions"


QUESTIONS: Final[tuple[type[Question[Any]], ...]] = (
    Status,
    Check,
    Sql,
    Page,
    Sources,
    Settle,
    Explain,
    Report,
    Replay,
    Policies,
    PromptCheck,
    PreviewPolicy,
    Versions,
    PolicyText,
    ActivatePolicy,
    RollBackPolicy,
    *OF_FINDINGS,
    *OF_CHANGES,
    *OF_EXPERIMENTS,
    *OF_GRADING,
    *OF_DATASETS,
    Erase,
    *OF_PEOPLE,
    AddLabels,
    *OF_REVIEWS,
    *OF_SEATS,
    *OF_NOTES,
    *ON_ALERTS,
    *OF_HOLDS,
    *OF_ERASURES,
    *OF_INCIDENTS,
    Backup,
    Questions,
)


def declared(questions: tuple[type[Question[Any]], ...] = QUESTIONS) -> list[dict[str, Any]]:
    """Return the table as plain values."""
    return [
        {
            "name": name_of(question),
            "method": question.method,
            "path": question.path.replace(":path", ""),
            "scope": question.scope,
            "shape": question.shape,
            "under": question.under,
            "job": question.job,
            "parameters": [field.encode_name for field in msgspec.structs.fields(question)],
        }
        for question in questions
    ]
