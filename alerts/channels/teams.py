"""Microsoft Teams by a flow of Workflows ("When a Teams webhook request is received"): one adaptive card a message.

Everything that may come from a trace is a run of a rich text block, which is no Markdown; `{{`, which names functions of a card,
is broken. A flow answers 202 when it has the card; it belongs to a person, so that it can be orphaned: `plumbline receivers test` says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from alerts.channels import Means, ReceiverName
from alerts.channels.posting import TOTAL_S, OverHttp, accept, post
from alerts.message import Message, clean, details, links
from monitor.clock import Clock
from monitor.outgoing import OPEN, Guard

ACCEPTED: Final = 202
LARGEST: Final = 20_000
"""Bytes of one card: the service says 28 KB, and people saw trouble from 21 KB."""

TEXT: Final = 1000
CARD: Final = "application/vnd.microsoft.card.adaptive"
_FUNCTION: Final = re.compile(r"\{(?=\{)")
COLOURS: Final = {"critical": "attention", "error": "attention", "warning": "warning", "info": "accent"}


class TeamsReceiver(OverHttp, frozen=True, tag_field="kind", tag="teams"):
    """A flow of Teams Workflows. Its address is a secret: give it as `${env:NAME}`."""

    name: ReceiverName
    url: str

    def channel(self, means: Means) -> Teams:
        """Return the channel that posts to this flow."""
        return Teams(self.name, self.url, means.clock, guard=self.guard(means))


@dataclass(frozen=True)
class Teams:
    """Posts to the secret address `url`. There are no threads and no edits; buttons only open pages."""

    name: str
    url: str = field(repr=False)
    clock: Clock
    total_s: float = TOTAL_S
    guard: Guard = OPEN

    def send(self, message: Message, *, key: str) -> None:
        """Post `message` once. Teams knows no keys; it is shown, so that a person can tell a repeat after a crash."""
        body = msgspec.json.encode(_fitted(message, key))
        headers = {"content-type": "application/json"}
        accept(post(self.url, body, headers, self.total_s, self.guard), self.clock.now(), only=ACCEPTED)


def _fitted(message: Message, key: str) -> dict[str, Any]:
    """Return the card with as many of its parts as fit."""
    parts = details(message)
    while True:
        sent = card(message, parts, key)
        if len(msgspec.json.encode(sent)) <= LARGEST or not parts:
            return sent
        parts = parts[:-1]


def card(message: Message, parts: list[tuple[str, str]], key: str) -> dict[str, Any]:
    """Return the body of one post."""
    colour = "good" if message.kind == "resolved" else COLOURS.get(message.severity, "default")
    content = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            _text([_run(message.title, weight="bolder", size="medium", color=colour)]),
            *(_text([_run(f"{name}: ", weight="bolder"), _run(text)]) for name, text in parts),
            _text([_run(key, isSubtle=True, size="small")]),
        ],
        "actions": [{"type": "Action.OpenUrl", "title": text, "url": url} for url, text in links(message)],
    }
    return {"type": "message", "attachments": [{"contentType": CARD, "contentUrl": None, "content": content}]}


def _text(runs: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": runs}


def _run(text: str, **looks: Any) -> dict[str, Any]:
    return {"type": "TextRun", "text": _FUNCTION.sub("{\u2060", clean(text, TEXT)), **looks}
