"""The agent's HTTP api as the dashboard sees it: named reads as rows, and two kinds of trouble, each one calm line."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import quote

import httpx
import pyarrow as pa

Row = dict[str, Any]
Given = str | int | float | bool | datetime | None

ARROW: Final = "application/vnd.apache.arrow.stream"
FRESH_S: Final = 4.0
"""Pages drawn within this many seconds share one answer."""
REPORT_PATIENCE_S: Final = 120.0
KEPT: Final = 256


class Trouble(Exception):
    """The api cannot answer; the text says what to do about it."""


class Unknown(Trouble):
    """What was asked for does not exist (any more)."""


class Source(Protocol):
    """What the pages ask; the tests hand in rows of their own."""

    def read(self, name: str, **params: Given) -> list[Row]: ...

    def status(self) -> Row: ...

    def sources(self, **params: Given) -> Row: ...

    def explain(self, subject: str) -> list[str]: ...

    def report(self, finding_id: str) -> str: ...


@dataclass
class Api:
    """A running agent at base URL `url`. Every call raises `Trouble` when it cannot be answered."""

    url: str
    token_file: Path
    transport: httpx.BaseTransport | None = None
    monotonic: Callable[[], float] = time.monotonic
    _answers: dict[str, tuple[float, Any]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._http = httpx.Client(
            base_url=self.url,
            timeout=httpx.Timeout(15, connect=2),
            transport=self.transport,
            trust_env=False,  # a proxy has no business between two processes of one machine
        )

    def read(self, name: str, **params: Given) -> list[Row]:
        """Return the rows of a named read; parameters that are None are left to their defaults."""
        given = {key: _text(value) for key, value in params.items() if value not in {None, ""}}
        rows: list[Row] = self._fresh(f"read {name} {sorted(given.items())}", lambda: self._rows(name, given))
        return rows

    def status(self) -> Row:
        """Return what the agent says of itself."""
        status: Row = self._fresh("status", lambda: self._get("/v1/status").json())
        return status

    def sources(self, **params: Given) -> Row:
        """Return every source of a window (`start`, `end`, `app`) with its facts, its problems and their fixes."""
        given = {key: _text(value) for key, value in params.items() if value not in {None, ""}}
        ask = f"sources {sorted(given.items())}"
        told: Row = self._fresh(ask, lambda: self._get("/v1/sources", params=given).json())
        return told

    def explain(self, subject: str) -> list[str]:
        """Return why, in lines."""
        answer: Row = self._get(f"/v1/explain/{quote(subject, safe='')}").json()
        return [str(line) for line in answer.get("lines", [])]

    def report(self, finding_id: str) -> str:
        """Return the side-by-side report of a finding as HTML; the first time takes up to 40 s."""
        return self._get(f"/v1/findings/{quote(finding_id, safe='')}/report", timeout=REPORT_PATIENCE_S).text

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def _rows(self, name: str, given: dict[str, str]) -> list[Row]:
        answer = self._get(f"/v1/read/{quote(name, safe='')}", params=given, headers={"accept": ARROW})
        with pa.ipc.open_stream(answer.content) as stream:
            rows: list[Row] = stream.read_all().to_pylist()
        return rows

    def _fresh(self, key: str, ask: Callable[[], Any]) -> Any:
        now = self.monotonic()
        with self._lock:
            kept = self._answers.get(key)
        if kept is not None and now - kept[0] < FRESH_S:
            return kept[1]
        answer = ask()
        with self._lock:
            self._answers = {k: v for k, v in self._answers.items() if now - v[0] < FRESH_S}
            if len(self._answers) < KEPT:
                self._answers[key] = (now, answer)
        return answer

    def _get(self, path: str, **options: Any) -> httpx.Response:
        try:
            bearer = {"authorization": f"Bearer {self.token_file.read_text(encoding='utf-8').strip()}"}
            headers = {**bearer, **options.pop("headers", {})}
            answer = self._http.get(path, headers=headers, **options)
        except OSError:
            raise Trouble(
                f"The agent has not left its token at {self.token_file}. Start it with: plumbline up"
            ) from None
        except httpx.TimeoutException:
            raise Trouble(f"The agent at {self.url} is busy and did not answer in time. Try again shortly.") from None
        except httpx.HTTPError:
            raise Trouble(f"The agent at {self.url} does not answer. Start it with: plumbline up") from None
        if answer.is_success:
            return answer
        raise _trouble(answer)


def _text(value: Given) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _trouble(answer: httpx.Response) -> Trouble:
    try:
        reason = str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        reason = f"status {answer.status_code}"
    if answer.status_code == httpx.codes.NOT_FOUND:
        return Unknown(f"Not found: {reason}")
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        return Trouble("The agent refused the token of the dashboard. Restart both with: plumbline up")
    return Trouble(f"The agent could not answer: {reason}")
