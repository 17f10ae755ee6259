"""The requests of OpenAI batches, by custom id: a batch's output says what was answered and not what was asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from collectors.importers.files import ImportSource
from collectors.importers.formats import BATCH_REQUESTS
from collectors.importers.layout import opened
from collectors.importers.readers import READING_ERRORS, read_lines
from collectors.importers.sniff import look

NEIGHBOURS: Final = 50
"""Files of a folder that are looked at in search of a batch's input."""


def requests_of(sources: Iterable[ImportSource]) -> dict[str, bytes]:
    """Return the request bodies of batch input files as JSON by custom id; an id that two requests share is left out."""
    found: dict[str, bytes] = {}
    shared: set[str] = set()
    for source in sources:
        for custom, body in _requests(source):
            if found.setdefault(custom, body) != body:
                shared.add(custom)
    return {custom: body for custom, body in found.items() if custom not in shared}


def _requests(source: ImportSource) -> Iterator[tuple[str, bytes]]:
    try:
        with opened(source) as (file, _):
            for item in read_lines(file):
                record = item.record or {}
                if "custom_id" in record and isinstance(record.get("body"), dict):
                    yield str(record["custom_id"]), msgspec.json.encode(record["body"])
    except READING_ERRORS:
        return  # what could be read of it helps; the results are imported either way


def beside(source: ImportSource) -> list[ImportSource]:
    """Return the batch input files that lie in the folder of `source`."""
    near = [one for one in source.beside() if ".json" in one.label.lower()]
    return [one for one in near[:NEIGHBOURS] if look(one).format is BATCH_REQUESTS]
