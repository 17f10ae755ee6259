"""What OpenAI keeps: stored chat completions, responses, and the output of batches; one object a record.

A stored completion holds no request messages unless they were put beside it (`GET .../{id}/messages`), a batch result only
names the request by `custom_id`. Source: platform.openai.com/docs/api-reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from collectors.importers.ids import span_id_of, trace_id_of
from collectors.importers.instants import nanoseconds
from collectors.importers.record import BadRecord, Failure, Origin, RecordSpan, Row, Told, first, mapping, opened, said

KEYS: Final = {
    "id": "response_id",
    "object": "kind of record",
    "created": "time",
    "created_at": "time",
    "completed_at": "duration_ms",
    "model": "response_model",
    "choices": "output_messages",
    "output": "output_messages",
    "messages": "input_messages",
    "input": "input_messages",
    "prompt": "input_messages",
    "request": "input_messages, request_model, tools, user_id",
    "instructions": "system_text",
    "usage": "input_tokens, output_tokens, cached_input_tokens",
    "metadata": "session_id, user_id, experiment, variant, app",
    "user": "user_id",
    "input_user": "user_id",
    "safety_identifier": "user_id",
    "conversation": "session_id",
    "error": "error_type, error_message",
    "custom_id": "joins a batch result with its request",
    "response": "the answer of a batch request",
    "tools": "tools",
}

OBJECTS: Final = ("chat.completion", "response", "text_completion")


def looks(record: Mapping[str, Any]) -> bool:
    """Tell a stored object or a batch result."""
    return record.get("object") in OBJECTS or is_result(record)


def is_result(record: Mapping[str, Any]) -> bool:
    """Tell one line of a batch's output or error file."""
    return "custom_id" in record and "response" in record and "url" not in record


def is_request(record: Mapping[str, Any]) -> bool:
    """Tell one line of a batch's input file."""
    return {"custom_id", "url", "body"} <= record.keys()


def tell(record: Mapping[str, Any], origin: Origin) -> Told:
    """Return the one call of an object or batch result."""
    return _result(record, origin) if is_result(record) else _stored(record, mapping(record.get("request")), None)


def _result(record: Mapping[str, Any], origin: Origin) -> Told:
    custom = said(record.get("custom_id")) or ""
    response, error = mapping(record.get("response")), mapping(record.get("error"))
    body = mapping(response.get("body"))
    asked = origin.requests.get(custom)
    request = mapping(msgspec.json.decode(asked)) if asked else {}
    failure = _failure(error) or _failure(mapping(body.get("error")))
    if failure is None and not str(response.get("status_code", 200)).startswith("2"):
        failure = Failure(said(response.get("status_code")))
    if not body and failure is None:
        raise BadRecord("neither `response.body` nor `error` says anything")
    identity = {"id": first(body.get("id"), response.get("request_id"), record.get("id"), custom)}
    told = _stored(identity | {key: value for key, value in body.items() if key != "error"}, request, failure)
    return Told(told.steps, resource=told.resource, notes=() if asked else ("batch results without their request",))


def _stored(record: Mapping[str, Any], request: Row, failure: Failure | None) -> Told:
    own = said(record.get("id"))
    if own is None:
        raise BadRecord("`id` is missing")
    metadata = mapping(record.get("metadata")) or mapping(request.get("metadata"))
    start = nanoseconds(record.get("created") or record.get("created_at"))
    model = first(record.get("model"), request.get("model"))
    step = RecordSpan(
        trace_id=trace_id_of(own),
        span_id=span_id_of(own),
        name=f"chat {model}" if model else "chat",
        start_ns=start,
        end_ns=nanoseconds(record.get("completed_at")),
        attributes=_call(record, request, metadata),
        failure=failure or _failure(mapping(record.get("error"))),
    )
    return Told([step], resource={"service.name": first(metadata.get("app"), metadata.get("service"))})


def _call(record: Mapping[str, Any], request: Row, metadata: Row) -> Row:
    usage = mapping(record.get("usage"))
    details = mapping(usage.get("prompt_tokens_details")) or mapping(usage.get("input_tokens_details"))
    answered = {key: record[key] for key in ("choices", "output") if record.get(key)}
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": first(request.get("model"), record.get("model")),
        "gen_ai.response.model": said(record.get("model")),
        "gen_ai.response.id": said(record.get("id")) if answered else None,
        "gen_ai.input.messages": _asked(record) or _asked(request),
        "gen_ai.output.messages": answered or None,
        "gen_ai.system_instructions": first(record.get("instructions"), request.get("instructions")),
        "gen_ai.usage.input_tokens": first(usage.get("prompt_tokens"), usage.get("input_tokens")),
        "gen_ai.usage.output_tokens": first(usage.get("completion_tokens"), usage.get("output_tokens")),
        "gen_ai.usage.cache_read.input_tokens": first(details.get("cached_tokens")),
        "gen_ai.tool.definitions": record.get("tools") or request.get("tools"),
        "session.id": first(mapping(record.get("conversation")).get("id"), record.get("conversation")),
        "user.id": first(
            *(part.get(key) for part in (record, request) for key in ("user", "input_user", "safety_identifier"))
        ),
        "metadata": metadata or None,
    }


def _asked(part: Mapping[str, Any]) -> Any:
    asked = opened(part.get("messages")) or opened(part.get("input")) or opened(part.get("prompt"))
    return asked.get("data", asked) if isinstance(asked, dict) else asked or None


def _failure(error: Row) -> Failure | None:
    if not error:
        return None
    return Failure(first(error.get("code"), error.get("type")) or "error", said(error.get("message")))
