"""Things that happened at an instant: messages, scores, feature flags, exceptions. They come as log records or span events."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from collectors.batch import Batch
from collectors.decode.loose_json import load
from collectors.decode.messages import Message, messages_of
from collectors.decode.wire import Attributes
from collectors.dialects.table import Values
from monitor.model.rows import CHANGE_KINDS

ROLES: Final = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
    "gen_ai.choice": "assistant",
    "gen_ai.content.prompt": "user",
    "gen_ai.content.completion": "assistant",
}

NO_EXPERIMENT: Final = frozenset({"static", "default", "disabled", "error"})
"""Reasons of a flag evaluation that say: nobody was assigned to anything."""


def key_of(*parts: Any) -> str:
    """Return 16 hex digits that depend on the content only, so that a repeated delivery is the same row."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode("utf-8", "replace")).hexdigest()[:16]


def event_messages(name: str, body: Any, attributes: Attributes) -> list[Message]:
    """Return the messages of a generation-1 event, whose content is its body or, on span events, its attributes."""
    role = ROLES.get(name, "user")
    for source in (load(body).value if isinstance(body, str) else body, attributes):
        if isinstance(source, str) and source:
            return messages_of(source, role)
        if isinstance(source, dict) and source:
            found = messages_of(_message_object(source, role), role)
            if found:
                return found
    return []


def _message_object(source: dict[str, Any], role: str) -> Any:
    text = source.get("gen_ai.prompt") or source.get("gen_ai.completion") or source.get("gen_ai.event.content")
    if isinstance(text, str):
        return load(text).value
    inner = source.get("message")
    named = {"role": role} | {key: value for key, value in source.items() if key in EVENT_KEYS}
    if inner is None:
        return named
    told = load(inner).value if isinstance(inner, str) else inner
    return named | ({"message": told} if isinstance(told, dict) else {"content": told})


EVENT_KEYS: Final = frozenset({"role", "content", "tool_calls", "tool_call_id", "id", "finish_reason", "parts", "name"})


def listed_events(value: Any) -> list[dict[str, Any]]:
    """Return events that came as a list in an attribute (Logfire), with their name among their fields."""
    listed = load(value).value if isinstance(value, str) else value
    return [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []


def flag_of(values: Values, attributes: Attributes) -> dict[str, str] | None:
    """Return {experiment, variant, context_id} of a flag evaluation that assigned somebody, else None."""
    if str(attributes.get("feature_flag.result.reason", "")).lower() in NO_EXPERIMENT:
        return None
    variant = values.get("variant", attributes.get("feature_flag.result.value"))
    if variant is None or "experiment" not in values:
        return None
    context = attributes.get("feature_flag.context.id")
    flag = {"experiment": values["experiment"], "variant": str(variant)[:256]}
    return flag | {"context_id": str(context)[:256]} if context is not None else flag


LONGEST_WHAT: Final = 300


def add_change(batch: Batch, attributes: Attributes, *, app: str, time: int, received: int) -> str | None:
    """Append a change that the application itself told (`plumbline_sdk.change`), or return why not."""
    kind, said = (attributes.get(f"plumbline.change.{name}") for name in ("kind", "what"))
    what = " ".join("".join(letter if letter.isprintable() else " " for letter in str(said or "")).split())
    if kind not in CHANGE_KINDS:
        return f"the kind of a change must be one of {', '.join(CHANGE_KINDS)}"
    if not what or len(what) > LONGEST_WHAT:
        return f"a change needs what was changed, in at most {LONGEST_WHAT} characters"
    batch.add(
        "changes",
        key=key_of("change", kind, app, what, time),
        time=time,
        received_at=received,
        kind=kind,
        app=app,
        what=what,
        told_by="plumbline_sdk",
        source=app,
    )
    return None


DAY_US: Final = 86_400_000_000


def add_exposure(
    batch: Batch, flag: dict[str, str], attributes: Attributes, *, time: int, received: int, source: str
) -> None:
    """Append an exposure, where a flag that splits traffic told whom it put where: a row a user, arm and day, however often it is told."""
    if str(attributes.get("feature_flag.result.reason", "")).lower() != "split" or "context_id" not in flag:
        return
    batch.add(
        "exposures",
        key=key_of("exposure", flag["experiment"], flag["variant"], flag["context_id"], time // DAY_US),
        time=time,
        received_at=received,
        user_id=flag["context_id"],
        experiment=flag["experiment"],
        variant=flag["variant"],
        source=source,
    )


def add_score(
    batch: Batch,
    values: Values,
    *,
    trace_id: str | None,
    span_id: str | None,
    time: int,
    at: int,
    received: int,
    source: str,
) -> bool:
    """Append a score; False when the event names none. An evaluator that failed leaves a score without value.

    `at` is the time as sent: the identity of the row must not depend on when it was received.
    """
    name = values.get("score_name")
    if name is None:
        return False
    value, text, response = values.get("score_value"), values.get("score_label"), values.get("response_id")
    failure = values.get("error_type")
    batch.add(
        "scores",
        key=key_of(trace_id, span_id, at, name, value, text, response),
        time=time,
        received_at=received,
        trace_id=trace_id,
        span_id=span_id,
        response_id=response,
        session_id=values.get("session_id"),
        message_id=values.get("message_id"),
        name=name,
        value=value,
        label=text,
        comment=values.get("score_comment") or (f"evaluator failed: {failure}" if failure else None),
        origin="event",
        source=source,
    )
    return True
