"""A log record that tells a call, a question or a tool's run by itself, as coding agents on a command line send them, as a span.

Such records belong to no trace. Those of one question, where the sender names it (`turn_id`), are one trace, and the question
is its root; else those of a session are one. Ids follow from what was sent, so that a repeated delivery is the same row.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from collectors.decode.kinds import ERROR
from collectors.decode.moments import ZERO_SPAN, ZERO_TRACE, is_id
from collectors.decode.wire import Attributes, WireLog, WireSpan
from collectors.dialects.table import Values

KINDS: Final = {"call": "llm", "asked": "chain", "step": "chain", "ran": "tool"}
"""What a record may tell by itself -> the kind of its span."""

SAYS_SOMETHING: Final = frozenset(
    {"input_tokens", "output_tokens", "input_messages", "output_messages", "answer_text", "usage", "cost_usd"}
)
INPUT: Final = "gen_ai.input.messages"
FAILED_FROM: Final = 400


def failed(values: Values) -> bool:
    """Tell a call or a run that came to nothing."""
    code = values.get("status_code")
    told = "exception_message" in values or "error_type" in values
    return values.get("succeeded") is False or (code is not None and code >= FAILED_FROM) or told


def tells(part: str, values: Values) -> bool:
    """Tell a record that holds what its part promises; a request that went well and says no more is told by another record."""
    return part != "call" or failed(values) or not SAYS_SOMETHING.isdisjoint(values)


def span_of(wire: WireLog, name: str, values: Values, part: str, who: tuple[str, str | None]) -> WireSpan:
    """Return the record as a span; `who` are the app and the session."""
    time = wire.time_ns or wire.observed_ns
    trace_id = wire.trace_id if is_id(wire.trace_id, ZERO_TRACE) else _trace_id(wire, name, values, who)
    turn = _hashed("turn", trace_id)[:16] if "turn_id" in values and trace_id != wire.trace_id else ""
    parent = wire.span_id if is_id(wire.span_id, ZERO_SPAN) else turn
    is_root = part == "asked" and bool(turn)
    return WireSpan(
        trace_id,
        turn if is_root else _hashed(trace_id, time, name, _plain(wire))[:16],
        "" if is_root else parent,
        name,
        time - int((values.get("duration_ms") or 0) * 1e6) if part in {"call", "ran"} else time,
        time,
        ERROR if part in {"call", "ran"} and failed(values) else 0,
        "",
        _attributes(wire, values),
        [],
    )


def _trace_id(wire: WireLog, name: str, values: Values, who: tuple[str, str | None]) -> str:
    app, session = who
    if session is None and "turn_id" not in values:
        return _hashed("record", app, wire.time_ns or wire.observed_ns, name, _plain(wire))[:32]
    return _hashed("session", app, session, values.get("turn_id"))[:32]


def _attributes(wire: WireLog, values: Values) -> Attributes:
    """The fields of a record: its attributes, or those of a body that is an object."""
    body = wire.body if isinstance(wire.body, dict) else {}
    code = values.get("status_code")
    unnamed = failed(values) and code is not None and "error_type" not in values
    return {**body, **wire.attributes, **({"error.type": str(code)} if unnamed else {})}


def _plain(wire: WireLog) -> str:
    return json.dumps([wire.attributes, wire.body], sort_keys=True, default=str)


def _hashed(*parts: Any) -> str:
    return hashlib.sha256("\x1f".join(map(str, parts)).encode("utf-8", "replace")).hexdigest()
