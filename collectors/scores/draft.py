"""One score in our words, whatever words it came in: checked, cut to size, and made a row with a key of its own."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from collectors.batch import Batch
from collectors.decode import BadBody, Outcome
from collectors.decode.occurrences import key_of
from collectors.decode.requests import RequestItem

ORIGINS: Final = ("user", "human", "llm", "code")
MAX_NAME: Final = 200
MAX_ID: Final = 500
MAX_TEXT: Final = 8_000
TRACE: Final = re.compile(r"(?!0{32})[0-9a-f]{32}")
SPAN: Final = re.compile(r"(?!0{16})[0-9a-f]{16}")
IDS: Final = ("response_id", "session_id", "message_id", "environment")
TARGETS: Final = ("trace_id", "span_id", "response_id", "session_id", "message_id")


class Unfit(Exception):
    """This item cannot be a score; the message says why, in words that depend on nothing the sender wrote."""


@dataclass(frozen=True)
class Draft:
    """A score as it was sent, unchecked. `id` makes a repeat the same row; without one the content does."""

    name: Any
    value: Any = None
    label: Any = None
    comment: Any = None
    origin: Any = None
    time: Any = None
    id: Any = None
    metadata: Any = None
    targets: dict[str, Any] = field(default_factory=dict)  # of TARGETS and "environment"; None is absent
    lone_span: bool = False  # a span id may stand without its trace


def objects(listed: Any, what: str) -> list[Any]:
    """Return `listed` when it is a list. Raises `BadBody`."""
    if not isinstance(listed, list):
        raise BadBody(f"not {what}: a list is expected")
    return listed


def add_all(drafts: Iterable[tuple[str, Draft | Unfit]], batch: Batch, received: int, source: str) -> Outcome:
    """Append a row for each (id to answer with, draft); what is unfit is counted in the ledger of `source`, not kept."""
    items: list[RequestItem] = []
    for told, draft in drafts:
        try:
            if isinstance(draft, Unfit):
                raise draft
            row = _row(draft, received)
        except Unfit as unfit:
            items.append(RequestItem(told, str(unfit)))
        else:
            batch.add("scores", **row, received_at=received, source=source)
            items.append(RequestItem(told or str(row["key"]), None))
    reasons = Counter(item.reason for item in items if item.reason is not None)
    for reason, count in reasons.items():
        batch.add("refusals", time=received, source=source, received=count, reason=reason)
    said = "; ".join(f"{reason} ({count})" for reason, count in reasons.items())
    return Outcome(len(items) - reasons.total(), reasons.total(), said, tuple(items))


def _row(draft: Draft, received: int) -> dict[str, Any]:
    name = _text(draft.name, "name", MAX_NAME)
    if name is None:
        raise Unfit("a score needs a name")
    value, label = _value(draft.value), _text(draft.label, "label", None)
    if value is None and label is None:
        raise Unfit("a score needs a value or a label")
    if draft.origin is not None and draft.origin not in ORIGINS:
        raise Unfit(f"source must be one of {', '.join(ORIGINS)}")
    given = moment(draft.time)
    comment = _text(draft.comment, "comment", None)
    metadata, unfit = _metadata(draft.metadata)
    targets, identity = _targets(draft), _text(draft.id, "id", MAX_ID)
    flags = {
        "truncated": unfit or any(text is not None and len(text) > MAX_TEXT for text in (comment, label)),
        "time_unknown": given is None,
        "time_free": identity is not None and given is not None,
    }
    told = [name, value, label, comment, draft.origin, given, metadata, *targets.values()]
    return targets | {
        "key": key_of("score", identity) if identity is not None else key_of("score of", *told),
        "time": received if given is None else given,
        "name": name,
        "value": value,
        "label": _cut(label),
        "comment": _cut(comment),
        "origin": draft.origin,
        "metadata": metadata,
        "flags": ",".join(flag for flag, holds in flags.items() if holds) or None,
    }


def _targets(draft: Draft) -> dict[str, str | None]:
    """Return what is judged; at least one target, and a span only with its trace unless it may stand alone."""
    trace, span = draft.targets.get("trace_id"), draft.targets.get("span_id")
    found = {
        "trace_id": _hex(trace, TRACE, "trace_id must be 32 hex digits"),
        "span_id": _hex(span, SPAN, "span_id must be 16 hex digits"),
        **{name: _text(draft.targets.get(name), name, MAX_ID) for name in IDS},
    }
    if not any(found[name] for name in TARGETS):
        raise Unfit(f"a score needs a target: one of {', '.join(TARGETS)}")
    if found["span_id"] and not found["trace_id"] and not draft.lone_span:
        raise Unfit("span_id needs its trace_id")
    return found


def _hex(value: Any, form: re.Pattern[str], problem: str) -> str | None:
    if value is None or value == "":
        return None
    text = value.lower().replace("-", "") if isinstance(value, str) else ""
    if not form.fullmatch(text):
        raise Unfit(problem)
    return text


def _text(value: Any, name: str, limit: int | None) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise Unfit(f"{name} must be text")
    if limit is not None and len(value) > limit:
        raise Unfit(f"{name} is longer than {limit} characters")
    return value


def _cut(text: str | None) -> str | None:
    return None if text is None else text[:MAX_TEXT]


def _value(value: Any) -> float | None:
    if value is None:
        return None
    try:
        number = float(value) if isinstance(value, bool | int | float) else math.nan
    except OverflowError:
        number = math.nan
    if not math.isfinite(number):
        raise Unfit("value must be a number (text goes into label)")
    return number


def _metadata(value: Any) -> tuple[str | None, bool]:
    """Return an object as JSON text, and whether it was too long to keep."""
    if value is None:
        return None, False
    if not isinstance(value, dict):
        raise Unfit("metadata must be an object")
    text = msgspec.json.encode(value).decode()
    return (text, False) if len(text) <= MAX_TEXT else (None, True)


def moment(value: Any) -> int | None:
    """Return microseconds since the epoch of an ISO 8601 text (UTC where it names no zone) or of Unix seconds."""
    if value is None:
        return None
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
            at = found if found.tzinfo else found.replace(tzinfo=UTC)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            at = datetime.fromtimestamp(value, UTC)
        else:
            raise Unfit("time must be ISO 8601 or Unix seconds")
        seconds = at.timestamp()
    except (ValueError, OverflowError, OSError):
        raise Unfit("time must be ISO 8601 or Unix seconds") from None
    if not 0 < seconds < 4_102_444_800:
        raise Unfit("time must lie between 1970 and 2100")
    return round(seconds * 1_000_000)
