"""Files of records -> records, one after the other, each with its place in the file; a bad one is a value, not an end."""

from __future__ import annotations

import csv
import difflib
import io
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import msgspec
import polars as pl

from monitor.errors import UsageError

LINE_BYTES: Final = 16 << 20
ROWS: Final = 1000
"""Rows of a Parquet file that are held at a time."""

READING_ERRORS: Final = (OSError, EOFError, zlib.error, UnicodeDecodeError)


@dataclass(frozen=True)
class Item:
    """One record, or why there is none, with its line (lines, CSV) or row (Parquet) number, from 1 on."""

    position: int
    record: Mapping[str, Any] | None
    problem: str = ""


def read_lines(file: IO[bytes]) -> Iterator[Item]:
    """Yield one item for every line that is not empty; each line is a JSON object."""
    number = 0
    while line := file.readline(LINE_BYTES):
        number += 1
        if not line.endswith(b"\n") and len(line) == LINE_BYTES:
            _skip_line(file)
            yield Item(number, None, f"the line is longer than {LINE_BYTES >> 20} MB")
        elif line.strip():
            yield _line(number, line)


def _skip_line(file: IO[bytes]) -> None:
    while (rest := file.readline(LINE_BYTES)) and not rest.endswith(b"\n"):
        pass


def _line(number: int, line: bytes) -> Item:
    try:
        record = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Item(number, None, f"not JSON: {error}")
    return _item(number, record)


def read_listed(records: list[Any]) -> Iterator[Item]:
    """Yield one item for every element of a JSON list."""
    for number, record in enumerate(records, 1):
        yield _item(number, record)


def _item(number: int, record: Any) -> Item:
    if not isinstance(record, dict):
        return Item(number, None, 'not a JSON object such as {"input": ..., "output": ...}')
    return Item(number, record)


def read_csv(file: IO[bytes]) -> Iterator[Item]:
    """Yield one item a row below the header; an empty field is an absent one."""
    csv.field_size_limit(LINE_BYTES)
    rows = csv.reader(io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline=""))
    header = next(rows, [])
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield Item(rows.line_num, None, f"not CSV: {error}")
            continue
        if not row:
            continue
        if len(row) != len(header):
            yield Item(rows.line_num, None, f"{len(row)} fields where the header has {len(header)}")
            continue
        yield Item(rows.line_num, dict(zip(header, row, strict=True)))


def read_parquet(path: Path) -> Iterator[Item]:
    """Yield one item a row."""
    try:
        lazy = pl.scan_parquet(path)
        total = lazy.select(pl.len()).collect().item()
    except pl.exceptions.PolarsError as error:
        raise OSError(f"not Parquet: {error}") from None
    for start in range(0, total, ROWS):
        part = lazy.slice(start, ROWS).collect()
        for number, record in enumerate(part.iter_rows(named=True), start + 1):
            yield Item(number, record)


def renamed(record: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return `record` with our field names, where `names` maps a field of ours to the column it stands in."""
    if not names:
        return dict(record)
    taken = {*names, *names.values()}
    rest = {key: value for key, value in record.items() if key not in taken}
    return rest | {field: record[column] for field, column in names.items() if column in record}


def check_columns(path: Path, record: Mapping[str, Any], names: Mapping[str, str]) -> None:
    """Refuse a table that has not the columns it is said to have. Raises `UsageError`."""
    for column in names.values():
        if column not in record:
            close = difflib.get_close_matches(column, [str(key) for key in record], n=1)
            hint = f"did you mean `{close[0]}`?" if close else f"it has {', '.join(map(str, record))}"
            raise UsageError(f"{path} has no column `{column}` ({hint})")
