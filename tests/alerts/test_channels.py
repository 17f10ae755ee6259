"""Channels on the wire: signatures, classes of answers, limits, deadlines."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.channels.console import Console
from alerts.channels.posting import HttpReply, accept, post
from alerts.channels.signature import sign, verify
from alerts.channels.slack import FIELD, Slack, blocks, escape
from alerts.channels.webhook import Webhook
from alerts.compose import compose
from alerts.message import Message, clean, shortened
from alerts.states import evaluate
from monitor.clock import FakeClock
from monitor.errors import RetryLater, Undeliverable
from plumbline.demo.stubs.kit import Mode, a_stub
from plumbline.demo.stubs.slack import slack_problem
from plumbline.demo.stubs.webhook import SECRET
from tests.alerts.builders import BAD, GOOD, MORNING, a_book, a_rate

BOOK = a_book()


def a_message(kind: str = "firing", **changes: Any) -> Message:
    [step] = evaluate(BOOK.rules, [a_rate(BAD, **changes)], [], MORNING)
    return compose(kind, step.alert, BOOK.rules[0], MORNING, step.reason, "http://plumbline.test")


def test_a_message_says_what_how_much_how_sure_since_when_where_and_why() -> None:
    message = a_message()
    assert message.title == "Answers break the policy (app=support, rule=no-refusal)"
    assert message.measured == "30.0 % (28.0 % to 32.0 %, n = 200)"
    assert message.since == MORNING - timedelta(days=1)
    assert message.segment == "app=support, rule=no-refusal"
    assert message.examples == ("a" * 32, "b" * 32, "c" * 32)
    assert message.link == f"http://plumbline.test/alerts?alert={message.fingerprint}"
    assert message.reason == "lower bound 0.28 > 0.05; 1 bad of the last 1"


def test_the_short_form_keeps_the_numbers_and_the_link() -> None:
    short = shortened(a_message(summary="x" * 500))
    assert (short.value, short.n) == (0.3, 200)
    assert short.measured == a_message().measured
    assert short.link
    assert short.summary == ""


@given(st.text(max_size=600), st.integers(2, 200))
def test_cleaned_text_is_one_short_line_without_controls_and_cleaning_again_changes_nothing(
    text: str, limit: int
) -> None:
    line = clean(text, limit)
    assert len(line) <= limit
    assert line.isprintable() or "\u2060" in line
    assert not any(ord(c) < 32 or "\u202a" <= c <= "\u202e" for c in line)
    assert "@everyone" not in line.lower()


@given(st.text(alphabet=st.sampled_from("&<>a😀"), max_size=400), st.integers(0, 300))
def test_escaped_text_fits_and_never_ends_within_an_escape(text: str, limit: int) -> None:
    escaped = escape(text, limit)
    assert len(escaped) <= limit
    plain = escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert text.startswith(plain)


def test_a_signature_is_the_one_of_the_standard() -> None:
    key, body = b"0123456789abcdef0123456789abcdef", b'{"test": 2432232314}'
    expected = base64.b64encode(
        hmac.new(key, b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330." + body, hashlib.sha256).digest()
    )
    secret = "whsec_" + base64.b64encode(key).decode()
    assert sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == f"v1,{expected.decode()}"


def test_the_published_example_of_the_standard_verifies() -> None:
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    secret, now = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", datetime.fromtimestamp(1614265330, UTC)
    body = b'{"test": 2432232314}'
    assert verify(secret, headers, body, now)
    assert not verify(secret, headers, body + b" ", now)
    assert not verify(secret, headers, body, now + timedelta(seconds=301))
    assert not verify(secret, headers | {"webhook-id": "other"}, body, now)
    assert not verify("whsec_AAAA", headers, body, now)
    assert verify(secret, headers | {"webhook-signature": "v1,AAAA " + headers["webhook-signature"]}, body, now)


@pytest.mark.parametrize("stamp", ["", "soon", "-1", "9" * 40, "١٢٣"])
def test_a_stamp_that_is_no_time_does_not_verify(stamp: str) -> None:
    headers = {"webhook-id": "a", "webhook-timestamp": stamp, "webhook-signature": "v1,x"}
    assert not verify(SECRET, headers, b"{}", MORNING)


ANSWERS: list[tuple[Mode, type[Exception], float | None]] = [
    ("429", RetryLater, None),
    ("500", RetryLater, None),
    ("401", RetryLater, 900.0),
    ("reset", RetryLater, None),
    ("hang", RetryLater, None),
    ("400", Undeliverable, None),
    ("404", Undeliverable, None),
    ("302", Undeliverable, None),
]


@pytest.mark.parametrize(("mode", "error", "after"), ANSWERS)
def test_an_answer_has_its_class(mode: Mode, error: type[Exception], after: float | None) -> None:
    clock = FakeClock(MORNING)
    with a_stub(clock) as stub:
        stub.mode = mode
        with pytest.raises(error) as raised:
            Webhook("pager", stub.webhook_url, SECRET, clock, total_s=0.3 if mode == "hang" else 5).send(
                a_message(), key="f:pager:1:firing:1"
            )
        assert getattr(raised.value, "after_s", None) == after
        assert "\n" not in str(raised.value)
        assert "\u202e" not in str(raised.value)
        assert stub.model.attempts == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("30", 30.0),
        (" 7 ", 7.0),
        ("999999999999", 3600.0),
        ("Mon, 02 Mar 2026 09:01:00 GMT", 60.0),
        ("Mon, 02 Mar 2026 08:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(header: str, seconds: float | None) -> None:
    with pytest.raises(RetryLater) as raised:
        accept(HttpReply(429, {"retry-after": header}, ""), MORNING)
    assert raised.value.after_s == seconds


def test_nobody_listening_is_for_later() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
        with pytest.raises(RetryLater):
            post(url, b"{}", {})


def test_a_receiver_that_trickles_is_left_after_the_whole_deadline() -> None:
    def trickle(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            try:
                connection.sendall(b"HTTP/1.1 200 OK\r\n")
                for n in range(100):
                    connection.sendall(b"x-%d: y\r\n" % n)
                    time.sleep(0.05)
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=trickle, args=(listener,))
        thread.start()
        begun = time.monotonic()
        with pytest.raises(RetryLater, match="no answer within"):
            post(f"http://127.0.0.1:{listener.getsockname()[1]}/", b"{}", {}, total_s=0.4)
        assert time.monotonic() - begun < 2
        thread.join()


def test_a_wrong_secret_is_seen_by_the_receiver() -> None:
    clock = FakeClock(MORNING)
    with a_stub(clock) as stub:
        with pytest.raises(RetryLater, match="check its secret"):
            Webhook("pager", stub.webhook_url, "other-secret", clock).send(a_message(), key="f:pager:1:firing:1")
        assert stub.model.refusals == ["signature"]


def test_a_webhook_is_verified_and_carries_the_whole_alert() -> None:
    clock = FakeClock(MORNING)
    with a_stub(clock) as stub:
        Webhook("pager", stub.webhook_url, SECRET, clock).send(a_message(), key="f:pager:1:firing:1")
        [body] = stub.model.bodies.values()
    assert body["type"] == "alert.firing"
    wanted = {"value", "low", "high", "n", "since", "segment", "examples", "link", "reason", "fingerprint"}
    assert wanted <= body["data"].keys()


def test_secrets_are_not_in_the_representation() -> None:
    channel = Webhook("pager", "https://pager.test/canary-url", "canary-secret", FakeClock(MORNING))
    assert "canary" not in repr(channel)
    assert "canary" not in repr(Slack("chat", "https://hooks.test/canary-url", FakeClock(MORNING)))


@pytest.mark.parametrize("kind", ["firing", "severity", "reminder", "flapping", "no_data", "resolved"])
def test_slack_takes_every_kind(kind: str) -> None:
    clock = FakeClock(MORNING)
    with a_stub(clock) as stub:
        Slack("chat", stub.slack_url, clock).send(a_message(kind), key=f"f:chat:1:{kind}:1")
        assert stub.model.kinds() == [kind]


def test_the_stub_refuses_what_slack_refuses() -> None:
    good = blocks(a_message(), "f:chat:1:firing:1")
    assert slack_problem(good) is None
    long = json.loads(json.dumps(good))
    long["blocks"][0]["text"]["text"] = "x" * 151
    assert slack_problem(long) == "invalid_blocks: header of 151"
    active = json.loads(json.dumps(good))
    active["blocks"][1]["fields"][0]["text"] = "<!channel>"
    assert "active" in str(slack_problem(active))
    many = json.loads(json.dumps(good))
    many["blocks"] += [{"type": "divider"}] * 50
    assert slack_problem(many) is not None
    heavy = json.loads(json.dumps(good))
    heavy["blocks"] += [{"type": "section", "text": {"type": "plain_text", "text": "x" * FIELD}}] * 10
    assert slack_problem(heavy) == "msg_blocks_too_long"


def test_the_console_prints_one_clear_line_then_details() -> None:
    stream = io.StringIO()
    Console("log", stream).send(a_message(), key="the-key")
    first, *rest = stream.getvalue().splitlines()
    assert first == "[ERROR] Answers break the policy (app=support, rule=no-refusal)"
    assert any(line.strip().startswith("Open: http://plumbline.test/alerts") for line in rest)
    assert all(line.startswith("    ") for line in rest)


def test_a_resolve_is_recognised_on_the_console() -> None:
    stream = io.StringIO()
    Console("log", stream).send(a_message("resolved"), key="k")
    assert stream.getvalue().startswith("[RESOLVED] Resolved: ")


def test_a_console_of_little_alphabet_still_prints() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    Console("log", stream).send(a_message(summary="naïve 😀"), key="k")
    assert b"na?ve ?" in raw.getvalue()


def test_a_closed_console_is_for_later() -> None:
    stream = io.StringIO()
    stream.close()
    with pytest.raises(RetryLater):
        Console("log", stream).send(a_message(), key="k")


def test_unknown_numbers_are_called_unknown() -> None:
    [step] = evaluate(BOOK.rules, [a_rate(BAD)], [], MORNING)
    [ended] = evaluate(BOOK.rules, [a_rate(GOOD, since=None)], [step.alert], MORNING)
    message = compose("resolved", ended.alert, None, MORNING, "gone", "")
    assert message.title == "Resolved: rate (app=support, rule=no-refusal)"
    assert (message.since, message.link, message.runbook) == (None, "", "")
    stream = io.StringIO()
    Console("log", stream).send(message, key="k")
    assert "Began" not in stream.getvalue()
    assert slack_problem(blocks(message, "k")) is None
