"""The named reads of the dashboard: every question it may ask, and no other."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Final

import pyarrow as pa

from monitor.errors import NotFound
from monitor.store.opening import Store, Transaction
from monitor.store.pages import changes, health, quality, sources, traces
from monitor.store.pages.shapes import Forms, PageRead, Param, as_given, used

__all__ = ["PAGES", "PageRead", "Param", "read_page"]

PAGES: Final[dict[str, PageRead]] = health.READS | traces.READS | quality.READS | changes.READS | sources.READS


def read_page(
    store: Store,
    name: str,
    params: Mapping[str, str],
    extra: Mapping[str, pa.Table],
    forms: Forms = as_given,
) -> pa.Table:
    """Return the rows of the named read; `extra` holds the tables kept elsewhere, `alerts` and `notifications`.

    `forms` tells how an id among the parameters may have been written down (redacted, or as a pseudonym).

    Raises `NotFound` for an unknown name, `UsageError` for a bad parameter, `StoreError` when the store cannot be read.
    """
    page = PAGES.get(name)
    if page is None:
        raise NotFound(name)
    values = page.bind(dict(params), forms)
    with store.cursor() as cursor, ExitStack() as lent:
        reader = Transaction(cursor)  # a cursor of its own: what is lent to it, no other read sees
        for table in page.extra:
            lent.enter_context(reader.registered(table, extra[table]))
        for stage in page.stages:
            rows, known = stage.run(reader, values)
            lent.enter_context(reader.registered(stage.name, rows))
            values |= known
        return reader.read(page.sql, used(page.sql, values))
