"""One way to ask, wherever the store is: through the api of a running agent, or in this process when none runs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from monitor.errors import UsageError
from monitor.places import Places, read_run
from plumbline.api.bearer import read_token
from plumbline.cli.lazy import keep_out, load
from plumbline.cli.settings import Resolved


class Session(Protocol):
    """What commands ask of the agent; answers are plain values."""

    def sql(self, text: str, max_rows: int) -> dict[str, Any]:
        """Return {"columns", "rows", "truncated"}. Raises `BadSql`."""

    def status(self) -> dict[str, Any]:
        """Return what the agent says of itself."""

    def sources(self) -> dict[str, Any]:
        """Return every source of the last seven days with its facts and problems."""

    def settle(self) -> dict[str, int]:
        """Load, finish and judge everything that was acknowledged."""

    def replay(
        self, start: datetime, end: datetime, step: timedelta, notify: bool, progress: Callable[[float, str], None]
    ) -> dict[str, Any]:
        """Run the cycle over stored history in virtual time."""

    def explain(self, subject: str) -> list[str]:
        """Return why, in lines. An unknown subject is a `UsageError`."""

    def check(self) -> list[str]:
        """Return what is wrong with the store."""

    def erase(self, kind: str, given: str) -> dict[str, int]:
        """Remove everything of one user, session, trace or app, from every file."""


@contextlib.contextmanager
def session(resolved: Resolved, *, create: bool = False) -> Iterator[Session]:
    """Hold a session with the owner of the data directory of `resolved`.

    With `create` an absent directory is made; without, it is a `UsageError`. Raises `StoreInUse` while another process
    holds a store at rest, `Unreachable` when an agent is there but does not answer.
    """
    places = resolved.places
    running = read_run(places, "agent")
    if running is not None:
        yield connect(running.url, places)
        return
    if not create and not places.has_data():
        raise UsageError(f"{places.root} holds no data yet (start `plumbline up`, or `plumbline import FILE`)")
    keep_out("pandas")
    core = load("plumbline.agent:open_agent")(resolved.settings, places.root)
    try:
        yield AtRest(core, load("plumbline.api.rows:rows_of"), load("plumbline.api.rows:plain"))
    finally:
        core.close()


def connect(url: str, places: Places) -> Session:
    """Return the session with the agent that answers at `url`."""
    client: Session = load("plumbline.api.client:ApiClient")(url, read_token(places.token))
    return client


@dataclass(frozen=True)
class AtRest:
    """A session in this process; `core` is an `AgentCore`, `rows_of` and `plain` turn its answers into plain values."""

    core: Any
    rows_of: Callable[..., Any]
    plain: Callable[[Any], Any]

    def sql(self, text: str, max_rows: int) -> dict[str, Any]:
        table = self.core.sql(text, max_rows + 1)
        rows = self.rows_of(table.slice(0, max_rows), truncated=table.num_rows > max_rows)
        return {"columns": rows.columns, "rows": rows.rows, "truncated": rows.truncated}

    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = self.plain(self.core.status())
        return status

    def sources(self) -> dict[str, Any]:
        told: dict[str, Any] = self.plain(self.core.sources({}))
        return told

    def settle(self) -> dict[str, int]:
        counts: dict[str, int] = self.core.settle()
        return counts

    def replay(
        self, start: datetime, end: datetime, step: timedelta, notify: bool, progress: Callable[[float, str], None]
    ) -> dict[str, Any]:
        result: dict[str, Any] = self.plain(self.core.replay(start, end, step, notify, progress))
        return result

    def explain(self, subject: str) -> list[str]:
        try:
            return list(self.core.explain(subject))
        except KeyError:
            raise UsageError(f"nothing here is named {subject}") from None

    def check(self) -> list[str]:
        return [str(problem) for problem in self.core.check()]

    def erase(self, kind: str, given: str) -> dict[str, int]:
        counts: dict[str, int] = self.core.erase(kind, given)
        return counts
