"""Socket Mode of Slack: the line that an app opens, and what people press, said again until it is acknowledged."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from plumbline.demo.stubs.answer import Answer, Asked
from plumbline.demo.stubs.model import Model

TEAM: Final = "T0STUBTEAM"
APP: Final = "A0STUBAPP1"
NO_TICKET: Final = 4001


def auth_test(asked: Asked) -> Answer:
    """`auth.test`: whose token of a bot this is."""
    if not asked.headers.get("authorization", "").startswith("Bearer xoxb-"):
        return _no(asked, "invalid_auth")
    return Answer(200, json.dumps({"ok": True, "team_id": TEAM, "team": "stub", "user_id": "U0BOT"}).encode())


def open_line(asked: Asked) -> Answer:
    """`apps.connections.open`: an address that is good for one line; the token is that of the app."""
    if not asked.headers.get("authorization", "").startswith("Bearer xapp-"):
        return _no(asked, "not_allowed_token_type")
    ticket = secrets.token_hex(8)
    asked.model.tickets.add(ticket)
    return Answer(200, json.dumps({"ok": True, "url": f"{asked.model.line_url}/link/?ticket={ticket}"}).encode())


def response(asked: Asked) -> Answer:
    """The address that a press brings along: what only whoever pressed is told."""
    said = json.loads(asked.body)
    if said.get("response_type") != "ephemeral" or said.get("replace_original") is not False or not said.get("text"):
        return _no(asked, "invalid_payload")
    asked.model.whispered.append(said["text"])
    return Answer(200, b"ok")


def _no(asked: Asked, problem: str) -> Answer:
    asked.model.refusals.append(problem)
    return Answer(200, json.dumps({"ok": False, "error": problem}).encode())


@dataclass
class SlackLines:
    """The other end of the lines. What was pressed and not acknowledged is said again on every new line."""

    model: Model
    response_url: str
    waiting: dict[str, str] = field(default_factory=dict)  # envelopes by their id
    lines: list[ServerConnection] = field(default_factory=list)
    opened: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def serve_line(self, line: ServerConnection) -> None:
        """Greet an app that has a ticket, say what waits, take its acknowledgements."""
        path = line.request.path if line.request else ""
        ticket = parse_qs(urlsplit(path).query).get("ticket", [""])[0]
        if ticket not in self.model.tickets:
            line.close(NO_TICKET)
            return
        self.model.tickets.discard(ticket)
        line.send(json.dumps({"type": "hello", "num_connections": 1, "connection_info": {"app_id": APP}}))
        with self.changed:
            self.lines.append(line)
            self.opened += 1
            for envelope in self.waiting.values():
                line.send(envelope)
            self.changed.notify_all()
        try:
            for told in line:
                self._acknowledged(json.loads(told))
        except ConnectionClosed:
            pass
        finally:
            with self.changed:
                self.lines.remove(line)

    def _acknowledged(self, told: dict[str, Any]) -> None:
        with self.changed:
            if self.waiting.pop(told.get("envelope_id", ""), None) is None:
                self.model.refusals.append("an acknowledgement of nothing")
            self.changed.notify_all()

    def press(self, button: dict[str, Any], by: str = "U0ANA", **forged: Any) -> str:
        """Let `by` press a button of a message; return the id of the envelope. `forged` are parts of the payload said otherwise."""
        envelope_id = secrets.token_hex(8)
        payload = {
            "type": "block_actions",
            "api_app_id": APP,
            "team": {"id": TEAM, "domain": "stub"},
            "user": {"id": by, "username": by.lower(), "team_id": TEAM},
            "response_url": self.response_url,
            "actions": [{**button, "action_ts": f"1700000000.{envelope_id[:6]}"}],
        }
        envelope = {"type": "interactive", "envelope_id": envelope_id, "accepts_response_payload": False}
        self.say(envelope | {"payload": payload | forged})
        return envelope_id

    def say(self, envelope: dict[str, Any]) -> None:
        """Say something on every line, and again on later ones if it wants an acknowledgement."""
        text = json.dumps(envelope)
        with self.changed:
            if envelope.get("envelope_id"):
                self.waiting[envelope["envelope_id"]] = text
            for line in self.lines:
                line.send(text)

    def disconnect(self, reason: str) -> None:
        """Say that the line ends, as Slack does every few hours."""
        self.say({"type": "disconnect", "reason": reason})

    def wait(self, *, opened: int = 0, waiting: int = 0, seconds: float = 10.0) -> bool:
        """Wait until so many lines were opened and so many envelopes are not acknowledged; return whether it came to that."""
        with self.changed:
            return self.changed.wait_for(lambda: self.opened >= opened and len(self.waiting) == waiting, seconds)


@contextmanager
def slack_lines(model: Model, response_url: str) -> Iterator[SlackLines]:
    """The other end, running; `model` knows its address."""
    end = SlackLines(model, response_url)
    server: Server = serve(end.serve_line, "127.0.0.1", 0)
    model.line_url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield end
    finally:
        server.shutdown()
        thread.join()
