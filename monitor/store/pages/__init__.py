"""The named reads of the dashboard: every question it may ask, and no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import pyarrow as pa

from monitor.store.pages import changes, health, quality, traces
from monitor.store.pages.shapes import PageRead, Param

__all__ = ["PAGES", "PageRead", "Param", "read_page"]

PAGES: Final[dict[str, PageRead]] = health.READS | traces.READS | quality.READS | changes.READS


class ArrowReader(Protocol):
    """Something that answers SQL with an Arrow table: the store."""

    def arrow(self, sql: str, params: Sequence[Any] | Mapping[str, Any] | None = None) -> pa.Table: ...


def read_page(reader: ArrowReader, name: str, params: Mapping[str, str]) -> pa.Table:
    """Return the rows of the named read. Raises KeyError for an unknown name, `UsageError` for a bad parameter."""
    page = PAGES[name]
    return reader.arrow(page.sql, page.bind(dict(params)))
