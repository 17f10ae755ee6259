"""What a stand-in answers, and how a service is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from plumbline.demo.stubs.model import Model


@dataclass(frozen=True)
class Asked:
    """One request: its headers (lower-case names) and body, the model it changes, and the time by which stamps are judged (None: as they say)."""

    headers: Mapping[str, str]
    body: bytes
    model: Model
    now: datetime | None


@dataclass(frozen=True)
class Answer:
    """Status and body. `problem` is why a real service would have refused."""

    status: int
    body: bytes = b""
    problem: str = ""


Service = Callable[[Asked], Answer]


def refused(problem: str, status: int = 400) -> Answer:
    """Return a refusal, in words that a sender must not trust."""
    return Answer(status, b"no: <b>&#8238;why</b>", problem)
