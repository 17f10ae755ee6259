"""Langfuse exports: observations (one row each, enriched or legacy), traces and scores; JSON lines, JSON, CSV or Parquet.

The blob storage export writes snake_case, the API and the UI camelCase; both are read. An id that is one of OpenTelemetry's
stays, so that an export and the live feed of the same application meet. Source: langfuse.com/docs/api-and-data-platform,
"blob storage export fields".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from collectors.importers.ids import digest, fingerprint, span_id_of, trace_id_of
from collectors.importers.instants import nanoseconds
from collectors.importers.record import (
    BadRecord,
    Failure,
    Origin,
    RecordSpan,
    Row,
    Told,
    first,
    mapping,
    number,
    opened,
    said,
)

KEYS: Final = {
    "id": "span_id",
    "trace_id": "trace_id",
    "parent_observation_id": "parent_id",
    "type": "kind",
    "name": "name",
    "start_time": "time",
    "end_time": "duration_ms",
    "completion_start_time": "ttft_ms",
    "provided_model_name": "request_model",
    "model": "request_model",
    "model_parameters": "request_model, stream",
    "input": "input_messages",
    "output": "output_messages",
    "usage": "input_tokens, output_tokens",
    "usage_details": "input_tokens, output_tokens, cached_input_tokens",
    "cost_details": "cost_usd",
    "total_cost": "cost_usd",
    "prompt_name": "prompt_name",
    "prompt_version": "prompt_version",
    "user_id": "user_id",
    "session_id": "session_id",
    "environment": "environment",
    "release": "release",
    "tags": "experiment and variant from name:value tags",
    "metadata": "session_id, user_id, experiment, variant",
    "level": "status",
    "status_message": "error_message",
    "trace_name": "kept",
    "timestamp": "time",
    "observation_id": "span_id of a score",
    "value": "value of a score",
    "string_value": "label of a score",
    "comment": "comment of a score",
    "source": "origin of a score",
    "data_type": "whether a score is a number or a word",
}

ORIGINS: Final = {"API": "user", "ANNOTATION": "human", "EVAL": "llm"}
HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def looks(record: Mapping[str, Any]) -> bool:
    """Tell the three kinds of rows that Langfuse exports."""
    keys = {snake(key) for key in record}
    observation = {"id", "trace_id", "start_time", "type"} <= keys and not keys & {"dotted_order", "run_type"}
    return observation or _is_score(keys) or _is_trace(keys)


def _is_score(keys: set[str]) -> bool:
    return {"id", "name", "value", "timestamp", "data_type"} <= keys


def _is_trace(keys: set[str]) -> bool:
    return {"id", "timestamp", "name", "user_id", "session_id", "tags"} <= keys and "start_time" not in keys


def snake(key: object) -> str:
    """Return a camelCase key in snake_case.

    >>> snake("parentObservationId")
    'parent_observation_id'
    """
    return HUMP.sub("_", str(key)).lower()


def tell(record: Mapping[str, Any], _origin: Origin) -> Told:
    """Return the observation, trace or score of one row."""
    row = {snake(key): value for key, value in record.items()}
    if _is_score(set(row)):
        return Told(scores=[_score(row)])
    if "start_time" not in row and "timestamp" in row:
        row |= {
            "start_time": row["timestamp"],
            "trace_id": row.get("id"),
            "id": f"trace {row.get('id')}",
            "type": "SPAN",
        }
    return _observation(row)


def _observation(row: Row) -> Told:
    trace, own = said(row.get("trace_id")), said(row.get("id"))
    if trace is None:
        raise BadRecord("`trace_id` is missing")
    parent = said(row.get("parent_observation_id"))
    failed = str(row.get("level")).upper() == "ERROR"
    start = nanoseconds(row.get("start_time"))
    step = RecordSpan(
        trace_id=trace_id_of(trace),
        span_id=span_id_of(own or fingerprint(row)),
        parent_id=span_id_of(parent) if parent else "",
        name=first(row.get("name"), row.get("type")) or "observation",
        start_ns=start,
        end_ns=nanoseconds(row.get("end_time")),
        attributes=_attributes(row, start),
        failure=Failure(message=said(row.get("status_message"))) if failed else None,
    )
    return Told(
        [step], resource={"service.version": row.get("release"), "deployment.environment.name": row.get("environment")}
    )


def _attributes(row: Row, start: int) -> Row:
    model = first(row.get("provided_model_name"), row.get("model"))
    chunk = nanoseconds(row.get("completion_start_time"))
    return {
        "langfuse.observation.type": str(row.get("type") or "span").lower(),
        "gen_ai.request.model": model,
        "langfuse.observation.model.name": model,
        "langfuse.observation.model.parameters": row.get("model_parameters"),
        "langfuse.observation.input": opened(row.get("input")),
        "langfuse.observation.output": opened(row.get("output")),
        "langfuse.observation.usage_details": mapping(row.get("usage_details")) or mapping(row.get("usage")) or None,
        "langfuse.observation.cost_details": mapping(row.get("cost_details")) or None,
        "gen_ai.usage.cost": number(row.get("total_cost")),
        "gen_ai.response.time_to_first_chunk": (chunk - start) / 1e9 if chunk and start else None,
        "langfuse.observation.prompt.name": said(row.get("prompt_name")),
        "langfuse.observation.prompt.version": said(row.get("prompt_version")),
        "user.id": said(row.get("user_id")),
        "session.id": said(row.get("session_id")),
        "metadata": _metadata(row.get("metadata")),
        "tags": opened(row.get("tags")) or None,
        "langfuse.trace.name": said(row.get("trace_name")),
    }


def _metadata(value: Any) -> Row | None:
    """Metadata of an SDK's span lies under `attributes`, as JSON text in ClickHouse exports."""
    found = mapping(value)
    return {
        key: opened(item) if isinstance(item, str) and item[:1] == '"' else item for key, item in found.items()
    } or None


def _score(row: Row) -> Row:
    trace, observation = said(row.get("trace_id")), said(row.get("observation_id"))
    kind = str(row.get("data_type")).upper()
    text = said(row.get("string_value")) or (said(row.get("value")) if number(row.get("value")) is None else None)
    time = nanoseconds(row.get("timestamp")) // 1000
    if not time:
        raise BadRecord(f"`timestamp` {str(row.get('timestamp'))[:40]!r} is no time")
    return {
        "key": digest("langfuse", str(row.get("id")))[:32],
        "time": time,
        "trace_id": trace_id_of(trace) if trace else None,
        "span_id": span_id_of(observation) if observation else None,
        "session_id": said(row.get("session_id")),
        "name": said(row.get("name")),
        "value": None if kind in {"CATEGORICAL", "TEXT", "CORRECTION"} else number(row.get("value")),
        "label": text,
        "comment": said(row.get("comment")),
        "origin": ORIGINS.get(str(row.get("source")).upper(), "code"),
    }
