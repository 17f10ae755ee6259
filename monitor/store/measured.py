"""What a turn measures, as SQL over `t` (a row of `base.turns`) and `f` (the features of its answer): named once for all reads."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

NUMBERS: Final = MappingProxyType(
    {
        "output_chars": "f.output_chars::DOUBLE",
        "duration_ms": "t.duration_ms",
        "output_tokens": "t.output_tokens::DOUBLE",
        "cost_usd": "t.cost_usd",
    }
)
"""What nearly every turn has, so that to lack it is news."""

ERROR: Final = MappingProxyType({"error": "(t.error_type IS NOT NULL)::DOUBLE"})

ENDINGS: Final = MappingProxyType(
    {
        "steps": "nullif(t.n_calls, 0)::DOUBLE",
        "tool_calls": "t.n_tools::DOUBLE",
        "tool_error": "CASE WHEN t.n_tools > 0 THEN (t.n_failed_tools > 0)::DOUBLE END",
        "cut_off": "(lower(t.finish_reason) IN ('length', 'max_tokens', 'max_output_tokens'))::DOUBLE",
    }
)
"""What it took, and how it ended; cut off is an answer that had no more room."""

MISSING: Final = MappingProxyType({f"missing:{name}": f"({sql} IS NULL)::DOUBLE" for name, sql in NUMBERS.items()})

MEASURED: Final = MappingProxyType({**NUMBERS, **ERROR, **ENDINGS, **MISSING})
"""All of them, by what the metric is called."""


def columns(measures: Mapping[str, str]) -> str:
    """Return the columns of a SELECT, each under the name of its measure."""
    return ", ".join(f"{sql} AS {name}" for name, sql in measures.items())
