"""Messages on their way over gRPC: counted from the frames, bounded, and forgotten with their call or their connection."""

from __future__ import annotations

import gzip
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.doors.grpc_frames import Arriving, Frame, Frames
from collectors.doors.wrong_protocol import PREFACE
from collectors.inflight import Room
from monitor.errors import RetryLater
from tests.collectors.door import MAX_BODY, Open, opened
from tests.collectors.test_door import a_body
from tests.support.waiting import becomes

ROOM = 1_000_000
PART = 60_000
"""What a client may send before grpcio says more: its window is 65,535 bytes."""

WAIT_S = 20
DATA, HEADERS, RST_STREAM, SETTINGS = 0, 1, 3, 4


def frame(kind: int, flags: int, stream: int, load: bytes = b"") -> bytes:
    return struct.pack(">I", len(load))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + load


# -- frames


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 255), st.integers(0, 2**31 - 1), st.binary(max_size=30))),
    st.lists(st.integers(1, 20), min_size=1),
    st.integers(0, 24),
)
def test_heads_are_found_in_whatever_pieces_they_come(
    frames: list[tuple[int, int, int, bytes]], sizes: list[int], skip: int
) -> None:
    text = b"x" * skip + b"".join(frame(*each) for each in frames)
    finder, found, number = Frames(skip), list[Frame](), 0
    while text:
        size = sizes[number % len(sizes)]
        found += finder.heads(text[:size])
        text, number = text[size:], number + 1
    assert found == [(len(load), kind, flags, stream) for kind, flags, stream, load in frames]


def counted() -> tuple[Room, Arriving]:
    room = Room(1000, Counter())
    arriving = Arriving(room.hold())
    arriving.came(PREFACE + frame(SETTINGS, 0, 0))
    return room, arriving


@pytest.mark.parametrize(
    ("by_client", "end"),
    [
        (False, frame(HEADERS, 4 | 1, 1, b"trailers")),
        (False, frame(RST_STREAM, 0, 1, b"\0\0\0\0")),
        (True, frame(RST_STREAM, 0, 1, b"\0\0\0\x08")),
    ],
    ids=["answered", "reset by the server", "cancelled by the client"],
)
def test_a_call_is_counted_from_its_first_byte_to_its_end(by_client: bool, end: bytes) -> None:
    room, arriving = counted()
    for stream in (1, 3):
        arriving.came(frame(HEADERS, 4, stream, b"head") + frame(DATA, 0, stream, b"x" * 100))
    arriving.went(frame(HEADERS, 4, 1, b"head of an answer") + frame(SETTINGS, 1, 0))
    assert room.used == 200
    (arriving.came if by_client else arriving.went)(end)
    assert room.used == 100
    arriving.came(frame(DATA, 1, 1, b"x" * 50))  # was on its way when the call ended
    assert room.used == 100
    arriving.close()
    assert room.used == 0


def test_what_has_no_room_is_said_and_takes_nothing() -> None:
    room, arriving = counted()
    with pytest.raises(RetryLater):
        arriving.came(frame(HEADERS, 4, 1) + frame(DATA, 0, 1, b"x" * 600) + frame(DATA, 0, 1, b"x" * 600))
    assert (room.used, room.counters["turned_away"]) == (600, 1)
    arriving.close()
    assert room.used == 0


# -- over the wire


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Open]:
    with opened(tmp_path / "spool", max_queue_bytes=ROOM) as found:
        yield found


def literal(name: bytes, value: bytes) -> bytes:
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def begun(door: Open) -> socket.socket:
    """A connection with one call that has sent a part of its message, and then says nothing."""
    path = b"/opentelemetry.proto.collector.trace.v1.TraceService/Export"
    named = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", path), (b":authority", b"x")]
    named += [(b"te", b"trailers"), (b"content-type", b"application/grpc")]
    message = struct.pack(">BI", 0, MAX_BODY) + b"\0" * (PART - 5)
    data = b"".join(frame(DATA, 0, 1, message[at : at + 15_000]) for at in range(0, PART, 15_000))
    host, port = door.rpc.split(":")
    client = socket.create_connection((host, int(port)), timeout=WAIT_S)
    head = frame(HEADERS, 4, 1, b"".join(literal(*pair) for pair in named))
    client.sendall(PREFACE + frame(SETTINGS, 0, 0) + head + data)
    return client


def test_messages_that_are_never_whole_are_bounded_and_forgotten_when_they_hang_up(door: Open) -> None:
    turned_away = door.intake.counters
    with ExitStack() as stack:
        for _ in range(30):
            stack.enter_context(begun(door))
        assert becomes(lambda: turned_away["turned_away"] + door.arriving.used // PART >= 30)
        assert ROOM - PART < door.arriving.used <= ROOM
        assert turned_away["turned_away"] == 30 - ROOM // PART
    assert becomes(lambda: door.arriving.used == 0)
    assert door.export(a_body()) == b""
    door.intake.close()
    assert door.rows("refusals") == []


def test_one_connection_for_many_calls_leaves_nothing_behind(door: Open) -> None:
    good, bad = a_body(), [b"\xff\xff", b"\0" * (MAX_BODY + 1), gzip.compress(b"\0" * 50_000_000, mtime=0)]
    refused = list[grpc.StatusCode]()
    with grpc.insecure_channel(door.rpc) as channel:
        call = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")

        def work() -> None:
            for number in range(40):
                try:
                    call(bad[number % 4] if number % 4 < 3 else good, timeout=WAIT_S)
                except grpc.RpcError as error:
                    refused.append(error.code())

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        call(good, timeout=WAIT_S)
        assert becomes(lambda: door.arriving.used == 0), "while the connection is still there"
    assert set(refused) == {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert len(refused) == 120
