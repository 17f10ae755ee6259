"""One interaction as a person's own log has it, turned into canonical rows.

A record is a mapping with the fields below; only `input` and `output` must be there. Names nobody knows are kept among
the attributes. Ids are derived from the record, so that importing it twice adds nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from collectors.batch import Batch
from collectors.importers.ids import digest
from collectors.importers.instants import microseconds
from collectors.importers.record import UNKNOWN, BadRecord, Origin
from monitor.model.dimensions import OF_AUDIENCE

FIELDS: Final = (
    "id",
    "time",
    "app",
    "environment",
    "release",
    *OF_AUDIENCE,
    "model",
    "provider",
    "prompt_name",
    "prompt_version",
    "experiment",
    "variant",
    "user",
    "session",
    "input",
    "output",
    "system",
    "input_tokens",
    "output_tokens",
    "latency_ms",
    "cost_usd",
    "error",
    "scores",
    "metadata",
)
"""What a record may say."""

PREFIX: Final = "scores."
"""A column `scores.NAME` is the score NAME: tables have no nested values."""

DAY_US: Final = 86_400_000_000

Row = dict[str, Any]


def add_record(batch: Batch, record: Mapping[str, Any], position: int, origin: Origin) -> None:
    """Append the rows of `record`, which stands at `position` (line or row number) of its file. Raises `BadRecord`.

    A record without a possible time gets that of its file, and says so in `flags`: a guess that every import repeats.
    """
    given = {str(key): value for key, value in record.items() if value is not None and value != ""}
    _require(record, given)
    app = _text(given, "app") or origin.app or UNKNOWN
    time, flags = _moment(given.get("time"), origin)
    trace_id, span_id = _ids(given, position, app)
    keys: Row = {"trace_id": trace_id, "span_id": span_id, "time": time}
    common: Row = keys | {"received_at": origin.received_us, "session_id": _text(given, "session"), "source": app}
    span = common | _span(given) | {"app": app, "flags": flags}
    scores = list(_scores(given, common))
    batch.add("spans", **span)
    batch.add("content", **keys, **_content(given))
    for score in scores:
        batch.add("scores", **score)


def _span(given: Mapping[str, Any]) -> Row:
    error_type, error_message = _error(given.get("error"))
    return {
        "duration_ms": _number(given, "latency_ms"),
        "name": _text(given, "prompt_name") or "chat",
        "kind": "llm",
        "status": "error" if error_type else "ok",
        "error_type": error_type,
        "error_message": error_message,
        "environment": _text(given, "environment"),
        "release": _text(given, "release"),
        **{name: _text(given, name) for name in OF_AUDIENCE},
        "dialect": "import",
        "operation": "chat",
        "provider": _text(given, "provider"),
        "request_model": _text(given, "model"),
        "response_model": _text(given, "model"),
        "input_tokens": _count(given, "input_tokens"),
        "output_tokens": _count(given, "output_tokens"),
        "usage_source": "provider" if given.keys() & {"input_tokens", "output_tokens"} else "none",
        "cost_usd": _number(given, "cost_usd"),
        "user_id": _text(given, "user"),
        "prompt_name": _text(given, "prompt_name"),
        "prompt_version": _text(given, "prompt_version"),
        "experiment": _text(given, "experiment"),
        "variant": _text(given, "variant"),
        "attrs": _attributes(given),
    }


def _content(given: Mapping[str, Any]) -> Row:
    return {
        "origin": "span",
        "system_text": _text(given, "system"),
        "input_messages": _messages(given.get("input"), "user"),
        "output_messages": _messages(given.get("output"), "assistant"),
    }


def _require(record: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """An empty answer is an answer; only a failed call may have none."""
    if record.get("input") is None:
        raise BadRecord("`input` is missing (--map input=COLUMN says where it stands)")
    if record.get("output") is None and "error" not in given:
        raise BadRecord("`output` is missing (--map output=COLUMN says where it stands)")


def _ids(given: Mapping[str, Any], position: int, app: str) -> tuple[str, str]:
    """An id need only be unique within its app, model and time: exports often number each run from 1."""
    if "id" in given:
        parts = ["id", *(str(part) for part in (given["id"], app, given.get("model"), given.get("time")))]
    else:
        parts = ["content", app, str(position), json.dumps(given, sort_keys=True, default=str)]
    hashed = digest(*parts)
    return hashed[:32], hashed[32:48]


def _moment(value: Any, origin: Origin) -> tuple[int, str | None]:
    """When it happened, and a flag where that is a guess: zero and before 1970 is unknown, a day ahead of now is wrong."""
    stated = _time_us(value)
    if stated is None or stated <= 0:
        return origin.changed_us, "time_unknown"
    if stated > origin.received_us + DAY_US:
        return origin.changed_us, "time_future"
    return stated, None


def _time_us(value: Any) -> int | None:
    try:
        return microseconds(value)
    except ValueError:
        raise BadRecord(f"`time` {_short(value)} is neither ISO 8601 nor seconds since 1970") from None


def _text(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is None:
        return None
    return value if isinstance(value, str) else _json(value)


def _number(given: Mapping[str, Any], name: str) -> float | None:
    value = given.get(name)
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise BadRecord(f"`{name}` {_short(value)} is not a number") from None
    if math.isnan(number):
        return None
    if math.isinf(number) or number < 0:
        raise BadRecord(f"`{name}` {_short(value)} cannot be")
    return number


def _count(given: Mapping[str, Any], name: str) -> int | None:
    number = _number(given, name)
    if number is None:
        return None
    if not number.is_integer() or number > 2**62:
        raise BadRecord(f"`{name}` {_short(given[name])} is not a count")
    return int(number)


def _error(value: Any) -> tuple[str | None, str | None]:
    """A word is a type, a sentence is a message."""
    if value is None or value is False or value == "false":
        return None, None
    if isinstance(value, Mapping):
        kind, message = value.get("type") or value.get("code"), value.get("message")
        return str(kind or "error"), None if message is None else str(message)
    if value is True or value == "true":
        return "error", None
    text = _json(value)
    return ("error", text) if " " in text or len(text) > 80 else (text, None)


def _messages(value: Any, role: str) -> str | None:
    """Text becomes one message; a list of {"role", "content"} stays a conversation."""
    if value is None:
        return None
    if isinstance(value, list) and value and all(isinstance(m, Mapping) and "content" in m for m in value):
        return json.dumps([_message(str(m.get("role") or role), m["content"]) for m in value], ensure_ascii=False)
    return json.dumps([_message(role, value)], ensure_ascii=False)


def _message(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": _json(content)}]}


def _attributes(given: Mapping[str, Any]) -> str | None:
    unknown = {key: value for key, value in given.items() if key not in FIELDS and not key.startswith(PREFIX)}
    metadata = given.get("metadata")
    if isinstance(metadata, str):
        metadata = _parsed(metadata)
    if isinstance(metadata, Mapping):
        unknown |= {f"metadata.{key}": value for key, value in metadata.items()}
    elif metadata is not None:
        unknown["metadata"] = metadata
    return json.dumps(unknown, ensure_ascii=False, default=str) if unknown else None


def _scores(given: Mapping[str, Any], common: Row) -> Iterator[Row]:
    scores = given.get("scores", {})
    if isinstance(scores, str):
        scores = _parsed(scores)
    if not isinstance(scores, Mapping):
        raise BadRecord('`scores` is not a mapping of name to value, such as {"helpful": 1}')
    named = dict(scores) | {key.removeprefix(PREFIX): given[key] for key in given if key.startswith(PREFIX)}
    for name, value in named.items():
        if value is None:
            continue
        number, label = _score(value)
        key = digest("score", common["trace_id"], str(name))[:32]
        yield common | {"key": key, "name": str(name), "value": number, "label": label, "origin": "user"}


def _score(value: Any) -> tuple[float | None, str | None]:
    """A number is a value, a word is a label."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None, _json(value)
    return (number, None) if math.isfinite(number) else (None, str(value))


def _parsed(text: str) -> Any:
    """Tables carry nested values as JSON text; text that is not JSON stays what it is."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
