"""What a file is, found out from its first records; nothing is believed of its name."""

from __future__ import annotations

import io
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any, Final

from collectors.decode import BadBody
from collectors.decode.loose_json import load
from collectors.importers.files import ImportSource
from collectors.importers.formats import EXPOSURES, INTERACTIONS, OTLP, Format, recognised
from collectors.importers.layout import HEAD, Layout, layout_of, opened
from collectors.importers.readers import READING_ERRORS, read_csv, read_lines, read_parquet, records_in, renamed

SAMPLE: Final = 100
"""Records that decide."""


@dataclass(frozen=True)
class Seen:
    """What a file was taken for. Without a `format` it is nothing that is known; `problem` is why it could not be read."""

    layout: Layout
    format: Format | None
    problem: str = ""


def look(source: ImportSource, named: Format | None = None, names: Mapping[str, str] | None = None) -> Seen:
    """Return what `source` holds; with `names`, records are ours under other names; `named` overrules what its records look like. Never raises for what is in the file."""
    try:
        with opened(source) as (file, _):
            head = _head(file)
            layout = layout_of(head)
            sample = _parquet(source) if layout == "parquet" else _sample(head, layout)
    except (BadBody, *READING_ERRORS) as error:
        return Seen("document", None, str(error) or type(error).__name__)
    if layout in ("protobuf", "framed"):
        return Seen(layout, OTLP)
    return Seen(layout, named or (_ours(sample, names) if names else _format(source, layout, sample)))


def _ours(sample: list[Any], names: Mapping[str, str]) -> Format:
    mapped = [renamed(record, names) for record in sample if isinstance(record, dict)]
    return EXPOSURES if mapped and all(EXPOSURES.looks(record) for record in mapped) else INTERACTIONS


def _format(source: ImportSource, layout: Layout, sample: list[Any]) -> Format | None:
    """A recorded body may be `{}`: a request with nothing in it, which exporters send."""
    if source.signal is not None or sample == [{}]:
        return OTLP
    found = recognised(sample)
    return INTERACTIONS if found is None and (layout != "document" or len(sample) != 1) else found


def _head(file: IO[bytes]) -> bytes:
    parts: list[bytes] = []
    size = 0
    while size < HEAD and (part := file.read(HEAD - size)):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _sample(head: bytes, layout: Layout) -> list[Any]:
    whole = len(head) < HEAD
    if layout == "document":
        return records_in(load(head.decode("utf-8", "replace")).value)[:SAMPLE]
    if layout not in ("lines", "csv"):
        return []
    kept = head if whole or b"\n" not in head else head[: head.rindex(b"\n") + 1]
    if layout == "lines" and b"\n" not in kept.strip():  # one line, which may be longer than what was read
        found = load(kept.decode("utf-8", "replace")).value
        return [found] if isinstance(found, dict) else []
    items = read_lines(io.BytesIO(kept)) if layout == "lines" else read_csv(io.BytesIO(kept))
    return [item.record for item in itertools.islice(items, SAMPLE) if item.record is not None]


def _parquet(source: ImportSource) -> list[Any]:
    with opened(source) as (file, _):
        return [item.record for item in itertools.islice(read_parquet(file), SAMPLE)]
