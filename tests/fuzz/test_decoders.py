"""The same bent bodies at the decoders alone: many more of them in a second, and whatever a decoder did not foresee is seen as such."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator

import pytest

from collectors.batch import Batch
from collectors.decode import BadBody, Media, Outcome, decode_logs, decode_traces, propagate
from collectors.doors.routes import ROUTES
from collectors.frames import to_tables
from collectors.meters import decode_metrics
from collectors.redaction.redact import redactor_for
from collectors.scores import langfuse, ours, phoenix
from monitor.config.schema import CollectorSettings
from tests.fuzz import mutate, shapes

HOW_MANY = [pytest.param(50, id="quick"), pytest.param(2_000, id="long", marks=pytest.mark.fuzz)]
RECEIVED = 1_800_000_000_000_000
Decoder = Callable[[bytes, Media, Batch, int], Outcome]
DECODERS: dict[str, Decoder] = {
    "traces": decode_traces,
    "logs": decode_logs,
    "metrics": decode_metrics,
    "scores": ours.decode_scores,
    "langfuse_scores": langfuse.decode_scores,
    "langfuse_events": langfuse.decode_events,
    "annotations": phoenix.decode_annotations,
}


def in_protobuf(signal: str, bodies: int) -> Iterator[bytes]:
    """Bytes of a good body that were bent once: twice, and hardly any gets beyond the parser."""
    for number in range(bodies):
        rng = random.Random(f"{signal}/{number}")
        yield rng.choice(mutate.PROTOBUF)(shapes.PROTOBUF[signal](rng), rng)


def in_json(path: str, bodies: int) -> Iterator[bytes]:
    for number in range(bodies):
        rng = random.Random(f"{path}/{number}")
        yield json.dumps(mutate.bent(shapes.JSON[path](rng), rng)).encode()


def fares(decode: Decoder, media: Media, bodies: Iterator[bytes]) -> tuple[int, int]:
    """Decode and frame every body by itself; return how many were taken and how many not. No other error may come."""
    redactor, taken, refused = redactor_for(CollectorSettings(), b"key"), 0, 0
    for body in bodies:
        batch = Batch()
        try:
            decode(body, media, batch, RECEIVED)
        except BadBody:
            assert len(batch) == 0
            refused += 1
        else:
            propagate(batch)
            to_tables(batch, redactor)
            taken += 1
    return taken, refused


@pytest.mark.parametrize("bodies", HOW_MANY)
@pytest.mark.parametrize("signal", sorted(shapes.PROTOBUF))
def test_protobuf(signal: str, bodies: int) -> None:
    taken, refused = fares(DECODERS[signal], "protobuf", in_protobuf(signal, bodies))
    print(f"\n{signal} in protobuf: {taken} taken, {refused} refused")
    assert min(taken, refused) > bodies / 20


@pytest.mark.parametrize("bodies", HOW_MANY)
@pytest.mark.parametrize("path", sorted(set(shapes.JSON) - {"/api/public/media"}))
def test_json(path: str, bodies: int) -> None:
    signal = next(route.signal for route in ROUTES if path.endswith(route.tail))
    taken, refused = fares(DECODERS[signal], "json", in_json(path, bodies))
    print(f"\n{path}: {taken} taken, {refused} refused")
    assert min(taken, refused) > 0
