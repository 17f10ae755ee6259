"""`change()`: that something was changed, told by the application that changed it, as the OpenTelemetry event `plumbline.change`."""

from __future__ import annotations

import logging
from typing import Literal

from plumbline_sdk._feedback import outlet, put

_log = logging.getLogger("plumbline_sdk")
Kind = Literal["release", "prompt", "model", "policy", "grader", "data", "traffic", "other"]


def change(kind: Kind, what: str) -> bool:
    """Tell that something was changed now, such as `change("prompt", "refunds 7 is live")`: findings name it, charts draw it.

    Returns False, and logs why, when it could not be recorded; never raises and never waits for the network.
    """
    try:
        if not outlet:
            _log.warning("plumbline: change is not recorded: no init() yet")
            return False
        put("plumbline.change", {"plumbline.change.kind": str(kind), "plumbline.change.what": str(what)[:300]})
    except Exception:  # noqa: BLE001 - the edge of somebody else's application: nothing of ours may fail it
        _log.warning("plumbline: change is not recorded", exc_info=True)
        return False
    return True
