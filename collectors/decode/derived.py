"""What follows from the fields of a span: its kind and operation, why it failed, what it used, which arm it was in."""

from __future__ import annotations

from typing import Final

from collectors.decode.content import load_object
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
    "input_tokens": ("input", "input_tokens", "prompt_tokens"),
    "output_tokens": ("output", "output_tokens", "completion_tokens"),
    "cached_input_tokens": (
        "input_cache_read",
        "cache_read_input_tokens",
        "cached.cached_tokens",
        "input_cached_tokens",
    ),
}

MODEL_KINDS: Final = frozenset({"llm", "embedding"})

MAX_MESSAGE: Final = 2048


def resolve_kind(values: Values, rest: Attributes, table: Table) -> str:
    """Return the kind (what the span says of itself, else its operation, else by signs) and normalise the operation."""
    operation = str(values.get("operation", "")).lower()
    normal, by_operation = table.operations.get(operation, (operation[:64] or None, None))
    kind = table.kinds.get(str(values.get("kind", ""))) or by_operation or _sniffed(values, rest)
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
    return "chain" if values.get("kind") == "task" else "other"


def settle(values: Values, span: WireSpan, kind: str) -> None:
    """Fill what follows from other fields."""
    if span.status == ERROR:
        values.setdefault("error_type", values.get("exception_type", UNNAMED_ERROR))
        message = span.status_message or values.get("exception_message")
        if isinstance(message, str) and message:
            values["error_message"] = message[:MAX_MESSAGE]
    if kind in MODEL_KINDS:
        _read_usage(values)
        known = "input_tokens" in values or "output_tokens" in values
        values["usage_source"] = "provider" if known else "none"
        if kind == "embedding":
            values.setdefault("request_model", values.get("response_model"))
    if kind == "tool":
        values.setdefault("tool_name", values.get("entity_name"))
    else:  # some list the tools that a model asked for here
        values.pop("tool_name", None)
        values.pop("tool_call_id", None)
    if "arm" in values and "variant" not in values:
        name, arm = values["arm"]
        values["variant"] = label(arm)
        values.setdefault("experiment", name)


def _read_usage(values: Values) -> None:
    """Read token counts and costs that came as one object; the names are those of OpenAI, Langfuse and MLflow."""
    if "usage" in values:
        usage = load_object(values["usage"])
        usage |= {f"cached.{name}": value for name, value in load_object(usage.get("prompt_tokens_details")).items()}
        for field, names in USAGE.items():
            found = next((usage[name] for name in names if usage.get(name) is not None), None)
            if field not in values and (count := integer(found)) is not None:
                values[field] = count
    if "costs" in values and "cost_usd" not in values:
        costs = load_object(values["costs"])
        values["cost_usd"] = number(costs.get("total", costs.get("total_cost")))
