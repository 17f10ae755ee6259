"""`make bench`: every benchmark, printed as tables. Figures move by up to 2x on a shared machine; ratios are the point."""

from __future__ import annotations

import argparse

from rich.console import Console
from rich.table import Table

from benchmarks.ingest import measure


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=120_000, help="spans at batch 512; smaller batches send fewer")
    parser.add_argument("--batches", type=int, nargs="*", default=[1, 16, 128, 512])
    arguments = parser.parse_args()
    rows = [measure(b, arguments.spans if b >= 128 else arguments.spans // 10, 8) for b in arguments.batches]
    table = Table(title="Ingest: acknowledged and visible spans per second, floor = upb parse + DuckDB append")
    for name in rows[0]:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*map(str, row.values()))
    Console(width=170).print(table)


if __name__ == "__main__":
    main()
