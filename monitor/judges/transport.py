"""What a judge is reached through: how a question is put, how a reply is read, and why there was none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

from monitor.config.schema import JudgeSettings
from monitor.judges.question import Item, Prompt
from monitor.judges.reply import Heard

REPLY_TOKENS: Final = 700
"""Tokens a reply may take, also such as are thought and not shown; what is reserved before a call counts them all."""

Fault = Literal["key", "model", "quota", "busy", "down", "late", "form", "nonsense", "asked"]
"""Of what kind a failure is: `asked` is about one question, all others are about the judge."""


class NoReply(Exception):
    """A call that brought no reply. `cause` is a sentence about the judge; `after_s` its own wish for the next try."""

    def __init__(self, fault: Fault, cause: str, after_s: float | None = None, *, told: str | None = None) -> None:
        super().__init__(cause)
        self.fault, self.cause, self.after_s = fault, cause, after_s
        self.told = told  # how the service refused, in its own words, which are shown to nobody; None: nobody knows what became of the call


@dataclass(frozen=True)
class Request:
    """One POST."""

    url: str
    body: dict[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


class Transport(Protocol):
    """A way to ask over HTTP."""

    def request(self, prompt: Prompt, item: Item) -> Request:
        """Return the request that asks `prompt`."""

    def heard(self, body: Mapping[str, Any], prompt: Prompt) -> Heard:
        """Return what the body of a good answer says. Raises `NoReply` where it is in no agreed form, or tells an error."""

    def give_way(self, refused: str) -> bool:
        """Return whether, now that the service refused a request with these words, another one is worth a try."""


def error_in(body: Mapping[str, Any], status: int) -> NoReply | None:
    """Return the failure that a body tells of, whatever its status says; None where it tells of none."""
    told = body.get("error")
    if not told and body.get("type") != "error":
        return None
    words = told if isinstance(told, str) else json.dumps(told)
    return NoReply(*_meaning(status, words.lower()[:2000], inside=200 <= status < 300), told=words[:2000])


def failure(status: int, words: str, after_s: float | None) -> NoReply:
    """Return what a status beside 2xx means; `words` is the beginning of its body, of which nothing is shown."""
    fault, cause = _meaning(status, words.lower(), inside=False)
    return NoReply(fault, cause, after_s, told=words)


_SAID: Final[tuple[tuple[Fault, tuple[str, ...], str], ...]] = (
    ("quota", ("insufficient_quota", "billing", "credit balance", "quota"), "its quota is used up"),
    ("key", ("invalid_api_key", "authentication", "permission", "unauthorized", "expired"), "its key is refused"),
    ("model", ("model_not_found", "does not exist", "unknown model", "decommissioned"), "its model is gone"),
    ("busy", ("rate_limit", "rate limit", "too many requests"), "it is asked too often"),
    ("down", ("overloaded", "unavailable", "server_error"), "it is overloaded"),
)
"""Of what kind a failure is by the words of its error, the first that stands in it; and what people are told."""


def _meaning(status: int, words: str, *, inside: bool) -> tuple[Fault, str]:
    how = "an error inside a good answer" if inside else f"HTTP {status}"
    by_status: dict[int, tuple[Fault, str]] = {
        401: ("key", "its key is refused"),
        403: ("key", "its key is refused"),
        404: ("model", "its model, or its address, is gone"),
        408: ("late", "it does not answer in time"),
    }
    if status in by_status:
        fault, cause = by_status[status]
        return fault, f"{cause} ({how})"
    said = next(((fault, cause) for fault, marks, cause in _SAID if any(mark in words for mark in marks)), None)
    if said is not None:
        return said[0], f"{said[1]} ({how})"
    if status == 429:
        return "busy", f"it is asked too often ({how})"
    if status >= 500:
        return "down", f"it fails ({how})"
    if 300 <= status < 400:
        return "model", f"it has moved, and redirects are not followed ({how})"
    return ("form", f"it answers with {how}") if inside else ("asked", f"it does not take what it is asked ({how})")


def object_of(text: str) -> Mapping[str, Any]:
    """Return the JSON object that a reply is, in a fence of Markdown or not. Raises `NoReply`."""
    bare = text.strip()
    if bare.startswith("```"):
        bare = bare.strip("`").removeprefix("json").strip()
    try:
        found = json.loads(bare)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def count(usage: Any, *names: str) -> int | None:
    """Return the first number of tokens that `usage` tells under one of `names`."""
    told = usage if isinstance(usage, dict) else {}
    return next((told[name] for name in names if isinstance(told.get(name), int) and told[name] >= 0), None)


def address(settings: JudgeSettings, makers: str, path: str) -> str:
    """Return where to post to: below the address of the settings, else that of the maker."""
    return f"{(settings.url or makers).rstrip('/')}{path}"
