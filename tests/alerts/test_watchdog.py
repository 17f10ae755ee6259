"""The sign of life leaves once a minute while alerts leave, and stays out when they cannot."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from alerts.channels import Means
from alerts.checks import find_problems
from alerts.rules import Watchdog
from plumbline.demo.stubs.kit import Stub, a_stub
from tests.alerts.builders import Day, Recorder, a_book, a_day


def a_watched_day(stub: Stub) -> Day:
    book = msgspec.structs.replace(a_book(), watchdog=Watchdog(url=stub.url("/ping")))
    day = a_day(book, Recorder("one"))
    return Day(replace(day.desk, means=Means(io.StringIO(), day.clock)), day.clock)


def test_once_a_minute_however_often_alerts_are_delivered() -> None:
    with a_stub(None) as stub:
        day = a_watched_day(stub)
        for _ in range(10):
            day.desk.deliver()
            day.clock.advance(timedelta(seconds=20))
        assert stub.model.signs == 4


def test_one_that_was_not_taken_is_sent_again_at_the_next_pass() -> None:
    with a_stub(None) as stub:
        day = a_watched_day(stub)
        stub.mode = "500"
        day.desk.deliver()
        stub.mode = "ok"
        day.desk.deliver()
        assert stub.model.signs == 1


@pytest.mark.parametrize(("url", "every"), [("http://example.com/x", "1m"), ("https://example.com/x", "soon")])
def test_an_address_without_https_and_a_time_that_is_none_are_refused(url: str, every: str) -> None:
    book = msgspec.structs.replace(a_book(), watchdog=Watchdog(url=url, every=every))
    assert [where[0] for where, _, __ in find_problems(book)] == ["watchdog"]
