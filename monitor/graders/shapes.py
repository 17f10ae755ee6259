"""Whether a JSON value has a declared shape: the part of JSON Schema (2020-12) by which tools are declared.

Keywords that are not known are refused when the schema is read, so that none is passed over in silence. Not for references between
schemas, formats, or conditions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

Schema = Mapping[str, Any]

TYPES: Final[dict[str, Callable[[Any], bool]]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: isinstance(value, int | float) and not isinstance(value, bool) and value == int(value),
}
ANNOTATIONS: Final = frozenset(
    {"title", "description", "default", "examples", "format", "deprecated", "$schema", "$comment", "strict"}
)
_BOUNDS: Final[dict[str, tuple[Callable[[Any, Any], bool], str]]] = {
    "minimum": (lambda value, bound: value >= bound, "is below {}"),
    "maximum": (lambda value, bound: value <= bound, "is above {}"),
    "exclusiveMinimum": (lambda value, bound: value > bound, "is not above {}"),
    "exclusiveMaximum": (lambda value, bound: value < bound, "is not below {}"),
    "minLength": (lambda value, bound: len(value) >= bound, "is shorter than {}"),
    "maxLength": (lambda value, bound: len(value) <= bound, "is longer than {}"),
    "minItems": (lambda value, bound: len(value) >= bound, "has fewer items than {}"),
    "maxItems": (lambda value, bound: len(value) <= bound, "has more items than {}"),
    "pattern": (lambda value, bound: re.search(bound, value) is not None, "has another form"),
}
_OF_KIND: Final = {"Length": str, "Items": list, "pattern": str}
KEYWORDS: Final = frozenset(
    {"type", "enum", "const", "required", "properties", "additionalProperties", "items", "anyOf", "oneOf", *_BOUNDS}
)


def check_schema(schema: Any, at: str = "") -> None:
    """Raise `ValueError` for what is no schema, or has a keyword that is not looked at."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        raise ValueError(f"{at or 'a schema'} is not an object")  # noqa: TRY004 what reads policies expects a ValueError
    problem = next(_problems(schema), None)
    if problem:
        raise ValueError(f"{problem} of {at or 'a schema'}")
    for name, inner in _inner(schema):
        check_schema(inner, f"{at}.{name}".lstrip("."))


def _problems(schema: Schema) -> Iterator[str]:
    yield from (
        f"the keyword {key} is not looked at, and stands in that"
        for key in sorted(schema.keys() - KEYWORDS - ANNOTATIONS)
    )
    yield from (f"type {name} is none of JSON, but that" for name in _listed(schema.get("type")) if name not in TYPES)
    try:
        re.compile(schema.get("pattern", ""))
    except (re.error, TypeError) as error:
        yield f"a pattern cannot be read ({error}), that"


def _inner(schema: Schema) -> Iterator[tuple[str, Any]]:
    yield from schema.get("properties", {}).items()
    yield from ((key, schema[key]) for key in ("items", "additionalProperties") if key in schema)
    yield from ((key, inner) for key in ("anyOf", "oneOf") for inner in schema.get(key, ()))


def mismatches(value: Any, schema: Any, at: str = "") -> Iterator[str]:
    """Yield where `value` differs from a schema that was checked; names of keys are told, values never."""
    if isinstance(schema, bool):
        if not schema:
            yield f"{at or 'the whole'} is not allowed"
        return
    types = _listed(schema.get("type"))
    if types and not any(TYPES[name](value) for name in types):
        yield f"{at or 'the whole'} is no {' or '.join(types)}"
        return
    yield from _chosen(value, schema, at)
    yield from _bounded(value, schema, at)
    if isinstance(value, dict):
        yield from _keyed(value, schema, at)
    if isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            yield from mismatches(item, schema["items"], f"{at}[{number}]")


def _listed(types: Any) -> list[str]:
    return [] if types is None else [types] if isinstance(types, str) else list(types)


def _chosen(value: Any, schema: Schema, at: str) -> Iterator[str]:
    where = at or "the whole"
    if "enum" in schema and not any(_same(value, one) for one in schema["enum"]):
        yield f"{where} is none of the values that are declared"
    if "const" in schema and not _same(value, schema["const"]):
        yield f"{where} is not the value that is declared"
    fitting = {
        key: sum(not any(mismatches(value, one)) for one in schema[key]) for key in ("anyOf", "oneOf") if key in schema
    }
    if fitting.get("anyOf") == 0 or fitting.get("oneOf", 1) != 1:
        yield f"{where} has none of the shapes that are declared"


def _same(one: Any, other: Any) -> bool:
    """JSON keeps true and 1 apart."""
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _bounded(value: Any, schema: Schema, at: str) -> Iterator[str]:
    for key, (holds, words) in _BOUNDS.items():
        if key in schema and _applies(key, value) and not holds(value, schema[key]):
            yield f"{at or 'the whole'} {words.format(schema[key])}"


def _applies(key: str, value: Any) -> bool:
    kind = next((kind for end, kind in _OF_KIND.items() if key.endswith(end)), None)
    return isinstance(value, kind) if kind else TYPES["number"](value)


def _keyed(value: dict[str, Any], schema: Schema, at: str) -> Iterator[str]:
    known = schema.get("properties", {})
    yield from (f"{at}.{name}".lstrip(".") + " is missing" for name in schema.get("required", ()) if name not in value)
    for name, inner in value.items():
        place = f"{at}.{name}".lstrip(".")
        if name in known:
            yield from mismatches(inner, known[name], place)
        elif schema.get("additionalProperties", True) is False:
            yield "a key is not declared" + (f" in {at}" if at else "")
        else:
            yield from mismatches(inner, schema.get("additionalProperties", True), place)
