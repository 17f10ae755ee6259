"""The OTLP/gRPC door: three `Export` methods over the same intake as HTTP.

Messages come in as bytes and reach the intake undecoded. grpcio's own decompression is switched off, because its size limit
is that of the compressed message: we inflate, within the limit, what grpcio hands over as it came.

To grpcio the methods take a stream of requests, of which the first is read. On the wire that is the same; but a unary handler
is called only once its message is there, and the worker waits for it: 32 calls that send none would close the door for
everybody. So we look at the key first, and wait for the message with `Patience`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, NoReturn

import grpc

from collectors.answers import RETRY_AFTER_S, otlp_message, retry_trailers
from collectors.decode import BadBody
from collectors.doors.bodies import TooLarge, unpacked
from collectors.doors.deadlines import Patience
from collectors.doors.keys import KeyCheck, NotAdmitted
from collectors.inflight import Held
from collectors.intake import Intake, Signal
from monitor.errors import RetryLater, StoreError

SERVICES: Final[dict[str, Signal]] = {
    "opentelemetry.proto.collector.trace.v1.TraceService": "traces",
    "opentelemetry.proto.collector.logs.v1.LogsService": "logs",
    "opentelemetry.proto.collector.metrics.v1.MetricsService": "metrics",
}

WORKERS: Final = 32
"""Requests that wait for their sync at the same time; they share it, so more workers make larger groups, not more syncs."""

MAGIC: Final = {
    b"\x1f\x8b": "gzip",
    b"\x78\x01": "deflate",
    b"\x78\x5e": "deflate",
    b"\x78\x9c": "deflate",
    b"\x78\xda": "deflate",
}
"""First bytes of compressed messages. No OTLP request starts with one: they would be fields 3 and 15, which do not exist."""

MESSAGE_TIMEOUT_S: Final = 15.0
"""From the call to its whole message; longer than the deadline of every SDK (10 s)."""

Export = Callable[[Iterator[bytes], grpc.ServicerContext], bytes]


@dataclass(frozen=True)
class GrpcDoor:
    """The handlers of the three services. `max_body` bounds a message after decompression, in bytes."""

    intake: Intake
    max_body: int
    gate: KeyCheck
    patience: Patience = field(default_factory=lambda: Patience(MESSAGE_TIMEOUT_S))

    def handlers(self) -> list[grpc.GenericRpcHandler]:
        """Return one handler a service; requests and answers are bytes."""
        return [
            grpc.method_handlers_generic_handler(
                service, {"Export": grpc.stream_unary_rpc_method_handler(self._export(signal))}
            )
            for service, signal in SERVICES.items()
        ]

    def _export(self, signal: Signal) -> Export:
        def export(messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
            return self._answer(signal, messages, context)

        return export

    def _answer(self, signal: Signal, messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        source = self._admitted(context) or "grpc"
        try:
            with self.intake.room.hold() as held:
                body = self._body(self._message(messages, context, held), source, context)
                answer = self.intake.submit(signal, "protobuf", body, source, held)
            outcome = answer.result()
        except RetryLater as error:
            context.set_trailing_metadata(retry_trailers(str(error), random.randint(*RETRY_AFTER_S)))  # noqa: S311 - jitter
            _end(context, grpc.StatusCode.UNAVAILABLE, str(error))
        except BadBody as error:  # the intake has told the ledger
            _end(context, grpc.StatusCode.INVALID_ARGUMENT, str(error))
        return otlp_message(signal, outcome)

    def _admitted(self, context: grpc.ServicerContext) -> str | None:
        headers = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
        try:
            return self.gate.admit(headers)
        except NotAdmitted as error:
            self.intake.counters["unauthorized"] += 1
            code = grpc.StatusCode.UNAUTHENTICATED if error.missing else grpc.StatusCode.PERMISSION_DENIED
            self._refuse(context, code, str(error), "grpc")

    def _message(self, messages: Iterator[bytes], context: grpc.ServicerContext, held: Held) -> bytes:
        """Return the message. Raises `RetryLater` when the room is used up; how much has come of it only grpcio knows."""
        held.expect(1)
        with self.patience.bounded(context.cancel):
            try:
                message = next(messages)
            except StopIteration:
                # none was sent, or it was larger than grpcio takes: then this code does not reach the client
                _end(context, grpc.StatusCode.INVALID_ARGUMENT, "one message is expected")
        held.resize(len(message))
        return message

    def _body(self, message: bytes, source: str, context: grpc.ServicerContext) -> bytes:
        try:
            return unpacked(message, MAGIC.get(message[:2], "identity"), self.max_body)
        except TooLarge:
            reason = f"the message is larger than {self.max_body} bytes (send smaller batches)"
            self._refuse(context, grpc.StatusCode.RESOURCE_EXHAUSTED, reason, source)
        except BadBody as error:
            self._refuse(context, grpc.StatusCode.INVALID_ARGUMENT, str(error), source)

    def _refuse(self, context: grpc.ServicerContext, code: grpc.StatusCode, reason: str, source: str) -> NoReturn:
        self.intake.note_refusal(f"{code.name}: {reason}", source)
        _end(context, code, reason)


def _end(context: grpc.ServicerContext, code: grpc.StatusCode, reason: str) -> NoReturn:
    context.abort(code, reason)
    raise AssertionError  # abort raises; the types of grpcio do not say so


def start_grpc(door: GrpcDoor, address: str) -> grpc.Server:
    """Serve `door` at `address` ("unix:PATH" or "HOST:PORT"). Raises `StoreError` when grpcio cannot listen there."""
    server = grpc.server(
        ThreadPoolExecutor(WORKERS, thread_name_prefix="grpc"),
        handlers=door.handlers(),
        options=[
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", door.max_body),
            ("grpc.per_message_decompression", 0),
        ],
    )
    try:
        server.add_insecure_port(address)
    except RuntimeError as error:
        raise StoreError(f"OTLP/gRPC cannot listen at {address}: {error}") from None
    server.start()
    return server
