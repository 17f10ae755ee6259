"""`plumbline import`: what you already have, as if it had come through the door."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from collectors.dialects.own import table_with
from collectors.frames import to_tables
from collectors.importers.files import ImportSource
from collectors.importers.formats import BY_NAME, Format
from collectors.importers.load import Import, Steps
from collectors.importers.progress import Journal, open_journal
from collectors.importers.records import FIELDS, PREFIX
from collectors.importers.taking import Report, Taking, Terms
from collectors.importers.trial import Unwritten
from collectors.redaction.redact import redactor_for
from monitor.clock import Clock, SystemClock
from monitor.errors import UsageError
from monitor.places import prepare
from monitor.privacy.keyed import install_key, key_there
from monitor.spool_writer import SpoolWriter
from plumbline.api.questions import Settle, Status
from plumbline.cli import show
from plumbline.cli.import_arms import Arms, arms_now, changed
from plumbline.cli.import_places import find_all
from plumbline.cli.import_report import Ended, tell
from plumbline.cli.import_topics import take_topics, topics_of
from plumbline.cli.import_trial import told_of_trial, try_out
from plumbline.cli.progress import bar
from plumbline.cli.session import session
from plumbline.cli.settings import Given, Resolved, resolve
from plumbline.cli.typed import Api, Config, DataDir, Form
from plumbline.cli.typed import Format as Shown


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
    follow: Annotated[bool, typer.Option("--follow", help="Of a topic: go on when its end is reached.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing; show how each key is understood.")] = False,
    form: Shown = Form.TABLE,
    config: Config = None,
    data_dir: DataDir = None,
    api: Api = None,
) -> int:
    """Read what you already have into the store: JSON, JSON lines, CSV, Parquet or OTLP bodies; plain, .gz or .zst.

    A place is a file, a folder, a pattern such as 'logs/*.json.gz', or a URL of any of these that fsspec can open
    (s3://bucket/prefix needs the extra: pip install 'plumbline[s3]'). kafka://host:port/topic is a topic of OTLP export
    requests (pip install 'plumbline[kafka]'): read up to its end, or on and on with --follow, each time from where the last
    import stopped.

    What a file holds is told by its content: otlp, cloudwatch-spans (aws/spans), python-spans (span.to_json()),
    phoenix-spans, claude-code (transcripts), litellm, langsmith, langfuse, bedrock, azure-apim, openai, openai-batch-input
    (joined with the output of the batch), exposures or interactions; --as overrules that.

    An interaction is one record, with any of: id time app environment release model provider prompt_name prompt_version
    experiment variant user session input output system input_tokens output_tokens latency_ms cost_usd error scores
    metadata; only input and output must be there. Importing twice adds nothing; an import that was interrupted goes on
    where it stopped. --dry-run reads everything and writes nothing: it shows formats, counts, and for each key the field it
    fills, or that it is kept as an attribute, or not understood, with a redacted example. Exit code 1 when something was
    refused.
    """
    resolved = resolve(Given(config, data_dir, api=api), Path.cwd())
    names = _names(mapping or [])
    terms = _terms(resolved, names, app, _format(named))
    topics = topics_of(places, terms, Path.cwd())
    if follow and (topics is None or dry_run):
        raise UsageError("--follow goes on with a topic (kafka://host:port/topic), and not in a dry run")
    sources, passed = ([], 0) if topics else find_all(places, Path.cwd())
    if dry_run:
        key = key_there(resolved.places.root) or secrets.token_bytes(32)
        tried = partial(take_topics, topics, key, commit=False) if topics else partial(_files, sources, Unwritten())
        return told_of_trial(try_out(resolved.settings.collector, key, terms, tried), passed, form)
    prepare(resolved.places)
    key = install_key(resolved.places.root)
    taken = (
        partial(take_topics, topics, key, follow=follow)
        if topics
        else partial(_files, sources, _journal(resolved, sources, terms))
    )
    before = _came(resolved)
    report, family = _load(resolved, key, terms, taken)
    after = _came(resolved)
    stored, known, late = (after.of(family, what) - before.of(family, what) for what in ("stored", "duplicate", "late"))
    tell(
        Ended(report, passed, topics.url if topics else None, stored, known, late, changed(before.arms, after.arms)),
        form,
    )
    return 1 if report.refused else 0


Work = Callable[[Taking, Terms], Report]
"""What reads something and hands it over, item by item."""


def _files(sources: list[ImportSource], steps: Steps, taking: Taking, terms: Terms) -> Report:
    with bar("import") as progress:
        return Import(taking, steps, terms, progress).run(sources)


@dataclass(frozen=True)
class Came:
    """What became of the rows of each spool family so far, and the experiments."""

    families: Mapping[str, Mapping[str, int]]
    arms: Mapping[str, Arms]

    def of(self, family: str, what: str = "stored") -> int:
        """Return one count of one family."""
        return self.families.get(family, {}).get(what, 0)


def _came(resolved: Resolved) -> Came:
    """Ask before and after: a running agent loads while we write."""
    with session(resolved, create=True) as asked:
        asked.ask(Settle())
        return Came(asked.ask(Status())["families"], arms_now(asked))


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
    own = None if settings.dialects is None else Path(settings.dialects)
    rules = table_with(own, resolved.settings.dimensions)
    return Terms(names, app, int(settings.max_body_mb * 1_000_000), lambda: _microseconds(clock), format_, rules)


def _journal(resolved: Resolved, sources: list[ImportSource], terms: Terms) -> Journal:
    journal = open_journal(resolved.places.imports, sources, _asked(terms))
    if journal.steps:
        show.note("plumbline: going on with an import that was interrupted")
    return journal


def _load(resolved: Resolved, key: bytes, terms: Terms, work: Work) -> tuple[Report, str]:
    redactor = redactor_for(resolved.settings.collector, key)
    spool = SpoolWriter(resolved.places.spool, "import")
    complain: Callable[[str], None] = lambda line: _complain(redactor.text(line, ""))  # noqa: E731
    try:
        most = resolved.settings.collector.max_field_kb * 1000
        taking = Taking(spool, lambda batch: to_tables(batch, redactor, most), terms.now_us, complain)
        return work(taking, terms), spool.family
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
    print(f"plumbline: {show.one_line(line)}", file=sys.stderr)
