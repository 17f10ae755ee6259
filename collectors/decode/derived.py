"""What follows from the fields of a span: its kind and operation, why it failed, what it used, which arm it was in."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from collectors.decode.content import load_object
from collectors.decode.loose_json import load
from collectors.decode.wire import Attributes, WireSpan
from collectors.dialects.readers import integer, label, number
from collectors.dialects.table import Table, Values

ERROR: Final = 2

UNNAMED_ERROR: Final = "_OTHER"
"""What the semantic conventions say for a failure whose type nobody told."""

OPERATIONS: Final = {
    "llm": "chat",
    "embedding": "embeddings",
    "tool": "execute_tool",
    "retriever": "retrieval",
    "agent": "invoke_agent",
    "workflow": "invoke_workflow",
}

USAGE: Final = {
    "input_tokens": ("input", "input_tokens", "prompt_tokens", "inputTokens", "promptTokens"),
    "output_tokens": ("output", "output_tokens", "completion_tokens", "outputTokens", "completionTokens"),
    "cached_input_tokens": (
        "input_cache_read",
        "cache_read_input_tokens",
        "cached.cached_tokens",
        "input_cached_tokens",
        "cachedInputTokens",
    ),
}

MODEL_KINDS: Final = frozenset({"llm", "embedding"})

MAX_MESSAGE: Final = 2048
DAY_US: Final = 86_400_000_000

TEXTS: Final = frozenset({"content", "text", "page_content", "pageContent", "document", "chunk"})
RANKED: Final = frozenset({"score", "distance", "similarity", "relevance_score", "page_content", "pageContent"})


def resolve_kind(name: str, values: Values, rest: Attributes, table: Table) -> str:
    """Return the kind (by name, by what the span says of itself, by operation, by signs) and normalise the operation."""
    operation = str(values.get("operation", "")).lower()
    normal, by_operation = table.operations.get(operation, (operation[:64] or None, None))
    named = table.span_names.get(name) or table.kinds.get(str(values.get("kind", "")))
    kind = named or by_operation or _sniffed(values, rest)
    if normal is not None:
        values["operation"] = normal
    elif kind in OPERATIONS:
        values["operation"] = OPERATIONS[kind]
    return kind


def _sniffed(values: Values, rest: Attributes) -> str:
    if "request_model" in values and ("output_tokens" in values or "output_messages" in values):
        return "llm"
    if any(key.startswith("db.vector.") for key in rest):
        return "retriever"
    if "tool_name" in values and "request_model" not in values:
        return "tool"
    if str(values.get("operation", "")).startswith("invoke_"):  # OpenTelemetry and Strands name what is invoked
        return "agent"
    if _returned_documents(values):
        return "retriever"
    return "chain" if values.get("kind") == "task" else "other"


def _returned_documents(values: Values) -> bool:
    """Tell a span that a person made around a search: what came out is a ranked list of texts."""
    field = "output_value" if "output_value" in values else "output_messages"
    found = values.get(field)
    if isinstance(found, str):
        found = load(found).value if found.startswith("[{") and any(f'"{name}"' in found for name in RANKED) else None
    documents = isinstance(found, list) and bool(found) and all(map(_is_document, found))
    if documents:
        values["output_value"] = values.pop(field)
    return documents


def _is_document(item: Any) -> bool:
    return isinstance(item, dict) and not (RANKED.isdisjoint(item) or TEXTS.isdisjoint(item)) and "role" not in item


def settle(values: Values, span: WireSpan, kind: str, dialect: str | None, table: Table) -> None:
    """Fill what follows from other fields."""
    if span.status == ERROR:
        values.setdefault("error_type", values.get("exception_type", UNNAMED_ERROR))
        message = span.status_message or values.get("exception_message")
        if isinstance(message, str) and message:
            values["error_message"] = message[:MAX_MESSAGE]
    if "first_chunk_ms" in values or "first_chunk_at" in values:
        _read_first_chunk(values, span)
    if kind in MODEL_KINDS:
        _read_models(values, table.model_prefixes)
        _read_usage(values)
        _add_cached(values, dialect, table)
        known = "input_tokens" in values or "output_tokens" in values
        guessed = dialect in table.estimators and values.get("stream") and "cached_input_tokens" not in values
        values["usage_source"] = ("estimated" if guessed else "provider") if known else "none"
    if kind == "tool":
        values.setdefault("tool_name", values.get("entity_name"))
    else:  # some list the tools that a model asked for here
        values.pop("tool_name", None)
        values.pop("tool_call_id", None)
    if "arm" in values and "variant" not in values:
        name, arm = values["arm"]
        values["variant"] = label(arm)
        values.setdefault("experiment", name)


def _read_models(values: Values, prefixes: frozenset[str]) -> None:
    """Take the provider off a model's name (LiteLLM: `openai/gpt-4o`); who names one model only asked for that one."""
    for field in ("request_model", "response_model"):
        provider, slash, model = str(values.get(field, "")).partition("/")
        if slash and model and provider in prefixes:
            values[field] = model
            values.setdefault("provider", provider)
    values.setdefault("request_model", values.get("response_model"))


def _read_first_chunk(values: Values, span: WireSpan) -> None:
    """Only streams have a first chunk."""
    began = _microseconds(values.get("first_chunk_at"))
    if began is not None and 0 < began - span.start_ns // 1000 < DAY_US:
        values.setdefault("first_chunk_ms", (began - span.start_ns // 1000) / 1000)
    if "first_chunk_ms" in values:
        values.setdefault("ttft_ms", values["first_chunk_ms"])
        values.setdefault("stream", True)


def _microseconds(text: Any) -> int | None:
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1_000_000)
    except (TypeError, ValueError, OverflowError):
        return None


def _add_cached(values: Values, dialect: str | None, table: Table) -> None:
    """Make input tokens include cached ones, as the conventions demand, where the sender keeps them apart."""
    read, written = (values.get(name) or 0 for name in ("cached_input_tokens", "cache_write_tokens"))
    told = values.get("input_tokens")
    apart = str(values.get("provider", "")).lower() in table.cached_apart.get(dialect or "", ())
    if told is not None and (apart or told < read + written):
        values["input_tokens"] = told + read + written


def _read_usage(values: Values) -> None:
    """Read token counts and costs that came as one object; the names are those of OpenAI, Langfuse and MLflow."""
    if "usage" in values:
        usage = load_object(values["usage"])
        details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details")
        usage |= {f"cached.{name}": value for name, value in load_object(details).items()}
        for field, names in USAGE.items():
            found = next((usage[name] for name in names if usage.get(name) is not None), None)
            if field not in values and (count := integer(found)) is not None:
                values[field] = count
    if "costs" in values and "cost_usd" not in values:
        costs = load_object(values["costs"])
        values["cost_usd"] = number(costs.get("total", costs.get("total_cost")))
