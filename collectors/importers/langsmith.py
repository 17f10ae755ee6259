"""LangSmith exports of runs: Parquet of the bulk export, or JSON lines of `/runs/query`.

Source: docs.langchain.com/langsmith/run-data-format and data-export. `session_id` there is the project, not a session.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from collectors.importers.ids import digest, span_id_of, trace_id_of
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
    "dotted_order": "trace_id, parent_id",
    "parent_run_id": "parent_id",
    "run_type": "kind",
    "name": "name",
    "start_time": "time",
    "end_time": "duration_ms",
    "first_token_time": "ttft_ms",
    "inputs": "input_messages",
    "outputs": "output_messages",
    "error": "error_message",
    "status": "status",
    "extra": "session_id, user_id, experiment, variant, provider, request_model",
    "tags": "experiment and variant from name:value tags",
    "prompt_tokens": "input_tokens",
    "completion_tokens": "output_tokens",
    "total_cost": "cost_usd",
    "feedback_stats": "scores",
    "session_name": "app",
    "project_name": "app",
}

KINDS: Final = {"llm": "LLM", "tool": "TOOL", "retriever": "RETRIEVER", "embedding": "EMBEDDING"}


def looks(record: Mapping[str, Any]) -> bool:
    """Tell a run."""
    return (
        "run_type" in record and "id" in record and bool({"dotted_order", "trace_id", "parent_run_id"} & record.keys())
    )


def tell(record: Mapping[str, Any], _origin: Origin) -> Told:
    """Return the step of one run and what people said of it."""
    own = said(record.get("id"))
    if own is None:
        raise BadRecord("`id` is missing")
    path = [part[-36:] for part in str(record.get("dotted_order") or "").split(".") if len(part) >= 36]
    trace = first(record.get("trace_id"), *path[:1]) or own
    parent = first(record.get("parent_run_id"), *path[-2:-1])
    extra = mapping(record.get("extra"))
    step = RecordSpan(
        trace_id=trace_id_of(trace),
        span_id=span_id_of(own),
        parent_id=span_id_of(parent) if parent and parent != own else "",
        name=first(record.get("name"), record.get("run_type")) or "run",
        start_ns=nanoseconds(record.get("start_time")),
        end_ns=nanoseconds(record.get("end_time")),
        attributes=_attributes(record, extra),
        failure=_failure(record),
    )
    return Told(
        [step],
        list(_scores(record, step)),
        {"service.name": first(record.get("session_name"), record.get("project_name"))},
    )


def _attributes(record: Mapping[str, Any], extra: Row) -> Row:
    kind = KINDS.get(str(record.get("run_type")).lower(), "CHAIN")
    called = kind in {"LLM", "EMBEDDING"}
    metadata, invoked = mapping(extra.get("metadata")), mapping(extra.get("invocation_params"))
    given, got = opened(record.get("inputs")), opened(record.get("outputs"))
    start, chunk = (nanoseconds(record.get(name)) for name in ("start_time", "first_token_time"))
    texts = ("gen_ai.input.messages", "gen_ai.output.messages") if kind == "LLM" else ("input.value", "output.value")
    told: Row = {
        "openinference.span.kind": kind,
        texts[0]: given or None,
        texts[1]: _answer(got) if kind == "LLM" else got or None,
        "metadata": metadata or None,
        "tags": opened(record.get("tags")) or None,
        "tool.name": said(record.get("name")) if kind == "TOOL" else None,
    }
    if called:
        told |= {
            "gen_ai.request.model": first(
                metadata.get("ls_model_name"), invoked.get("model"), invoked.get("model_name")
            ),
            "gen_ai.response.model": _response_model(got),
            "gen_ai.provider.name": said(metadata.get("ls_provider")),
            "gen_ai.usage.input_tokens": record.get("prompt_tokens"),
            "gen_ai.usage.output_tokens": record.get("completion_tokens"),
            "gen_ai.usage.cost": number(record.get("total_cost")),
            "gen_ai.response.time_to_first_chunk": (chunk - start) / 1e9 if chunk and start else None,
            "gen_ai.tool.definitions": invoked.get("tools"),
        }
    return told


def _answer(got: Any) -> Any:
    """Wrappers put one message under a name of their own; the decoder reads the message."""
    if isinstance(got, dict) and len(got) == 1:
        inner = next(iter(got.values()))
        if isinstance(inner, dict) and {"role", "content", "choices", "kwargs"} & inner.keys():
            return inner
    return got or None


def _response_model(got: Any) -> str | None:
    answer = got if isinstance(got, dict) else {}
    return first(answer.get("model"), mapping(answer.get("llm_output")).get("model_name"))


def _failure(record: Mapping[str, Any]) -> Failure | None:
    error = said(record.get("error"))
    if error is None and record.get("status") != "error":
        return None
    kind = (error or "").split("(", 1)[0].strip()  # `RateLimitError('...')`, a Python exception as text
    return Failure(kind if kind.isidentifier() else None, error)


def _scores(record: Mapping[str, Any], step: RecordSpan) -> Iterator[Row]:
    """Feedback comes summed up by key: the average stands for the run, and the comment says of how many."""
    for name, stats in mapping(record.get("feedback_stats")).items():
        about = mapping(stats)
        average, count = number(about.get("avg")), number(about.get("n"))
        if average is not None:
            yield {
                "key": digest("langsmith", str(record.get("id")), str(name))[:32],
                "time": (step.end_ns or step.start_ns) // 1000,
                "trace_id": step.trace_id,
                "span_id": step.span_id,
                "name": str(name),
                "value": average,
                "comment": f"average of {count:g}" if count and count > 1 else None,
                "origin": "user",
            }
