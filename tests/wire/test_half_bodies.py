"""A real collector under many connections that each send half of a large body: its memory, its answers and its ledger."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import httpx
import pytest

from benchmarks.traffic import bodies
from tests.support.house import PATIENCE_S, House, a_house
from tests.support.waiting import becomes, eventually

MB = 1_000_000
ROOM_MB = 16
SENDERS = 60
PROTOBUF = {"Content-Type": "application/x-protobuf"}
HEAD = (
    b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nTransfer-Encoding: chunked\r\n\r\n"
)


def half_sent(house: House, stack: ExitStack, _: int) -> socket.socket:
    """A connection that has sent half of an 8 MB chunk; the collector has read it, or has refused it and reads no more."""
    host, port = house.http.split(":")
    client = stack.enter_context(socket.create_connection((host, int(port)), timeout=PATIENCE_S))
    client.sendall(HEAD + b"%x\r\n" % (8 * MB))
    for _ in range(4):
        client.sendall(b"\0" * MB)
    return client


@pytest.mark.parametrize("rounds", [pytest.param(1, id="short"), pytest.param(10, id="long", marks=pytest.mark.faults)])
@pytest.mark.slow
def test_memory_stays_within_the_room_and_nothing_is_forgotten(tmp_path: Path, rounds: int) -> None:
    with a_house(tmp_path / "data", fresh=True, collector={"max_queue_mb": ROOM_MB}) as house:
        sent = list(bodies(rounds, 16, seed=1, start_ns=time.time_ns()))
        warm = list(bodies(1, 16, seed=2, start_ns=time.time_ns()))
        deliver(house, warm[0])
        before, peak = house.rss_kb("collector"), 0
        for body in sent:
            with ExitStack() as stack, ThreadPoolExecutor(SENDERS) as pool:
                list(pool.map(partial(half_sent, house, stack), range(SENDERS)))
                peak = max(peak, house.rss_kb("collector"))
                assert house.counters()["turned_away"] > 0
                assert held(house) <= ROOM_MB * MB
            deliver(house, body)
            assert held(house) == 0
        wanted = 16 * (len(sent) + 1)
        ledger = settled(house, wanted)
        grown = (peak - before) >> 10
    print(f"\n{rounds} x {SENDERS} x 4 MB against a room of {ROOM_MB} MB: {before >> 10} MB grew by {grown} MB at most")
    assert ledger == {"received": wanted, "stored": wanted, "duplicate": 0, "refused": 0}
    assert grown < 3 * ROOM_MB, "the room, and what 60 connections have in their buffers"


def deliver(house: House, body: bytes) -> None:
    """Send until it is taken, as clients do: the collector notices a moment later that others have hung up."""
    traces = f"{house.url}/v1/traces"
    eventually(
        lambda: httpx.post(traces, content=body, headers=PROTOBUF, timeout=PATIENCE_S).status_code == 200,
        "nobody else is served",
        PATIENCE_S,
    )
    eventually(lambda: not held(house), "room was not given back", PATIENCE_S)


def held(house: House) -> int:
    lines = httpx.get(f"{house.url}/metrics", timeout=PATIENCE_S).text.splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("plumbline_collector_held_bytes "))


def settled(house: House, wanted: int) -> dict[str, int]:
    becomes(lambda: house.ledger()["received"] >= wanted, PATIENCE_S, look_every_s=0.2)
    return house.ledger()
