"""Rules of one's own, in front of the shipped ones: a file or a folder of files of the same shape, checked before use.

A mistake is a `ConfigError` with file, line and the name that was probably meant; nothing is taken from a file with one.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

from collectors.dialects.fields import FIELDS
from collectors.dialects.readers import READERS
from collectors.dialects.table import Dialect, Row, Table, shipped
from monitor.config.read import parse_yaml
from monitor.config.yaml_lines import YamlText
from monitor.errors import ConfigError
from monitor.model.rows import KINDS

NOTHING: Final[Mapping[str, str]] = {}
FIRST: Final = -1
"""Before every shipped rule for the same field."""

PARTS: Final = (
    "system",
    "input",
    "output",
    "details",
    "exception",
    "flag",
    "end",
    "score",
    "change",
    "call",
    "asked",
    "step",
    "ran",
    "quiet",
)
"""What an event may hold; the last five are told by log records of their own: a call, a question, a step, a tool's run, nothing."""


def table_with(own: Path | None, dimensions: Mapping[str, str] = NOTHING) -> Table:
    """Return the table of the shipped dialects with the rules of `own`, and keys that say a dimension, in front.

    `dimensions`: attribute or metadata key -> dimension (`dimensions:` of the settings). Raises `ConfigError`.
    """
    rows: tuple[Row, ...] = tuple((key, name, FIRST, "label") for key, name in dimensions.items())
    said = [Dialect("common", rank=0, rows=rows, bag_rows=rows)] if rows else []
    return Table([*said, *own_dialects(own), *shipped()])


def own_dialects(own: Path | None) -> list[Dialect]:
    """Return the dialects of a file, or of the *.yaml and *.yml of a folder by name; none for None. Raises `ConfigError`."""
    if own is None:
        return []
    return [_read(path) for path in _files(own)]


def _files(own: Path) -> list[Path]:
    found = sorted([*own.glob("*.yaml"), *own.glob("*.yml")]) if own.is_dir() else [own]
    if not found:
        raise ConfigError(
            str(own), None, "no dialect file is in this folder", "name a *.yaml file, or remove collector.dialects"
        )
    return found


def _read(path: Path) -> Dialect:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), None, f"cannot be read: {error}", "check the path and that it is UTF-8") from None
    dialect = parse_yaml(text, Dialect, str(path))
    place = YamlText(str(path), text)
    for block in ("rows", "scope_rows", "bag_rows"):
        for problem in _row_faults(place, block, getattr(dialect, block)):
            raise problem
    for problem in _name_faults(place, dialect):
        raise problem
    return dialect


def _row_faults(place: YamlText, block: str, rows: tuple[Row, ...]) -> Iterator[ConfigError]:
    for number, (key, field, _, reader) in enumerate(rows):
        at = (block, number)
        if field not in FIELDS and field not in {"-", "+"}:
            yield place.error(at, f"there is no field `{field}`", _meant(field, FIELDS))
        if reader not in READERS:
            yield place.error(at, f"there is no reader `{reader}`", _meant(reader, READERS))
        if key.startswith("re:") and (problem := _pattern_fault(key[3:])):
            yield place.error(at, f"`{key}` is not a regular expression: {problem}", "quote it with single quotes")
        if not key.removeprefix("re:"):
            yield place.error(at, "the key is empty", "write the attribute key as it is sent")


def _pattern_fault(pattern: str) -> str | None:
    try:
        re.compile(pattern)
    except re.error as error:
        return str(error)
    return None


def _name_faults(place: YamlText, dialect: Dialect) -> Iterator[ConfigError]:
    kinds = [(("kinds", name), kind) for name, kind in dialect.kinds.items()]
    kinds += [(("span_names", name), kind) for name, kind in dialect.span_names.items()]
    kinds += [(("scope_names", name), kind) for name, kind in dialect.scope_names.items()]
    kinds += [(("operations", name), kind) for name, (_, kind) in dialect.operations.items()]
    for at, kind in kinds:
        if kind not in KINDS:
            yield place.error(at, f"there is no kind `{kind}`", _meant(kind, KINDS))
    for block in ("events", "scope_events"):
        for name, part in getattr(dialect, block).items():
            if part not in PARTS:
                yield place.error((block, name), f"an event cannot hold `{part}`", _meant(part, PARTS))


def _meant(name: str, allowed: Collection[str]) -> str:
    close = difflib.get_close_matches(name, list(allowed), n=1, cutoff=0.5)
    return f"did you mean `{close[0]}`?" if close else f"allowed here: {', '.join(allowed)}"
