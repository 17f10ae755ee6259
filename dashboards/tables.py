"""Tables whose rows lead somewhere: a click on any cell opens what the row is about.

Streamlit loads pandas for its first table, a second and 60 MB, so Overview, the page a visit begins with, has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
import streamlit as st

from dashboards.client import Row
from dashboards.markup import Html, draw, words
from dashboards.numbers import utc
from dashboards.scope import Context
from dashboards.text import one_line

_column = st.column_config

TURN_COLUMNS: Final[dict[str, Any]] = {
    "time": _column.DatetimeColumn("Time (UTC)", format="D MMM HH:mm:ss", width=120),
    "rule_id": _column.TextColumn("Rule", width=110),
    "reason": _column.TextColumn("Why", width=260),
    "input_text": _column.TextColumn("User said", width=240),
    "output_text": _column.TextColumn("User saw", width=340),
    "violates": _column.TextColumn("Violates", width=100),
    "error_type": _column.TextColumn("Error", width=80),
    "duration_s": _column.NumberColumn("Took (s)", format="%.1f", width=70),
    "tokens": _column.NumberColumn("Tokens", format="localized", width=70),
    "cost_usd": _column.NumberColumn("Cost ($)", format="%.4f", width=75),
    "model": _column.TextColumn("Model", width=120),
    "prompt": _column.TextColumn("Prompt", width=120),
    "variant": _column.TextColumn("Arm", width=80),
    "user_id": _column.TextColumn("User", width=90),
    "app": _column.TextColumn("App", width=130),
    "environment": _column.TextColumn("Env.", width=80),
}

LIST: Final = tuple(name for name in TURN_COLUMNS if name not in {"rule_id", "reason"})
VIOLATIONS: Final = ("time", "rule_id", "reason", "input_text", "output_text", "model", "prompt", "app")
EXAMPLES: Final = ("time", "input_text", "output_text", "violates", "model", "prompt")


def turn_row(row: Row) -> Row:
    """Return a turn of the api as cells."""
    tokens = [row[name] for name in ("input_tokens", "output_tokens") if row.get(name) is not None]
    prompt = " ".join(str(row[name]) for name in ("prompt_name", "prompt_version") if row.get(name))
    text = {name: one_line(row.get(name)) for name, shape in TURN_COLUMNS.items() if _is_text(shape)}
    return {
        **text,
        "time": utc(row["time"]),
        "duration_s": None if row.get("duration_ms") is None else row["duration_ms"] / 1000,
        "tokens": sum(tokens) if tokens else None,
        "cost_usd": row.get("cost_usd"),
        "prompt": one_line(prompt) or None,
    }


def _is_text(shape: Any) -> bool:
    return bool(shape["type_config"]["type"] == "text")


def turn_table(context: Context, rows: Sequence[Row], columns: Sequence[str], key: str) -> None:
    """Show turns; a click opens the trace. Columns nobody filled are left out."""
    cells = [turn_row(row) for row in rows]
    filled = [name for name in columns if any(cell[name] is not None for cell in cells)]
    chosen = clickable(cells, {name: TURN_COLUMNS[name] for name in filled}, key)
    if chosen is not None:
        context.go("traces", {"trace": rows[chosen]["trace_id"]})


def clickable(cells: Sequence[Row], columns: dict[str, Any], key: str) -> int | None:
    """Show `cells` and return the row that was clicked, if any."""
    event = st.dataframe(
        pa.table({name: [cell[name] for cell in cells] for name in columns}),
        column_config=columns,
        hide_index=True,
        placeholder="",
        key=key,
        on_select="rerun",
        selection_mode="single-cell",
        row_height=30,
        height=min(38 + 30 * max(1, len(cells)), 38 + 30 * 20),
    )
    picked = event["selection"]["cells"]
    return int(picked[0][0]) if picked and int(picked[0][0]) < len(cells) else None


def still(cells: Sequence[Row], columns: dict[str, Any]) -> None:
    """Show `cells` without anything to click."""
    st.dataframe(
        pa.table({name: [cell.get(name) for cell in cells] for name in columns}),
        column_config=columns,
        hide_index=True,
        placeholder="",
        row_height=30,
        height=min(38 + 30 * max(1, len(cells)), 38 + 30 * 15),
    )


def facts(pairs: dict[str, object]) -> None:
    """Show named values in a grid; those that are not known are left out."""
    known = (
        f"<div><dt>{words(name)}</dt><dd>{words(value, 300)}</dd></div>"
        for name, value in pairs.items()
        if value is not None
    )
    draw(Html(f'<dl class="facts">{"".join(known)}</dl>'))
