"""How answers look: tables for people, JSON and CSV for programs. Data text is shown as data, never obeyed.

Text from traces may hold terminal escapes or rich markup; both are made visible before they reach a terminal.
"""

from __future__ import annotations

import csv
import json
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

_FORMULA: Final = frozenset("=+-@|%")
"""What a spreadsheet takes for the beginning of a formula, full-width forms too."""

CELL: Final = 300
"""Characters of one cell in a table; JSON and CSV carry all."""

_UPPER_CONTROL = range(127, 160)
_DIRECTION = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))  # Unicode marks that turn the reading direction
_JSON_VISIBLE = {code: f"\\u{code:04x}" for code in (*_UPPER_CONTROL, *_DIRECTION)}
_VISIBLE = {code: f"\\x{code:02x}" for code in (*range(32), *_UPPER_CONTROL)} | {10: "\n", 9: "\t"}
_VISIBLE |= {code: f"\\u{code:04x}" for code in _DIRECTION}


def harmless(value: Any) -> str:
    r"""Return `value` as text that a terminal only displays: control characters become visible escapes.

    >>> harmless("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    return str(value).translate(_VISIBLE)


def one_line(value: Any) -> str:
    """Return `value` as one line that a terminal only displays."""
    return " ".join(harmless(value).split())


def print_json(value: Any) -> None:
    """Print `value` as JSON for programs."""
    print(json.dumps(value, indent=2, ensure_ascii=not _is_utf8(sys.stdout), default=str).translate(_JSON_VISIBLE))


def _is_utf8(stream: TextIO) -> bool:
    return (stream.encoding or "").lower().replace("-", "") == "utf8"


def print_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, raw: bool = False) -> None:
    """Print rows as RFC 4180 CSV; NULL is an empty field, nested values are JSON.

    What a spreadsheet would run as a formula gets an apostrophe in front, and control characters become visible, in
    headers too; with `raw` everything stays as it is stored.
    """
    writer, cell = csv.writer(sys.stdout, lineterminator="\n"), _csv_cell if raw else tame
    writer.writerow([cell(column) for column in columns])
    writer.writerows([cell(value) for value in row] for row in rows)


def tame(value: Any) -> Any:
    r"""Return a cell that a spreadsheet only shows. Numbers stay numbers: a minus in front of one is no formula.

    >>> tame("=1+1"), tame(" @SUM(A1)"), tame("-5"), tame("a\x00b"), tame(-5)
    ("'=1+1", "' @SUM(A1)", "'-5", 'a\\x00b', -5)
    """
    told = _csv_cell(value)
    if not isinstance(told, str):
        return told
    text = harmless(told)
    return f"'{text}" if unicodedata.normalize("NFKC", text).lstrip()[:1] in _FORMULA else text


def _csv_cell(value: Any) -> Any:
    if isinstance(value, dict | list):
        return json.dumps(value, default=str)
    return ("true" if value else "false") if isinstance(value, bool) else value


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows as a table; NULL is a dash."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(Text(harmless(column)), overflow="fold")
    for row in rows:
        table.add_row(*[_cell(value) for value in row])
    console = Console()
    if not console.is_terminal:
        console = Console(width=max(console.width, 200))  # a pipe has no edge to wrap at
    console.print(table)


def _cell(value: Any) -> Text:
    if value is None:
        return Text("-", style="dim")
    shown = json.dumps(value, default=str) if isinstance(value, dict | list | tuple | bool) else value
    text = harmless(f"{shown:.6g}" if isinstance(shown, float) else shown)
    return Text(text if len(text) <= CELL else f"{text[:CELL]}…")


def print_pairs(pairs: Mapping[str, Any]) -> None:
    """Print names and values, one pair a line."""
    width = max((len(name) for name in pairs), default=0)
    for name, value in pairs.items():
        print(f"{harmless(name):<{width}}  {'-' if value is None else harmless(value)}")


def note(text: str) -> None:
    """Say something beside the answer: on stderr, so that the answer stays clean."""
    print(harmless(text), file=sys.stderr)
