"""What is hostile in an alert stays text (S03), an address that is inside is never called (S05), and nobody acts by forging (S16)."""

from __future__ import annotations

import io
import json
import unicodedata
from collections.abc import Callable, Sequence

import pytest

from alerts.channels import Channel
from alerts.channels.alertmanager import Alertmanager
from alerts.channels.console import Console
from alerts.channels.mail import mail
from alerts.channels.pagerduty import PagerDuty
from alerts.channels.posting import post
from alerts.channels.signature import sign, verify
from alerts.channels.slack import Slack
from alerts.channels.slack_bot import SlackBot
from alerts.channels.teams import Teams
from alerts.channels.webhook import Webhook
from alerts.message import Message
from monitor.clock import Clock, FakeClock
from monitor.errors import Undeliverable
from monitor.outgoing import Guard
from plumbline.demo.stubs.kit import Stub, a_stub
from plumbline.demo.stubs.mailbox import mail_problem
from plumbline.demo.stubs.webhook import SECRET
from tests.alerts.builders import MORNING
from tests.alerts.test_channels import a_message
from tests.support.payloads import PAYLOADS

OF_CHAT = (
    "<!channel> <!here> <!everyone> <!subteam^S1> <@U0ANA>",
    "@everyone @here @channel @room",
    "<https://198.51.100.7/x|Open in Plumbline>",
    "*bold* _it_ ~no~ `code` >quote",
    "<at>all</at> **x** [x](javascript:1)",
    "x\r\nBcc: eve@198.51.100.7\r\n\r\n<script>1</script>",
    "x\nSubject: you won\nContent-Type: text/html",
    "=?utf-8?q?=0D=0ABcc:_eve?=",
    "\x00\x1b]0;title\x07\x9b31m",
    "\u202eexe.gnp\u2066 \u200f",
)
HUNDRED = (*PAYLOADS[::2][:90], *OF_CHAT)
"""Half of what pages are held against, and what only chats and mail would act on."""

KEY = "f:one:1:firing:1"
MADE: dict[str, Callable[[Stub, Clock], Channel]] = {
    "slack": lambda stub, clock: Slack("one", stub.slack_url, clock),
    "slack_bot": lambda stub, clock: SlackBot("one", "xoxb-1", "C012345678", stub.url("/slack_api"), clock),
    "teams": lambda stub, clock: Teams("one", stub.url("/teams"), clock),
    "pagerduty": lambda stub, clock: PagerDuty("one", "k" * 32, stub.pagerduty_url, clock),
    "alertmanager": lambda stub, clock: Alertmanager("one", stub.url("/alertmanager"), clock),
    "webhook": lambda stub, clock: Webhook("one", stub.webhook_url, SECRET, clock),
}


def hostile_messages() -> list[Message]:
    """Messages in which every text of a trace is one of the hundred."""
    assert len(HUNDRED) == 100
    fours = [HUNDRED[i : i + 4] for i in range(0, len(HUNDRED), 4)]
    return [a_message(summary=a, labels={"app": b, "rule": c}, examples=(d,)) for a, b, c, d in fours]


@pytest.mark.parametrize("kind", MADE)
def test_s03_a_receiver_sees_nothing_active_in_a_hundred_hostile_texts(kind: str) -> None:
    clock = FakeClock(MORNING)
    with a_stub(clock) as stub:
        channel = MADE[kind](stub, clock)
        for n, message in enumerate(hostile_messages()):
            channel.send(message, key=f"f{n}:one:1:firing:1")
        assert stub.model.refusals == []
        assert stub.model.attempts >= 25


def test_s03_no_mail_has_another_header_or_markup() -> None:
    known = {
        "From",
        "To",
        "Subject",
        "Message-ID",
        "Auto-Submitted",
        "MIME-Version",
        "Content-Type",
        "In-Reply-To",
        "References",
    }
    for message in hostile_messages():
        letter = mail(message, KEY, "a@b.c", ("d@e.f",))
        assert set(letter.keys()) <= known
        letter["Date"] = "Mon, 02 Mar 2026 09:00:00 +0000"
        assert mail_problem(letter) == ""


def test_s03_a_terminal_gets_no_command_and_no_line_of_its_own() -> None:
    stream = io.StringIO()
    for message in hostile_messages():
        Console("one", stream).send(message, key=KEY)
    lines = stream.getvalue().split("\n")
    assert all(line == "" or line.startswith(("[ERROR] ", "    ")) for line in lines)
    assert not [c for line in lines for c in line if unicodedata.category(c).startswith("C") and c != "\u2060"]


