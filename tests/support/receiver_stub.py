"""A receiver on loopback that validates like the real one, misbehaves on request, and keeps a model of what is open.

Tests assert on the model (what is firing at the receiver now, in which order things came), not on calls.
"""

from __future__ import annotations

import html
import json
import re
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from alerts.channels.signature import verify
from monitor.clock import Clock

Mode = Literal["ok", "429", "500", "400", "401", "404", "302", "false", "hang", "reset", "lost"]
"""`lost` takes the message and cuts the connection before the answer: the sender cannot know. `false` answers 200 and takes nothing."""

SECRET = "whsec_dGVzdHMtb25seS1ub3QtYS1zZWNyZXQ="

LINK = re.compile(r"<(https?://[^<>|]*)\|(?:Open in Plumbline|Runbook)>")
MENTION = re.compile(r"@(?:everyone|here|channel)\b", re.IGNORECASE)


@dataclass
class Model:
    """What a receiver would show. `refusals` are requests the real service would have answered 4xx."""

    keys: list[str] = field(default_factory=list)  # first receipts, in order
    bodies: dict[str, dict[str, Any]] = field(default_factory=dict)
    repeats: list[str] = field(default_factory=list)
    changed_repeats: list[str] = field(default_factory=list)
    firing: set[str] = field(default_factory=set)
    early_resolves: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    attempts: int = 0
    pages: dict[str, str] = field(default_factory=dict)  # open pages by key: triggered or acknowledged
    closed: list[str] = field(default_factory=list)

    def take(self, key: str, kind: str, body: dict[str, Any]) -> None:
        """Apply one message as a pager does: a resolve without a fire is dropped, a repeat changes nothing."""
        if key in self.bodies:
            self.repeats.append(key)
            if self.bodies[key]["data"] != body["data"]:
                self.changed_repeats.append(key)
            return
        self.keys.append(key)
        self.bodies[key] = body
        fingerprint = key.partition(":")[0]
        if kind == "resolved" and fingerprint not in self.firing:
            self.early_resolves.append(key)
        if kind == "firing":
            self.firing.add(fingerprint)
        elif kind == "resolved":
            self.firing.discard(fingerprint)

    def page(self, key: str, action: str) -> None:
        """Apply one event as PagerDuty does: acknowledge and resolve need an open page, a repeated trigger opens no second one."""
        if action == "trigger":
            self.pages.setdefault(key, "triggered")
        elif key in self.pages and action == "acknowledge":
            self.pages[key] = "acknowledged"
        elif key in self.pages:
            del self.pages[key]
            self.closed.append(key)
        else:
            self.early_resolves.append(key)

    def kinds(self) -> list[str]:
        """Return what came, in order, by kind."""
        return [key.split(":")[3] for key in self.keys]


