"""What `plumbline import` says when it is done: what came, what became of it, and what a reader of the results must know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from collectors.importers.taking import Report
from plumbline.cli import show
from plumbline.cli.import_arms import Arms, lines_of
from plumbline.cli.typed import Form

MOST: Final = 40
"""Lines on experiments; the views have all."""


@dataclass(frozen=True)
class Ended:
    """An import that is over. `passed` files were passed over; `topics` names what was read when it was no file.

    `arms` are the experiments that it changed.
    """

    report: Report
    passed: int
    topics: str | None
    stored: int
    known: int
    late: int
    arms: Sequence[Arms] = ()


def tell(ended: Ended, form: Form) -> None:
    """Print it, for people or for programs."""
    if form is Form.JSON:
        show.print_json(as_json(ended))
    else:
        _print(ended)


def as_json(ended: Ended) -> dict[str, Any]:
    """Return it as plain values."""
    report = ended.report
    return {
        "dry_run": False,
        "topics": ended.topics,
        "files": report.files,
        "passed_over": ended.passed,
        "accepted": report.accepted,
        "refused": report.refused,
        "formats": dict(report.formats),
        "notes": dict(report.notes),
        "stored": ended.stored,
        "duplicate": ended.known,
        "too_old_or_erased": ended.late,
        "experiments": [asdict(arms) for arms in ended.arms],
    }


def _print(ended: Ended) -> None:
    report = ended.report
    left = f", {ended.passed} files passed over" if ended.passed else ""
    places = ended.topics or f"{report.files} files"
    print(f"imported {report.accepted} items from {places} ({report.refused} refused{left})")
    if report.formats:
        print(f"taken for: {', '.join(f'{name} ({count})' for name, count in report.formats.most_common())}")
    for note, count in report.notes.most_common():
        print(f"{note}: {count}")
    print(f"stored {ended.stored} new rows, {ended.known} were there already")
    if ended.late:
        print(f"left out {ended.late} rows that were erased before or are older than rows are kept (agent.retention)")
    for line in [line for arms in ended.arms for line in lines_of(arms)][:MOST]:
        print(show.one_line(line))
