"""Receivers as their services see them: a page, a thread, a card, a mail, an alert; a yes is what the contract says."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook as Standard

from alerts.channels import Channel
from alerts.channels.alertmanager import Alertmanager, alert
from alerts.channels.any_service import AnyService
from alerts.channels.mail import Mail, Server, mail
from alerts.channels.pagerduty import PagerDuty
from alerts.channels.registered import Receiver
from alerts.channels.signature import sign
from alerts.channels.slack_bot import SlackBot
from alerts.channels.teams import LARGEST, Teams, _fitted
from alerts.keeping import Keeping
from monitor.clock import Clock, FakeClock
from monitor.errors import RetryLater, Undeliverable
from plumbline.demo.stubs.alertmanager import alertmanager_problem
from plumbline.demo.stubs.kit import Mode, Stub, a_stub
from plumbline.demo.stubs.mailbox import MailMode, a_mailbox, mail_problem
from plumbline.demo.stubs.teams import teams_problem
from tests.alerts.builders import BAD, GOOD, MORNING, Day, a_book, a_day, a_rate
from tests.alerts.test_channels import a_message

HOSTILE = st.text(alphabet=st.sampled_from("<>&{}[]()*_`@everyone!\r\n\u202e\u0000é😀"), max_size=600)


def a_bot(stub: Stub, clock: Clock) -> SlackBot:
    return SlackBot("one", "xoxb-1", "C012345678", stub.url("/slack_api"), clock)


def some_teams(stub: Stub, clock: Clock) -> Teams:
    return Teams("one", stub.url("/teams"), clock)


def an_alertmanager(stub: Stub, clock: Clock) -> Alertmanager:
    return Alertmanager("one", stub.url("/alertmanager"), clock)


def a_pager(stub: Stub, clock: Clock) -> PagerDuty:
    return PagerDuty("one", "0123456789abcdef0123456789abcdef", stub.pagerduty_url, clock)


MADE: list[Callable[[Stub, Clock], Channel]] = [a_bot, some_teams, an_alertmanager, a_pager]
FAILING: list[Mode] = ["false", "429", "500", "reset", "401"]


@pytest.mark.parametrize("mode", FAILING)
@pytest.mark.parametrize("made", MADE)
def test_only_what_the_contract_calls_a_yes_is_one(made: Callable[[Stub, Clock], Channel], mode: Mode) -> None:
    clock = FakeClock(MORNING)
    with a_stub(clock) as stub:
        stub.mode = mode
        with pytest.raises(RetryLater):
            made(stub, clock).send(a_message(), key="f:one:1:firing:1")
        stub.mode = "slow"
        made(stub, clock).send(a_message(), key="f:one:1:firing:1")
        assert stub.model.refusals == []


@pytest.mark.parametrize("mode", ["302", "400", "404"])
@pytest.mark.parametrize("made", MADE)
def test_what_is_refused_for_good_is_not_tried_for_ever(made: Callable[[Stub, Clock], Channel], mode: Mode) -> None:
    clock = FakeClock(MORNING)
    with a_stub(clock) as stub:
        stub.mode = mode
        with pytest.raises(Undeliverable):
            made(stub, clock).send(a_message(), key="f:one:1:firing:1")


def a_told_day(stub: Stub, made: Callable[[Stub, Clock], Channel]) -> Day:
    clock = FakeClock(MORNING)
    return a_day(a_book(remind_every="1h"), made(stub, clock), clock=clock)


def test_a_bot_keeps_an_episode_in_one_thread_whose_first_post_says_how_things_stand() -> None:
    with a_stub(None) as stub:
        day = a_told_day(stub, a_bot)
        day.tick(a_rate(BAD))
        day.tick(a_rate(BAD), minutes=61)
        day.tick(a_rate(GOOD))
        [thread] = stub.model.threads.values()
        assert [post["blocks"][-1]["elements"][0]["text"].split(":")[3] for post in thread[1:]] == [
            "reminder",
            "resolved",
        ]
        assert thread[0]["blocks"][0]["text"]["text"].startswith("✅")
        day.tick(a_rate(BAD))
        assert len(stub.model.threads) == 2


def test_a_thread_that_somebody_deleted_begins_anew() -> None:
    with a_stub(None) as stub:
        day = a_told_day(stub, a_bot)
        day.tick(a_rate(BAD))
        stub.model.threads.clear()
        day.tick(a_rate(GOOD))
        assert len(stub.model.threads) == 1
        assert stub.model.kinds() == ["firing", "resolved"]


def test_a_bot_without_its_token_is_told_so() -> None:
    clock = FakeClock(MORNING)
    with a_stub(clock) as stub, pytest.raises(RetryLater, match="invalid_auth: check the token"):
        SlackBot("one", "wrong", "C012345678", stub.url("/slack_api"), clock).send(a_message(), key="f:one:1:firing:1")


@settings(max_examples=60)
@given(HOSTILE)
def test_no_text_of_a_trace_is_active_on_a_card_or_makes_it_too_large(text: str) -> None:
    message = a_message(summary=text * 20, labels={"app": text, "rule": text})
    body = msgspec.json.encode(_fitted(message, "f:one:1:firing:1"))
    assert teams_problem(body) == ""
    assert len(body) <= LARGEST


def test_an_alert_lives_at_alertmanager_while_it_is_said_again_and_ends_by_itself() -> None:
    with a_stub(None) as stub:
        day, keeping = a_told_day(stub, an_alertmanager), Keeping()
        day.tick(a_rate(BAD))
        for _ in range(20):
            day.clock.advance(timedelta(minutes=1))
            assert keeping.keep(day.desk.post) == 1
            assert len(stub.model.active(day.clock.now())) == 1
        assert keeping.keep(day.desk.post) == 0
        day.tick(a_rate(GOOD))
        assert stub.model.active(day.clock.now()) == []
        assert keeping.keep(day.desk.post) == 1
        day.clock.advance(timedelta(minutes=6))
        assert keeping.keep(day.desk.post) == 0


def test_alertmanager_out_of_reach_is_no_error_of_ours() -> None:
    with a_stub(None) as stub:
        day = a_told_day(stub, an_alertmanager)
        day.tick(a_rate(BAD))
        stub.mode = "500"
        assert Keeping().keep(day.desk.post) == 0


@settings(max_examples=60)
@given(HOSTILE)
def test_alertmanager_takes_whatever_a_trace_says(text: str) -> None:
    message = a_message(summary=text, labels={"app": text, "rule": text, f"{text}-x": "y"})
    assert alertmanager_problem(alert(message, MORNING)) == ""


def a_mailing_day(port: int, **changes: Any) -> Day:
    clock = FakeClock(MORNING)
    server = Server("127.0.0.1", port, "none", **changes)
    channel = Mail("one", server, "plumbline@example.com", ("mira@example.com", "ole@example.com"), clock)
    return a_day(a_book(remind_every="1h"), channel, clock=clock)


def test_mail_is_one_conversation_an_episode() -> None:
    with a_mailbox() as (mailbox, port):
        day = a_mailing_day(port, username="me", password="canary")
        day.tick(a_rate(BAD))
        day.tick(a_rate(BAD), minutes=61)
        day.tick(a_rate(GOOD))
        assert mailbox.refusals == []
        assert mailbox.to == [["mira@example.com", "ole@example.com"]] * 3
        [thread] = mailbox.threads.values()
        assert [str(one["Subject"]).partition(" ")[0] for one in thread] == ["Answers", "Still:", "Resolved:"]
        assert "canary" not in repr(day.desk.post.channels["one"])


MAILED: list[tuple[MailMode, type[Exception]]] = [
    ("450", RetryLater),
    ("550", Undeliverable),
    ("535", RetryLater),
    ("reset", RetryLater),
]


@pytest.mark.parametrize(("mode", "error"), MAILED)
def test_a_code_of_smtp_has_its_class(mode: MailMode, error: type[Exception]) -> None:
    with a_mailbox() as (mailbox, port):
        mailbox.mode = mode
        day = a_mailing_day(port, username="me", password="x")
        with pytest.raises(error):
            day.desk.post.channels["one"].send(a_message(), key="f:one:1:firing:1")


def test_mail_leaves_in_the_clear_only_on_this_machine_or_where_private_ones_are_allowed() -> None:
    open_mail = Mail("one", Server("mail.example.com", 25, "none"), "a@b.c", ("d@e.f",), FakeClock(MORNING))
    with pytest.raises(Undeliverable, match="in the clear"):
        open_mail.send(a_message(), key="f:one:1:firing:1")


@settings(max_examples=60)
@given(HOSTILE)
def test_no_text_of_a_trace_makes_a_header_or_markup_of_a_mail(text: str) -> None:
    message = a_message(summary=text, labels={"app": text, "rule": text})
    letter = mail(message, "f:one:1:firing:1", "a@b.c", ("d@e.f",))
    letter["Date"] = "Mon, 02 Mar 2026 09:00:00 +0000"
    assert mail_problem(letter) == ""


def test_apprise_is_asked_once_and_answers_with_a_class() -> None:
    message = a_message()
    with pytest.raises(RetryLater, match="did not take it"):
        AnyService("one", "json://127.0.0.1:1/").send(message, key="f:one:1:firing:1")
    with pytest.raises(Undeliverable, match="no such address"):
        AnyService("one", "nosuch://x").send(message, key="f:one:1:firing:1")


def test_our_signature_is_what_the_package_of_the_standard_verifies() -> None:
    clock, body = FakeClock(MORNING), json.dumps({"a": "é"}).encode()
    secret, stamp = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", int(clock.now().timestamp())
    assert sign(secret, "msg_1", stamp, body) == Standard(secret).sign("msg_1", clock.now(), body.decode())


SETTINGS: list[dict[str, Any]] = [
    {"kind": "pagerduty", "routing_key": "0" * 32},
    {"kind": "slack", "url": "https://hooks.slack.com/x"},
    {"kind": "slack_bot", "token": "xoxb-1", "channel": "#alerts"},
    {"kind": "teams", "url": "https://flow.example/x", "allow_private": True},
    {"kind": "email", "host": "smtp.example", "from": "a@b.c", "to": ["d@e.f"]},
    {"kind": "alertmanager", "url": "http://10.0.0.7:9093", "allow_private": True},
    {"kind": "webhook", "url": "https://x.example", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
    {"kind": "rollout", "url": "https://x.example", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
    {"kind": "apprise", "url": "discord://a/b"},
    {"kind": "console"},
]


@pytest.mark.parametrize("given_settings", SETTINGS, ids=lambda one: one["kind"])
def test_every_kind_that_is_promised_is_one(given_settings: dict[str, Any]) -> None:
    receiver = msgspec.convert({"name": "one", **given_settings}, Receiver)
    assert receiver.__struct_config__.tag == given_settings["kind"]
