"""What people press below messages of Slack, by Socket Mode: nobody can call us, so that we call Slack and it answers down that line.

Only what comes from our own workspace, to our own app, counts. A press is carried out before it is acknowledged, under a key that
every repeat has: killed in between, Slack says it again, and it is done once.
"""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK, InvalidHandshake, InvalidURI
from websockets.sync.client import ClientConnection, connect

from alerts.channels import Pressed
from alerts.channels.posting import CONNECT_S, REFUSED_WAIT_S, TOTAL_S, accept, post, trusted
from alerts.channels.slack import escape
from alerts.message import Message, clean
from monitor.clock import Clock
from monitor.errors import RetryLater, Undeliverable
from monitor.outgoing import Guard

LOOK_S: Final = 1.0
"""How long the line may be still before we look whether we are to stop."""

OURS: Final = "plumbline:"
"""How the name of every button of ours begins."""

BUTTONS: Final = {
    "ack": "Take it up",
    "snooze": "Snooze for an hour",
    "useful": "Close: it was useful",
    "not_useful": "Close: it was not",
}
RATES: Final = {"useful": "It was useful", "not_useful": "It was not"}
"""What is still to be said of an alert that is over."""

ANSWER: Final = 65_536
SAID: Final = 1000

_log = logging.getLogger("plumbline.alerts")


@dataclass(frozen=True)
class Socket:
    """The line of one Slack app: the token of the app opens it, that of the bot says which workspace is ours."""

    name: str
    app_token: str = field(repr=False)
    token: str = field(repr=False)
    url: str
    clock: Clock
    guard: Guard

    def listen(self, press: Callable[[Pressed], str], opened: Callable[[], None], stopping: Callable[[], bool]) -> None:
        """Hand over what is pressed until Slack ends the line or `stopping` is true; `opened` is called once it stands.

        Raises `RetryLater`, and `Undeliverable` where the guard refuses the address.
        """
        team = str(self._told("auth.test", self.token).get("team_id"))
        address = str(self._told("apps.connections.open", self.app_token).get("url"))
        try:
            with self._dialled(address) as line:
                app = _hello(line)
                opened()
                for envelope in _envelopes(line, stopping):
                    self._take(envelope, team, app, press)
                    line.send(msgspec.json.encode({"envelope_id": envelope.envelope_id}).decode())
        except ConnectionClosedOK:
            return  # it said good-bye
        except (ConnectionClosed, InvalidHandshake, InvalidURI, OSError) as error:
            raise RetryLater(clean(f"its line broke: {type(error).__name__}: {error}")) from None

    def _take(self, envelope: _Envelope, team: str, app: str, press: Callable[[Pressed], str]) -> None:
        try:
            payload = msgspec.convert(envelope.payload, _Payload)
        except msgspec.ValidationError:
            return  # something of Slack that is no press of a button
        if payload.api_app_id != app or payload.team.id != team or payload.user.team_id not in {None, team}:
            _log.warning("%s: a press from another workspace or app is refused", self.name)
            return
        for action in payload.actions:
            if action.action_id.startswith(OURS):
                self._tell(payload.response_url, press(_pressed(self.name, payload, action)))

    def _tell(self, address: str, said: str) -> None:
        """Tell whoever pressed, and nobody else, what came of it; what was done stands without that."""
        body = {"response_type": "ephemeral", "replace_original": False, "text": escape(said, SAID)}
        try:
            accept(post(address, msgspec.json.encode(body), _JSON, CONNECT_S, self.guard), self.clock.now())
        except (RetryLater, Undeliverable) as error:
            _log.info("%s does not take what came of a press: %s", self.name, error.reason)

    def _told(self, method: str, token: str) -> dict[str, Any]:
        """Return what a method of Slack says. Raises `RetryLater`."""
        answer = post(
            f"{self.url}/{method}", b"{}", _JSON | {"authorization": f"Bearer {token}"}, TOTAL_S, self.guard, ANSWER
        )
        accept(answer, self.clock.now())
        try:
            said = msgspec.json.decode(answer.start, type=dict[str, Any])
        except msgspec.MsgspecError:
            raise RetryLater(f"{method}: no answer of Slack: {answer.excerpt}") from None
        if said.get("ok") is not True:
            error = clean(str(said.get("error")), 80)
            raise RetryLater(f"{method}: {error}: check the tokens and that Socket Mode is on", REFUSED_WAIT_S)
        return said

    def _dialled(self, address: str) -> AbstractContextManager[ClientConnection]:
        """Connect to where the guard lets us, and nowhere else: a redirect is not followed. Raises `OSError`, `Undeliverable`."""
        parts = urlsplit(address)
        if parts.scheme not in {"ws", "wss"}:
            raise Undeliverable("the address of its line is no address of a WebSocket")
        target = self.guard.target(parts._replace(scheme="https" if parts.scheme == "wss" else "http").geturl())
        trust = trusted(self.guard.ca) if parts.scheme == "wss" else None
        if self.guard.proxy:
            return connect(address, ssl=trust, proxy=self.guard.proxy, open_timeout=TOTAL_S, close_timeout=LOOK_S)
        return _connected(address, str(urlsplit(target.url).hostname), target.server, trust)


