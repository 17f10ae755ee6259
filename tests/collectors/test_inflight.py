"""The account of bytes in flight: what half bodies may cost at most, who is turned away, and that all of it comes back."""

from __future__ import annotations

import gzip
import socket
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.doors import otlp_grpc
from collectors.doors import otlp_http as server
from collectors.doors.bodies import unpacked
from collectors.inflight import Held, Room
from monitor.errors import RetryLater
from tests.collectors.door import MAX_BODY, PROTOBUF, Open, opened
from tests.collectors.test_door import a_body
from tests.support.waiting import becomes

ROOM = 1_000_000
HALF = MAX_BODY // 2
WAIT_S = 20


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Open]:
    with opened(tmp_path / "spool", max_queue_bytes=ROOM) as found:
        yield found


def begun(door: Open, sent: bytes, *headers: str) -> socket.socket:
    """A connection that has sent the head of a request and `sent`, and then says nothing."""
    host, port = door.url.removeprefix("http://").split(":")
    client = socket.create_connection((host, int(port)), timeout=WAIT_S)
    head = ["POST /v1/traces HTTP/1.1", "Host: x", *(f"{name}: {value}" for name, value in PROTOBUF.items()), *headers]
    client.sendall("\r\n".join([*head, "", ""]).encode() + sent)
    return client


def half(door: Open) -> socket.socket:
    return begun(door, b"\0" * HALF, f"Content-Length: {MAX_BODY}")


def half_in_chunks(door: Open) -> socket.socket:
    return begun(door, b"%x\r\n" % MAX_BODY + b"\0" * HALF, "Transfer-Encoding: chunked")


def answer_to(client: socket.socket) -> bytes:
    """What the server says first."""
    return client.recv(1000)


# -- the account


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 120)), max_size=40))
def test_the_account_is_exact_whatever_is_asked_of_it(steps: list[tuple[int, int]]) -> None:
    room = Room(100, Counter())
    parts = [room.hold() for _ in range(4)]
    refused = 0
    for who, size in steps:
        others = sum(part.size for part in parts) - parts[who].size
        before = parts[who].size
        try:
            parts[who].resize(size)
        except RetryLater:
            refused += 1
            assert others + size > 100
            assert parts[who].size == before
        assert room.used == sum(part.size for part in parts) <= 100
    assert room.counters["turned_away"] == refused
    for part in parts:
        part.resize(0)
    assert room.used == 0


def test_what_is_handed_on_is_given_back_by_the_heir_only() -> None:
    room = Room(10, Counter())
    with room.hold() as held:
        held.resize(7)
        heir = held.handed_on()
    assert room.used == 7
    heir.resize(0)
    heir.resize(0)
    assert room.used == 0


def test_what_is_announced_takes_nothing() -> None:
    room = Room(10, Counter())
    held = room.hold()
    held.expect(10)
    assert room.used == 0
    with pytest.raises(RetryLater):
        held.expect(11)
    held.resize(10)
    held.expect(10)  # it has them already


def test_many_threads_at_once_leave_nothing_behind() -> None:
    room = Room(50, Counter())

    def work() -> None:
        for size in range(1, 400):
            with room.hold() as held:
                try_to_hold(held, size % 40)
                assert room.used <= 50

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert room.used == 0


def try_to_hold(held: Held, size: int) -> None:
    try:
        held.resize(size)
    except RetryLater:
        assert held.size == 0


# -- over HTTP


@pytest.mark.parametrize("begin", [half, half_in_chunks], ids=["with length", "in chunks"])
def test_half_bodies_cost_no_more_than_the_room_and_are_forgotten_when_they_hang_up(
    door: Open, begin: Callable[[Open], socket.socket]
) -> None:
    counters, room = door.intake.counters, door.intake.room
    with ExitStack() as stack:
        clients = [stack.enter_context(begin(door)) for _ in range(30)]  # three times what there is room for
        assert becomes(lambda: counters["turned_away"] + room.used // HALF == len(clients))
        assert room.used <= ROOM
        turned_away = counters["turned_away"]
        assert turned_away >= 20
        refused = door.post(b"\0" * MAX_BODY)
        assert (refused.status_code, refused.headers["retry-after"] in {"1", "2", "3"}) == (503, True)
        for client in clients:
            client.settimeout(0.2)
        heard = [heard_by(client) for client in clients]
        assert Counter(text[9:12] for text in heard) == {b"503": turned_away, b"": len(clients) - turned_away}
    assert becomes(lambda: room.used == 0)
    assert door.post(a_body()).status_code == 200
    door.intake.close()
    assert len(door.rows("spans")) == 4
    assert door.rows("refusals") == [], "a client that may come back has lost nothing"


def heard_by(client: socket.socket) -> bytes:
    try:
        return answer_to(client)
    except TimeoutError:
        return b""


def test_the_turned_away_half_may_go_on_and_be_taken_on_the_same_connection(door: Open) -> None:
    blocker = door.intake.room.hold()
    blocker.resize(ROOM)
    body = a_body()
    with begun(door, body[:10], f"Content-Length: {len(body)}") as client:
        assert b"503" in answer_to(client)
        blocker.resize(0)
        client.sendall(body[10:])  # nobody listens to the rest
        client.sendall(
            b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body) + body
        )
        assert b"200" in answer_to(client)
    assert len(door.rows("spans")) == 4
    assert door.intake.room.used == 0


@pytest.mark.parametrize("begin", [half, half_in_chunks], ids=["with length", "in chunks"])
def test_a_body_that_does_not_go_on_times_out_and_its_connection_ends(
    door: Open, monkeypatch: pytest.MonkeyPatch, begin: Callable[[Open], socket.socket]
) -> None:
    monkeypatch.setattr(server, "BODY_TIMEOUT_S", 0.3)
    with begin(door) as client:
        heard = b"".join(iter(lambda: client.recv(1000), b""))
    assert heard.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in heard
    assert door.intake.room.used == 0
    door.intake.close()
    assert door.rows("refusals") == []


