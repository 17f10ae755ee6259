"""`make bench`: every benchmark of the way in, printed as tables. Figures move on a shared machine; ratios are the point."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table

from benchmarks import alerting, bombs, freshness, ingest, leaving, overload, plain_query, redaction, startup

Rows = Sequence[dict[str, object]]


def tables(*, quick: bool) -> Iterator[tuple[str, Rows]]:
    """Yield title and rows of each benchmark, as soon as they are there; `quick` only shows that it runs."""
    spans = {batch: (64 * batch if quick else 60_000 if batch >= 128 else 6_000) for batch in (1, 16, 128, 512)}
    runs = [(batch, collectors) for collectors in (1, 2) for batch in ((16,) if quick else spans)]
    title = "Ingest: acknowledged and visible spans per second; floor = upb parse + DuckDB append, same run"
    yield title, [ingest.measure(batch, spans[batch], collectors) for batch, collectors in runs]
    off = [ingest.measure(batch, spans[batch], 1, redaction=False) for batch in ((16,) if quick else (128, 512))]
    yield "The same with redaction off", off
    rows = (
        [
            {"traffic": name, "off": round(off), "on": round(on), "share": f"{on / off:.0%}"}
            for name, off, on in redaction.measured()
        ]
        if not quick
        else []
    )
    yield "Redaction alone: spans per second of one core, bodies to frames", rows
    yield (
        "Freshness: from the 200 to a query that sees it, at 500 spans a second",
        [freshness.measure(2 if quick else 20)],
    )
    yield "Alerting: a thousand alerts, one look each", alerting.measure(50 if quick else 1000)
    yield "Alerting: from the commit until the request leaves", leaving.measure(2 if quick else leaving.LOOKS)
    yield (
        "Overload: ten times what is sustained",
        _upright(overload.measure(2 if quick else 60, 1 if quick else 10)),
    )
    yield "Start: plumbline up on an empty folder", [startup.measure(1 if quick else 15)]
    yield "A plain query, read by a process of its own", plain_query.measure(50_000 if quick else 1_000_000, None)
    yield "Questions made to hurt", list(bombs.measure(["strings"] if quick else list(bombs.BOMBS)))


def _upright(row: dict[str, object]) -> Rows:
    return [{"what": name, "figure": value} for name, value in row.items()]


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny sizes: shows that it runs, measures nothing")
    console = Console(width=170)
    for title, rows in tables(quick=parser.parse_args().quick):
        if rows:
            console.print(_table(title, rows))


def _table(title: str, rows: Rows) -> Table:
    table = Table(title=title)
    for name in rows[0]:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*map(str, row.values()))
    return table


if __name__ == "__main__":
    main()
