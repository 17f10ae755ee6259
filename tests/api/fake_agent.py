"""An agent that answers from memory; what the api and the client do with it is real HTTP."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from monitor.errors import BadSql, NotFound, StoreError, UsageError
from monitor.store.user_sql.readers import Answered
from plumbline.answers import ANSWERS
from plumbline.api.call import Call
from plumbline.api.question import Question
from tests.support.serving import serving

TOKEN = "t0ken"
SNAPSHOT_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class FakeAgent:
    folder: Path
    ready: bool = True
    erased: list[str] = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)
    stopped_at: float | None = None
    replays: list[tuple[datetime, datetime, timedelta, bool]] = field(default_factory=list)

    def answer(self, question: Question[Any], call: Call) -> Any:
        return ANSWERS[type(question)](self, question, call)  # type: ignore[arg-type]  # an agent in all that is asked here

    def status(self) -> dict[str, Any]:
        return {"ready": self.ready, "ledger": {"received": 3, "stored": 2}, "lag_s": 0.25, "note": "x", "none": None}

    def sql(self, text: str, max_rows: int) -> Answered:
        if text == "boom":
            raise RuntimeError("a bug with a secret path /home/x")
        if text == "broken":
            raise StoreError("the store\nis broken")
        if "delete" in text.lower():
            raise BadSql("only one SELECT is allowed")
        table = pa.table(
            {"n": list(range(min(max_rows, 5))), "text": ["a", None, "\x1b[31m[red]c", "d", "e"][:max_rows]}
        )
        return Answered(table, SNAPSHOT_AT)

    def page(self, name: str, params: Mapping[str, str]) -> pa.Table:
        if name != "overview":
            raise NotFound(name)
        if "bad" in params:
            raise UsageError("bad is not a parameter of overview")
        return pa.table({"key": list(params), "value": list(params.values())})

    def sources(self, params: Mapping[str, str]) -> dict[str, Any]:
        if "bad" in params:
            raise UsageError("unknown parameter bad")
        return {
            "sources": [{"app": "shop", "state": "ok", "seen": datetime(2026, 3, 1, tzinfo=UTC), "asked": dict(params)}]
        }

    def settle(self) -> dict[str, int]:
        return {"loaded": 7}

    def replay(
        self, start: datetime, end: datetime, step: timedelta, notify: bool, progress: Callable[[float, str], None]
    ) -> dict[str, Any]:
        self.replays.append((start, end, step, notify))
        if step == timedelta(hours=13):
            raise UsageError("thirteen is not supported")
        if step == timedelta(hours=17):
            raise RuntimeError("bug")
        for number in range(1, 500):
            progress(min(1.0, number / 10), f"step {number}")
            if number >= 10 and step != timedelta(hours=7):
                break
            time.sleep(0.005)
        return {"findings": [{"id": "f1"}]}

    def explain(self, subject: str) -> list[str]:
        if subject.startswith("no"):
            raise NotFound(subject)
        return [f"{subject} was sampled", "because \x1b[2J"]

    def report(self, finding_id: str) -> Path:
        if finding_id != "f1":
            raise NotFound(finding_id)
        path = self.folder / "report.html"
        path.write_text("<html><script>1</script></html>")
        return path

    def erase(self, kind: str, given: str) -> dict[str, int]:
        self.erased.append(f"{kind} {given}")
        return {"spans": 4}

    def check(self) -> list[str]:
        return ["spans: 1 row without a trace"]

    def close(self) -> None:
        self.hold.set()


@contextmanager
def served(agent: FakeAgent, host: str = "127.0.0.1") -> Iterator[str]:
    """The api over `agent` on a free port; yields its base URL."""
    with serving(agent, TOKEN, host) as url:
        yield url
