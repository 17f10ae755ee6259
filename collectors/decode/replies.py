"""Facts of a model call that stand only beside it: frameworks hand the whole answer on, with what the provider said of it.

LangChain keeps response id, finish reason and model in the `response_metadata` of a message. Where the span of the call leaves
them out (Langfuse), the chain around it still has the message. The same answer in the same trace is the same call.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from collectors.batch import AT, Batch, Row
from collectors.decode.loose_json import load
from collectors.decode.messages import Message, messages_of, text_of
from collectors.dialects.readers import label
from collectors.dialects.table import Values

MARK: Final = '"response_metadata"'
MAX_DEPTH: Final = 8
FACTS: Final = {"response_id": "id", "finish_reason": "finish_reason", "response_model": "model_name"}

SPAN: Final = AT["spans"]
CONTENT: Final = AT["content"]

Answer = tuple[str, tuple[str, ...]]


def note_replies(trace_id: str, values: Values, batch: Batch) -> None:
    """Remember in `batch` the answers that a step was given or gave on together with the provider's words."""
    for name in ("input_value", "output_value"):
        raw = values.get(name)
        if isinstance(raw, str) and MARK in raw:
            batch.replies += [(trace_id, *found) for found in _replies(load(raw).value, 0)]


def apply_replies(batch: Batch) -> None:
    """Fill the calls of the batch whose answer was handed on; an answer that two calls share tells nothing."""
    known: dict[tuple[str, Answer], dict[str, str]] = {}
    for trace_id, answer, facts in batch.replies:
        held = known.setdefault((trace_id, answer), facts)
        if held.get("response_id") != facts.get("response_id"):
            known[trace_id, answer] = {}
    batch.replies.clear()
    traces = {trace_id for trace_id, _ in known}
    rows = {(row[SPAN["trace_id"]], row[SPAN["span_id"]]): row for row in batch.rows["spans"]} if known else {}
    for content in batch.rows["content"] if known else ():
        trace_id, told = content[CONTENT["trace_id"]], content[CONTENT["output_messages"]]
        row = rows.get((trace_id, content[CONTENT["span_id"]]))
        if trace_id in traces and told is not None and row is not None and row[SPAN["kind"]] == "llm":
            _fill(row, known.get((trace_id, _answer(load(told).value)), {}))


def _fill(row: Row, facts: dict[str, str]) -> None:
    for name, value in facts.items():
        if row[SPAN[name]] is None:
            row[SPAN[name]] = value


def _replies(value: Any, depth: int) -> Iterator[tuple[Answer, dict[str, str]]]:
    if depth > MAX_DEPTH:
        return
    if isinstance(value, list):
        for item in value:
            yield from _replies(item, depth + 1)
    elif isinstance(value, dict):
        told = value.get("response_metadata")
        if isinstance(told, dict):
            facts = {name: text for name, key in FACTS.items() if (text := label(told.get(key))) is not None}
            if facts:
                yield _answer(messages_of([value], "assistant")), facts
        else:
            for item in value.values():
                yield from _replies(item, depth + 1)


def _answer(messages: list[Message]) -> Answer:
    calls = (part["id"] for message in messages for part in message["parts"] if part["type"] == "tool_call")
    return text_of(messages) or "", tuple(str(call) for call in calls)
