"""The desk as the agent uses it, the reason trail, and the receiver of the demo."""

from __future__ import annotations

import http.client
import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from alerts.channels.signature import sign
from alerts.channels.webhook import WebhookReceiver
from alerts.checks import load_rules
from alerts.desk import desk_for, open_desk
from alerts.rules import Route, Rulebook
from monitor.clock import FakeClock, SystemClock
from monitor.config.schema import DashboardSettings, Settings
from monitor.errors import ConfigError, RetryLater
from monitor.model.values import Concern, Severity, Signal
from monitor.state import ControlState
from plumbline.demo.receiver import DEMO_SECRET, Receiver, read_received
from tests.alerts.builders import BAD, GOOD, MORNING, RATE_RULE, Recorder, a_book, a_day, a_rate


@contextmanager
def a_receiver(file: Path) -> Iterator[Receiver]:
    with Receiver("127.0.0.1", 0, file, DEMO_SECRET) as receiver:
        thread = threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield receiver
        finally:
            receiver.shutdown()
            thread.join()


def test_the_starter_rules_fire_on_the_console_and_survive_reopening(tmp_path: Path) -> None:
    clock, stream = FakeClock(MORNING), io.StringIO()
    desk = open_desk(Settings(), tmp_path / "c.sqlite", clock, stream)
    assert desk.observe([a_rate(BAD)], MORNING) == 1
    desk.close()
    desk = open_desk(Settings(), tmp_path / "c.sqlite", clock, stream)
    assert desk.observe([a_rate(BAD)], MORNING) == 0
    assert desk.deliver() == 1
    assert stream.getvalue().startswith("[CRITICAL] Answers break the policy")
    assert "http://127.0.0.1:8501/alerts?alert=" in stream.getvalue()
    desk.close()


def test_a_wrong_rule_file_leaves_no_state_behind(tmp_path: Path) -> None:
    (tmp_path / "alerts.yaml").write_text("rules: []\n")
    with pytest.raises(ConfigError):
        open_desk(Settings(alerts=str(tmp_path / "alerts.yaml")), tmp_path / "c.sqlite", FakeClock(MORNING))
    assert not (tmp_path / "c.sqlite").exists()


def test_a_port_the_system_picks_is_not_linked_to(tmp_path: Path) -> None:
    settings = Settings(dashboard=DashboardSettings(address="127.0.0.1:0"))
    desk = open_desk(settings, tmp_path / "c.sqlite", FakeClock(MORNING), io.StringIO())
    assert desk.post.outgoing.link_base == ""
    desk.close()


def test_tables_have_their_columns_with_and_without_rows() -> None:
    day = a_day(a_book(), Recorder("one"))
    empty = day.desk.tables()
    day.tick(a_rate(BAD))
    full = day.desk.tables()
    assert {name: table.schema for name, table in empty.items()} == {name: t.schema for name, t in full.items()}
    assert (full["alerts"].num_rows, full["notifications"].num_rows) == (1, 1)
    assert json.loads(full["alerts"]["labels"][0].as_py()) == {"app": "support", "rule": "no-refusal"}


def test_counts_say_what_is_open_and_what_waits() -> None:
    one = Recorder("one", raising=RetryLater("down"))
    day = a_day(a_book(), one)
    day.tick(a_rate(BAD))
    assert day.desk.counts() == {
        "firing": 1, "pending": 0, "messages_pending": 1, "messages_inflight": 0, "messages_sent": 0, "messages_dead": 0,
    }  # fmt: skip


def test_a_rehearsal_tells_nobody_and_leaves_the_real_state_alone() -> None:
    one = Recorder("one")
    day = a_day(a_book(), one)
    told = day.desk.rehearsal()
    told.observe([a_rate(BAD)], MORNING)
    told.observe([a_rate(GOOD)], MORNING + timedelta(hours=1))
    [episode] = told.history()
    assert (episode["state"], episode["labels"]["app"]) == ("resolved", "support")
    assert day.desk.history() == []
    day.deliver()
    assert one.got == []


def test_an_app_is_forgotten_with_everything_said_about_it() -> None:
    one = Recorder("one")
    day = a_day(a_book(), one)
    day.tick(a_rate(BAD, app="keep"), a_rate(BAD, app="go"))
    fingerprint = next(row["fingerprint"] for row in day.desk.history() if row["labels"]["app"] == "go")
    assert day.desk.forget("go") == 1
    assert [row["labels"]["app"] for row in day.desk.history()] == ["keep"]
    assert day.messages(fingerprint=fingerprint) == []
    assert day.desk.explain(fingerprint) == []


def test_explain_tells_every_decision_with_its_numbers_and_every_message_with_its_fate() -> None:
    one = Recorder("one", raising=RetryLater("HTTP 503"))
    day = a_day(a_book(), one)
    day.tick(a_rate(BAD))
    one.raising = None
    day.tick(a_rate(GOOD), minutes=10)
    fingerprint = day.desk.history()[0]["fingerprint"]
    lines = day.desk.explain(fingerprint[:6])
    assert lines == day.desk.explain(fingerprint)
    text = "\n".join(lines)
    assert f"alert {fingerprint}: rate (app=support, rule=no-refusal) is resolved, severity error" in lines[0]
    assert "2026-03-02 09:01:00  firing: lower bound 0.28 > 0.05" in text
    assert "threshold=0.05" in text
    assert "message firing to one: sent at 2026-03-02 09:11:00 after 2 attempts" in text
    assert "2026-03-02 09:11:00  resolved: upper bound 0.03 < 0.05" in text


