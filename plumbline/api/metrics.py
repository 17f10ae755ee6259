"""The status of the agent as Prometheus text: every number in it, under the path of names that leads to it.

Text exposition format 0.0.4, https://prometheus.io/docs/instrumenting/exposition_formats/.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_NOT_ALLOWED = re.compile(r"[^a-zA-Z0-9_]+")


def prometheus(status: Mapping[str, Any]) -> str:
    """Return `status` as metrics; text, lists and unknown values are left out, truth is 1 or 0."""
    lines = [f"{name} {_shown(value)}" for name, value in _numbers(status, "plumbline")]
    return "\n".join(["plumbline_up 1", *lines]) + "\n"


def _numbers(value: Any, name: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _numbers(item, f"{name}_{_NOT_ALLOWED.sub('_', str(key)).strip('_')}")
    elif isinstance(value, int | float) and math.isfinite(value):
        yield name, value


def _shown(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))
