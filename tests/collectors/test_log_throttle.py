"""The log of a collector under hostile senders: one line of a kind now and then, and how many there were."""

from __future__ import annotations

import logging
import socket
from pathlib import Path

import httpx

from collectors.doors.log_throttle import Sparse
from tests.support.house import House, a_house

BAD = 300


class Log:
    """A logger with a `Sparse` before it, its time, and what has passed."""

    def __init__(self) -> None:
        self.now, self.passed = 0.0, list[str]()
        self.logger = logging.Logger("test")  # noqa: LOG001 - of its own, beside the tree of loggers
        handler = logging.Handler()
        handler.emit = lambda record: self.passed.append(record.getMessage())  # type: ignore[method-assign]
        self.logger.addHandler(handler)
        self.logger.addFilter(Sparse(logging.WARNING, every_s=60, clock=lambda: self.now))


def test_one_of_a_kind_passes_in_a_while_and_says_how_many_did_not() -> None:
    log = Log()
    for _ in range(100):
        log.logger.warning("Invalid HTTP request received.")
    assert log.passed == ["Invalid HTTP request received."]
    log.now = 60
    log.logger.warning("Invalid HTTP request received.")
    assert log.passed[1:] == ["Invalid HTTP request received. (and 99 times since this was last said)"]
    log.now = 120
    log.logger.warning("Invalid HTTP request received.")
    assert log.passed[2:] == ["Invalid HTTP request received."]


def test_values_make_no_new_kind_but_errors_do() -> None:
    log = Log()
    for number in range(10):
        log.logger.warning("a body of %d bytes", number)
    assert log.passed == ["a body of 0 bytes"]
    for error in (ValueError("a"), ValueError("b"), KeyError("c")):
        log.logger.error("failed", exc_info=error)
    assert log.passed[1:] == ["failed", "failed"]
    log.now = 60
    log.logger.warning("a body of %d bytes", 7)
    assert log.passed[-1] == "a body of 7 bytes (and 9 times since this was last said)"


def test_percent_signs_in_values_are_no_formats() -> None:
    log = Log()
    for now in (0, 1, 60):
        log.now = now
        log.logger.warning("said: %s", "100 % %s %d")
    assert log.passed[-1].startswith("said: 100 % %s %d (and 1 times")


def test_what_is_below_the_level_always_passes() -> None:
    log = Log()
    log.logger.setLevel(logging.INFO)
    for _ in range(3):
        log.logger.info("started")
    assert log.passed == ["started"] * 3


def test_bad_requests_do_not_fill_the_log_of_a_collector(tmp_path: Path) -> None:
    with a_house(tmp_path / "data", "collector") as house:
        for _ in range(BAD):
            assert b"400" in said_to(house, b"no http at all\r\n\r\n")
        for _ in range(BAD):
            said_to(house, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
        assert httpx.get(f"{house.url}/healthz").status_code == 200
        lines = house.log("collector").splitlines()
    assert [line for line in lines if "Invalid HTTP request" in line] == ["WARNING:  Invalid HTTP request received."]
    assert len(lines) < 10


def said_to(house: House, text: bytes) -> bytes:
    host, port = house.http.split(":")
    with socket.create_connection((host, int(port)), timeout=20) as client:
        client.sendall(text)
        return client.recv(1000)
