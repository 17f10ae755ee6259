"""The tools that were called in turns, and what was retrieved: of their spans, else of the messages of the last model call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import msgspec

from monitor.clock import naive_utc
from monitor.model.values import ToolUse, Turn
from monitor.store.reads import Reader

AROUND: Final = timedelta(days=1)
"""How far behind its turn a span of it is looked for."""

_SPANS: Final = """
    SELECT s.trace_id, s.kind = 'retriever' AS retrieval, coalesce(s.tool_name, s.name, '') AS name,
           c.input_value AS arguments, coalesce(c.output_value, c.output_messages) AS result
    FROM (SELECT * FROM base.spans WHERE time >= ? AND time <= ? AND kind IN ('tool', 'retriever')) s
    LEFT JOIN (SELECT * FROM base.content WHERE time >= ? AND time <= ?) c
        ON c.trace_id = s.trace_id AND c.span_id = s.span_id
    WHERE list_contains(?, s.trace_id) ORDER BY s.trace_id, s.time, s.span_id"""

_CALLS: Final = """
    SELECT s.trace_id, arg_max(c.input_messages, s.time) AS said, arg_max(c.output_messages, s.time) AS answered,
           arg_max(s.attrs, s.time) FILTER (contains(s.attrs, '"tools"')) AS attrs
    FROM (SELECT * FROM base.spans WHERE time >= ? AND time <= ? AND kind = 'llm') s
    LEFT JOIN (SELECT * FROM base.content WHERE time >= ? AND time <= ?) c
        ON c.trace_id = s.trace_id AND c.span_id = s.span_id
    WHERE list_contains(?, s.trace_id)
    GROUP BY s.trace_id
    HAVING contains(said, '"tool_call') OR contains(answered, '"tool_call') OR attrs IS NOT NULL"""


def with_tools(reader: Reader, turns: Sequence[Turn]) -> list[Turn]:
    """Return `turns` with the tools they called, in their order, and the names of those that their model was offered."""
    if not turns:
        return []
    start, end = (naive_utc(pick(turn.time for turn in turns)) for pick in (min, max))
    bounds = [start, end + AROUND] * 2
    ids = [turn.unit_id for turn in turns]
    uses: dict[str, list[ToolUse]] = {}
    for trace, retrieval, name, arguments, result in reader.frame(_SPANS, [*bounds, ids]).iter_rows():
        uses.setdefault(trace, []).append(ToolUse(name, arguments, result, retrieval=retrieval))
    offered: dict[str, tuple[str, ...]] = {}
    for trace, said, answered, attrs in reader.frame(_CALLS, [*bounds, ids]).iter_rows():
        offered[trace] = _offered(attrs)
        if trace not in uses:
            uses[trace] = _told(said, answered)
    return [
        replace(turn, tools=tuple(uses.get(turn.unit_id, ())), offered=offered.get(turn.unit_id, ())) for turn in turns
    ]


def _told(said: str | None, answered: str | None) -> list[ToolUse]:
    """Return the calls that the messages of a conversation hold; a call without an answer has no result."""
    parts = [*_parts(said), *_parts(answered)]
    results = {
        part.get("id"): _text(part.get("response", part.get("result")))
        for part in parts
        if _is(part, "tool_call_response")
    }
    calls = [part for part in parts if _is(part, "tool_call")]
    return [
        ToolUse(str(call.get("name") or ""), _text(call.get("arguments")), results.get(call.get("id")))
        for call in calls
    ]


def _parts(messages: str | None) -> Iterator[dict[str, Any]]:
    for message in _decoded(messages, list):
        if isinstance(message, dict) and isinstance(message.get("parts"), list):
            yield from (part for part in message["parts"] if isinstance(part, dict))


def _is(part: dict[str, Any], kind: str) -> bool:
    return part.get("type") == kind


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else msgspec.json.encode(value).decode()


def _offered(attrs: str | None) -> tuple[str, ...]:
    named = _decoded(attrs, dict).get("tools")
    return tuple(name for name in named if isinstance(name, str)) if isinstance(named, list) else ()


def _decoded(text: str | None, kind: type) -> Any:
    """Return JSON `text` when it is of `kind`, else an empty one."""
    try:
        value = msgspec.json.decode(text or "null")
    except (msgspec.DecodeError, RecursionError):
        return kind()
    return value if isinstance(value, kind) else kind()