@pytest.mark.parametrize("subject", ["", "no such", "%", "_"])
def test_explain_of_something_else_is_empty(subject: str) -> None:
    day = a_day(a_book(), Recorder("one"))
    day.tick(a_rate(BAD))
    assert day.desk.explain(subject) == []


def told_to(receiver: WebhookReceiver, book: Rulebook) -> Rulebook:
    routes = tuple(msgspec.structs.replace(route, to=(*route.to, receiver.name)) for route in book.routes)
    return msgspec.structs.replace(book, receivers=(*book.receivers, receiver), routes=routes)


def test_the_demo_receiver_keeps_what_it_verified(tmp_path: Path) -> None:
    file = tmp_path / "demo-received.jsonl"
    clock = SystemClock()
    with a_receiver(file) as receiver:
        hook = WebhookReceiver(name="demo", url=f"http://127.0.0.1:{receiver.server_port}/", secret=DEMO_SECRET)
        book = told_to(hook, load_rules(None))
        desk = desk_for(book, ControlState.open(None, clock), clock, "", io.StringIO())
        desk.observe([a_rate(BAD)], clock.now())
        assert desk.deliver() == 2
    [kept] = read_received(file)
    assert kept["type"] == "alert.firing"
    assert kept["data"]["measured"].startswith("30.0 %")
    [row] = [row for row in desk.state.notifications_table() if row["receiver"] == "demo"]
    assert row["key"] == kept["key"]


def knock(receiver: Receiver, body: bytes, secret: str = DEMO_SECRET, key: str = "k", **headers: str) -> int:
    stamp = int(SystemClock().now().timestamp())
    signed = {"webhook-id": key, "webhook-timestamp": str(stamp), "webhook-signature": sign(secret, key, stamp, body)}
    connection = http.client.HTTPConnection("127.0.0.1", receiver.server_port, timeout=5)
    try:
        connection.request("POST", "/", body, signed | headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_the_demo_receiver_refuses_forgeries_and_writes_a_repeat_once(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    file.write_text('{"key": "old"}\n{"cut sho')
    with a_receiver(file) as receiver:
        assert knock(receiver, b'{"a": 1}', secret="forged") == 401
        assert knock(receiver, b"not json") == 400
        assert knock(receiver, b"[1]") == 400
        assert knock(receiver, b"", **{"content-length": "9999999999"}) == 413
        assert [knock(receiver, b'{"a": 1}') for _ in range(3)] == [204, 204, 204]
        assert knock(receiver, b'{"a": 2}', key="old") == 204
    assert [line["key"] for line in read_received(file)] == ["old", "k"]


def of_policy(level: str, concern: Concern) -> Signal:
    return replace(a_rate(BAD), labels={"app": "support", "rule": "PRIV-1", "level": level}, concern=concern)


LIMITED = RATE_RULE | {"limits": "policy"}


def test_what_a_policy_says_of_a_rule_is_what_its_alert_says() -> None:
    concern = Concern("Never tell", Severity.CRITICAL, owner="care", category="leak", page="two", playbook="data-leak")
    one, two, three = Recorder("one"), Recorder("two"), Recorder("three")
    routes = (Route(to=("three",), match={"owner": "care"}), Route(to=("one",)))
    book = msgspec.structs.replace(a_book(LIMITED, to=("one", "two", "three")), routes=routes)
    day = a_day(book, one, two, three)
    day.tick(of_policy("incident", concern))
    assert [len(receiver.got) for receiver in (one, two, three)] == [0, 1, 1]
    message = two.got[0][1]
    assert message.title.startswith("Never tell")
    assert message.reason.startswith("Never tell")
    assert (message.severity, message.owner, message.playbook, message.category) == (
        "critical",
        "care",
        "data-leak",
        "leak",
    )


@pytest.mark.parametrize(("level", "state"), [("within", "resolved"), ("retired", "resolved"), ("unsure", "firing")])
def test_an_alert_of_a_policy_ends_when_the_policy_says_so(level: str, state: str) -> None:
    concern, one = Concern("Never tell", Severity.ERROR), Recorder("one")
    day = a_day(a_book(LIMITED), one)
    day.tick(of_policy("warn", concern))
    day.tick(of_policy(level, concern))
    assert day.states() == [state]


def test_an_own_rule_keeps_its_limits_but_is_not_louder_on_advice_than_info() -> None:
    one = Recorder("one")
    day = a_day(a_book(), one)
    day.tick(of_policy("within", Concern("Be brief", Severity.INFO, advisory=True)))
    assert one.got[0][1].severity == "info"
    assert one.got[0][1].reason.startswith("Be brief: lower bound 0.28 > 0.05")


def test_limits_of_a_policy_are_on_rates_only(tmp_path: Path) -> None:
    file = tmp_path / "alerts.yaml"
    file.write_text(
        "receivers: [{kind: console, name: log}]\n"
        "rules: [{id: a, title: t, signal: drift, severity: info, limits: policy}]\nroutes: [{to: [log]}]\n"
    )
    with pytest.raises(ConfigError, match="no policy has limits on drift"):
        load_rules(file)