def _connected(
    address: str, ip: str, server: str, trust: ssl.SSLContext | None
) -> AbstractContextManager[ClientConnection]:
    port = urlsplit(address).port or (443 if trust else 80)
    sock = socket.create_connection((ip, port), CONNECT_S)
    name = server if trust else None
    return connect(
        address, sock=sock, ssl=trust, server_hostname=name, proxy=None, open_timeout=TOTAL_S, close_timeout=LOOK_S
    )


_JSON: Final = {"content-type": "application/json; charset=utf-8"}


class _Named(msgspec.Struct):
    id: str
    team_id: str | None = None
    username: str = ""


class _Action(msgspec.Struct):
    action_id: str
    action_ts: str
    value: str = ""


class _Payload(msgspec.Struct, tag_field="type", tag="block_actions"):
    api_app_id: str
    team: _Named
    user: _Named
    actions: list[_Action]
    response_url: str = ""


class _Envelope(msgspec.Struct):
    type: str
    envelope_id: str = ""
    payload: Any = None
    reason: str = ""
    connection_info: dict[str, Any] = msgspec.field(default_factory=dict)


def _pressed(receiver: str, payload: _Payload, action: _Action) -> Pressed:
    key = f"slack:{payload.team.id}:{payload.user.id}:{action.action_ts}:{action.action_id}"
    act = action.action_id.removeprefix(OURS)
    return Pressed(receiver, act, action.value, payload.user.id, clean(payload.user.username, 100), key)


def _hello(line: ClientConnection) -> str:
    """Return the id of our app, with which Slack begins. Raises `RetryLater`."""
    try:
        hello = msgspec.json.decode(line.recv(TOTAL_S), type=_Envelope)
    except (TimeoutError, msgspec.MsgspecError):
        raise RetryLater("its line does not begin as one of Slack does") from None
    if hello.type != "hello":
        raise RetryLater(clean(f"its line begins with {hello.type}, not with hello"))
    return str(hello.connection_info.get("app_id"))


def _envelopes(line: ClientConnection, stopping: Callable[[], bool]) -> Iterator[_Envelope]:
    """Yield what wants an answer, until Slack says that the line is to be opened anew."""
    while not stopping():
        try:
            envelope = msgspec.json.decode(line.recv(LOOK_S), type=_Envelope)
        except TimeoutError:
            continue
        except msgspec.MsgspecError:
            continue  # not of Slack as we know it: nothing to answer
        if envelope.type == "disconnect":
            if envelope.reason == "link_disabled":
                raise RetryLater("Socket Mode of the app is switched off", REFUSED_WAIT_S)
            return
        if envelope.envelope_id:
            yield envelope


def with_buttons(laid: list[dict[str, Any]], message: Message) -> list[dict[str, Any]]:
    """Return the blocks of a message with buttons for what may be done about its alert, above the last one, which is its key."""
    if message.kind == "digest":
        return laid  # about several
    wanted = RATES if message.kind == "resolved" else BUTTONS
    buttons = [
        {
            "type": "button",
            "action_id": f"{OURS}{act}",
            "text": {"type": "plain_text", "text": text, "emoji": False},
            "value": message.fingerprint,
        }
        for act, text in wanted.items()
        if not (act == "ack" and message.kind == "acknowledged")
    ]
    return [*laid[:-1], {"type": "actions", "elements": buttons}, laid[-1]]