class Stub(ThreadingHTTPServer):
    """Serves `/webhook`, `/slack` and `/pagerduty`. `clock` judges the age of a signature; None trusts the stamp it carries."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, clock: Clock | None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.clock = clock
        self.mode: Mode = "ok"
        self.retry_after: str | None = None
        self.model = Model()
        self.busy = threading.Lock()
        self.released = threading.Event()

    @property
    def webhook_url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/webhook"

    @property
    def slack_url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/slack"

    @property
    def pagerduty_url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/pagerduty"

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - a sender that left is no error
        return


class Handler(BaseHTTPRequestHandler):
    server: Stub

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        mode = self.server.mode
        with self.server.busy:
            self.server.model.attempts += 1
        if mode == "hang":
            self.server.released.wait(30)
            return
        if mode == "reset":
            self._cut()
        elif mode in {"ok", "lost"}:
            status = self._take(body)
            if mode == "lost":
                self._cut()
            else:
                self._answer(status)
        elif mode == "false":
            self._answer(200, b'{"ok": false, "error": "channel_not_found"}')
        else:
            self._answer(int(mode))

    def _take(self, body: bytes) -> int:
        headers = {name.lower(): value for name, value in self.headers.items()}
        with self.server.busy:
            take = {"/webhook": self._webhook, "/slack": self._slack, "/pagerduty": self._pagerduty}[self.path]
            problem = take(headers, body)
            if problem:
                self.server.model.refusals.append(problem)
                return 401 if problem == "signature" else 400
        return 202 if self.path == "/pagerduty" else 200

    def _webhook(self, headers: Mapping[str, str], body: bytes) -> str | None:
        stamp = datetime.fromtimestamp(int(headers.get("webhook-timestamp", "0")), UTC)
        now = self.server.clock.now() if self.server.clock else stamp
        if not verify(SECRET, headers, body, now):
            return "signature"
        event = json.loads(body)
        if set(event) != {"type", "timestamp", "data"}:
            return "shape"
        active = mentions_in(event)
        if active:
            return f"active: {active}"
        self.server.model.take(headers["webhook-id"], event["type"].removeprefix("alert."), event)
        return None

    def _slack(self, _headers: Mapping[str, str], body: bytes) -> str | None:
        post = json.loads(body)
        problem = slack_problem(post)
        if problem is None:
            key = html.unescape(post["blocks"][-1]["elements"][0]["text"])
            self.server.model.take(key, key.split(":")[3], {"data": post})
        return problem

    def _pagerduty(self, _headers: Mapping[str, str], body: bytes) -> str | None:
        event = json.loads(body)
        problem = pagerduty_problem(event, len(body))
        if problem is None:
            self.server.model.page(event["dedup_key"], event["event_action"])
        return problem

    def _answer(self, status: int, said: bytes = b"") -> None:
        said = said or (b"ok" if status in {200, 202} else b"no: <b>&#8238;why</b>")
        self.send_response(status)
        if self.server.retry_after is not None:
            self.send_header("retry-after", self.server.retry_after)
        if status == 302:
            self.send_header("location", "http://169.254.169.254/latest/meta-data")
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def _cut(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def finish(self) -> None:
        if self.server.mode not in {"reset", "lost"}:
            super().finish()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ARG002 - the signature is http.server's
        return


def pagerduty_problem(event: dict[str, Any], size: int) -> str | None:
    """Return why the Events API v2 would refuse `event`."""
    if len(event.get("routing_key", "")) != 32:
        return "routing_key"
    if event.get("event_action") not in {"trigger", "acknowledge", "resolve"} or size > 512 * 1024:
        return "event_action"
    if not 1 <= len(event.get("dedup_key", "")) <= 255:
        return "dedup_key"
    if event["event_action"] != "trigger":
        return None
    payload = event.get("payload", {})
    if not 1 <= len(payload.get("summary", "")) <= 1024 or not payload.get("source"):
        return "payload"
    return None if payload.get("severity") in {"critical", "error", "warning", "info"} else "severity"


def mentions_in(value: Any) -> list[str]:
    """Return every broadcast mention that a chat would act on, anywhere in `value`."""
    text = json.dumps(value, ensure_ascii=False)
    return MENTION.findall(text) + re.findall(r"<[!@#]\w*", text)


def slack_problem(post: dict[str, Any]) -> str | None:
    """Return why Slack would refuse `post`, or what in it is active that must not be."""
    blocks = post.get("blocks", [])
    texts = list(_texts(blocks))
    if not post.get("text") or not 1 <= len(blocks) <= 50:
        return "no_text"
    if sum(len(text["text"]) for text in texts) + len(post["text"]) > 10_000:
        return "msg_blocks_too_long"
    for block in blocks:
        problem = _block_problem(block)
        if problem:
            return problem
    active = [text["text"] for text in texts if _is_active(text)]
    return f"active: {active}" if active or _raw(post["text"]) else None


def _texts(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if node.get("type") in {"plain_text", "mrkdwn"}:
            yield node
        else:
            for child in node.values():
                yield from _texts(child)
    elif isinstance(node, list):
        for child in node:
            yield from _texts(child)


def _block_problem(block: dict[str, Any]) -> str | None:
    kind, limits = block["type"], {"header": 150, "section": 3000}
    text, fields = block.get("text"), block.get("fields", [])
    if kind == "header" and (not text or text["type"] != "plain_text"):
        return "invalid_blocks: header"
    if kind == "section" and not text and not fields:
        return "invalid_blocks: empty section"
    if text and not 1 <= len(text["text"]) <= limits[kind]:
        return f"invalid_blocks: {kind} of {len(text['text'])}"
    if len(fields) > 10 or any(not 1 <= len(one["text"]) <= 2000 for one in fields):
        return "invalid_blocks: fields"
    return None


def _is_active(text: dict[str, Any]) -> bool:
    bare = LINK.sub("", text["text"]) if text["type"] == "mrkdwn" else text["text"]
    return _raw(bare)


def _raw(text: str) -> bool:
    return "<" in text or ">" in text or bool(MENTION.search(text)) or bool(re.search(r"&(?!amp;|lt;|gt;)", text))


@contextmanager
def a_stub(clock: Clock | None) -> Iterator[Stub]:
    """A running stub; stopped at the end of the block."""
    with Stub(clock) as stub:
        thread = threading.Thread(target=stub.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield stub
        finally:
            stub.released.set()
            stub.shutdown()
            thread.join()
