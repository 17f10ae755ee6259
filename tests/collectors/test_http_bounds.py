"""What comes before a body is bounded too: heads without end, and requests without a pause."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors.doors import http_protocol
from collectors.doors.http_protocol import MAX_AHEAD, MAX_HEAD
from tests.collectors.door import Open, opened
from tests.collectors.test_door import a_body
from tests.support.house import a_house

WAIT_S = 20
LOOK = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Open]:
    with opened(tmp_path / "spool") as found:
        yield found


def connected(url: str) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=WAIT_S)


def sent_without_end(client: socket.socket, start: bytes, piece: bytes, at_most: int) -> int:
    """How many bytes of `piece` after `piece` were taken until the connection ended."""
    sent = 0
    try:
        client.sendall(start)
        while sent < at_most:
            client.sendall(piece)
            sent += len(piece)
    except OSError:
        pass
    return sent


ENDLESS = {
    "line": (b"GET /", b"a" * 10_000),
    "header": (b"GET / HTTP/1.1\r\nx: ", b"a" * 10_000),
    "headers": (b"GET / HTTP/1.1\r\n", b"abcdefg: hijklmn\r\n" * 500),
    "post": (b"POST /v1/traces HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", b"a: b\r\n" * 1000),
}


@pytest.mark.parametrize(("start", "piece"), ENDLESS.values(), ids=ENDLESS)
def test_a_head_without_end_is_cut(door: Open, start: bytes, piece: bytes) -> None:
    with connected(door.url) as client:
        assert sent_without_end(client, start, piece, 100_000_000) < 100_000_000
    assert door.post(a_body()).status_code == 200


def test_who_stops_in_time_hears_why(door: Open) -> None:
    with connected(door.url) as client:
        client.sendall(b"GET / HTTP/1.1\r\nx: ")
        heard = threading.Thread(target=client.sendall, args=(b"a" * (MAX_HEAD + 1),))
        heard.start()
        assert client.recv(100).startswith(b"HTTP/1.1 431 ")
        heard.join(WAIT_S)


def test_heads_below_the_limit_are_taken_one_after_the_other(door: Open) -> None:
    large = b"GET /healthz HTTP/1.1\r\nHost: x\r\nx: " + b"a" * (MAX_HEAD - 1000) + b"\r\n\r\n"
    with connected(door.url) as client:
        for _ in range(5):
            client.sendall(large)
            assert b" 200 " in client.recv(1000)


def test_the_end_of_a_body_does_not_count_as_head(door: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "MAX_HEAD", 200)
    body = a_body()
    assert len(body) > 1000
    head = b"POST /v1/traces HTTP/1.1\r\nContent-Type: application/x-protobuf\r\nContent-Length: %d\r\n\r\n" % len(body)
    with connected(door.url) as client:
        client.sendall(head + body + LOOK[:10])  # the next request begins in the same piece
        assert b" 200 " in client.recv(1000)
        client.sendall(LOOK[10:])
        assert b" 200 " in client.recv(1000)


def test_a_few_requests_ahead_are_answered_in_turn(door: Open) -> None:
    with connected(door.url) as client:
        client.sendall(LOOK * MAX_AHEAD)
        heard = b""
        while heard.count(b"HTTP/1.1 200 OK") < MAX_AHEAD:
            piece = client.recv(100_000)
            assert piece, "the connection ended"
            heard += piece


def test_requests_without_a_pause_are_cut(door: Open) -> None:
    body = a_body()
    head = b"POST /v1/traces HTTP/1.1\r\nContent-Type: application/x-protobuf\r\nContent-Length: %d\r\n\r\n" % len(body)
    with connected(door.url) as client:
        assert sent_without_end(client, b"", (head + body) * 100, 100_000_000) < 100_000_000
    assert door.post(a_body()).status_code == 200


@pytest.mark.parametrize("start", [b"", LOOK[:10], LOOK + LOOK[:10]], ids=["silence", "a part", "a part of the second"])
def test_a_head_that_does_not_come_ends_the_connection_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: bytes
) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_TIMEOUT_S", 0.3)
    with opened(tmp_path / "spool") as door, connected(door.url) as older:
        older.sendall(LOOK)
        assert b" 200 " in older.recv(1000)
        with connected(door.url) as client:
            client.sendall(start)
            heard = b"".join(iter(lambda: client.recv(1000), b""))
        assert heard.count(b" 200 ") == start.count(LOOK)
        older.sendall(LOOK)
        assert b" 200 " in older.recv(1000), "between requests a connection may rest longer"


def test_a_body_may_take_longer_than_a_head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_TIMEOUT_S", 0.3)
    body = a_body()
    with opened(tmp_path / "spool") as door, connected(door.url) as client:
        client.sendall(
            b"POST /v1/traces HTTP/1.1\r\nContent-Type: application/x-protobuf\r\nContent-Length: %d\r\n\r\n"
            % len(body)
        )
        with connected(door.url) as silent:
            assert silent.recv(10) == b"", "which takes as long as a head may take"
        client.sendall(body)
        assert b" 200 " in client.recv(1000)


def test_memory_does_not_follow_what_heads_bring(tmp_path: Path) -> None:
    with a_house(tmp_path / "data", "collector", fresh=True) as house:
        before = house.rss_kb("collector")
        for start, piece in ENDLESS.values():
            for _ in range(5):
                with connected(house.url) as client:
                    sent_without_end(client, start, piece, 20_000_000)
        assert (house.rss_kb("collector") - before) >> 10 < 40
