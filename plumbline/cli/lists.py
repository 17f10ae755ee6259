"""Lists of things, as commands print them: some columns for people, everything for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from plumbline.cli import show
from plumbline.cli.typed import Form

NEVER: Final = 9999
"""The year by which rows say that an instant does not come by itself."""

INSTANTS: Final = ("_at", "until", "since", "time")
"""How columns end that hold an instant."""


def print_list(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], form: Form, nothing: str = "") -> None:
    """Print `rows`; `nothing` is noted beside a table without any. In a table times are those of the clock on the wall."""
    if form is Form.JSON:
        show.print_json(rows)
        return
    show.print_table(columns, [[_readable(name, row[name]) for name in columns] for row in rows])
    if nothing and not rows:
        show.note(nothing)


def rows_of(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of an answer that tells its columns apart."""
    return [dict(zip(answer["columns"], row, strict=True)) for row in answer["rows"]]


def _readable(name: str, value: Any) -> Any:
    if not name.endswith(INSTANTS) or not isinstance(value, str | datetime):
        return value
    try:
        return on_the_wall(value if isinstance(value, datetime) else datetime.fromisoformat(value))
    except ValueError:
        return value


def on_the_wall(instant: datetime) -> str:
    """Return an instant in the zone of this machine, which is named; one that never comes ends with its alert."""
    aware = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return "it is good again" if aware.year == NEVER else f"{aware.astimezone():%Y-%m-%d %H:%M %Z}"
