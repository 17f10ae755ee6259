"""What follows from the fields of a span: why it failed, what it used, how long its first token took, which arm it was in."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from collectors.decode.content import load_object
from collectors.decode.kinds import ERROR
from collectors.decode.wire import WireSpan
from collectors.dialects.readers import integer, label, number, seconds
from collectors.dialects.table import Table, Values

UNNAMED_ERROR: Final = "_OTHER"
"""What the semantic conventions say for a failure whose type nobody told."""

USAGE: Final = {
    "input_tokens": ("input", "input_tokens", "prompt_tokens", "inputTokens", "promptTokens"),
    "output_tokens": ("output", "output_tokens", "completion_tokens", "outputTokens", "completionTokens"),
    "cached_input_tokens": (
        "input_cache_read",
        "cache_read_input_tokens",
        "cached.cached_tokens",
        "input_cached_tokens",
        "cachedInputTokens",
        "prompt_cached_tokens",
    ),
    "cache_write_tokens": ("input_cache_creation", "cache_creation_input_tokens", "cacheWriteInputTokens"),
    "reasoning_tokens": ("output_reasoning", "reasoning_tokens", "made.reasoning_tokens", "reasoningTokens"),
}

MODEL_KINDS: Final = frozenset({"llm", "embedding"})

MAX_MESSAGE: Final = 2048
DAY_US: Final = 86_400_000_000


def settle(values: Values, span: WireSpan, kind: str, dialect: str | None, table: Table) -> None:
    """Fill what follows from other fields."""
    if span.status == ERROR:
        values.setdefault("error_type", values.get("exception_type", UNNAMED_ERROR))
        message = span.status_message or values.get("exception_message")
        if isinstance(message, str) and message:
            values["error_message"] = message[:MAX_MESSAGE]
    if "first_chunk_ms" in values or "first_chunk_at" in values:
        _read_first_chunk(values, span)
    if kind in MODEL_KINDS or kind == "agent":  # an agent may turn out to be the call
        _read_models(values, table.model_prefixes)
        _read_usage(values)
        _add_cached(values, dialect, table)
    if kind in MODEL_KINDS:
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
        details = usage.get("completion_tokens_details") or usage.get("output_tokens_details")
        usage |= {f"made.{name}": value for name, value in load_object(details).items()}
        for field, names in USAGE.items():
            found = next((usage[name] for name in names if usage.get(name) is not None), None)
            if field not in values and (count := integer(found)) is not None:
                values[field] = count
        if "ttft_ms" not in values and (waited := seconds(usage.get("ttft"))) is not None:  # LiveKit's measurements
            values["ttft_ms"] = waited
    if "costs" in values and "cost_usd" not in values:
        costs = load_object(values["costs"])
        values["cost_usd"] = number(costs.get("total", costs.get("total_cost")))