def test_a_body_that_says_it_is_too_large_is_refused_before_it_comes(door: Open) -> None:
    with begun(door, b"", f"Content-Length: {MAX_BODY + 1}") as client:
        assert b"413" in answer_to(client)
    door.intake.close()
    assert [row["received"] for row in door.rows("refusals")] == [1]


def test_chunks_without_end_are_cut_at_the_limit(door: Open) -> None:
    with begun(door, b"", "Transfer-Encoding: chunked") as client:
        for _ in range(3):
            client.sendall(b"%x\r\n" % HALF + b"\0" * HALF + b"\r\n")
        assert b"413" in answer_to(client)
    assert door.intake.room.used == 0


def test_what_a_body_becomes_is_what_it_holds(tmp_path: Path) -> None:
    packed = gzip.compress(b"\0" * 100_000, mtime=0)
    with opened(tmp_path / "spool", max_queue_bytes=50_000) as door:
        answer = door.post(packed, **{"Content-Encoding": "gzip"})
        assert (answer.status_code, door.intake.room.used) == (503, 0)
        assert door.intake.counters["turned_away"] == 1


def test_a_body_holds_its_room_until_it_is_durable_and_no_longer(door: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    room, at_sync = door.intake.room, list[int]()
    sync = door.intake.writer.sync

    def watched() -> None:
        at_sync.append(room.used)
        sync()

    monkeypatch.setattr(door.intake.writer, "sync", watched)
    assert door.post(a_body()).status_code == 200
    assert (at_sync, room.used) == ([len(a_body())], 0)
    assert f"plumbline_collector_held_bytes {room.used}" in door.client.get(door.url + "/metrics").text


@pytest.mark.parametrize("body", [b"\xff\xff\xff", b""])
def test_every_end_of_a_body_gives_its_room_back(door: Open, body: bytes) -> None:
    door.post(body)
    door.post(body, "/api/public/media")
    door.post(body + b"x", **{"Content-Encoding": "gzip"})
    door.post(body + b"x", **{"Content-Encoding": "br"})
    door.post(body, "/v1/nothing")
    assert door.intake.room.used == 0


def test_a_collector_that_stops_gives_the_room_back(door: Open) -> None:
    door.intake.close()
    assert door.post(a_body()).status_code == 503
    assert door.intake.room.used == 0


# -- large bodies are unpacked beside the loop


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_large_body_is_unpacked_in_a_thread(door: Open, monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    monkeypatch.setattr(server, "LARGE", 100)
    names = set[str]()

    def watched(raw: bytes, name: str, limit: int) -> bytes:
        names.add(threading.current_thread().name)
        return unpacked(raw, name, limit)

    monkeypatch.setattr(server, "unpacked", watched)
    raw = gzip.compress(a_body()) if encoding == "gzip" else zlib.compress(a_body())
    assert door.post(raw, **{"Content-Encoding": encoding}).status_code == 200
    assert names == {"unpack_0"}
    assert len(door.rows("spans")) == 4


def test_what_is_wrong_with_a_large_body_is_said_as_of_a_small_one(door: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "LARGE", 10)
    bomb = gzip.compress(b"\0" * 50_000_000, mtime=0)
    for raw, encoding, status in ((bomb, "gzip", 413), (bomb[:-9], "gzip", 413), (b"x" * 50, "gzip", 400)):
        assert door.post(raw, **{"Content-Encoding": encoding}).status_code == status
    assert door.post(b"x" * 50, **{"Content-Encoding": "br"}).status_code == 415
    assert door.intake.room.used == 0


def test_others_are_served_while_a_large_body_is_unpacked(door: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "LARGE", 100)
    begun_to, go_on = threading.Event(), threading.Event()

    def slow(raw: bytes, name: str, limit: int) -> bytes:
        if name == "gzip":
            begun_to.set()
            assert go_on.wait(WAIT_S)
        return unpacked(raw, name, limit)

    monkeypatch.setattr(server, "unpacked", slow)
    raw = gzip.compress(a_body(seed=2), mtime=0)
    with begun(door, raw, "Content-Encoding: gzip", f"Content-Length: {len(raw)}") as client:
        assert begun_to.wait(WAIT_S)
        assert door.post(a_body()).status_code == 200
        go_on.set()
        assert b"200" in answer_to(client)


# -- over gRPC


def test_grpc_takes_from_the_same_room(door: Open) -> None:
    blocker = door.intake.room.hold()
    blocker.resize(ROOM)
    with pytest.raises(grpc.RpcError) as caught:
        door.export(a_body())
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert "google.rpc.retryinfo-bin" in dict(caught.value.trailing_metadata())
    blocker.resize(ROOM - len(a_body()) + 1)  # there is room for a beginning, but not for all of it
    with pytest.raises(grpc.RpcError) as caught:
        door.export(a_body())
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    blocker.resize(0)
    assert door.export(a_body()) == b""
    assert becomes(lambda: door.intake.room.used == 0)


def test_every_end_of_a_message_gives_its_room_back(door: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp_grpc, "MESSAGE_TIMEOUT_S", 0.5)
    for body in (b"\xff\xff\xff", b"\x1f\x8bno gzip", gzip.compress(b"\0" * 50_000_000, mtime=0), b"\0" * MAX_BODY * 2):
        with pytest.raises(grpc.RpcError):
            door.export(body)
    assert becomes(lambda: door.intake.room.used == 0)
