"""`/v1/metrics`: how many model calls a client says it has made, which shows whether its traces are sampled.

Only the points of two metrics become rows, histograms (their count) and sums (their value); everything else is accepted and
dropped. How to count from the rows stands at `monitor.model.rows.METERS`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from collectors.batch import Batch
from collectors.decode import BadBody, Media, Outcome
from collectors.decode.json_bodies import parsed

NAMES: Final = frozenset({"gen_ai.client.operation.duration", "gen_ai.client.inference.duration"})
PROVIDERS: Final = ("gen_ai.provider.name", "gen_ai.system")
MODELS: Final = ("gen_ai.response.model", "gen_ai.request.model")
TEMPORALITY: Final = {1: "delta", 2: "cumulative"}
TEMPORALITY_NAMES: Final = {"AGGREGATION_TEMPORALITY_DELTA": 1, "AGGREGATION_TEMPORALITY_CUMULATIVE": 2}
JSON_KINDS: Final = ("histogram", "exponentialHistogram", "sum")
MAX_TEXT: Final = 200
LATEST_US: Final = 4_102_444_800_000_000
"""The year 2100: a later time is nonsense, and so is a negative one."""

MAX_COUNT: Final = (1 << 63) - 1

Attributes = dict[str, Any]


class Point(NamedTuple):
    """One data point; times in nanoseconds, 0 when absent."""

    resource: Attributes
    metric: str
    attributes: Attributes
    time_ns: int
    start_ns: int
    counted: int | float
    temporality: int


def decode_metrics(body: bytes, media: Media, batch: Batch, received_us: int) -> Outcome:
    """Append the meters of a metric export request to `batch`; `received_us` is now, in microseconds UTC.

    Raises `BadBody` when the body cannot be parsed, and then leaves the batch as it was.
    """
    for point in list(_protobuf(body) if media == "protobuf" else _json(body)):
        _add(point, batch, received_us)
    return Outcome(0, 0, "")


def _add(point: Point, batch: Batch, received: int) -> None:
    app = _text(point.resource.get("service.name")) or "unknown_service"
    batch.add(
        "meters",
        time=_moment(point.time_ns) or received,
        received_at=received,
        app=app,
        metric=point.metric,
        series=_series(point.resource, point.attributes),
        operation=_text(point.attributes.get("gen_ai.operation.name")),
        provider=_first(point.attributes, PROVIDERS),
        model=_first(point.attributes, MODELS),
        start_time=_moment(point.start_ns),
        count=int(point.counted) if 0 <= point.counted <= MAX_COUNT else 0,
        temporality=TEMPORALITY.get(point.temporality),
        source=app,
    )


def _series(resource: Attributes, attributes: Attributes) -> str:
    told = json.dumps([resource, attributes], sort_keys=True, default=str)
    return hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()[:16]


def _moment(ns: int) -> int | None:
    us = ns // 1000
    return us if 0 < us < LATEST_US else None


def _first(attributes: Attributes, keys: Iterable[str]) -> str | None:
    return next((text for key in keys if (text := _text(attributes.get(key)))), None)


def _text(value: Any) -> str | None:
    return value[:MAX_TEXT] if isinstance(value, str) and value else None


# -- protobuf


def _protobuf(body: bytes) -> Iterator[Point]:
    try:
        request = ExportMetricsServiceRequest.FromString(body)
    except (DecodeError, RecursionError) as error:
        raise BadBody(f"not an OTLP metrics request in protobuf: {error}") from None
    for block in request.resource_metrics:
        resource = _pairs(block.resource.attributes)
        for scoped in block.scope_metrics:
            for metric in scoped.metrics:
                if metric.name in NAMES:
                    yield from _points(metric, resource)


def _points(metric: Metric, resource: Attributes) -> Iterator[Point]:
    kind = metric.WhichOneof("data")
    if kind not in {"histogram", "exponential_histogram", "sum"}:
        return
    data = getattr(metric, kind)
    for point in data.data_points:
        count = getattr(point, point.WhichOneof("value") or "as_int") if kind == "sum" else point.count
        times = (point.time_unix_nano, point.start_time_unix_nano)
        yield Point(resource, metric.name, _pairs(point.attributes), *times, count, data.aggregation_temporality)


def _pairs(pairs: Iterable[Any]) -> Attributes:
    return {
        pair.key: pair.value.string_value or pair.value.SerializeToString(deterministic=True).hex() for pair in pairs
    }


# -- JSON: numbers come as text or number, enums as number or name, and nothing needs to be there


def _json(body: bytes) -> Iterator[Point]:
    request = parsed(body, "an OTLP metrics request")
    if not isinstance(request, dict):
        raise BadBody("not an OTLP metrics request in JSON: an object is expected")
    for block in _objects(request, "resourceMetrics"):
        resource = _json_pairs(block.get("resource"))
        for scoped in _objects(block, "scopeMetrics"):
            for metric in _objects(scoped, "metrics"):
                if _text(metric.get("name")) in NAMES:
                    yield from _json_points(metric, resource)


def _json_points(metric: Attributes, resource: Attributes) -> Iterator[Point]:
    for kind in JSON_KINDS:
        data = metric.get(kind)
        temporality = data.get("aggregationTemporality") if isinstance(data, dict) else None
        for point in _objects(data, "dataPoints"):
            counted = point.get("asInt", point.get("asDouble")) if kind == "sum" else point.get("count")
            yield Point(
                resource,
                metric["name"],
                _json_pairs(point),
                int(_number(point.get("timeUnixNano"))),
                int(_number(point.get("startTimeUnixNano"))),
                _number(counted),
                TEMPORALITY_NAMES.get(temporality, 0) if isinstance(temporality, str) else int(_number(temporality)),
            )


def _objects(holder: Any, key: str) -> list[Attributes]:
    listed = holder.get(key) if isinstance(holder, dict) else None
    return [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []


def _json_pairs(holder: Any) -> Attributes:
    return {str(pair.get("key")): _json_value(pair.get("value")) for pair in _objects(holder, "attributes")}


def _json_value(value: Any) -> Any:
    text = value.get("stringValue") if isinstance(value, dict) else None
    return text if isinstance(text, str) else json.dumps(value, sort_keys=True)


def _number(value: Any) -> int | float:
    try:
        return int(value)
    except (ValueError, OverflowError, TypeError):
        pass
    try:
        number = float(value)
    except (ValueError, OverflowError, TypeError):
        return 0
    return number if abs(number) < MAX_COUNT else 0
