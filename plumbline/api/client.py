"""The api from the other side: what a command line asks of a running agent."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from monitor.errors import Forbidden, NotFound, OnHold, PlumblineError, StoreError, Unreachable, UsageError
from plumbline.api.call import BY, Progress, silent
from plumbline.api.question import Question

A = TypeVar("A")
PATIENCE_S: Final = 900.0
"""Rendering a report, and reading a long history, take minutes; a dead agent is noticed by its socket at once."""
POLL_S: Final = 0.2
STOP_POLLS: Final = 50
_PLACE: Final = re.compile(r"\{(\w+)(?::path)?\}")


@dataclass(frozen=True)
class ApiClient:
    """A running agent at base address `url`, asked for the person `by` where an admin acts for one.

    Every call raises `Unreachable` when nothing answers there.
    """

    url: str
    token: str
    by: str | None = None
    transport: httpx.BaseTransport | None = None
    sleep: Callable[[float], None] = time.sleep

    def ask(self, question: Question[A], progress: Progress = silent) -> A:
        """Return the answer as plain values; a job is waited for, and an interrupt here stops it there."""
        question.check()
        path, parameters = _request(question)
        if question.shape == "file":
            return self._send(question.method, path, type(question).refused, parameters).text  # type: ignore[return-value]  # a file is text
        answer: Any = self._call(question.method, path, type(question).refused, parameters)
        if question.job:
            answer = self._wait(f"/v1/jobs/{answer['job']}", progress)
        told: A = answer[question.under] if question.under else answer
        return told

    def _wait(self, path: str, progress: Progress) -> dict[str, Any]:
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
        parameters: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        content: dict[str, Any] = self._send(method, path, refused, parameters).json()
        return content

    def _headers(self) -> dict[str, str]:
        acting = {} if self.by is None else {BY: quote(self.by)}
        return {"authorization": f"Bearer {self.token}", **acting}

    def _send(
        self, method: str, path: str, refused: type[PlumblineError], parameters: dict[str, Any] | None
    ) -> httpx.Response:
        how: dict[str, Any] = {"params": parameters} if method == "GET" else {"json": parameters}
        try:
            with httpx.Client(
                base_url=self.url,
                headers=self._headers(),
                timeout=httpx.Timeout(PATIENCE_S, connect=5),
                transport=self.transport,
                trust_env=False,  # a proxy has no business between two processes of one machine
            ) as http:
                answer = http.request(method, path, **how)
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            raise Unreachable(f"the agent at {self.url} does not answer: {reason} (see `plumbline status`)") from None
        if answer.is_success:
            return answer
        raise _error_of(answer, refused, self.url)


def _request(question: Question[Any]) -> tuple[str, dict[str, Any]]:
    """Return path and parameters of a question; what has no value is left to its default."""
    given = {name: value for name, value in msgspec.to_builtins(question).items() if value is not None}
    path = _PLACE.sub(lambda place: quote(str(given.pop(place[1])), safe=""), question.path)
    if question.rest:
        given |= given.pop(question.rest, {})
    return path, given


def _error_of(answer: httpx.Response, refused: type[PlumblineError], url: str) -> PlumblineError:
    try:
        text = str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        text = f"{url} answered {answer.status_code} without a reason"
    if answer.status_code == httpx.codes.BAD_REQUEST:
        return refused(text)
    if answer.status_code == httpx.codes.NOT_FOUND:
        return NotFound(text.removeprefix(NotFound("").args[0]))
    if answer.status_code == httpx.codes.FORBIDDEN:
        return Forbidden(text)
    if answer.status_code == httpx.codes.CONFLICT:
        return OnHold(text)
    return Unreachable(text) if answer.status_code in (401, 421) else StoreError(text)
