"""The agent's HTTP api as the dashboard sees it: named reads as rows, and two kinds of trouble, each one calm line."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import quote

import httpx
import pyarrow as pa

Row = dict[str, Any]
Given = str | int | float | bool | datetime | None
Nested = Given | Mapping[str, Any]
T = TypeVar("T")

ARROW: Final = "application/vnd.apache.arrow.stream"
FRESH_S: Final = 4.0
"""Pages drawn within this many seconds share one answer."""
REPORT_PATIENCE_S: Final = 120.0
KEPT: Final = 256
POLL_S: Final = 0.3
_REFUSALS: Final = (400, 403, 409, 429)
_PLACE: Final = re.compile(r"\{(\w+)\}")


class Trouble(Exception):
    """The api cannot answer; the text says what to do about it."""


class Unknown(Trouble):
    """What was asked for does not exist (any more)."""


class Busy(Trouble):
    """The agent did not answer in time: it is there, and works at what was asked for, or at something else."""


class SignedOut(Trouble):
    """The session of whoever looks has ended, or there is none."""


class Refused(Trouble):
    """The agent knows what is wanted and does not do it; the text is its reason."""


class AgentReads(Protocol):
    """What the pages ask; the tests hand in rows of their own."""

    def read(self, name: str, **params: Given) -> list[Row]: ...

    def status(self) -> Row: ...

    def sources(self, **params: Given) -> Row: ...

    def policies(self) -> list[Row]: ...

    def explain(self, subject: str) -> list[str]: ...

    def report(self, finding_id: str) -> str: ...

    def me(self) -> Row: ...

    def notes(self, subject: str) -> list[Row]: ...

    def holds(self) -> list[Row]: ...

    def ask(self, question: str, /, **params: Nested) -> Any: ...

    def command(self, question: str, key: str, /, **params: Nested) -> Any: ...


def where_told(agent: AgentReads, question: str, otherwise: T, /, **params: Nested) -> T:
    """Return what the agent answers, `otherwise` where it knows of no such thing or does not tell it.

    An agent that is gone is the page's trouble, which tries again. Raises `Trouble`, also `Busy`.
    """
    try:
        found: T = agent.ask(question, **params)
    except (Refused, Unknown):
        return otherwise
    return found


@dataclass
class Api:
    """A running agent at base URL `url`, asked under the `session` of a person, or else under the token of the owner.

    Every call raises `Trouble` when it cannot be answered.
    """

    url: str
    token_file: Path
    session: str | None = field(default=None, repr=False)
    transport: httpx.BaseTransport | None = None
    monotonic: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    _answers: dict[str, tuple[float, Any]] = field(default_factory=dict)
    _declared: dict[str, Row] = field(default_factory=dict)
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
        rows: list[Row] = self._fresh("page", name=name, **params)
        return rows

    def status(self) -> Row:
        """Return what the agent says of itself."""
        status: Row = self._fresh("status")
        return status

    def me(self) -> Row:
        """Return who asks: name, role, scopes, apps."""
        told: Row = self._fresh("me")
        return told

    def sources(self, **params: Given) -> Row:
        """Return every source of a window (`start`, `end`, `app`) with its facts, its problems and their fixes."""
        told: Row = self._fresh("sources", **params)
        return told

    def policies(self) -> list[Row]:
        """Return the policies in force or in shadow, each with its rules."""
        told: list[Row] = self._fresh("policies")
        return told

    def explain(self, subject: str) -> list[str]:
        """Return why, in lines."""
        return [str(line) for line in self.ask("explain", id=subject)]

    def report(self, finding_id: str) -> str:
        """Return the side-by-side report of a finding as HTML; the first time takes up to 40 s."""
        html: str = self.ask("report", id=finding_id)
        return html

    def notes(self, subject: str) -> list[Row]:
        """Return the notes on a finding or a trace, oldest first."""
        return list(self.ask("notes", id=subject))

    def holds(self) -> list[Row]:
        """Return every legal hold, oldest first."""
        return list(self._fresh("holds"))

    def command(self, question: str, key: str, /, **params: Nested) -> Any:
        """Have something done, once however often it is sent under `key`; what is remembered of before is asked anew."""
        answer = self._asked(question, params, {"idempotency-key": key})
        with self._lock:
            self._answers = {}
        return answer

    def ask(self, question: str, /, **params: Nested) -> Any:
        """Return the answer to `question` as it stands in the agent's own table of questions."""
        return self._asked(question, params, {})

    def work(self, question: str, /, **params: Given) -> Iterator[Row]:
        """Begin a job and yield how far it is, until it has ended; the last view holds its result or its error."""
        job = self._asked(question, params, {})["job"]
        while True:
            view: Row = self._send("GET", f"/v1/jobs/{job}").json()
            yield view
            if view["state"] != "running":
                return
            self.pause(POLL_S)

    def _asked(self, question: str, params: Mapping[str, Nested], headers: dict[str, str]) -> Any:
        asked = self._questions().get(question)
        if asked is None:
            raise Unknown(f"Not found: this agent answers no question {question}. Restart both with: plumbline up")
        given: dict[str, Any] = {key: value for key, value in params.items() if value is not None and value != ""}
        path = _PLACE.sub(lambda place: quote(_text(given.pop(place[1])), safe=""), asked["path"])
        if asked["shape"] == "table":
            return _rows(self._send(asked["method"], path, given, {"accept": ARROW}))
        if asked["shape"] == "file":
            return self._send(asked["method"], path, given, timeout=REPORT_PATIENCE_S).text
        answer = self._send(asked["method"], path, given, headers).json()
        return answer[asked["under"]] if asked["under"] else answer

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def _questions(self) -> dict[str, Row]:
        """The agent's table, fetched once: what can be asked is declared there, and nowhere here."""
        with self._lock:
            known = self._declared
        if not known:
            known = {row["name"]: row for row in self._send("GET", "/v1/questions").json()["questions"]}
            with self._lock:
                self._declared = known
        return known

    def _fresh(self, question: str, /, **params: Given) -> Any:
        """Return an answer that may be some seconds old."""
        key = f"{question} {sorted((key, str(value)) for key, value in params.items())}"
        now = self.monotonic()
        with self._lock:
            kept = self._answers.get(key)
        if kept is not None and now - kept[0] < FRESH_S:
            return kept[1]
        answer = self.ask(question, **params)
        with self._lock:
            self._answers = {k: v for k, v in self._answers.items() if now - v[0] < FRESH_S}
            if len(self._answers) < KEPT:
                self._answers[key] = (now, answer)
        return answer

    def _send(
        self,
        method: str,
        path: str,
        given: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> httpx.Response:
        as_text = {key: _text(value) for key, value in (given or {}).items()}
        how: dict[str, Any] = {"params": as_text} if method == "GET" else {"json": given or {}}
        try:
            secret = self.session or self.token_file.read_text(encoding="utf-8").strip()
            bearer = {"authorization": f"Bearer {secret}"}
            answer = self._http.request(method, path, headers={**bearer, **(headers or {})}, **how, **options)
        except OSError:
            raise Trouble(
                f"The agent has not left its token at {self.token_file}. Start it with: plumbline up"
            ) from None
        except httpx.TimeoutException:
            raise Busy(f"The agent at {self.url} is busy and did not answer in time. Try again shortly.") from None
        except httpx.HTTPError:
            raise Trouble(f"The agent at {self.url} does not answer. Start it with: plumbline up") from None
        if answer.is_success:
            return answer
        raise _trouble(answer, self.session is not None)


def _rows(answer: httpx.Response) -> list[Row]:
    with pa.ipc.open_stream(answer.content) as stream:
        rows: list[Row] = stream.read_all().to_pylist()
    return rows


def _text(value: Given) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _trouble(answer: httpx.Response, in_session: bool) -> Trouble:
    try:
        reason = str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        reason = f"status {answer.status_code}"
    if answer.status_code == httpx.codes.NOT_FOUND:
        return Unknown(f"Not found: {reason}")
    if answer.status_code in _REFUSALS:
        return Refused(reason)
    if answer.status_code == httpx.codes.UNAUTHORIZED and in_session:
        return SignedOut("You are signed out. Reload this page to sign in again.")
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        return Trouble("The agent refused the token of the dashboard. Restart both with: plumbline up")
    return Trouble(f"The agent could not answer: {reason}")
