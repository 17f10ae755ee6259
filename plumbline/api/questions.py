"""What can be asked of the agent, declared once: name, parameters, answer, scope, and where HTTP finds it.

Routes, the client, a session on a directory at rest, the dashboard and the fakes of the tests all follow from this
table. A new question is one class here, its answer in `plumbline.answers`, and whoever asks it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Final, Generic, Literal, TypeVar

import msgspec

from monitor.config.durations import parse_duration
from monitor.errors import BadSql, PlumblineError, UsageError

A_co = TypeVar("A_co", covariant=True)
Scope = Literal["read", "operate", "review", "admin", "ingest"]
Method = Literal["GET", "POST"]
Shape = Literal["json", "table", "file"]
ErasedKind = Literal["user", "session", "trace", "app"]
Role = Literal["viewer", "reviewer", "operator", "policy owner", "admin"]
PERSON: Final = re.compile(r"[\w.@-]{1,64}")


class Question(msgspec.Struct, Generic[A_co], frozen=True, forbid_unknown_fields=True):
    """One question: its fields are the parameters, `A_co` is the answer as plain values.

    `under` is the key a JSON answer stands under, `rest` the field that takes every parameter of a query that has no
    field of its own. A `job` answers with an id at once and works in the background. `refused` is what a client raises
    when the agent says that the question is wrong.
    """

    method: ClassVar[Method] = "GET"
    path: ClassVar[str]
    scope: ClassVar[Scope] = "read"
    shape: ClassVar[Shape] = "json"
    under: ClassVar[str] = ""
    rest: ClassVar[str] = ""
    job: ClassVar[bool] = False
    refused: ClassVar[type[PlumblineError]] = UsageError

    def check(self) -> None:
        """Raise `UsageError` where the fields do not go together."""

    def about(self, _hidden: Callable[[str], str]) -> str:
        """Return what the audit says it acts on; an id goes through `_hidden`, since the audit outlives an erasure."""
        return ""


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


class People(Question[list[dict[str, Any]]], frozen=True):
    """Who may ask this agent, in which role, and who has left."""

    path: ClassVar[str] = "/v1/people"
    scope: ClassVar[Scope] = "admin"
    under: ClassVar[str] = "people"


class AddPerson(Question[str], frozen=True):
    """Let somebody in; the answer is the key of that person, told this once."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/people"
    scope: ClassVar[Scope] = "admin"
    under: ClassVar[str] = "key"

    name: str
    role: Role

    def check(self) -> None:
        if not PERSON.fullmatch(self.name):
            raise UsageError(f"{self.name!r} is no name for a person (letters, digits and . _ @ -, at most 64)")

    def about(self, _hidden: Callable[[str], str]) -> str:
        return f"{self.name} as {self.role}"


class RevokePerson(Question[dict[str, str]], frozen=True):
    """End what somebody may do, from the next call on."""

    method: ClassVar[Method] = "POST"
    path: ClassVar[str] = "/v1/people/revoke"
    scope: ClassVar[Scope] = "admin"

    name: str

    def about(self, _hidden: Callable[[str], str]) -> str:
        return self.name


class Audit(Question[dict[str, Any]], frozen=True):
    """Every act, oldest first: at, actor, act, object, reason, hash."""

    path: ClassVar[str] = "/v1/audit"
    scope: ClassVar[Scope] = "admin"
    shape: ClassVar[Shape] = "table"


class VerifyAudit(Question[dict[str, Any]], frozen=True):
    """Whether the chain of the audit holds: acts, hash of the last one, and a line for each problem."""

    path: ClassVar[str] = "/v1/audit/verify"
    scope: ClassVar[Scope] = "admin"


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
    Erase,
    People,
    AddPerson,
    RevokePerson,
    Audit,
    VerifyAudit,
    Backup,
    Questions,
)


def name_of(question: type[Question[Any]]) -> str:
    """Return what a question is called where classes are not known, such as `explain`."""
    return question.__name__.lower()


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
