"""What people press below messages at a receiver, done here: as the person they are here, by the same path as on a page, on record."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from alerts.channels import Pressable, Pressed
from monitor.errors import Forbidden, PlumblineError
from plumbline.agent import Agent
from plumbline.answers import Answers
from plumbline.api.alert_questions import AckAlert, CloseAlert, SnoozeAlert
from plumbline.api.call import Actor, Call, token_owner
from plumbline.api.question import Question

ACTS: Final[Mapping[str, Callable[[str], Question[dict[str, Any]]]]] = {
    "ack": AckAlert,
    "snooze": SnoozeAlert,
    "useful": lambda fingerprint: CloseAlert(fingerprint, useful=True),
    "not_useful": lambda fingerprint: CloseAlert(fingerprint, useful=False),
}
"""What a button does to the alert whose fingerprint it carries."""


@dataclass
class Lines:
    """The open lines to receivers with buttons, each in a thread of its own; one that ended is opened again at the next turn."""

    agent: Agent
    _open: dict[str, threading.Thread] = field(default_factory=dict)

    def keep(self) -> None:
        """Open what is not open; a line that fails again and again rests longer, and people hear of it."""
        for name, channel in self.agent.desk.post.channels.items():
            if not isinstance(channel, Pressable) or not channel.has_buttons or self.agent.stopping.is_set():
                continue
            line = self._open.get(name)
            if (line is None or not line.is_alive()) and self.agent.health.may_try(_part(name)):
                self._open[name] = threading.Thread(target=self._listen, args=(channel,), name="buttons", daemon=True)
                self._open[name].start()

    def threads(self) -> list[threading.Thread]:
        """Return the lines there are, and those that ended last."""
        return list(self._open.values())

    def _listen(self, channel: Pressable) -> None:
        part, health = _part(channel.name), self.agent.health

        def stopping() -> bool:
            """Also once the rule file knows another receiver of this name."""
            return self.agent.stopping.is_set() or self.agent.desk.post.channels.get(channel.name) is not channel

        with health.guard(part):
            channel.listen(
                lambda pressed: press(self.agent, pressed, channel.people), lambda: health.worked(part), stopping
            )


def _part(receiver: str) -> str:
    return f"buttons of {receiver}"


def press(agent: Agent, pressed: Pressed, people: Mapping[str, str]) -> str:
    """Do what was pressed, once however often it is told; return what was done, or why not, as a sentence."""
    act = ACTS.get(pressed.act)
    if act is None:
        return "this button is of another Plumbline; nothing was done"
    try:
        told = Answers(agent).answer(act(pressed.fingerprint), Call(_who(agent, pressed, people), key=pressed.key))
    except PlumblineError as error:
        return f"nothing was done: {error}"
    return f"{told['title']}: {told['done']}"


def _who(agent: Agent, pressed: Pressed, people: Mapping[str, str]) -> Actor:
    """Return the person as which somebody acts; where nobody is named, whoever may see the message may act on its alert."""
    if not people:
        return Actor(f"{pressed.name or pressed.user} (Slack)", frozenset({"read", "operate"}), by=pressed.receiver)
    person = people.get(pressed.user)
    if person is None:
        raise Forbidden(
            f"nobody here is known as {pressed.user}; `people` of the receiver {pressed.receiver} names them"
        )
    if person == token_owner().name:
        return token_owner()
    return agent.access.register.acting(Actor(pressed.receiver), person)
