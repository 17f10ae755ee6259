"""Labels in files: CSV or JSON lines, under our own names of columns or those of the tools people label with."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from monitor.errors import UsageError

NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "unit_id": ("unit_id", "trace_id", "external_id", "id"),
    "rule_id": ("rule_id", "rule", "question"),
    "verdict": ("verdict", "choice", "label", "response", "value"),
    "note": ("note", "comment", "rationale"),
    "corrected": ("corrected", "corrected_answer", "suggestion"),
    "key": ("key", "annotation_id", "response_id"),
    "plan": ("plan",),
    "inclusion_probability": ("inclusion_probability",),
    "review_id": ("review_id",),
}
"""What a label says, and the columns it may stand under: ours, then those of Label Studio (CSV export) and Argilla (records)."""

VERDICTS: Final = {
    "violation": "violates",
    "violate": "violates",
    "compliant": "complies",
    "comply": "complies",
    "ok": "complies",
    "unsure": "cannot_judge",
    "cannot judge": "cannot_judge",
}
"""Words of others for ours."""


def read_label_file(path: Path) -> list[dict[str, Any]]:
    """Return the labels of a CSV file, or of JSON lines, as the agent takes them. Raises `UsageError` where it is neither."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error} (give a CSV file, or JSON lines, in UTF-8)") from None
    rows = list(_json_lines(path, text) if text.lstrip().startswith("{") else csv.DictReader(text.splitlines()))
    if not rows:
        raise UsageError(f"{path}: holds no label (a first line with the names of the columns, then one label a line)")
    return [_label(row) for row in rows]


def _json_lines(path: Path, text: str) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                raise UsageError(f"{path}:{number}: is no JSON: {error}") from None
            if not isinstance(row, dict):
                raise UsageError(f"{path}:{number}: is no object (write one label a line)")
            yield row


def _label(row: Mapping[str, Any]) -> dict[str, Any]:
    """What is empty was not said; whose label it is follows from who sends it."""
    found = {
        name: next((row[of] for of in columns if row.get(of) not in (None, "")), None)
        for name, columns in NAMES.items()
    }
    label = {name: value for name, value in found.items() if value is not None}
    if "verdict" in label:
        said = str(label["verdict"]).strip().lower()
        label["verdict"] = VERDICTS.get(said, said.replace(" ", "_"))
    if isinstance(label.get("inclusion_probability"), str):
        label["inclusion_probability"] = _number(label["inclusion_probability"])
    return label


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
