"""Delivery in virtual time: in order, at least once, never nothing; over memory receivers and over real HTTP."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from alerts.channels.slack import Slack
from alerts.channels.webhook import Webhook
from alerts.deliver import BACKOFF_CAP_S, _wait, deliver_due
from alerts.message import Message
from monitor.clock import FakeClock
from monitor.errors import RetryLater, Undeliverable
from monitor.state import outbox
from plumbline.demo.stubs.kit import a_stub
from plumbline.demo.stubs.webhook import SECRET
from tests.alerts.builders import BAD, GOOD, MORNING, RATE_RULE, UNSURE, Day, Recorder, a_book, a_day, a_rate

HOUR = timedelta(hours=1)


def a_watched_day(*receivers: Recorder, **route: Any) -> Day:
    return a_day(a_book(to=[r.name for r in receivers], **route), *receivers)


def test_a_fire_and_its_resolve_reach_every_receiver_in_order() -> None:
    one, two = Recorder("one"), Recorder("two")
    day = a_watched_day(one, two)
    day.tick(a_rate(BAD))
    day.tick(a_rate(GOOD))
    assert one.kinds() == two.kinds() == ["firing", "resolved"]


def test_a_key_names_alert_receiver_episode_kind_and_number() -> None:
    one = Recorder("one")
    day = a_watched_day(one)
    day.tick(a_rate(BAD))
    [row] = day.messages()
    assert row["key"] == f"{row['fingerprint']}:one:1:firing:1"
    assert (row["state"], row["attempts"]) == ("sent", 1)


def test_looking_again_sends_nothing() -> None:
    one = Recorder("one")
    day = a_watched_day(one)
    for _ in range(100):
        day.tick(a_rate(BAD))
    assert one.kinds() == ["firing"]


def test_notify_after_gathers_before_the_first_message() -> None:
    one = Recorder("one")
    day = a_watched_day(one, notify_after="5m")
    day.tick(a_rate(BAD))
    day.tick(a_rate(BAD), minutes=4)
    assert one.kinds() == []
    day.tick(a_rate(BAD), minutes=1)
    assert one.kinds() == ["firing"]


def test_an_alert_that_ends_before_its_first_message_is_still_told_in_order() -> None:
    one = Recorder("one")
    day = a_watched_day(one, notify_after="5m")
    day.tick(a_rate(BAD))
    day.tick(a_rate(GOOD))
    assert one.kinds() == []
    day.deliver(after=timedelta(minutes=5))
    assert one.kinds() == ["firing", "resolved"]


def test_reminders_come_as_often_as_asked_and_stop_with_the_alert() -> None:
    one = Recorder("one")
    day = a_watched_day(one, remind_every="4h")
    for _ in range(13):
        day.tick(a_rate(BAD), minutes=60)
    assert one.kinds() == ["firing", "reminder", "reminder", "reminder"]
    day.tick(a_rate(GOOD))
    for _ in range(10):
        day.tick(a_rate(UNSURE), minutes=60)
    assert one.kinds()[-1] == "resolved"
    assert len(set(one.keys())) == len(one.keys())


def test_reminders_do_not_heap_up_in_an_outage_and_a_resolve_retires_them() -> None:
    one = Recorder("one")
    day = a_watched_day(one, remind_every="1h")
    day.tick(a_rate(BAD))
    one.raising = RetryLater("down")
    for _ in range(10):
        day.tick(a_rate(BAD), minutes=60)
    assert len(day.messages(kind="reminder", state="pending")) == 1
    day.look(a_rate(GOOD))
    one.raising = None
    day.deliver(after=HOUR)
    assert one.kinds() == ["firing", "resolved"]


def test_nobody_is_reminded_of_what_they_were_never_told() -> None:
    one = Recorder("one", raising=RetryLater("down"))
    day = a_watched_day(one, remind_every="1h")
    for _ in range(5):
        day.tick(a_rate(BAD), minutes=60)
    assert day.messages(kind="reminder") == []


def test_a_resolve_goes_to_who_got_the_fire_after_the_routes_changed() -> None:
    one, two = Recorder("one"), Recorder("two")
    day = a_watched_day(one, two)
    day.tick(a_rate(BAD))
    changed = a_day(a_book(to=["two"]), one, two, state=day.desk.state)
    changed.tick(a_rate(GOOD), minutes=5)
    assert one.kinds() == two.kinds() == ["firing", "resolved"]


def test_severity_that_rises_is_told_to_old_and_new_receivers() -> None:
    chat, pager = Recorder("chat"), Recorder("pager")
    rule = RATE_RULE | {"worse": {"value": 0.5, "severity": "critical"}}
    book = a_book(rule, to=["chat", "pager"], match={"severity": "critical"})
    routes = (book.routes[0], *a_book(rule, to=["chat"]).routes)
    day = a_day(type(book)(receivers=book.receivers, rules=book.rules, routes=routes), chat, pager)
    day.tick(a_rate(BAD))
    assert (chat.kinds(), pager.kinds()) == (["firing"], [])
    day.tick(a_rate(0.9))
    day.tick(a_rate(GOOD))
    assert chat.kinds() == ["firing", "severity", "resolved"]
    assert pager.kinds() == ["severity", "resolved"]


def test_no_data_is_told_only_where_the_rule_says_alert() -> None:
    for then, kinds in (("alert", ["firing", "no_data"]), ("hold", ["firing"])):
        one = Recorder("one")
        day = a_day(a_book(RATE_RULE | {"no_data": {"after": 2, "then": then}}), one)
        day.tick(a_rate(BAD))
        for _ in range(5):
            day.tick()
        assert one.kinds() == kinds


def test_flapping_is_one_notice() -> None:
    one = Recorder("one")
    day = a_watched_day(one)
    for _ in range(20):
        day.tick(a_rate(BAD))
        day.tick(a_rate(GOOD))
    assert one.kinds() == ["firing", "resolved", "firing", "resolved", "firing", "flapping"]


def test_a_later_wish_of_the_receiver_is_honoured_for_all_its_messages() -> None:
    one = Recorder("one", raising=RetryLater("slow down", after_s=600))
    day = a_watched_day(one)
    day.tick(a_rate(BAD, app="a"), a_rate(BAD, app="b"))
    one.raising = None
    day.deliver(after=timedelta(seconds=599))
    assert one.kinds() == []
    day.deliver(after=timedelta(seconds=1))
    assert one.kinds() == ["firing", "firing"]


def test_a_wish_beyond_an_hour_is_cut() -> None:
    assert _wait(1, 10**9, random.Random(1)) == 3600


def test_backoff_is_full_jitter_under_a_cap() -> None:
    rng = random.Random(1)
    early, late = [_wait(1, None, rng) for _ in range(500)], [_wait(500, None, rng) for _ in range(500)]
    assert min(early) >= 0
    assert 1.9 < max(early) <= 2
    assert BACKOFF_CAP_S * 0.95 < max(late) <= BACKOFF_CAP_S
    assert min(late) < BACKOFF_CAP_S * 0.05


def test_one_receiver_that_is_down_costs_one_attempt_a_pass_and_does_not_stop_the_other() -> None:
    down, up = Recorder("down", raising=RetryLater("refused")), Recorder("up")
    day = a_watched_day(down, up)
    delivered = day.tick(*(a_rate(BAD, app=f"app{i}") for i in range(50)))
    assert (delivered.sent, delivered.retried) == (50, 1)
    assert len(up.got) == 50


def test_a_refused_body_is_sent_again_in_short_and_then_goes_to_another_receiver() -> None:
    strict, other = Recorder("strict", raising=Undeliverable("HTTP 400 too long")), Recorder("other")
    book = a_book(to=["strict", "other"])
    day = a_day(
        type(book)(receivers=book.receivers, rules=book.rules, routes=a_book(to=["strict"]).routes), strict, other
    )
    day.tick(a_rate(BAD))
    [dead] = day.messages(receiver="strict")
    assert (dead["state"], dead["attempts"]) == ("dead", 2)
    titles = [message.title for _, message in other.got]
    assert any("Answers break the policy" in title for title in titles)
    assert any("do not reach a receiver" in title for title in titles)
    assert day.desk.counts()["messages_dead"] == 1


def test_a_body_that_fits_in_short_is_taken() -> None:
    class Picky(Recorder):
        def send(self, message: Message, *, key: str) -> None:
            if message.examples:
                raise Undeliverable("HTTP 413")
            super().send(message, key=key)

    picky = Picky("one")
    day = a_watched_day(picky)
    assert day.tick(a_rate(BAD)).sent == 1
    [(_, message)] = picky.got
    assert message.value == BAD
    assert message.link


def test_our_own_alert_is_raised_once_and_ends_when_the_receiver_takes_a_message() -> None:
    bad, other = Recorder("bad", raising=Undeliverable("HTTP 404")), Recorder("other")
    day = a_watched_day(bad, other)
    day.tick(*(a_rate(BAD, app=f"app{i}") for i in range(5)))
    own = [m for _, m in other.got if m.rule_id == "plumbline.delivery"]
    assert [m.kind for m in own] == ["firing"]
    assert own[0].reason == "HTTP 404"
    bad.raising = None
    day.tick(*(a_rate(GOOD, app=f"app{i}") for i in range(5)))
    own = [m for _, m in other.got if m.rule_id == "plumbline.delivery"]
    assert [m.kind for m in own] == ["firing", "resolved"]


def test_two_receivers_that_refuse_everything_end_in_rest() -> None:
    one, two = (Recorder(name, raising=Undeliverable("HTTP 410")) for name in ("one", "two"))
    day = a_watched_day(one, two)
    day.tick(a_rate(BAD))
    assert day.messages(state="pending") == []
    assert {row["rule_id"] for row in day.desk.state.alerts_table()} == {"rate", "plumbline.delivery"}


def test_a_receiver_that_left_the_file_is_dead_and_its_messages_go_elsewhere() -> None:
    one, two = Recorder("one"), Recorder("two")
    day = a_watched_day(one)
    day.look(a_rate(BAD))
    changed = a_day(a_book(to=["two"]), two, state=day.desk.state)
    changed.deliver(after=timedelta(minutes=2))
    assert "firing" in [m.kind for _, m in two.got if m.rule_id == "rate"]
    changed.tick(a_rate(GOOD), minutes=1)
    assert [m.kind for _, m in two.got if m.rule_id == "rate"] == ["firing", "resolved"]


def test_a_channel_with_a_bug_loses_nothing_and_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    buggy, fine = Recorder("buggy", raising=KeyError("oops")), Recorder("fine")
    day = a_watched_day(buggy, fine)
    day.tick(a_rate(BAD))
    assert fine.kinds() == ["firing"]
    assert "channel buggy broke" in caplog.text
    buggy.raising = None
    day.deliver(after=HOUR)
    assert buggy.kinds() == ["firing"]


def test_after_three_days_only_messages_of_ended_alerts_are_given_up() -> None:
    one = Recorder("one", raising=RetryLater("down"))
    day = a_watched_day(one)
    day.tick(a_rate(BAD, app="open"), a_rate(BAD, app="ended"))
    day.tick(a_rate(GOOD, app="ended"))
    for _ in range(80):
        day.tick(a_rate(BAD, app="open"), a_rate(GOOD, app="ended"), minutes=60)
    states = {(json.loads(alert["labels"])["app"], row["kind"]): row["state"]
              for alert in day.desk.state.alerts_table() if alert["rule_id"] == "rate"
              for row in day.messages(fingerprint=alert["fingerprint"])}  # fmt: skip
    assert states[("open", "firing")] == "pending"
    assert states[("ended", "firing")] == "dead"


def test_a_crash_after_sending_repeats_under_the_same_key() -> None:
    class Killed(BaseException):
        pass

    one = Recorder("one", raising_after=Killed())
    day = a_watched_day(one)
    day.look(a_rate(BAD))
    with pytest.raises(Killed):
        day.deliver()
    one.raising_after = None
    day.deliver(after=timedelta(seconds=59))
    assert len(one.got) == 1
    day.look(a_rate(GOOD))
    day.deliver(after=timedelta(seconds=1))
    assert one.kinds() == ["firing", "firing", "resolved"]
    assert one.keys()[0] == one.keys()[1]
    assert one.got[0] == one.got[1]


def a_webhook(url: str, clock: FakeClock, total_s: float = 5.0) -> Webhook:
    return Webhook("pager", url, SECRET, clock, total_s)


def test_a_receiver_that_hangs_does_not_hold_up_the_stop_and_gets_it_after_the_next_start() -> None:
    clock = FakeClock(MORNING)
    with a_stub(clock) as stub:
        stub.mode = "hang"  # half a minute, which is more than an attempt may take
        day = a_day(a_book(to=["pager"]), a_webhook(stub.webhook_url, clock, 25.0), clock=clock)
        stopped = replace(day.desk.post, stopping=lambda: stub.model.attempts > 0)
        day.look(a_rate(BAD))
        assert deliver_due(stopped).retried == 1
        [row] = day.desk.state.notifications_table()
        assert (row["state"], row["attempts"], stub.model.attempts) == ("pending", 1, 1)
        with day.desk.state.transaction() as txn:
            said = outbox.messages_of(txn, row["fingerprint"])[0]["outcome"]
        assert said == "no answer before the agent had to stop"
        stub.mode = "ok"
        day.deliver(after=timedelta(minutes=1))
        assert stub.model.keys == [row["key"]]


def test_a_webhook_that_is_down_for_three_hours_gets_everything_once_in_order() -> None:
    clock = FakeClock(MORNING)
    with a_stub(clock) as stub:
        console = Recorder("console")
        day = a_day(
            a_book(to=["pager", "console"], remind_every="1h"), a_webhook(stub.webhook_url, clock), console, clock=clock
        )
        stub.mode = "500"
        apps = [f"app{i}" for i in range(40)]
        for minute in range(180):  # a third ends inside the outage, a third fires late, a third stays open
            signals = [a_rate(BAD if (i % 3, minute < 60) != (0, False) else GOOD, app=a) for i, a in enumerate(apps)]
            day.tick(*(s for i, s in enumerate(signals) if i % 3 != 1 or minute > 90))
        assert stub.model.keys == []
        assert stub.model.attempts < 200
        stub.mode = "ok"
        still = [a_rate(GOOD if i % 3 == 0 else BAD, app=a) for i, a in enumerate(apps)]
        for _ in range(12):
            day.tick(*still, minutes=0.5)
        rate = [key for key, body in stub.model.bodies.items() if body["data"]["rule_id"] == "rate"]
        assert len(rate) == 40 + 14
        assert stub.model.early_resolves == stub.model.repeats == stub.model.refusals == []
        assert len(stub.model.firing) == 26
        own = [message.kind for _, message in console.got if message.rule_id == "plumbline.delivery"]
        assert own == ["firing", "reminder", "reminder", "resolved"]


class Limited(Recorder):
    """A receiver that is down, and then takes twenty messages a minute and says so."""

    def __init__(self, day_clock: FakeClock) -> None:
        super().__init__("one")
        self.clock, self.up, self.minutes = day_clock, False, Counter[int]()

    def send(self, message: Message, *, key: str) -> None:
        minute = int(self.clock.now().timestamp() // 60)
        if not self.up:
            raise RetryLater("HTTP 500")
        if self.minutes[minute] >= 20:
            raise RetryLater("HTTP 429", 60.0)
        self.minutes[minute] += 1
        super().send(message, key=key)


@pytest.mark.faults  # 600 messages that are each claimed, sent and settled: ten to thirty seconds
def test_five_hundred_alerts_of_three_hours_drain_at_the_limit_of_the_receiver_each_once() -> None:
    clock = FakeClock(MORNING)
    receiver = Limited(clock)
    day = a_day(a_book(), receiver, clock=clock)
    apps = [f"app{n}" for n in range(500)]
    day.look(*(a_rate(BAD, app=app) for app in apps))
    day.deliver(after=timedelta(hours=1))
    day.look(*(a_rate(GOOD if n % 5 == 0 else BAD, app=app) for n, app in enumerate(apps)))
    day.deliver(after=timedelta(hours=2))
    assert receiver.got == []
    receiver.up = True
    for _ in range(45):
        day.deliver(after=timedelta(minutes=1))
    told = Counter((message.kind, message.labels["app"]) for _, message in receiver.got if message.rule_id == "rate")
    fired, ended = {("firing", app) for app in apps}, {("resolved", app) for app in apps[::5]}
    assert told == Counter(fired | ended)
    assert max(receiver.minutes.values()) == 20
    assert (
        sum(count == 20 for count in receiver.minutes.values()) >= 600 // 20 - 1
    )  # it never waits longer than it is asked to
    order = [(message.labels["app"], message.kind) for _, message in receiver.got if message.rule_id == "rate"]
    assert all(order.index((app, "firing")) < order.index((app, "resolved")) for app in apps[::5])


@pytest.mark.parametrize(
    ("mode", "wait"), [("429", 30), ("500", 0), ("reset", 0), ("hang", 0), ("401", 900), ("lost", 0)]
)
def test_every_trouble_ends_in_one_message_at_the_receiver(mode: str, wait: int) -> None:
    clock = FakeClock(MORNING)
    with a_stub(clock) as stub:
        channel = a_webhook(stub.webhook_url, clock, total_s=0.5 if mode == "hang" else 5.0)
        day = a_day(a_book(to=["pager"]), channel, clock=clock)
        stub.mode, stub.retry_after = mode, "30" if mode == "429" else None  # type: ignore[assignment]  # from the table
        day.tick(a_rate(BAD))
        stub.mode, stub.retry_after = "ok", None
        if wait:
            day.deliver(after=timedelta(seconds=wait - 1))
            assert stub.model.keys == []
        day.deliver(after=timedelta(minutes=1))
        assert stub.model.kinds() == ["firing"]
        assert stub.model.repeats == (stub.model.keys if mode == "lost" else [])
        assert stub.model.changed_repeats == []


HOSTILE = [
    "<!channel> urgent",
    "@everyone @here @CHANNEL",
    "<@U12345> <#C1|x> <https://evil.test|click>",
    "&lt;!channel&gt; &amp;",
    "</text>*bold* _it_ `code` ~x~ > quote",
    "\x1b[31mred\x07\x00 \u202egnp.exe",
    "@\u200beveryone <\u200b!channel>",
    "x" * 100_000,
    "&" * 5000,
    "😀" * 3000,
    "\ud800 lone",
    "](https://evil.test) ![img](https://evil.test/x.png)",
    "<script>alert(1)</script>",
    "\n\n# heading\r\n- item",
    "",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_reaches_slack_and_webhooks_with_nothing_active(text: str) -> None:
    clock = FakeClock(MORNING)
    with a_stub(clock) as stub:
        rule = RATE_RULE | {"runbook": "https://wiki.test/a|b> <!channel>"}
        channels = (a_webhook(stub.webhook_url, clock), Slack("chat", stub.slack_url, clock, total_s=2))
        day = a_day(a_book(rule, to=["pager", "chat"]), *channels, clock=clock)
        signal = a_rate(BAD, summary=text, examples=(text, text, text), labels={"app": text, "rule": text[:50]})
        delivered = day.tick(signal)
        assert stub.model.refusals == []
        assert delivered.sent == 2
        [webhook] = [body["data"] for key, body in stub.model.bodies.items() if ":pager:" in key]
        values = [webhook["summary"], *webhook["labels"].values(), *webhook["examples"]]
        assert all(len(value) <= 200 for value in values)
        assert not any(ord(c) < 32 or c in "\u202e\u200b" for value in values for c in value)
