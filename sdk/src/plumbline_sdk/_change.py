"""What an application itself knows: that something was changed (`plumbline.change`), and that a session ended (`session.end`)."""

from __future__ import annotations

import logging
from typing import Any, Literal

from plumbline_sdk._feedback import outlet, put
from plumbline_sdk._tags import current_tags

_log = logging.getLogger("plumbline_sdk")
Kind = Literal["release", "prompt", "model", "policy", "grader", "data", "traffic", "other"]


def change(kind: Kind, what: str) -> bool:
    """Tell that something was changed now, such as `change("prompt", "refunds 7 is live")`: findings name it, charts draw it.

    Returns False, and logs why, when it could not be recorded; never raises and never waits for the network.
    """
    return _told("plumbline.change", {"plumbline.change.kind": kind, "plumbline.change.what": what})


def end_session(session: str | None = None) -> bool:
    """Tell that a session ended, that of `identity` where none is named: it is graded now, not after half an hour of silence.

    Returns as `change` does.
    """
    return _told("session.end", {"session.id": session or current_tags().get("session.id")})


def _told(event: str, given: dict[str, Any]) -> bool:
    try:
        if not outlet or None in given.values():
            _log.warning(
                "plumbline: %s is not recorded: %s", event, "no session is known" if outlet else "no init() yet"
            )
            return False
        put(event, {key: str(value)[:300] for key, value in given.items()})
    except Exception:  # noqa: BLE001 - the edge of somebody else's application: nothing of ours may fail it
        _log.warning("plumbline: %s is not recorded", event, exc_info=True)
        return False
    return True
