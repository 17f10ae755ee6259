"""PagerDuty's Events API v2 and change events, by their published limits."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from plumbline.demo.stubs.answer import Answer, Asked, refused

LARGEST: Final = 512 * 1024


def pagerduty(asked: Asked) -> Answer:
    """Take one event, or say why not."""
    event = json.loads(asked.body)
    problem = pagerduty_problem(event, len(asked.body))
    if problem is not None:
        return refused(problem)
    asked.model.page(event["dedup_key"], event["event_action"])
    said = {"status": "success", "message": "Event processed", "dedup_key": event["dedup_key"]}
    return Answer(202, json.dumps(said).encode())


def pagerduty_change(asked: Asked) -> Answer:
    """Take one change event; it pages nobody."""
    event = json.loads(asked.body)
    problem = change_problem(event, len(asked.body))
    if problem is not None:
        return refused(problem)
    asked.model.changes.append(event)
    return Answer(202, b'{"status": "success", "message": "Change event processed"}')


def change_problem(event: Any, size: int) -> str | None:
    """Return why the change events API would refuse `event`. It has no key: what comes twice stands there twice."""
    payload = event.get("payload") if isinstance(event, dict) else None
    if not isinstance(payload, dict) or size > LARGEST:
        return "change"
    if len(event.get("routing_key", "")) != 32:
        return "routing_key"
    if not 1 <= len(payload.get("summary", "")) <= 1024:
        return "summary"
    if not is_instant(payload.get("timestamp")):
        return "timestamp"
    if not isinstance(payload.get("custom_details", {}), dict):
        return "custom_details"
    links = event.get("links", [])
    return None if all(isinstance(link, dict) and link.get("href") for link in links) else "links"


def is_instant(said: str | None) -> bool:
    """Whether it is ISO 8601 with a zone, or left out."""
    try:
        return said is None or datetime.fromisoformat(said).tzinfo is not None
    except (TypeError, ValueError):
        return False


TOKEN: Final = "stub-api-token"  # noqa: S105 - public on purpose: of the stand-in


def pagerduty_incidents(asked: Asked) -> Answer:
    """Tell which pages somebody has acknowledged there, as the REST API does; without the token, nothing."""
    if asked.headers.get("authorization") != f"Token token={TOKEN}":
        return Answer(401, b'{"error": {"code": 2006, "message": "Authentication failed"}}')
    told = [
        {
            "type": "incident",
            "incident_key": key,
            "status": "acknowledged",
            "acknowledgements": [{"at": at.isoformat(), "acknowledger": {"type": "user_reference", "summary": who}}],
        }
        for key, (who, at) in asked.model.acknowledged.items()
        if key in asked.model.pages
    ]
    return Answer(200, json.dumps({"incidents": told, "limit": 100, "offset": 0, "more": False}).encode())


def pagerduty_problem(event: dict[str, Any], size: int) -> str | None:
    """Return why the Events API v2 would refuse `event`."""
    if len(event.get("routing_key", "")) != 32:
        return "routing_key"
    if event.get("event_action") not in {"trigger", "acknowledge", "resolve"} or size > LARGEST:
        return "event_action"
    if not 1 <= len(event.get("dedup_key", "")) <= 255:
        return "dedup_key"
    if event["event_action"] != "trigger":
        return None
    payload = event.get("payload", {})
    if not 1 <= len(payload.get("summary", "")) <= 1024 or not payload.get("source"):
        return "payload"
    return None if payload.get("severity") in {"critical", "error", "warning", "info"} else "severity"
