"""Files of records -> records, one after the other, each with its place in the file; a bad one is a value, not an end."""

from __future__ import annotations

import contextlib
import csv
import difflib
import io
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any, Final

import msgspec
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from collectors.decode import BadBody
from collectors.decode.loose_json import load
from collectors.importers.layout import FRAME, ZSTD, Layout
from monitor.errors import UsageError

LINE_BYTES: Final = 16 << 20
DOCUMENT_BYTES: Final = 512 << 20
ROWS: Final = 1000
"""Rows of a Parquet file that are held at a time."""

LISTS: Final = ("data", "records", "observations", "traces", "scores", "runs", "value", "items")
"""Names under which an API puts the list that was asked for."""

MARKS: Final = frozenset(
    {
        "id",
        "input",
        "output",
        "trace_id",
        "traceId",
        "CorrelationId",
        "run_type",
        "call_type",
        "schemaType",
        "messages",
        "variant",
    }
)
"""What records have and an answer with a list in it has not: the lists of a record are its own."""

READING_ERRORS: Final = (OSError, EOFError, zlib.error, UnicodeDecodeError, zstandard.ZstdError, pa.ArrowException)


@dataclass(frozen=True)
class ImportItem:
    """One record, or why there is none, with its line (lines, CSV) or row number, from 1 on; 0 is the file as a whole.

    OTLP requests are kept as `raw` bytes: they have a parser of their own.
    """

    position: int
    record: Any
    problem: str = ""
    raw: bytes = b""


def read(file: IO[bytes], layout: Layout, *, raw: bool, max_body: int) -> Iterator[ImportItem]:
    """Yield the items of a file. `raw` leaves JSON unparsed; `max_body` is the limit of one OTLP request in bytes."""
    if layout == "protobuf" or (layout == "document" and raw):
        yield ImportItem(0, None, raw=_whole(file, max_body))
    elif layout == "framed":
        yield from read_framed(file, max_body)
    elif layout == "parquet":
        yield from read_parquet(file)
    elif layout == "csv":
        yield from read_csv(file)
    elif layout == "document":
        yield from read_document(_whole(file, DOCUMENT_BYTES))
    else:
        yield from read_lines(file, raw=raw)


def _whole(file: IO[bytes], limit: int) -> bytes:
    """Return the whole of `file`. Raises `BadBody` when it is larger than `limit` bytes, unpacked."""
    body = file.read(limit + 1)
    if len(body) > limit:
        hint = "collector.max_body_mb" if limit < DOCUMENT_BYTES else "make it JSON lines: jq -c '.[]'"
        raise BadBody(f"larger than {limit / 1e6:g} MB unpacked ({hint})")
    return body


def read_lines(file: IO[bytes], *, raw: bool = False) -> Iterator[ImportItem]:
    """Yield one item for every line that is not empty; each line is a JSON object."""
    number = 0
    while line := file.readline(LINE_BYTES):
        number += 1
        if not line.endswith(b"\n") and len(line) == LINE_BYTES:
            _skip_line(file)
            yield ImportItem(number, None, f"the line is longer than {LINE_BYTES >> 20} MB")
        elif line.strip():
            yield ImportItem(number, None, raw=line) if raw else _line(number, line)


def _skip_line(file: IO[bytes]) -> None:
    while (rest := file.readline(LINE_BYTES)) and not rest.endswith(b"\n"):
        pass


def _line(number: int, line: bytes) -> ImportItem:
    try:
        record = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return ImportItem(number, None, f"not JSON: {error}")
    return _item(number, record)


def _item(number: int, record: Any) -> ImportItem:
    if not isinstance(record, dict):
        return ImportItem(number, None, 'not a JSON object such as {"input": ..., "output": ...}')
    return ImportItem(number, record)


