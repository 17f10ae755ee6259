"""`plumbline import`: what you already have, as if it had come through the door."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from collectors.dialects.own import table_with
from collectors.frames import to_tables
from collectors.importers.files import Source
from collectors.importers.formats import BY_NAME, Format
from collectors.importers.load import Import, Report, Terms
from collectors.importers.progress import open_journal
from collectors.importers.records import FIELDS, PREFIX
from collectors.redact import redactor_for
from monitor.cli import show
from monitor.cli.import_places import find_all
from monitor.cli.import_trial import told, try_out
from monitor.cli.progress import bar
from monitor.cli.session import session
from monitor.cli.settings import Given, Resolved, resolve
from monitor.cli.typed import Api, Config, DataDir, Form
from monitor.cli.typed import Format as Shown
from monitor.clock import Clock, SystemClock
from monitor.errors import UsageError
from monitor.keyed import install_key
from monitor.places import prepare
from monitor.spool import SpoolWriter


def run(
    places: Annotated[
        list[str], typer.Argument(metavar="FILE|DIR|URL...", help="Files, folders to look through, or URLs of them.")
    ],
    named: Annotated[
        str | None, typer.Option("--as", metavar="FORMAT", help="Take files for this, whatever they look like.")
    ] = None,
    mapping: Annotated[
        list[str] | None, typer.Option("--map", metavar="FIELD=COLUMN", help="Our field stands in this column.")
    ] = None,
    app: Annotated[str | None, typer.Option("--app", help="The app of interactions that name none.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing; show how each key is understood.")] = False,
    form: Shown = Form.TABLE,
    config: Config = None,
    data_dir: DataDir = None,
    api: Api = None,
) -> int:
    """Read what you already have into the store: JSON, JSON lines, CSV, Parquet or OTLP bodies; plain, .gz or .zst.

    A place is a file, a folder, a pattern such as 'logs/*.json.gz', or a URL of any of these that fsspec can open
    (s3://bucket/prefix needs the extra: pip install 'plumbline[s3]').

    What a file holds is told by its content: otlp, litellm, langsmith, langfuse, bedrock, azure-apim, openai,
    openai-batch-input (joined with the output of the batch), exposures or interactions; --as overrules that.

    An interaction is one record, with any of: id time app environment release model provider prompt_name prompt_version
    experiment variant user session input output system input_tokens output_tokens latency_ms cost_usd error scores
    metadata; only input and output must be there. Importing twice adds nothing; an import that was interrupted goes on
    where it stopped. --dry-run reads everything and writes nothing: it shows formats, counts, and for each key the field it
    fills, or that it is kept as an attribute, or not understood, with a redacted example. Exit code 1 when something was
    refused.
    """
    resolved = resolve(Given(config, data_dir, api=api), Path.cwd())
    names = _names(mapping or [])
    sources, passed = find_all(places, Path.cwd())
    terms = _terms(resolved, names, app, _format(named))
    if dry_run:
        return told(try_out(resolved, sources, terms), passed, form)
    prepare(resolved.places)
    before = _came(resolved)
    report, family = _load(resolved, sources, terms)
    after = _came(resolved)
    _tell(report, passed, Counter(after.get(family)), Counter(before.get(family)))
    return 1 if report.refused else 0


def _came(resolved: Resolved) -> dict[str, dict[str, int]]:
    """What became of the rows of each spool family so far: a running agent loads while we write, so both ends are read."""
    with session(resolved, create=True) as asked:
        asked.settle()
        families: dict[str, dict[str, int]] = asked.status()["families"]
        return families


def _names(mapping: list[str]) -> dict[str, str]:
    names: dict[str, str] = {}
    for entry in mapping:
        name, equals, column = entry.partition("=")
        if not equals or not name or not column:
            raise UsageError(f"--map {entry!r} is not FIELD=COLUMN, such as output=answer")
        if name not in FIELDS and not name.startswith(PREFIX):
            raise UsageError(f"--map {entry!r}: there is no field `{name}` (fields: {', '.join(FIELDS)}, scores.NAME)")
        names[name] = column
    return names


def _terms(resolved: Resolved, names: dict[str, str], app: str | None, format_: Format | None) -> Terms:
    settings, clock = resolved.settings.collector, SystemClock()
    rules = table_with(None if settings.dialects is None else Path(settings.dialects))
    return Terms(names, app, int(settings.max_body_mb * 1_000_000), lambda: _microseconds(clock), format_, rules)


def _load(resolved: Resolved, sources: list[Source], terms: Terms) -> tuple[Report, str]:
    redactor = redactor_for(resolved.settings.collector, install_key(resolved.places.root))
    journal = open_journal(resolved.places.imports, sources, _asked(terms))
    if journal.steps:
        show.note("plumbline: going on with an import that was interrupted")
    spool = SpoolWriter(resolved.places.spool, "import")
    try:
        with bar("import") as progress:
            report = Import(
                spool,
                lambda batch: to_tables(batch, redactor),
                journal,
                terms,
                lambda line: _complain(redactor.text(line, "")),
                progress,
            ).run(sources)
        return report, spool.family
    finally:
        spool.close()


def _asked(terms: Terms) -> str:
    """What else decides the rows: an import that is asked for otherwise is another import."""
    return json.dumps([terms.names, terms.app, terms.format and terms.format.name], sort_keys=True)


def _format(name: str | None) -> Format | None:
    if name is not None and name not in BY_NAME:
        raise UsageError(f"--as {name}: there is no such format (formats: {', '.join(BY_NAME)})")
    return BY_NAME[name] if name else None


def _microseconds(clock: Clock) -> int:
    return int(clock.now().timestamp() * 1_000_000)


def _complain(line: str) -> None:
    print(f"plumbline: {' '.join(show.harmless(line).split())}", file=sys.stderr)


def _tell(report: Report, passed: int, after: Counter[str], before: Counter[str]) -> None:
    left = f", {passed} files passed over" if passed else ""
    print(f"imported {report.accepted} items from {report.files} files ({report.refused} refused{left})")
    print(f"taken for: {', '.join(f'{name} ({count})' for name, count in report.formats.most_common())}")
    for note, count in report.notes.most_common():
        print(f"{note}: {count}")
    stored, known = (after[name] - before[name] for name in ("stored", "duplicate"))
    print(f"stored {stored} new rows, {known} were there already")
