"""Waiting that ends: what takes too long is given up on, once, and what ends in time is left alone."""

from __future__ import annotations

import threading
from contextlib import ExitStack

from collectors.doors.deadlines import Patience

WAIT_S = 20


def test_what_takes_too_long_is_given_up_on_once() -> None:
    patience, given_up = Patience(0.01), threading.Semaphore(0)
    with patience.bounded(given_up.release):
        assert given_up.acquire(timeout=WAIT_S)
        assert not given_up.acquire(timeout=0.1)


def test_many_wait_at_once_and_only_the_late_are_given_up_on() -> None:
    now, told, all_told = [0.0], [], threading.Event()

    def tell(name: str) -> None:
        told.append(name)
        if len(told) == 2:
            all_told.set()

    patience = Patience(1.0, clock=lambda: now[0])
    with ExitStack() as early, ExitStack() as late:
        early.enter_context(patience.bounded(lambda: tell("first")))
        early.enter_context(patience.bounded(lambda: tell("second")))
        with patience.bounded(lambda: tell("in time")):
            pass
        now[0] = 0.9
        late.enter_context(patience.bounded(lambda: tell("late")))
        now[0] = 1.5
        assert all_told.wait(WAIT_S)
        assert told == ["first", "second"]


def test_a_watch_that_ended_begins_again() -> None:
    patience, others = Patience(0.01), set(threading.enumerate())
    for _ in range(3):
        given_up = threading.Event()
        with patience.bounded(given_up.set):
            assert given_up.wait(WAIT_S)
        for thread in set(threading.enumerate()) - others:
            thread.join(WAIT_S)
            assert not thread.is_alive()
