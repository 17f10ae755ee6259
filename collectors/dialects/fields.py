"""The fields that rules may fill, with what they mean. Some are columns of `spans`; the rest are made into other things."""

from __future__ import annotations

from typing import Final

FIELDS: Final = {
    # what the span is
    "kind": "what kind of span it is, in the dialect's own words; `kinds` says what they mean",
    "operation": "gen_ai.operation.name, or what stands for it; `operations` says what it means",
    "app": "name of the service (resource)",
    "environment": "deployment environment",
    "release": "version of the service",
    "sdk_language": "telemetry.sdk.language (resource)",
    "sdk_version": "telemetry.sdk.version (resource)",
    "entity_name": "name of a tool or step, where no better one is known",
    "span_type": "Logfire's own type of a span",
    # the call
    "provider": "who ran the model",
    "request_model": "the model that was asked for",
    "response_model": "the model that answered",
    "response_id": "the provider's id of the answer",
    "finish_reason": "why the model stopped",
    "stream": "whether the answer was streamed",
    "ttft_ms": "time to the first token, of any call",
    "first_chunk_ms": "time to the first chunk; only streams have one",
    "first_chunk_at": "when the first chunk came, as text in ISO 8601",
    "duration_ms": "how long a call or a tool took, where a log record tells it",
    "succeeded": "whether it went well, where a log record tells it",
    "status_code": "the HTTP status of a call, where a log record tells it; 400 and above failed",
    "turn_id": "the sender's id of a question, which all log records about it carry",
    "invocation": "an object of request parameters, with the model among them",
    # what it used
    "input_tokens": "tokens read, cached ones included",
    "output_tokens": "tokens written",
    "cached_input_tokens": "tokens read from a cache",
    "cache_write_tokens": "tokens written to a cache",
    "reasoning_tokens": "tokens the model thought with",
    "usage": "an object of token counts",
    "cost_usd": "what the call cost",
    "costs": "an object of costs with a `total`",
    # what was said
    "input_messages": "what was said to the model: messages of any known shape, text, or flattened keys",
    "output_messages": "what the model said",
    "input_value": "what a step was given: arguments, a query, or the raw request of a call",
    "output_value": "what a step gave back, or the raw answer of a call",
    "system": "the system prompt",
    "told_events": "a list of message events, each with its `event.name`",
    "answer_text": "the text of an answer that comes in pieces",
    "answer_reasoning": "the thoughts of such an answer",
    "answer_calls": "the tool calls of such an answer",
    "documents": "retrieved documents, flattened",
    "texts": "texts that were embedded",
    "tools": "definitions of the tools that were offered; their names are kept",
    "tool_name": "name of the tool that ran",
    "tool_call_id": "the model's id of the tool call",
    # who, and in which arm
    "user_id": "who asked",
    "session_id": "the conversation",
    "message_id": "the application's own id of the message",
    "prompt_name": "name of a managed prompt",
    "prompt_version": "version of a managed prompt",
    "experiment": "name of an experiment or feature flag",
    "variant": "the arm",
    "arm": "an arm whose experiment is named by its key (`re:` with one group)",
    "metadata": "an object whose entries are read as if each were an attribute `metadata.NAME`",
    "tags": "a list of tags; `name:value` is read like metadata",
    # errors, events and scores
    "error_type": "class of the error",
    "exception_type": "class of an exception",
    "exception_message": "its message",
    "event_name": "name of a log event",
    "score_name": "name of an evaluation",
    "score_value": "its number",
    "score_label": "its label",
    "score_comment": "its explanation",
}
"""Field -> meaning. `-` (drop) and `+` (keep as attribute, understood) may stand in the place of a field."""
