"""A Slack app with a bot token: one thread an episode, whose first message is edited to say how things stand.

`chat.postMessage` and `chat.update` answer 200 to everything; only `ok: true` in the body is a yes. The first message is edited
before the reply is posted, so that an attempt that fails in between repeats an edit, which changes nothing. With a token of the app
itself, messages have buttons (`alerts.channels.slack_socket`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

import msgspec

from alerts.channels import Means, Pressed, ReceiverName
from alerts.channels.posting import REFUSED_WAIT_S, TOTAL_S, HttpReply, OverHttp, accept, post
from alerts.channels.slack import blocks
from alerts.channels.slack_socket import Socket, with_buttons
from alerts.message import Message, clean
from monitor.clock import Clock
from monitor.errors import RetryLater, Undeliverable
from monitor.outgoing import OPEN, Guard

API: Final = "https://slack.com/api"
ANSWER: Final = 65_536

AMISS: Final = frozenset(
    {"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "missing_scope"}
    | {"not_in_channel", "no_permission", "restricted_action", "access_denied"}
)
"""A person has to mend these; until then, asking is useless but must go on."""

NEVER: Final = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "msg_too_long", "no_text", "msg_blocks_too_long"}
    | {"invalid_arguments", "invalid_json", "message_not_found", "thread_not_found", "cant_update_message"}
)
"""The same call will be refused again. A channel that is not there may be there once somebody has mended the name."""


class SlackBotReceiver(OverHttp, frozen=True, tag_field="kind", tag="slack_bot"):
    """A channel of Slack, by the bot token of an app that may `chat:write` there. Give tokens as `${env:NAME}`.

    With `app_token` (xapp-..., `connections:write`) messages have buttons. `people` says who users of Slack are here: by user id, the
    name under `plumbline people`. Where it names anybody, others may press nothing.
    """

    name: ReceiverName
    token: Annotated[str, msgspec.Meta(min_length=1)]
    channel_id: Annotated[str, msgspec.Meta(min_length=1)] = msgspec.field(name="channel")
    url: str = API
    app_token: str = ""
    people: dict[str, str] = msgspec.field(default_factory=dict)

    def channel(self, means: Means) -> SlackBot:
        """Return the channel that posts there."""
        url, guard = self.url.rstrip("/"), self.guard(means)
        line = Socket(self.name, self.app_token, self.token, url, means.clock, guard) if self.app_token else None
        return SlackBot(
            self.name, self.token, self.channel_id, url, means.clock, guard=guard, line=line, people=self.people
        )


@dataclass(frozen=True)
class SlackBot:
    """Posts into the channel `to`. Slack knows no keys, so that a repeat after a crash is a second reply in the same thread."""

    name: str
    token: str = field(repr=False)
    to: str
    url: str
    clock: Clock
    total_s: float = TOTAL_S
    guard: Guard = OPEN
    line: Socket | None = None
    people: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_buttons(self) -> bool:
        """With a token of the app they have."""
        return self.line is not None

    def listen(self, press: Callable[[Pressed], str], opened: Callable[[], None], stopping: Callable[[], bool]) -> None:
        """Hand over what is pressed below our messages."""
        if self.line is not None:
            self.line.listen(press, opened, stopping)

    def send(self, message: Message, *, key: str) -> None:
        """Begin a thread with `message`."""
        self.send_in("", message, key=key)

    def send_in(self, thread: str, message: Message, *, key: str) -> str:
        """Post `message` in `thread`, or begin one where it is ""; return what Slack calls the post."""
        sent = {"channel": self.to, **blocks(message, key)}
        if self.line is not None:
            sent["blocks"] = with_buttons(sent["blocks"], message)
        if thread and self._edited(thread, sent):
            sent["thread_ts"] = thread
        return str(self._call("chat.postMessage", sent)["ts"])

    def _edited(self, thread: str, sent: dict[str, Any]) -> bool:
        """Let the first message say how things stand; False when somebody deleted it, so that a new thread begins."""
        try:
            self._call("chat.update", {**sent, "ts": thread})
        except Undeliverable:
            return False
        return True

    def _call(self, method: str, sent: dict[str, Any]) -> dict[str, Any]:
        now = self.clock.now()
        headers = {"content-type": "application/json; charset=utf-8", "authorization": f"Bearer {self.token}"}
        body = msgspec.json.encode(sent)
        answer = post(f"{self.url}/{method}", body, headers, self.total_s, self.guard, ANSWER)
        accept(answer, now)
        return _yes(method, answer)


def _yes(method: str, answer: HttpReply) -> dict[str, Any]:
    """Return the answer when it is a yes. Raises `RetryLater`, `Undeliverable`."""
    try:
        said = msgspec.json.decode(answer.start, type=dict[str, Any])
    except msgspec.DecodeError:
        raise RetryLater(f"{method}: HTTP {answer.status}, but no answer of Slack: {answer.excerpt}") from None
    if said.get("ok") is True and isinstance(said.get("ts"), str):
        return said
    error = clean(said.get("error") or answer.excerpt, 80)
    if error in NEVER:
        raise Undeliverable(f"{method}: {error}")
    if error in AMISS:
        raise RetryLater(f"{method}: {error}: check the token and that the bot is in the channel", REFUSED_WAIT_S)
    raise RetryLater(f"{method}: HTTP {answer.status}, but not taken: {error}")
