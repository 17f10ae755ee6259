"""A Slack incoming webhook. Everything that may come from a trace is `plain_text`, which Slack never parses.

Slack answers 400 and drops the message when a limit is passed (header 150, field 2000, section 3000, 50 blocks, and in
practice about 13,000 characters in all), so that every text is fitted after escaping. Only our own link is mrkdwn.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import msgspec

from alerts.channels import Means, ReceiverName
from alerts.channels.posting import TOTAL_S, OverHttp, accept, post
from alerts.message import HOW, Message, details
from monitor.clock import Clock
from monitor.errors import RetryLater
from monitor.outgoing import OPEN, Guard

TAKEN: Final = "ok"
"""The whole body of an answer to a message that Slack has; anything else with status 200 is a proxy, or an error."""

HEADER: Final = 150
FIELD: Final = 1000
LONG: Final = {"What", "For whom", "Likely cause", "Examples", HOW}
"""Parts that have a line of their own."""

ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
MARKS: Final = {"critical": "🔴", "error": "🟠", "warning": "🟡", "info": "🔵"}


class SlackReceiver(OverHttp, frozen=True, tag_field="kind", tag="slack"):
    """A Slack incoming webhook. Its address is a secret: give it as `${env:NAME}`."""

    name: ReceiverName
    url: str

    def channel(self, means: Means) -> Slack:
        """Return the channel that posts to this webhook."""
        return Slack(self.name, self.url, means.clock, guard=self.guard(means))


@dataclass(frozen=True)
class Slack:
    """Posts to the secret address `url`. It returns no message id, so there are no threads and no edits."""

    name: str
    url: str = field(repr=False)
    clock: Clock
    total_s: float = TOTAL_S
    guard: Guard = OPEN

    def send(self, message: Message, *, key: str) -> None:
        """Post `message` once. Slack knows no keys; it is shown, so that a person can tell a repeat after a crash."""
        body = msgspec.json.encode(blocks(message, key))
        now = self.clock.now()
        answer = post(self.url, body, {"content-type": "application/json"}, self.total_s, self.guard)
        accept(answer, now)
        if answer.excerpt != TAKEN:
            raise RetryLater(f"HTTP {answer.status}, but it does not say that it took the message: {answer.excerpt}")


def blocks(message: Message, key: str) -> dict[str, Any]:
    """Return the body of one post: a notification text and at most seven blocks."""
    mark = "✅" if message.kind == "resolved" else MARKS.get(message.severity, "")
    parts = [(name, text) for name, text in details(message) if name not in LONG]
    long = [(name, text) for name, text in details(message) if name in LONG]
    laid: list[dict[str, Any]] = [
        {"type": "header", "text": plain(f"{mark} {message.title}", HEADER)},
        {"type": "section", "fields": [plain(f"{name}\n{text}", FIELD) for name, text in parts[:10]]},
        *({"type": "section", "text": plain(f"{name}: {text}", FIELD)} for name, text in long),
    ]
    links = [_link(url, text) for url, text in ((message.link, "Open in Plumbline"), (message.runbook, "Runbook"))]
    if any(links):
        laid.append({"type": "section", "text": {"type": "mrkdwn", "text": " · ".join(filter(None, links))}})
    laid.append({"type": "context", "elements": [plain(key, FIELD)]})
    text = escape(f"{mark} {message.title}", HEADER)
    return {"text": text, "blocks": laid, "unfurl_links": False, "unfurl_media": False}


def plain(text: str, limit: int) -> dict[str, Any]:
    """Return a text object that Slack shows as it is."""
    return {"type": "plain_text", "text": escape(text, limit), "emoji": False}


def escape(text: str, limit: int) -> str:
    """Return `text` with Slack's three special characters escaped, cut so that the escaped form fits `limit`."""
    fitted, room = [], limit
    for character in text:
        piece = ESCAPES.get(character, character)
        if len(piece) > room:
            break
        fitted.append(piece)
        room -= len(piece)
    return "".join(fitted)


def _link(url: str, text: str) -> str:
    """Return a Slack link to an address of ours; nothing in it can close the link or start another."""
    if not url.startswith(("http://", "https://")):
        return ""
    return f"<{escape(quote(url, safe=':/?=&%#@[]~+,;.-_'), 1000)}|{text}>"
