"""What HTTP allows beside a plain body: zstd and deflate, chunks, one connection for many requests, browsers."""

from __future__ import annotations

import contextlib
import http.client
import socket
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from collectors.decode import BadBody
from collectors.doors.bodies import TooLarge, unpacked
from collectors.doors.exposition import COUNTERS
from tests.collectors.door import MAX_BODY, SETTINGS, Open, opened
from tests.collectors.test_door import a_body

PAGE = "https://app.example"


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Open]:
    with opened(tmp_path / "spool") as found:
        yield found


def zstd(data: bytes, *, sized: bool = True) -> bytes:
    return zstandard.ZstdCompressor(write_content_size=sized).compress(data)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("zstd", zstd(a_body())),
        ("zstd", zstd(a_body(), sized=False)),
        ("ZSTD", zstd(a_body()[:50]) + zstd(a_body()[50:])),
        ("deflate", zlib.compress(a_body())),
        ("identity", a_body()),
    ],
    ids=["zstd", "zstd without size", "zstd in two frames", "deflate", "identity"],
)
def test_encodings(door: Open, encoding: str, body: bytes) -> None:
    assert door.post(body, **{"Content-Encoding": encoding}).status_code == 200
    assert len(door.rows("spans")) == 4


@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [
        ("zstd", zstd(b"\0" * 50_000_000), 413),
        ("zstd", zstd(b"\0" * 50_000_000, sized=False), 413),
        ("zstd", zstd(b"\0" * 150_000) * 2, 413),
        ("zstd", zstd(a_body())[:-5], 400),
        ("zstd", b"no zstd", 400),
        ("deflate", zlib.compress(b"\0" * 50_000_000), 413),
        ("deflate", zlib.compress(a_body())[:-5], 400),
    ],
    ids=["bomb", "bomb without size", "bomb in frames", "cut", "garbage", "deflate bomb", "deflate cut"],
)
def test_bombs_and_broken_bodies(door: Open, encoding: str, body: bytes, status: int) -> None:
    assert door.post(body, **{"Content-Encoding": encoding}).status_code == status


@given(st.binary(max_size=200), st.sampled_from(["gzip", "zstd", "deflate"]))
def test_no_bytes_break_the_unpacking(raw: bytes, encoding: str) -> None:
    with contextlib.suppress(BadBody, TooLarge):
        assert len(unpacked(raw, encoding, 1000)) <= 1000


@given(st.binary(max_size=5000), st.booleans())
def test_what_was_packed_comes_out(data: bytes, sized: bool) -> None:
    assert unpacked(zstd(data, sized=sized), "zstd", 5000) == data
    assert unpacked(zlib.compress(data), "deflate", 5000) == data


def test_a_body_in_chunks(door: Open) -> None:
    body = a_body()
    chunks = (body[at : at + 100] for at in range(0, len(body), 100))
    answer = door.client.post(
        door.url + "/v1/traces", content=chunks, headers={"Content-Type": "application/x-protobuf"}
    )
    assert "transfer-encoding" in answer.request.headers
    assert answer.status_code == 200
    assert len(door.rows("spans")) == 4


def test_chunks_beyond_the_limit_are_refused_while_they_come(door: Open) -> None:
    chunks = (b"\0" * 10_000 for _ in range(MAX_BODY // 10_000 + 2))
    answer = door.client.post(
        door.url + "/v1/traces", content=chunks, headers={"Content-Type": "application/x-protobuf"}
    )
    assert answer.status_code == 413


def test_a_client_that_hangs_up_in_the_middle_is_not_told_of_as_lost(door: Open) -> None:
    """It comes back with its data: counted as refused, the ledger would hold it twice."""
    head = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 999\r\n\r\n"
    with socket.create_connection(("127.0.0.1", int(door.url.rpartition(":")[2])), timeout=10) as connection:
        connection.sendall(head + b"abc")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b""
    assert door.post(a_body()).status_code == 200
    door.intake.close()
    assert door.rows("refusals") == []


def test_one_connection_serves_many_requests(door: Open) -> None:
    connection = http.client.HTTPConnection(door.url.removeprefix("http://"), timeout=10)
    ports = set()
    for seed in range(5):
        connection.request("POST", "/v1/traces", a_body(seed=seed), {"Content-Type": "application/x-protobuf"})
        answer = connection.getresponse()
        answer.read()
        ports.add(connection.sock.getsockname()[1])
        assert answer.status == 200
    connection.close()
    assert len(ports) == 1


def test_every_counter_is_shown(door: Open) -> None:
    door.post(a_body())
    door.post(b"\xff")
    text = door.client.get(door.url + "/metrics").text
    assert {f"plumbline_collector_{name}_total" for name in COUNTERS} <= set(text.split())
    assert set(door.intake.counters) <= set(COUNTERS)
    assert "plumbline_collector_accepted_total 4" in text
    assert "plumbline_collector_refused_total 1" in text


# -- browsers


def preflight(door: Open, origin: str, headers: str = "content-type,authorization") -> tuple[int, dict[str, str]]:
    answer = door.client.options(
        door.url + "/v1/traces",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": headers,
        },
    )
    return answer.status_code, dict(answer.headers)


def test_a_page_that_is_named_may_send(tmp_path: Path) -> None:
    with opened(tmp_path / "spool", msgspec.structs.replace(SETTINGS, cors=(PAGE,))) as door:
        status, headers = preflight(door, PAGE)
        assert (status, headers["access-control-allow-origin"], headers["vary"]) == (204, PAGE, "origin")
        assert "POST" in headers["access-control-allow-methods"]
        allowed = headers["access-control-allow-headers"].split(", ")
        assert {"content-type", "content-encoding", "authorization", "x-api-key", "api_key"} <= set(allowed)
        assert door.post(a_body(), Origin=PAGE).headers["access-control-allow-origin"] == PAGE
        assert door.post(b"\xff", Origin=PAGE).headers["access-control-allow-origin"] == PAGE, "errors are readable too"
        status, headers = preflight(door, "https://evil.example")
        assert (status, "access-control-allow-origin" in headers) == (403, False)
        assert "access-control-allow-origin" not in door.post(a_body(), Origin="https://evil.example").headers


def test_a_star_is_every_page_and_nothing_is_none(tmp_path: Path, door: Open) -> None:
    assert preflight(door, PAGE)[0] == 403
    with opened(tmp_path / "star", msgspec.structs.replace(SETTINGS, cors=("*",))) as star:
        status, headers = preflight(star, PAGE)
        assert (status, headers["access-control-allow-origin"]) == (204, "*")
