"""A dead man's switch: counts the signs of life it gets."""

from __future__ import annotations

import json

from plumbline.demo.stubs.answer import Answer, Asked, refused


def ping(asked: Asked) -> Answer:
    """Take one sign of life."""
    if json.loads(asked.body).get("from") != "plumbline":
        return refused("ping")
    asked.model.signs += 1
    return Answer(200, b"OK")
