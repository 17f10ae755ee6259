"""Ten thousand strange requests against one collector: each is made from the seed and its own number, so each can be made again."""

from __future__ import annotations

import random
import socket
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

import grpc
import httpx
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from tests.fuzz import mutate, shapes
from tests.support.house import PATIENCE_S, House, export_bytes

Rng = random.Random
SENDERS: Final = 6
MEDIA: Final = {"protobuf": "application/x-protobuf", "json": "application/json"}
ODD_MEDIA: Final = ("", "text/plain", "application/grpc", "application/json; charset=utf-16", "a/" + "b" * 3_000, "*/*")
ENCODINGS: Final = ("gzip", "zstd", "deflate", "x-gzip", "br", "gzip, gzip", "GZIP", "x" * 3_000)
METHODS: Final = ("GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "BREW")
BOMB_BYTES: Final = 40_000_000
LOOKS: Final = 40
LOST_OVER_HTTP: Final = frozenset({400, 401, 403, 413, 415})
LOST_OVER_GRPC: Final = frozenset({grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED})


@dataclass(frozen=True)
class Shot:
    """One request. `path` is an HTTP path, or the method of a gRPC service."""

    door: str
    path: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    method: str = "POST"
    chunked: bool = False


def shots(seed: int, numbers: Sequence[int]) -> Iterator[Shot]:
    """The requests with these numbers."""
    for number in numbers:
        yield shot(Rng(f"{seed}/{number}"))


def shot(rng: Rng) -> Shot:
    """A third over each of HTTP protobuf, HTTP JSON and gRPC; some that do not speak any protocol."""
    make = rng.choices([over_http_protobuf, over_http_json, over_grpc, raw], [32, 34, 32, 2])[0]
    return make(rng)


def over_grpc(rng: Rng) -> Shot:
    signal = rng.choice(["traces", "traces", "logs", "metrics"])
    body = protobuf(rng, signal)
    if rng.random() < 0.2:
        body = compressed(body, rng.choice(["gzip", "deflate"]), rng)
    path = (
        shapes.SERVICES[signal] if rng.random() < 0.98 else rng.choice(["/a.B/Export", "/opentelemetry/Nothing", "/x/"])
    )
    return Shot("grpc", path, body)


def over_http_protobuf(rng: Rng) -> Shot:
    signal = rng.choice(["traces", "traces", "logs", "metrics"])
    return over_http("http protobuf", f"/v1/{signal}", protobuf(rng, signal), "protobuf", rng)


def over_http_json(rng: Rng) -> Shot:
    path, make = rng.choice(list(shapes.JSON.items()))
    body = mutate.written(mutate.bent(make(rng), rng), rng) if rng.random() < 0.9 else mutate.nested(rng)
    if rng.random() < 0.3:
        body = rng.choice(mutate.BYTES)(body, rng)
    return over_http(f"http json {path.removeprefix('/api/public')}", path, body, "json", rng)


def over_http(door: str, path: str, body: bytes, media: str, rng: Rng) -> Shot:
    headers = {"content-type": MEDIA[media]}
    if rng.random() < 0.2:
        headers["content-encoding"] = rng.choice(ENCODINGS)
        body = compressed(body, headers["content-encoding"], rng)
    if rng.random() < 0.05:
        headers["content-type"] = rng.choice([*ODD_MEDIA, *MEDIA.values()])
    if rng.random() < 0.03:
        headers[rng.choice(["authorization", "x-api-key", "origin", "traceparent"])] = rng.choice(
            ["Basic !", "x" * 5_000, "é"]
        )
    if rng.random() < 0.03:
        path = rng.choice(["/", "/v1", "/any/base" + path, path + "/", "/" + "a" * 3_000, path + "?%ff=%00", "/%00"])
    method = "POST" if rng.random() < 0.97 else rng.choice(METHODS)
    return Shot(door, path, body, tuple(headers.items()), method, chunked=rng.random() < 0.1)


def raw(rng: Rng) -> Shot:
    """Bytes on a bare connection: no request, or one whose body never comes."""
    start = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
    lies = [
        b"Content-Length: 100\r\n\r\nabc",
        b"Content-Length: -1\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"A" * 70_000,
    ]
    bodies = [
        start + rng.choice(lies),
        rng.randbytes(300),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + rng.randbytes(200),
        b"\x16\x03\x01" * 9,
    ]
    return Shot("raw", rng.choice(["http", "grpc"]), rng.choice(bodies))


def protobuf(rng: Rng, signal: str) -> bytes:
    body = shapes.PROTOBUF[signal](rng)
    for _ in range(rng.choice([0, 1, 1, 1, 2, 3])):
        body = rng.choice(mutate.PROTOBUF)(body, rng)
    return body


def compressed(body: bytes, encoding: str, rng: Rng) -> bytes:
    """As the header says, or not: bare, broken, in two layers, or a bomb."""
    good = mutate.packed(body, encoding)
    ways: list[Callable[[], bytes]] = [
        lambda: good,
        lambda: good,
        lambda: body,
        lambda: mutate.cut(good, rng),
        lambda: mutate.flipped(good, rng),
        lambda: mutate.packed(good, encoding),
        lambda: good + rng.randbytes(20),
        lambda: mutate.bomb(rng, BOMB_BYTES),
    ]
    return rng.choice(ways)()


@dataclass(frozen=True)
class Told:
    """What a client heard: the status, and how many things it must take for lost (a whole body counts as one)."""

    status: str
    lost: int = 0


@dataclass
class Storm:
    """Sends, and counts the answers by door and status. `weather` is the memory of the collector along the way, in MB."""

    house: House
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    lost: int = 0
    weather: list[int] = field(default_factory=list)

    def rage(self, seed: int, bodies: int) -> None:
        """Send requests number 0 to `bodies`, several at a time; look at the memory after each `LOOKS`th part."""
        step = -(-bodies // LOOKS)
        with (
            httpx.Client(timeout=PATIENCE_S, limits=httpx.Limits(max_connections=SENDERS)) as client,
            grpc.insecure_channel(self.house.grpc) as channel,
            ThreadPoolExecutor(SENDERS) as senders,
        ):
            for start in range(0, bodies, step):
                these = shots(seed, range(start, min(start + step, bodies)))
                for door, told in senders.map(lambda one: (one.door, answer(self.house, client, channel, one)), these):
                    self.answers[door, told.status] += 1
                    self.lost += told.lost
                self.weather.append(self.house.rss_kb("collector") >> 10)

    def quarters(self) -> list[int]:
        """The median memory of each quarter of the way, in MB: single readings jump with what is in the air."""
        size = len(self.weather) // 4
        return [int(median(self.weather[start : start + size])) for start in range(0, 4 * size, size)]

    def table(self) -> str:
        """Doors down, statuses across."""
        doors, statuses = (sorted({key[place] for key in self.answers}) for place in (0, 1))
        head = f"{'door':<28}" + "".join(f"{status[:11]:>12}" for status in statuses)
        rows = [f"{door:<28}" + "".join(f"{self.answers[door, status]:>12}" for status in statuses) for door in doors]
        return "\n".join([head, *rows])


def answer(house: House, client: httpx.Client, channel: grpc.Channel, one: Shot) -> Told:
    """Send it and listen; a bare connection is told that it was "closed"."""
    if one.door == "raw":
        return Told(knock(house.http if one.path == "http" else house.grpc, one.body))
    if one.door == "grpc":
        return over_channel(channel, one)
    headers = [(name.encode(), value.encode()) for name, value in one.headers]
    content = iter([one.body[:100], one.body[100:]]) if one.chunked else one.body
    said = client.request(one.method, house.url + one.path, content=content, headers=headers)
    return Told(str(said.status_code), lost_over_http(one, said))


def over_channel(channel: grpc.Channel, one: Shot) -> Told:
    try:
        said = export_bytes(channel, one.path, one.body)
    except grpc.RpcError as error:
        return Told(error.code().name, int(error.code() in LOST_OVER_GRPC))
    return Told("OK", rejected(said))


def lost_over_http(one: Shot, said: httpx.Response) -> int:
    """What a POST has lost; a refusal in plain text is that of uvicorn, which saw no request at all."""
    media = said.headers.get("content-type", "")
    if said.status_code in LOST_OVER_HTTP:
        return int(one.method == "POST" and not media.startswith("text/plain"))
    if media == MEDIA["protobuf"]:
        return rejected(said.content)
    if media == MEDIA["json"] and said.content:
        return rejected_in_json(said.json())
    return 0


def rejected(body: bytes) -> int:
    """The number in a protobuf answer: of every signal it is field 1 of field 1."""
    return int(ExportTraceServiceResponse.FromString(body).partial_success.rejected_spans)


def rejected_in_json(said: Any) -> int:
    """The number in a JSON answer of OTLP, of our scores (`rejected`) or of Langfuse (`errors`)."""
    if not isinstance(said, dict):
        return 0
    partial = sum(int(value) for key, value in said.get("partialSuccess", {}).items() if key.startswith("rejected"))
    listed = [said[key] for key in ("rejected", "errors") if key in said]
    return partial + sum(len(one) if isinstance(one, list) else int(one) for one in listed)


def knock(address: str, data: bytes) -> str:
    """Say `data` and hang up; the other side must hang up too."""
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65_536):
                pass
        except ConnectionError:
            pass
    return "closed"
