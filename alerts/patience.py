"""Waiting for a receiver, but not beyond the end of the agent: one that hangs must not use up the time there is for stopping."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Final, TypeVar

from monitor.errors import RetryLater

Got = TypeVar("Got")

POLL_S: Final = 0.25
POLLS: Final = 8
"""Two seconds: how much longer an attempt may take once the agent is asked to stop."""


def patiently(work: Callable[[], Got], stopping: Callable[[], bool]) -> Got:
    """Return what `work` returns, or raise what it raises; `RetryLater` when it still works well after `stopping` was true.

    What is left behind ends with the process. It may have arrived, so that it must be sent again under the same key.
    """
    done: Future[Got] = Future()
    threading.Thread(target=_run, args=(work, done), name="attempt", daemon=True).start()
    left = POLLS
    while not wait([done], POLL_S).done:
        left -= stopping()
        if left <= 0:
            raise RetryLater("no answer before the agent had to stop")
    return done.result()


def _run(work: Callable[[], Got], done: Future[Got]) -> None:
    try:
        done.set_result(work())
    except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
        done.set_exception(error)
