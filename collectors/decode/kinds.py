"""What kind of span it is: by its name, by what it says of itself, by its operation, and else by signs.

A model call needs no operation name: a model with an answer or tokens is one, and so is a model with a sign that it was asked
(the span failed, holds what was asked, or is the side of a client). Keys travel, though: a proxy copies the model onto its
server, database and sign-in spans, and those are no calls.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from collectors.decode.loose_json import load
from collectors.decode.wire import Attributes, WireSpan
from collectors.dialects.table import Table, Values

ERROR: Final = 2
CLIENT: Final = 3
SERVING: Final = frozenset({2, 4, 5})
"""Span kinds of whoever answers or queues: server, producer, consumer."""

OPERATIONS: Final = {
    "llm": "chat",
    "embedding": "embeddings",
    "tool": "execute_tool",
    "retriever": "retrieval",
    "agent": "invoke_agent",
    "workflow": "invoke_workflow",
}

ASKED: Final = frozenset({"input_messages", "input_tokens", "input_value"})
ANSWERED: Final = frozenset({"output_tokens", "output_messages", "answer_text", "answer_calls"})
SAYS_OTHERWISE: Final = frozenset({"operation", "kind", "tool_name", "event_name"})
"""A span that says what it is, in words nobody knows, is not a call only because a model stands on it."""

NOT_A_CALL: Final = ("http.route", "http.target", "db.", "messaging.", "auth.", "enduser.role", "faas.trigger")
"""Beginnings of keys that only spans of servers, databases, queues and sign-ins carry."""

TRANSPORT: Final = ("url.full", "http.url", "http.request.method", "http.method")
"""Keys of an HTTP client's own span, which lies inside that of the call."""

NOT_CALLED_SO: Final = re.compile(
    r"(?i)(?:auth\w*|log.?in|sign.?in|verify|postgres\w*|mysql|sqlite\w*|redis|mongo\w*|elastic\w*|select|insert|update|delete|"
    r"cache|get_key\w*)\b"
)
"""Beginnings of names of such spans, where no key tells them."""

RERANKS: Final = re.compile(r"(?i)rerank")
EMBEDS: Final = re.compile(r"(?i)embed|(?:^|[/.:])(?:bge|gte|e5|multilingual-e5|voyage)-")
NO_TEXT: Final = re.compile(r"(?i)\btts\b|whisper|transcri|moderation|dall-e|gpt-image|imagen|stable-diffusion|speech")
"""Models that make something else than text out of what they are given, by how providers name them."""

TEXTS: Final = frozenset({"content", "text", "page_content", "pageContent", "document", "chunk"})
RANKED: Final = frozenset({"score", "distance", "similarity", "relevance_score", "page_content", "pageContent"})


def resolve_kind(span: WireSpan, values: Values, rest: Attributes, table: Table) -> str:
    """Return the kind and normalise the operation."""
    operation = str(values.get("operation", "")).lower()
    normal, by_operation = table.operations.get(operation, (operation[:64] or None, None))
    named = table.kind_of_name(span.name) or table.kinds.get(str(values.get("kind", "")))
    kind = named or by_operation or _sniffed(span, values, rest)
    if kind == "llm" and ANSWERED.isdisjoint(values):
        kind, normal = _by_model(values, normal)
    if normal is not None and not (named and by_operation is None and kind in OPERATIONS):
        values["operation"] = normal
    elif kind in OPERATIONS:
        values["operation"] = OPERATIONS[kind]
    return kind


def said_to_be(kind: str, values: Values) -> str:
    """Return the kind that was told, and give the span the operation of that kind where it names none."""
    if kind in OPERATIONS:
        values.setdefault("operation", OPERATIONS[kind])
    return kind


def _by_model(values: Values, operation: str | None) -> tuple[str, str | None]:
    """Tell a call without an answer by the name of its model: some senders call embeddings and rerankings `chat`."""
    made = _made_by(str(values.get("request_model") or values.get("response_model") or ""))
    return ("llm", operation) if made is None else made


@lru_cache(maxsize=1024)
def _made_by(model: str) -> tuple[str, str] | None:
    if RERANKS.search(model):
        return "other", "rerank"
    if EMBEDS.search(model):
        return "embedding", "embeddings"
    return ("other", "generate_media") if NO_TEXT.search(model) else None


def _sniffed(span: WireSpan, values: Values, rest: Attributes) -> str:
    if _was_called(span, values, rest):
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


def _was_called(span: WireSpan, values: Values, rest: Attributes) -> bool:
    asked_for = "request_model" in values
    if not asked_for and "response_model" not in values:
        return False
    if "output_tokens" in values or (asked_for and "output_messages" in values):
        return True
    if not asked_for or not SAYS_OTHERWISE.isdisjoint(values) or _belongs_to_somebody_else(span, rest):
        return False
    if span.status == ERROR or not ASKED.isdisjoint(values):
        return True
    return span.kind == CLIENT and ("provider" in values or not any(key in rest for key in TRANSPORT))


def _belongs_to_somebody_else(span: WireSpan, rest: Attributes) -> bool:
    """Tell a span of a server, a database or a sign-in, onto which the model was copied."""
    if span.kind in SERVING or NOT_CALLED_SO.match(span.name):
        return True
    return any(key.startswith(NOT_A_CALL) for key in rest)


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