def read_document(body: bytes) -> Iterator[ImportItem]:
    """Yield the records of a JSON document: a list of them, a list inside what an API answered, or one."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        yield from _half(body, str(error))
        return
    for number, record in enumerate(records_in(found), 1):
        yield _item(number, record)


def _half(body: bytes, error: str) -> Iterator[ImportItem]:
    """What can be read of a document that ends too early: every record but the last."""
    read_on = load(body.decode("utf-8", "replace"))
    listed = records_in(read_on.value) if read_on.truncated else []
    for number, record in enumerate(listed[:-1], 1):
        yield _item(number, record)
    yield ImportItem(
        max(0, len(listed)),
        None,
        f"the file ends in the middle of this record: {error}" if listed else f"not JSON: {error}",
    )


def records_in(found: Any) -> list[Any]:
    """Return the records that a JSON value holds."""
    if isinstance(found, list):
        return found
    if not isinstance(found, dict):
        return []
    tables = found.get("tables")
    if isinstance(tables, list):
        return [row for table in tables if isinstance(table, dict) for row in _table(table)]
    return (
        [found] if MARKS & found.keys() else next((found[name] for name in LISTS if _is_list(found.get(name))), [found])
    )


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _table(table: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows of an answer of Log Analytics: columns once, then lists."""
    names = [str(column.get("name")) for column in table.get("columns", []) if isinstance(column, dict)]
    for row in table.get("rows", []):
        if isinstance(row, list):
            yield dict(zip(names, row, strict=False))


def read_framed(file: IO[bytes], limit: int) -> Iterator[ImportItem]:
    """Yield the requests of the Collector's file exporter in protobuf, or in any form it compressed one by one."""
    number = 0
    while head := file.read(FRAME):
        number += 1
        size = int.from_bytes(head, "big")
        body = file.read(size) if len(head) == FRAME and size <= limit else b""
        if len(body) < max(size, 1):
            yield ImportItem(number, None, "the file ends in the middle of this request, or is not what it seems")
            return
        yield _frame(number, body, limit)


def _frame(number: int, body: bytes, limit: int) -> ImportItem:
    if not body.startswith(ZSTD):
        return ImportItem(number, None, raw=body)
    try:
        reader = zstandard.ZstdDecompressor().stream_reader(body)
        unpacked = reader.read(limit + 1)
    except zstandard.ZstdError as error:
        return ImportItem(number, None, f"not valid zstd: {error}")
    if len(unpacked) > limit:
        return ImportItem(number, None, f"larger than {limit / 1e6:g} MB unpacked (collector.max_body_mb)")
    return ImportItem(number, None, raw=unpacked)


def read_csv(file: IO[bytes]) -> Iterator[ImportItem]:
    """Yield one item a row below the header; an empty field is an absent one. The delimiter is a comma, or a tab."""
    csv.field_size_limit(LINE_BYTES)
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline="")
    try:
        yield from _rows(text)
    finally:
        with contextlib.suppress(ValueError):  # closed already, when the reading was given up
            text.detach()  # the file is closed by who opened it


def _rows(text: IO[str]) -> Iterator[ImportItem]:
    first = text.readline()
    delimiter = "\t" if first.count("\t") > first.count(",") else ","
    header = next(csv.reader([first], delimiter=delimiter), [])
    rows = csv.reader(text, delimiter=delimiter)
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield ImportItem(rows.line_num + 1, None, f"not CSV: {error}")
            continue
        if row and len(row) != len(header):
            yield ImportItem(rows.line_num + 1, None, f"{len(row)} fields where the header has {len(header)}")
        elif row:
            yield ImportItem(rows.line_num + 1, dict(zip(header, row, strict=True)))


def read_parquet(file: IO[bytes]) -> Iterator[ImportItem]:
    """Yield one item a row."""
    try:
        parquet = pq.ParquetFile(file)
    except pa.ArrowException as error:
        raise OSError(f"not Parquet: {error}") from None
    number = 0
    for part in parquet.iter_batches(ROWS):
        frame = pl.from_arrow(part)
        for record in frame.iter_rows(named=True) if isinstance(frame, pl.DataFrame) else ():
            number += 1
            yield ImportItem(number, record)


def renamed(record: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return `record` with our field names, where `names` maps a field of ours to the column it stands in."""
    if not names:
        return dict(record)
    taken = {*names, *names.values()}
    rest = {key: value for key, value in record.items() if key not in taken}
    return rest | {field: record[column] for field, column in names.items() if column in record}


def check_columns(name: str, record: Mapping[str, Any], names: Mapping[str, str]) -> None:
    """Refuse a table that has not the columns it is said to have. Raises `UsageError`."""
    for column in names.values():
        if column not in record:
            close = difflib.get_close_matches(column, [str(key) for key in record], n=1)
            hint = f"did you mean `{close[0]}`?" if close else f"it has {', '.join(map(str, record))}"
            raise UsageError(f"{name} has no column `{column}` ({hint})")
