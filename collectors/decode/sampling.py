"""How many calls a kept one stands for, where its sender samples and says with which probability it kept what it sent.

Said in the trace state of the W3C (`ot=th:c`, or `ot=p:2` before 2024), or in an attribute: a share or a rate, which is 1 / share.
"""

from __future__ import annotations

import re
from typing import Final

from collectors.decode.wire import WireSpan
from collectors.dialects.table import Values

THRESHOLD: Final = re.compile(r"(?:^|,)\s*ot=(?:[^,]*;)?th:([0-9a-f]{1,14})(?:[;,]|$)")
POWER: Final = re.compile(r"(?:^|,)\s*ot=(?:[^,]*;)?p:(\d{1,2})(?:[;,]|$)")
NEVER: Final = 63
MOST: Final = 1e6
"""A weight beyond this is a mistake of the sender."""


def weight_of(span: WireSpan, values: Values) -> float | None:
    """Return the weight; None where the sender says nothing, or that it keeps all."""
    share = values.get("sampled_share")
    rate = values.get("sampled_rate") or (1 / share if share else None) or _traced(span.trace_state)
    return rate if rate is not None and 1 < rate <= MOST else None


def _traced(state: str) -> float | None:
    if "ot=" not in state:
        return None
    if found := THRESHOLD.search(state):
        rejected = int(found[1].ljust(14, "0"), 16) / 16**14
        return 1 / (1 - rejected)
    found = POWER.search(state)
    return 2.0 ** int(found[1]) if found and int(found[1]) < NEVER else None
