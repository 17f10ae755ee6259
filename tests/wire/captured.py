"""Captured requests: sent over the wire they were captured on, and decoded in this process for comparison."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import grpc
import httpx

from tests.support.house import House, export_bytes
from tests.support.shared import FIXTURES

SIGNALS = {"traces", "logs", "metrics"}
NOT_SENT = {"host", "content-length", "connection", "accept-encoding", "traceparent"}
"""Headers that belong to the connection of the capture."""


@dataclass(frozen=True)
class Request:
    """One request of a case."""

    case: str
    file: str
    signal: str
    transport: str
    path: str
    media: str
    encoding: str | None
    headers: Mapping[str, str]

    @property
    def body(self) -> bytes:
        return (FIXTURES / self.file).read_bytes()


@cache
def requests() -> tuple[Request, ...]:
    """All OTLP requests in the order of the index; none where the fixtures are not on this machine."""
    index = FIXTURES / "index.json"
    return tuple(_requests(json.loads(index.read_text())["cases"])) if index.exists() else ()


def _requests(cases: list[dict[str, object]]) -> Iterator[Request]:
    for case in cases:
        for one in case["requests"]:  # type: ignore[attr-defined]
            if one["signal"] in SIGNALS and one.get("transport") in {"http", "grpc"}:
                yield Request(
                    f"{case['source']}/{case['case']}",
                    one["file"],
                    one["signal"],
                    one["transport"],
                    one["path"],
                    one.get("content_type") or "",
                    one.get("content_encoding"),
                    {name: value for name, value in (one.get("headers") or {}).items() if name.lower() not in NOT_SENT},
                )


def post(client: httpx.Client, house: House, request: Request) -> int:
    """Send it as it was sent, over HTTP; return the status."""
    headers = dict(request.headers)
    if request.media:
        headers["content-type"] = request.media
    if request.encoding:
        headers["content-encoding"] = request.encoding
    return client.post(house.url + request.path, content=request.body, headers=headers).status_code


def call(channel: grpc.Channel, request: Request) -> None:
    """Send it as it was sent, over gRPC. Raises `grpc.RpcError`."""
    reserved = {name: value for name, value in request.headers.items() if is_metadata(name)}
    export_bytes(channel, request.path, request.body, reserved)


def is_metadata(name: str) -> bool:
    """Tell what an application may set from what grpcio sets by itself."""
    return not name.lower().startswith(("grpc-", ":", "content-type", "user-agent", "te"))
