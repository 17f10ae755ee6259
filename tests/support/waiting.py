"""Waiting for what another process or thread does: the one place where tests of ours sleep in a loop."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_S = 30.0


def becomes(condition: Callable[[], bool], within_s: float = PATIENCE_S, look_every_s: float = 0.02) -> bool:
    """Return whether `condition` comes true before patience ends; it is looked at once more at the end."""
    until = time.monotonic() + within_s
    while not condition():
        if time.monotonic() >= until:
            return condition()
        time.sleep(look_every_s)
    return True


def eventually(
    condition: Callable[[], bool], otherwise: str = "it did not happen", within_s: float = PATIENCE_S
) -> None:
    """Wait until `condition` holds. Raises AssertionError with `otherwise` when it does not."""
    assert becomes(condition, within_s), otherwise
