"""The api from the other side: what a command line asks of a running agent."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

import httpx

from monitor.config.durations import show_duration
from monitor.errors import BadSql, PlumblineError, StoreError, Unreachable, UsageError

PATIENCE_S: Final = 900.0
"""Settling a large import, and rendering a report, take minutes; a dead agent is noticed by its socket at once."""
POLL_S: Final = 0.2
STOP_POLLS: Final = 50


@dataclass(frozen=True)
class ApiClient:
    """A running agent at base address `url`. Every call raises `Unreachable` when nothing answers there."""

    url: str
    token: str
    transport: httpx.BaseTransport | None = None
    sleep: Callable[[float], None] = time.sleep

    def sql(self, text: str, max_rows: int) -> dict[str, Any]:
        """Return {"columns", "rows", "truncated"}. Raises `BadSql`."""
        return self._call("POST", "/v1/sql", BadSql, {"sql": text, "max_rows": max_rows})

    def status(self) -> dict[str, Any]:
        """Return what the agent says of itself."""
        return self._call("GET", "/v1/status")

    def sources(self) -> dict[str, Any]:
        """Return every source of the last seven days with its facts and problems."""
        return self._call("GET", "/v1/sources")

    def settle(self) -> dict[str, int]:
        """Have everything that was acknowledged loaded, finished and judged; returns counts."""
        return self._call("POST", "/v1/settle")

    def explain(self, subject: str) -> list[str]:
        """Return why, in lines. An unknown subject is a `UsageError`."""
        lines: list[str] = self._call("GET", f"/v1/explain/{quote(subject, safe='')}")["lines"]
        return lines

    def check(self) -> list[str]:
        """Return what is wrong with the store."""
        problems: list[str] = self._call("GET", "/v1/check")["problems"]
        return problems

    def erase(self, kind: str, given: str) -> dict[str, int]:
        """Remove everything of one user, session, trace or app; returns counts."""
        return self._call("POST", "/v1/erase", UsageError, {"kind": kind, "id": given})

    def replay(
        self, start: datetime, end: datetime, step: timedelta, notify: bool, progress: Callable[[float, str], None]
    ) -> dict[str, Any]:
        """Run a replay and wait for its result; an interrupt here stops it there."""
        ask = {"from": start.isoformat(), "to": end.isoformat(), "step": show_duration(step), "notify": notify}
        path = f"/v1/jobs/{self._call('POST', '/v1/replay', UsageError, ask)['job']}"
        try:
            return self._follow(path, progress)
        except BaseException:
            self._stop(path)
            raise

    def _stop(self, path: str) -> None:
        """The job ends at its next report of progress, which is a cycle away; longer than that nobody waits."""
        for _ in range(STOP_POLLS):
            if self._call("DELETE", path)["state"] != "running":
                return
            self.sleep(POLL_S)

    def _follow(self, path: str, progress: Callable[[float, str], None]) -> dict[str, Any]:
        while True:
            job = self._call("GET", path)
            progress(job["share"], job["note"])
            if job["state"] == "done":
                result: dict[str, Any] = job["result"]
                return result
            if job["state"] != "running":
                raise PlumblineError(job["error"])
            self.sleep(POLL_S)

    def _call(
        self,
        method: str,
        path: str,
        refused: type[PlumblineError] = UsageError,
        body: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        try:
            with httpx.Client(
                base_url=self.url,
                headers={"authorization": f"Bearer {self.token}"},
                timeout=httpx.Timeout(PATIENCE_S, connect=5),
                transport=self.transport,
                trust_env=False,  # a proxy has no business between two processes of one machine
            ) as http:
                answer = http.request(method, path, json=body)
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            raise Unreachable(f"the agent at {self.url} does not answer: {reason} (see `plumbline status`)") from None
        if answer.is_success:
            content: dict[str, Any] = answer.json()
            return content
        raise _error_of(answer, refused, self.url)


def _error_of(answer: httpx.Response, refused: type[PlumblineError], url: str) -> PlumblineError:
    try:
        text = str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        text = f"{url} answered {answer.status_code} without a reason"
    if answer.status_code == 400:
        return refused(text)
    if answer.status_code == 404:
        return UsageError(text)
    return Unreachable(text) if answer.status_code in (401, 421) else StoreError(text)
