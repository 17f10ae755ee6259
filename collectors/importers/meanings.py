"""What becomes of each key of a record: the field it fills, an attribute that is kept, or nothing that anybody understands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, Literal, NamedTuple

from collectors.dialects.table import UNKNOWN, Table
from collectors.importers.formats import EXPOSURES, INTERACTIONS, OTLP, Format
from collectors.importers.records import FIELDS, PREFIX

How = Literal["field", "attribute", "unknown", "left out"]


class Meaning(NamedTuple):
    """How a key is understood; `field` names what it fills, or says why it is left out."""

    how: How
    field: str | None = None


KEPT: Final = Meaning("attribute")
NOTHING: Final = Meaning("unknown")

WORDS: Final[dict[How, str]] = {"attribute": "kept as attribute", "unknown": "not understood", "left out": "left out"}


def words(meaning: Meaning) -> str:
    """Return a meaning as a person reads it.

    >>> words(Meaning("field", "input_tokens")), words(KEPT)
    ('input_tokens', 'kept as attribute')
    """
    if meaning.how == "field":
        return meaning.field or ""
    return WORDS[meaning.how] + (f": {meaning.field}" if meaning.field else "")


def meanings_in(format_: Format, names: Mapping[str, str], rules: Table) -> Callable[[str], Meaning]:
    """Return the function that tells what a key of `format_` means, under `names` (--map) and the dialects' `rules`."""
    if format_ is OTLP:
        return partial(_ruled, rules)
    if format_ in (INTERACTIONS, EXPOSURES):
        return partial(_mapped, format_, names)
    return partial(_listed, format_)


def _ruled(rules: Table, key: str) -> Meaning:
    """A key that looks like GenAI and that no rule names is kept too, and counted: somebody may want a rule for it."""
    rule = rules[key]
    if rule.field:
        return Meaning("field", rule.field)
    if rule.field == "":
        return Meaning("left out", "a rule says so")
    return Meaning("unknown", "kept as attribute") if rule is UNKNOWN else KEPT


def _mapped(format_: Format, names: Mapping[str, str], key: str) -> Meaning:
    filled = [field for field, column in names.items() if column == key]
    if filled:
        return Meaning("field", ", ".join(filled))
    if key in names:
        return Meaning("left out", f"{key} is taken from {names[key]}")
    if format_ is EXPOSURES:
        return _listed(format_, key)
    return Meaning("field", key) if key in FIELDS or key.startswith(PREFIX) else KEPT


def _listed(format_: Format, key: str) -> Meaning:
    told = format_.keys.get(format_.spelled(key))
    if told is None:
        return NOTHING
    return KEPT if told == "kept" else Meaning("field", told)
