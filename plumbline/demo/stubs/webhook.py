"""A service that verifies Standard Webhooks signatures and answers any 2xx."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from alerts.channels.signature import verify
from plumbline.demo.stubs.answer import Answer, Asked, refused
from plumbline.demo.stubs.mentions import mentions_in

SECRET = "whsec_dGVzdHMtb25seS1ub3QtYS1zZWNyZXQ="  # noqa: S105 - public on purpose: of the stand-in only


def webhook(asked: Asked) -> Answer:
    """Take one event `{type, timestamp, data}`; its id is what makes a repeat one."""
    stamp = datetime.fromtimestamp(int(asked.headers.get("webhook-timestamp", "0")), UTC)
    if not verify(SECRET, asked.headers, asked.body, asked.now or stamp):
        return refused("signature", 401)
    event = json.loads(asked.body)
    if set(event) != {"type", "timestamp", "data"}:
        return refused("shape")
    active = mentions_in(event)
    if active:
        return refused(f"active: {active}")
    asked.model.take(asked.headers["webhook-id"], event["type"].removeprefix("alert."), event)
    return Answer(200, b"ok")
