"""What people on call ask of an agent and do about its alerts: each act with its line of the audit, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from alerts import acts
from alerts.desk import AlertDesk, WideAct
from alerts.quiet import Wide
from monitor.state import Transaction
from plumbline.agent import Agent
from plumbline.api import alert_questions as asked_on_alerts
from plumbline.api.call import Call
from plumbline.api.question import Question

Answer = Callable[[Agent, Any, Call], Any]


def carried_out(doing: Callable[[AlertDesk, Transaction, Any, str], dict[str, Any]]) -> Answer:
    """Return the answer to a question by which the person who asks has the desk do something: once, and on record."""

    def answer(agent: Agent, asked: Any, call: Call) -> dict[str, Any]:
        person = call.actor.name
        told: dict[str, Any] = agent.access.commands.carry_out(
            call, asked, lambda txn: doing(agent.desk, txn, asked, person)
        )
        return told

    return answer


def on_alert(act: Callable[[Any], acts.Act]) -> Answer:
    """Return the answer to a question by which the person who asks does `act` to an alert."""
    return carried_out(lambda desk, txn, asked, person: desk.act(txn, asked.fingerprint, act(asked), person))


def on_all(act: Callable[[Any], WideAct]) -> Answer:
    """Return the answer to a question by which the person who asks does `act` to every alert that fits."""
    return carried_out(lambda desk, txn, asked, person: desk.act_on_all(txn, asked.conditions(), act(asked), person))


def silence_all(asked: asked_on_alerts.SilenceAlerts) -> WideAct:
    """Return the act that silences what fits."""
    return lambda wide, hand: wide.silence(hand, asked.reason, asked.duration())


ANSWERS: Final[Mapping[type[Question[Any]], Answer]] = {
    asked_on_alerts.Alerts: lambda agent, asked, _: agent.desk.listed(ended=asked.ended),
    asked_on_alerts.AckAlert: on_alert(lambda _: acts.acknowledge),
    asked_on_alerts.AssignAlert: on_alert(lambda asked: acts.assign(asked.to)),
    asked_on_alerts.CommentAlert: on_alert(lambda asked: acts.comment(asked.text)),
    asked_on_alerts.SnoozeAlert: on_alert(lambda asked: acts.snooze(asked.duration())),
    asked_on_alerts.SilenceAlert: on_alert(lambda asked: acts.silence(asked.reason, asked.duration())),
    asked_on_alerts.UnsilenceAlert: on_alert(lambda _: acts.unsilence),
    asked_on_alerts.CloseAlert: on_alert(lambda asked: acts.close(asked.useful, asked.note)),
    asked_on_alerts.WouldSilence: lambda agent, asked, _: agent.desk.would_hold(asked.conditions()),
    asked_on_alerts.SilenceAlerts: on_all(silence_all),
    asked_on_alerts.UnsilenceAlerts: on_all(lambda _: Wide.hear),
}
"""The part of the answers of the agent that is about alerts."""
