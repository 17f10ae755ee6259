"""Evidently's side-by-side drift report of two windows, as one HTML file. Beside the descriptors of graders the only importer of evidently and pandas.

Run in a child process, `python -m monitor.drift.via_evidently IN.json OUT.html`, because the import costs seconds and a
few hundred megabytes. IN.json is `{"reference": {name: [number or null, ...]}, "current": {...}}`: numbers only, never text of
a trace, and names are reduced to plain letters, since they end up in a page. Its verdicts use fixed thresholds whose false
alarms depend on the window size: it is there to look at, our findings decide.
"""

from __future__ import annotations

import os
import re
import sys
import warnings
from pathlib import Path

import msgspec
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

_UNSAFE = re.compile(r"[^A-Za-z0-9_:. %=-]")


class Windows(msgspec.Struct, forbid_unknown_fields=True):
    """Two tables of numeric columns; only the columns both have, with two known values or more in each, are compared."""

    reference: dict[str, list[float | None]]
    current: dict[str, list[float | None]]


def write_report(windows: Windows, out: Path) -> None:
    """Write the report of `windows` to `out`. Raises ValueError when there is nothing to compare."""
    names = [n for n in windows.reference if _usable(windows.reference[n]) and _usable(windows.current.get(n, []))]
    if not names:
        raise ValueError("no column has values in both windows")
    plain = {name: _UNSAFE.sub("_", name)[:60] for name in names}
    definition = DataDefinition(numerical_columns=list(plain.values()))
    current, reference = (
        Dataset.from_pandas(_table(side, plain), definition) for side in (windows.current, windows.reference)
    )
    Report([DataDriftPreset()]).run(current, reference).save_html(str(out))


def _usable(values: list[float | None]) -> bool:
    return sum(value is not None for value in values) >= 2


def _table(columns: dict[str, list[float | None]], plain: dict[str, str]) -> pd.DataFrame:
    series = {plain[name]: pd.Series(columns[name], dtype="float64") for name in plain}
    return pd.DataFrame(series)


def main(arguments: list[str]) -> int:
    """Read IN.json, write OUT.html; 0 when written, 2 with one line on stderr when the input is of no use."""
    os.environ["DO_NOT_TRACK"] = "1"  # evidently asks for it before every usage event it would send
    warnings.simplefilter("ignore")  # numpy's remarks on constant columns would be all that anyone sees
    try:
        source, out = arguments
        write_report(msgspec.json.decode(Path(source).read_bytes(), type=Windows), Path(out))
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        print(f"evidently report: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
