"""Buttons of Slack: pressed there, done here as the person that is, once, on record; what is not ours does nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from alerts.channels import Pressed
from alerts.channels.slack_bot import SlackBot
from alerts.channels.slack_socket import BUTTONS, RATES, Socket
from monitor.clock import FakeClock, SystemClock
from monitor.config.schema import Settings
from monitor.errors import RetryLater, Undeliverable
from monitor.outgoing import OPEN
from monitor.places import Places
from monitor.state import ControlState
from plumbline.agent import Agent
from plumbline.button_presses import Lines, press
from plumbline.demo.stubs.kit import Stub, a_stub
from plumbline.demo.stubs.slack import buttons_of
from plumbline.demo.stubs.slack_socket import SlackLines, slack_lines
from plumbline.opening import open_agent
from tests.alerts.builders import BAD, MORNING, RATE_RULE, Recorder, a_book, a_day, a_rate
from tests.alerts.test_channels import a_message

FINGERPRINT = "f" * 32


class Slack:
    """A stand-in of Slack, and our line to it."""

    def __init__(self, stub: Stub, end: SlackLines) -> None:
        self.stub, self.end, self.stops = stub, end, threading.Event()
        self.line = Socket("slack", "xapp-1", "xoxb-1", stub.url("/slack_api"), FakeClock(MORNING), OPEN)
        self.got: list[Pressed] = []

    def listen(self, press: Callable[[Pressed], str] | None = None) -> threading.Thread:
        """Listen in a thread of its own until Slack ends the line."""
        before = self.end.opened

        def listening() -> None:
            with suppress(RetryLater):
                self.line.listen(press or self.take, lambda: None, self.stops.is_set)

        thread = threading.Thread(target=listening, daemon=True)
        thread.start()
        assert self.end.wait(opened=before + 1, waiting=len(self.end.waiting))
        return thread

    def take(self, pressed: Pressed) -> str:
        self.got.append(pressed)
        return f"done to {pressed.name}"

    def ends(self, thread: threading.Thread) -> None:
        self.end.disconnect("refresh_requested")
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture
def slack() -> Iterator[Slack]:
    with ExitStack() as stack:
        stub = stack.enter_context(a_stub(None))
        end = stack.enter_context(slack_lines(stub.model, stub.url("/slack_response")))
        found = Slack(stub, end)
        yield found
        found.stops.set()


def a_button(act: str = "ack", fingerprint: str = FINGERPRINT) -> dict[str, Any]:
    return {"type": "button", "action_id": f"plumbline:{act}", "value": fingerprint}


def posted(slack: Slack, kind: str) -> dict[str, dict[str, Any]]:
    bot = SlackBot("slack", "xoxb-1", "#alerts", slack.stub.url("/slack_api"), FakeClock(MORNING), line=slack.line)
    stamp = bot.send_in("", a_message(kind=kind), key=f"{FINGERPRINT}:slack:1:{kind}:1")
    assert slack.stub.model.refusals == []
    return buttons_of(slack.stub.model.threads[stamp][0])


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        ("firing", set(BUTTONS.values())),
        ("acknowledged", set(BUTTONS.values()) - {"Take it up"}),
        ("resolved", set(RATES.values())),
        ("digest", set()),
    ],
)
def test_a_message_has_the_buttons_that_still_make_sense(slack: Slack, kind: str, texts: set[str]) -> None:
    assert posted(slack, kind).keys() == texts


def test_a_press_is_handed_over_acknowledged_and_answered_to_who_pressed_alone(slack: Slack) -> None:
    thread = slack.listen()
    slack.end.press(posted(slack, "firing")["Take it up"])
    assert slack.end.wait()
    [pressed] = slack.got
    assert (pressed.act, pressed.fingerprint, pressed.user) == ("ack", a_message().fingerprint, "U0ANA")
    assert slack.stub.model.whispered == ["done to u0ana"]
    slack.ends(thread)
    assert slack.stub.model.refusals == []


@pytest.mark.parametrize(
    "forged",
    [
        {"team": {"id": "T0OTHER"}},
        {"api_app_id": "A0OTHER"},
        {"user": {"id": "U0EVE", "username": "eve", "team_id": "T0OTHER"}},  # a guest of a shared channel
        {"type": "view_submission"},
        {"actions": [{"action_id": "other:ack", "action_ts": "1", "value": FINGERPRINT}]},
        {"actions": "all"},
        {"user": None},
    ],
    ids=str,
)
def test_what_is_not_of_our_workspace_or_app_does_nothing_and_is_not_said_again(
    slack: Slack, forged: dict[str, Any]
) -> None:
    thread = slack.listen()
    slack.end.press(a_button(), **forged)
    assert slack.end.wait()
    slack.end.press(a_button("snooze"))
    assert slack.end.wait()
    assert [one.act for one in slack.got] == ["snooze"]
    slack.ends(thread)


def test_killed_between_doing_and_acknowledging_it_is_said_again_under_the_same_key(slack: Slack) -> None:
    def killed(pressed: Pressed) -> str:
        slack.take(pressed)
        raise RetryLater("killed")  # ends the line as a kill ends the process: nothing is acknowledged

    thread = slack.listen(killed)
    slack.end.press(a_button())
    thread.join(10)
    slack.ends(slack.listen())
    assert slack.end.wait()
    assert len(slack.got) == 2
    assert len({one.key for one in slack.got}) == 1


def test_two_presses_have_two_keys(slack: Slack) -> None:
    thread = slack.listen()
    for _ in range(2):
        slack.end.press(a_button())
    assert slack.end.wait()
    assert len({one.key for one in slack.got}) == 2
    slack.ends(thread)


def test_lines_that_cannot_be_opened_say_why(slack: Slack) -> None:
    def listen(line: Socket) -> None:
        line.listen(slack.take, lambda: None, lambda: True)

    url, clock = slack.stub.url("/slack_api"), FakeClock(MORNING)
    with pytest.raises(RetryLater, match="not_allowed_token_type: check the tokens"):
        listen(Socket("slack", "xoxb-1", "xoxb-1", url, clock, OPEN))
    for address, why in (
        ("http://127.0.0.1:1", "no address of a WebSocket"),
        ("ws://wss-primary.slack.com", "in the clear"),
        ("wss://169.254.169.254", "private address"),
    ):
        slack.stub.model.line_url = address
        with pytest.raises(Undeliverable, match=why):
            listen(slack.line)
    slack.stub.model.line_url = "ws://127.0.0.1:1"
    with pytest.raises(RetryLater, match="its line broke"):
        listen(slack.line)


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    """An agent in whose house one alert fires."""
    places = Places(tmp_path / "data")
    open_agent(Settings(), places.root).close()
    state = ControlState.open(places.control, SystemClock())
    day = a_day(a_book(RATE_RULE | {"id": "violation-rate"}), Recorder("one"), state=state)
    day.look(a_rate(BAD))
    day.desk.close()
    found = open_agent(Settings(), places.root)
    yield found
    found.close()


def test_a_press_is_an_act_of_that_person_once_and_on_record(agent: Agent) -> None:
    agent.access.register.add("ana", "operator")
    agent.access.register.add("vic", "viewer")
    [alert] = agent.desk.listed()
    people = {"U0ANA": "ana", "U0VIC": "vic"}

    def pressed(act: str, user: str, key: str = "") -> str:
        return press(agent, Pressed("slack", act, alert["fingerprint"], user, user, key or f"{act}{user}"), people)

    assert pressed("ack", "U0EVE").startswith("nothing was done: nobody here is known as U0EVE")
    assert pressed("ack", "U0VIC").startswith("nothing was done: vic may not do this")
    assert pressed("frown", "U0ANA").startswith("this button is of another Plumbline")
    told = [pressed("ack", "U0ANA", "k" * 16) for _ in range(2)]
    assert told == ["Answers break the policy: taken up by ana; nobody is reminded unless it gets worse"] * 2
    assert agent.desk.listed()[0]["acked_by"] == "ana"
    assert "snoozed until" in pressed("snooze", "U0ANA")
    assert "closed by ana as not useful" in pressed("not_useful", "U0ANA")
    assert "called useful by ana" in pressed("useful", "U0ANA")
    acts = [(row["on_behalf_of"], row["act"]) for row in agent.access.record.table().to_pylist()][-4:]
    assert acts == [("ana", "ackalert"), ("ana", "snoozealert"), ("ana", "closealert"), ("ana", "closealert")]


def test_where_nobody_is_named_who_sees_the_message_acts_under_the_name_there(agent: Agent) -> None:
    [alert] = agent.desk.listed()
    assert "taken up by u0ana (Slack)" in press(
        agent, Pressed("slack", "ack", alert["fingerprint"], "U0ANA", "u0ana", "k"), {}
    )


def test_the_agent_keeps_a_line_open_and_opens_it_again_once_it_ended(slack: Slack, agent: Agent) -> None:
    [alert] = agent.desk.listed()
    line = SlackBot("slack", "xoxb-1", "#alerts", slack.stub.url("/slack_api"), SystemClock(), line=slack.line)
    agent.desk = replace(agent.desk, post=replace(agent.desk.post, channels={"slack": line}))
    lines = Lines(agent)
    lines.keep()
    assert slack.end.wait(opened=1)
    lines.keep()  # it stands: no second one
    slack.end.press(a_button("ack", alert["fingerprint"]))
    assert slack.end.wait(opened=1)
    assert agent.desk.listed()[0]["acked_by"] == "u0ana (Slack)"
    slack.end.disconnect("refresh_requested")
    for thread in lines.threads():
        thread.join(10)
    lines.keep()
    assert slack.end.wait(opened=2)
    agent.stopping.set()
    for thread in lines.threads():
        thread.join(10)
    assert slack.end.opened == 2
