"""Arguments and results of tools as values: what JSON holds, leaf by leaf, and the texts in it that name something."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from monitor.graders.normal import folded_text

DEEPEST: Final = 20

_NAMING: Final = re.compile(
    r"https?://[^\s<>\"'`)\]}]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|<[A-Z_]+_[0-9a-f]{4,}>"
    r"|(?<![\w.])(?:/[\w.-]+){2,}|\b[A-Z]{2}\d{2}[A-Z0-9]{10,30}\b|\b0x[0-9a-fA-F]{8,}\b|\b[\w-]*\d{4,}[\w-]*\b"
)
"""Addresses, placeholders of redacted values, paths, accounts, wallets and numbers: what says to whom, where, or which."""

_LEAST: Final = 5


def value_of(text: str | None) -> Any:
    """Return what JSON `text` holds; other text as it is, and None for None."""
    if text is None:
        return None
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text


def leaves(value: Any, depth: int = 0) -> Iterator[str]:
    """Yield the texts and numbers of a JSON value; JSON inside a text is looked into, too."""
    if depth > DEEPEST:
        return
    if isinstance(value, dict):
        for inner in value.values():
            yield from leaves(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, depth + 1)
    elif isinstance(value, str):
        inner = value_of(value) if value[:1] in "{[" else value
        if isinstance(inner, str):
            yield inner
        else:
            yield from leaves(inner, depth + 1)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def naming(arguments: str | None) -> Iterator[str]:
    """Yield what arguments name: of every leaf the addresses and numbers in it (of a page also without its query), and a short leaf as a whole."""
    for leaf in leaves(value_of(arguments)):
        found = [match.group().rstrip(".,;:") for match in _NAMING.finditer(leaf)]
        yield from (name for name in found if len(name) >= _LEAST)
        yield from (name.partition("?")[0].rstrip("/") for name in found if "://" in name)
        if not found and _LEAST <= len(leaf.strip()) <= 200:
            yield leaf.strip()


def squeezed(text: str) -> str:
    """Return text in one spelling, case and spacing, so that the same name is found however it is written."""
    return " ".join(folded_text(text).split())
