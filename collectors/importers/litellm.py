"""LiteLLM's `StandardLoggingPayload`, as its callbacks and its S3, GCS and HTTP loggers write it: one record a call.

Source: docs.litellm.ai/docs/proxy/logging_spec, and captured payloads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from collectors.importers.ids import fingerprint, is_uuid, span_id_of, trace_id_of
from collectors.importers.instants import nanoseconds
from collectors.importers.record import Failure, Origin, RecordSpan, Told, first, mapping, number, opened, said

OPERATIONS: Final = {
    "completion": "chat",
    "text_completion": "text_completion",
    "embedding": "embeddings",
    "responses": "chat",
    "anthropic_messages": "chat",
    "generate_content": "generate_content",
}
HIDDEN: Final = "redacted-by-litellm"
"""What stands for messages when `turn_off_message_logging` is set: absent, not an answer."""

KEYS: Final = {
    "id": "response_id",
    "trace_id": "session_id, unless it is one that LiteLLM made up",
    "session_id": "session_id",
    "call_type": "operation",
    "status": "status",
    "custom_llm_provider": "provider",
    "model": "request_model",
    "response": "output_messages, response_model",
    "messages": "input_messages, system_text",
    "startTime": "time",
    "endTime": "duration_ms",
    "completionStartTime": "ttft_ms",
    "prompt_tokens": "input_tokens",
    "completion_tokens": "output_tokens",
    "response_cost": "cost_usd",
    "end_user": "user_id",
    "request_tags": "experiment and variant from name:value tags",
    "metadata": "app, user_id, experiment, variant",
    "model_parameters": "user_id, tools",
    "error_str": "error_message",
    "error_information": "error_type",
    "stream": "stream",
    "cache_hit": "kept",
    "litellm_call_id": "trace_id",
}


def looks(record: Mapping[str, Any]) -> bool:
    """Tell a payload by keys that no other source has together."""
    return "call_type" in record and "custom_llm_provider" in record and "startTime" in record


def tell(record: Mapping[str, Any], _origin: Origin) -> Told:
    """Return the one call of a payload."""
    identity = first(record.get("litellm_call_id"), record.get("id")) or fingerprint(record)
    meta = mapping(record.get("metadata"))
    failure = _failure(record)
    start = nanoseconds(record.get("startTime"))
    step = RecordSpan(
        trace_id=trace_id_of(identity),
        span_id=span_id_of(identity),
        name=f"{said(record.get('call_type'))} {said(record.get('model'))}",
        start_ns=start,
        end_ns=nanoseconds(record.get("endTime")),
        attributes=_call(record, meta, start, failed=failure is not None),
        failure=failure,
    )
    app = first(meta.get("user_api_key_team_alias"), meta.get("user_api_key_alias"))
    return Told([step], resource={"service.name": app})


def _call(record: Mapping[str, Any], meta: dict[str, Any], start: int, *, failed: bool) -> dict[str, Any]:
    answer, parameters = mapping(record.get("response")), mapping(record.get("model_parameters"))
    operation = _operation(str(record.get("call_type")))
    cached = record.get("cache_hit") in (True, "True", "true")
    stream = record.get("stream") in (True, "True", "true")
    called = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": record.get("custom_llm_provider"),
        "gen_ai.request.model": record.get("model"),
        "gen_ai.request.stream": True if stream else None,
        "gen_ai.input.messages": _shown(opened(record.get("messages"))),
        "gen_ai.tool.definitions": parameters.get("tools"),
        "session.id": _session(record, meta),
        "user.id": first(record.get("end_user"), meta.get("user_api_key_end_user_id"), parameters.get("user")),
        "gen_ai.prompt.name": mapping(meta.get("prompt_management_metadata")).get("prompt_id"),
        "metadata": _metadata(meta),
        "tags": opened(record.get("request_tags")) or None,
        "litellm.cache_hit": True if cached else None,
        "litellm.status_code": first(mapping(record.get("error_information")).get("error_code")),
    }
    if failed:
        return called
    return called | {
        "gen_ai.response.model": answer.get("model"),
        # an answer out of LiteLLM's cache repeats the id of the call that was made: as that id it would not be counted
        "gen_ai.response.id": None if cached else answer.get("id"),
        "gen_ai.output.messages": None if operation == "embeddings" else _shown(opened(record.get("response"))),
        "gen_ai.usage.input_tokens": record.get("prompt_tokens"),
        "gen_ai.usage.output_tokens": None if operation == "embeddings" else record.get("completion_tokens"),
        "gen_ai.usage.cache_read.input_tokens": _cached_tokens(answer, meta),
        "gen_ai.usage.cost": record.get("response_cost"),
        "gen_ai.response.time_to_first_chunk": _first_chunk(record, start) if stream else None,
    }


def _operation(call_type: str) -> str:
    plain = call_type.removeprefix("a") if call_type.removeprefix("a") in OPERATIONS else call_type
    return OPERATIONS.get(plain, plain)


def _session(record: Mapping[str, Any], meta: dict[str, Any]) -> str | None:
    """The session a client names arrives as `trace_id`; without one LiteLLM puts a UUID of its own there."""
    named = first(record.get("session_id"), meta.get("session_id"))
    trace = said(record.get("trace_id"))
    return named or (trace if trace and not is_uuid(trace) else None)


def _metadata(meta: dict[str, Any]) -> dict[str, Any] | None:
    """What the client sent; the proxy's own bookkeeping is not metadata of the application."""
    return mapping(meta.get("spend_logs_metadata")) | mapping(meta.get("requester_metadata")) or None


def _failure(record: Mapping[str, Any]) -> Failure | None:
    if record.get("status") != "failure":
        return None
    about = mapping(record.get("error_information"))
    return Failure(
        first(about.get("error_class"), about.get("error_code")) or "error",
        first(record.get("error_str"), about.get("error_message")),
    )


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return None if HIDDEN in value else value
    if isinstance(value, list):
        return None if value and all(isinstance(m, dict) and m.get("content") == HIDDEN for m in value) else value
    if isinstance(value, dict) and isinstance(value.get("choices"), list):
        shown = [c for c in value["choices"] if mapping(mapping(c).get("message")).get("content") != HIDDEN]
        return {**value, "choices": shown} if shown else None
    return value or None


def _cached_tokens(answer: dict[str, Any], meta: dict[str, Any]) -> Any:
    for usage in (mapping(answer.get("usage")), mapping(meta.get("usage_object"))):
        found = mapping(usage.get("prompt_tokens_details")).get("cached_tokens", usage.get("cache_read_input_tokens"))
        if found is not None:
            return found
    return None


def _first_chunk(record: Mapping[str, Any], start: int) -> float | None:
    began = number(nanoseconds(record.get("completionStartTime")))
    return (began - start) / 1e9 if began and start else None