ADDRESSES = """
    127.0.0.2 127.1 127.0.1 0177.0.0.1 0x7f.0.0.1 2130706433 0x7f000001 017700000001
    10.0.0.1 10.255.255.255 167772161 0x0a000001 172.16.0.1 172.31.255.254 192.168.0.1 192.168.255.1
    100.64.0.1 100.127.255.254 169.254.169.254 169.254.170.2 2852039166 0xa9fea9fe 169.254.0.1
    0.0.0.0 0 0.1.2.3 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 198.18.0.1 192.0.0.1
    192.0.2.1 203.0.113.1 [::] [::2] [fe80::1] [fe80::1%25eth0] [fc00::1] [fd00:ec2::254] [ff02::1] [ff05::2]
    [::ffff:10.0.0.1] [::ffff:127.0.0.2] [::ffff:a9fe:a9fe] [::10.0.0.1] [64:ff9b::a00:1] [64:ff9b::7f00:2]
    [2002:a00:1::] [2002:7f00:2::] [2001:db8::1] [100::1] [::ffff:0:0] [fec0::1] [3fff::1]
"""
INSIDE = tuple(ADDRESSES.split())
WRONG = (
    "http://hooks.test/",
    "ftp://hooks.test/",
    "file:///etc/passwd",
    "gopher://hooks.test/",
    "https://me:secret@hooks.test/",
)
PUBLIC = "93.184.216.34"


@pytest.mark.parametrize("url", [*(f"https://{host}/latest/meta-data/" for host in INSIDE), *WRONG])
def test_s05_an_address_inside_is_refused_in_whatever_way_it_is_written(url: str) -> None:
    def looked_up(_host: str, _port: int) -> Sequence[str]:
        return [PUBLIC]  # what a system that reads less than we do would say of the odd ones

    with pytest.raises(Undeliverable):
        Guard().target(url, looked_up)


def test_s05_there_are_sixty_of_them() -> None:
    assert len({*INSIDE, *WRONG}) >= 60


def test_s05_a_name_that_stands_for_something_else_the_second_time_is_looked_up_once() -> None:
    answers = [[PUBLIC], ["169.254.169.254"]]
    target = Guard().target("https://hooks.test/x", lambda _host, _port: answers.pop(0))
    assert target.url == f"https://{PUBLIC}/x"
    assert answers == [["169.254.169.254"]]


def test_s05_a_redirect_inside_is_not_followed_and_said() -> None:
    clock = FakeClock(MORNING)
    with a_stub(clock) as stub:
        stub.mode = "302"
        with pytest.raises(Undeliverable, match="redirects are not followed"):
            Webhook("one", stub.webhook_url, SECRET, clock).send(a_message(), key=KEY)
        assert stub.model.attempts == 1


BODY = b'{"type": "alert.firing"}'
NOW = int(MORNING.timestamp())


def headers(message_id: str = "m1", stamp: int = NOW, secret: str = SECRET, body: bytes = BODY) -> dict[str, str]:
    signed = sign(secret, message_id, stamp, body)
    return {"webhook-id": message_id, "webhook-timestamp": str(stamp), "webhook-signature": signed}


FORGED = {
    "no headers": {},
    "no id": {"webhook-id": ""},
    "another id": {"webhook-id": "m2"},
    "no time": {"webhook-timestamp": ""},
    "another time": {"webhook-timestamp": str(NOW + 1)},
    "time in words": {"webhook-timestamp": "now"},
    "time below zero": {"webhook-timestamp": f"-{NOW}"},
    "time of other digits": {"webhook-timestamp": "".join(chr(0x660 + int(digit)) for digit in str(NOW))},
    "endless time": {"webhook-timestamp": "9" * 400},
    "no signature": {"webhook-signature": ""},
    "no version": {"webhook-signature": headers()["webhook-signature"].removeprefix("v1,")},
    "version 2": {"webhook-signature": headers()["webhook-signature"].replace("v1,", "v2,")},
    "cut": {"webhook-signature": headers()["webhook-signature"][:-4]},
    "longer": {"webhook-signature": headers()["webhook-signature"] + "AAAA"},
    "of nothing": {"webhook-signature": "v1,"},
    "no letters": {"webhook-signature": "v1,\udcff"},
    "under another secret": headers(secret="whsec_" + "QUJD" * 8),
    "under a secret of one letter": headers(secret="x"),
    "of another body": headers(body=BODY + b" "),
    "recorded six minutes ago": headers(stamp=NOW - 360),
    "recorded for later": headers(stamp=NOW + 360),
}
"""What is said otherwise than in a request that is ours; the last two are signed, and too old or too early."""


@pytest.mark.parametrize("how", FORGED)
def test_s16_a_request_that_is_not_ours_does_not_verify(how: str) -> None:
    given = {} if how == "no headers" else headers() | FORGED[how]
    assert verify(SECRET, headers(), BODY, MORNING)
    assert not verify(SECRET, given, BODY, MORNING)


def test_s16_a_request_that_comes_twice_is_known_by_its_id() -> None:
    clock = FakeClock(MORNING)
    with a_stub(clock) as stub:
        sent = headers() | {"content-type": "application/json"}
        body = json.dumps(
            {"type": "alert.firing", "timestamp": MORNING.isoformat(), "data": {"fingerprint": "f"}}
        ).encode()
        sent["webhook-signature"] = sign(SECRET, "f:one:1:firing:1", NOW, body)
        sent["webhook-id"] = "f:one:1:firing:1"
        for _ in range(2):
            post(stub.webhook_url, body, sent)
        assert (len(stub.model.keys), stub.model.repeats) == (1, ["f:one:1:firing:1"])
