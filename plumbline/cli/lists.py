"""Lists of things, as commands print them: some columns for people, everything for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from plumbline.cli import show
from plumbline.cli.typed import Form


def print_list(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], form: Form, nothing: str = "") -> None:
    """Print `rows`; `nothing` is noted beside a table without any."""
    if form is Form.JSON:
        show.print_json(rows)
        return
    show.print_table(columns, [[row[name] for name in columns] for row in rows])
    if nothing and not rows:
        show.note(nothing)
