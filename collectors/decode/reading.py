"""Attributes -> fields, by the table of rules. The loop over attributes is the hot path of the collector."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from collectors.decode.loose_json import load
from collectors.decode.wire import Attributes
from collectors.dialects.table import Table, Values

WORST: Final = 1000
REDACTED: Final = "__REDACTED__"  # OpenInference, content hidden by configuration
SCRUBBED: Final = "[Scrubbed due to"  # Logfire

Path = tuple[str | int, ...]
Families = dict[tuple[str, int], list[tuple[Path, Any]]]


class Reading(NamedTuple):
    """What the rules made of a set of attributes: fields, what no rule named, the dialect that was spoken, and keys that look like GenAI and that no rule names."""

    values: Values
    rest: Attributes
    dialect: str | None
    unknown: list[str]


def read(attributes: Attributes, table: Table) -> Reading:
    """Apply the table. Of several keys for a field the one with the lowest priority wins; hidden values count as absent."""
    values: Values = {}
    rest: Attributes = {}
    unknown: list[str] = []
    ranks: dict[str, int] = {}
    families: Families = {}
    top, dialect = 0, None
    for key, value in attributes.items():
        field, priority, reader, path, rank, spoken = table[key]
        if field is None:
            rest[key] = value
            if priority:
                unknown.append(key)
            continue
        if rank > top:
            top, dialect = rank, spoken
        if value is None or field == "" or (type(value) is str and (not value or _is_hidden(value))):
            continue
        if path:
            families.setdefault((field, priority), []).append((path, value))
        elif priority < ranks.get(field, WORST):
            found = reader(value)
            if found is not None:
                values[field] = found
                ranks[field] = priority
    _gather(families, values, ranks)
    if "metadata" in values or "tags" in values:
        unknown += _unpack(values, rest, table)
    return Reading(values, rest, dialect, unknown)


def _is_hidden(value: str) -> bool:
    return value[0] in "_[" and (value == REDACTED or value.startswith(SCRUBBED))


def _gather(families: Families, values: Values, ranks: dict[str, int]) -> None:
    for (field, priority), pairs in sorted(families.items(), key=lambda item: item[0][1]) if families else ():
        if field == "arm":
            name, arm = pairs[0]
            values.setdefault("arm", (str(name[0]), arm))
        elif priority < ranks.get(field, WORST):
            values[field] = _rebuilt(pairs)
            ranks[field] = priority


def _rebuilt(pairs: list[tuple[Path, Any]]) -> Any:
    """Put flattened keys together again: a list where the steps are numbers, else an object."""
    root: dict[str | int, Any] = {}
    for path, value in pairs:
        at = root
        for step in path[:-1]:
            inner = at.setdefault(step, {})
            if not isinstance(inner, dict):
                break
            at = inner
        else:
            at.setdefault(path[-1], value)
    return _lists(root)


def _lists(node: dict[str | int, Any]) -> Any:
    for key, value in node.items():
        if type(value) is dict:
            node[key] = _lists(value)
    if all(isinstance(key, int) for key in node):
        return [node[index] for index in sorted(node)]
    return node


def _unpack(values: Values, rest: Attributes, table: Table) -> list[str]:
    """Read metadata objects and `name:value` tags as if each entry were an attribute of its own; return their unknown keys."""
    metadata, tags = values.pop("metadata", None), values.pop("tags", None)
    entries = _entries(metadata) | _tagged(tags)
    found = read({f"metadata.{key}": value for key, value in entries.items()}, table)
    for field, value in found.values.items():
        values.setdefault(field, value)
    rest.update(found.rest)
    if tags is not None:
        rest["tags"] = tags
    return found.unknown


def _entries(metadata: Any) -> dict[str, Any]:
    value = load(metadata).value if isinstance(metadata, str) else metadata
    return {str(key): item for key, item in value.items()} if isinstance(value, dict) else {}


def _tagged(tags: Any) -> dict[str, Any]:
    value = load(tags).value if isinstance(tags, str) else tags
    listed = value if isinstance(value, list) else []
    pairs = (tag.replace("=", ":", 1).split(":", 1) for tag in listed if isinstance(tag, str))
    return {pair[0].strip(): pair[1].strip() for pair in pairs if len(pair) == 2}
