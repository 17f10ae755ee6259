"""`plumbline import --dry-run`: read everything, write nothing, and say how it was understood."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from collectors.dialects.table import table
from collectors.importers.meanings import words
from collectors.importers.taking import Report, Taking, Terms
from collectors.importers.trial import FormatSeen, KeySeen, Trial, Unwritten
from collectors.redaction.redact import Redactor, redactor_for
from monitor.config.schema import CollectorSettings
from monitor.privacy.patterns import KINDS
from plumbline.cli import show
from plumbline.cli.typed import Form

MAX_PROBLEMS: Final = 20
"""Refusals that are told one by one."""


@dataclass(frozen=True)
class Tried:
    """What a dry run found: as an import reports it, key by key, and the first refusals in words."""

    report: Report
    trial: Trial
    problems: list[str]


def try_out(settings: CollectorSettings, key: bytes, terms: Terms, work: Callable[[Taking, Terms], Report]) -> Tried:
    """Let `work` read as an import would, and write nothing; `key` is that of the installation, or one that nobody keeps."""
    redactor = redactor_for(_all_redaction(settings), key)
    trial = Trial(lambda text: redactor.text(text, ""), terms.names, terms.rules or table())
    problems: list[str] = []
    taking = Taking(
        Unwritten(), trial.count_rows, terms.now_us, lambda line: _note(problems, line, redactor), trial.see
    )
    return Tried(work(taking, terms), trial, problems)


def _all_redaction(settings: CollectorSettings) -> CollectorSettings:
    """What is shown here may end in a ticket: every kind, whatever is stored."""
    redaction = msgspec.structs.replace(settings.redaction, enabled=True, kinds=KINDS)
    return msgspec.structs.replace(settings, redaction=redaction)


def _note(problems: list[str], line: str, redactor: Redactor) -> None:
    if len(problems) < MAX_PROBLEMS:
        problems.append(show.one_line(redactor.text(line, "")))


def told_of_trial(tried: Tried, passed: int, form: Form) -> int:
    """Print what was found; return the exit code an import would have had."""
    if form is Form.JSON:
        show.print_json(as_json(tried, passed))
    else:
        _print(tried, passed)
    return 1 if tried.report.refused else 0


def as_json(tried: Tried, passed: int) -> dict[str, Any]:
    """Return what was found, for programs."""
    report = tried.report
    return {
        "dry_run": True,
        "files": report.files,
        "passed_over": passed,
        "accepted": report.accepted,
        "refused": report.refused,
        "rows": dict(tried.trial.rows),
        "formats": [_format(tried, name) for name in _names(tried)],
        "notes": dict(report.notes),
        "problems": tried.problems,
    }


def _names(tried: Tried) -> list[str]:
    """The formats that were met; topics are no files."""
    return list(dict.fromkeys([*(name for name, _ in tried.report.formats.most_common()), *tried.trial.formats]))


def _format(tried: Tried, name: str) -> dict[str, Any]:
    seen, report = tried.trial.formats.get(name), tried.report
    return {
        "format": name,
        "title": seen.format.title if seen else None,
        "files": report.formats[name],
        "records": seen.records if seen else 0,
        "accepted": report.taken[name],
        "refused": report.turned_away[name],
        "keys": [_key_told(key, one) for key, one in tried.trial.shown_keys(seen)] if seen else [],
        "more_keys": seen.more if seen else 0,
    }


def _key_told(key: str, one: KeySeen) -> dict[str, Any]:
    example = None if one.example is None else show.one_line(one.example)
    return {
        "key": show.one_line(key),
        "understood": one.meaning.how,
        "field": one.meaning.field,
        "count": one.count,
        "example": example,
    }


def _print(tried: Tried, passed: int) -> None:
    report = tried.report
    for name in _names(tried):
        files = report.formats[name]
        seen = tried.trial.formats.get(name)
        print(f"{name}: {seen.format.title if seen else 'nothing that can be imported'}")
        records = f"{seen.records if seen else 0} records" + (f" in {files} files" if files else "")
        print(f"{records}: {report.taken[name]} would be imported, {report.turned_away[name]} refused")
        if seen:
            _print_keys(tried.trial, seen)
        print()
    for line in tried.problems:
        print(f"refused: {line}")
    if report.refused > len(tried.problems):
        print(f"refused: {report.refused - len(tried.problems)} more")
    for note, count in report.notes.most_common():
        print(f"{note}: {count}")
    rows = ", ".join(f"{count} {table}" for table, count in sorted(tried.trial.rows.items())) or "none"
    left = f", {passed} files passed over" if passed else ""
    places = f" from {report.files} files" if report.files else ""
    print(f"dry run, nothing was written: {report.accepted} items{places} ({report.refused} refused{left})")
    print(f"rows that would be written, those that are there already among them: {rows}")


def _print_keys(trial: Trial, seen: FormatSeen) -> None:
    rows = [
        [show.one_line(key), words(one.meaning), one.count, None if one.example is None else show.one_line(one.example)]
        for key, one in trial.shown_keys(seen)
    ]
    show.print_table(["key", "understood as", "values", "example"], rows)
    if seen.more:
        print(f"and {seen.more} values of more keys")
