"""Which texts could hold something that must not be stored: one question of all columns, that most texts do not pass.

Many rows are asked column by column in Rust, few rows as one column, and a few short texts in Python: there the same patterns
cost nothing to begin with. Both engines say the same of printable ASCII, and of nothing else it is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

import polars as pl

from monitor.privacy.canonical import WIDE_HINT
from monitor.privacy.escapes import HIDING
from monitor.privacy.pattern import Pattern

FEW: Final = 64
"""Rows up to which columns are looked through as one: a question of a column costs more than what so few texts do."""

SHORT: Final = 100
SHORT_ONES: Final = 40
"""So many texts of so many characters are looked through without polars, whose patterns begin every question with nothing learnt."""


def likely(
    columns: Sequence[pl.Series], patterns: tuple[Pattern, ...], *, every: bool
) -> Iterator[tuple[pl.Series, pl.Series]]:
    """Yield the columns that may hold something, and where; `every` text is looked through. One question for all of them."""
    if columns and (patterns or every):
        hint = None if every else any_of(patterns)
        masks = _masks(columns, hint) if len(columns[0]) > FEW else _masks_of_few(columns, hint)
        yield from ((column, mask) for column, mask in zip(columns, masks, strict=True) if mask.any())


def _masks(columns: Sequence[pl.Series], hint: str | None) -> list[pl.Series]:
    """Return for each column which texts of it match `hint`, or which there are."""
    texts = pl.all().is_not_null() if hint is None else pl.all().str.contains(hint)
    return pl.DataFrame(columns).select(texts).get_columns()


def _masks_of_few(columns: Sequence[pl.Series], hint: str | None) -> list[pl.Series]:
    """Return the same for columns of few rows, as of one column."""
    rows = len(columns[0])
    found = _found([text for column in columns for text in column], hint)
    return [pl.Series(found[start : start + rows], dtype=pl.Boolean) for start in range(0, len(found), rows)]


def _found(texts: Sequence[str | None], hint: str | None) -> list[bool]:
    """Return which texts match `hint`, or which there are."""
    if hint is None:
        return [text is not None for text in texts]
    if len(texts) > SHORT_ONES:
        return _asked(texts, hint)
    search = re.compile(hint).search
    here = [text is not None and _is_plain(text) for text in texts]
    others = [None if is_here else text for text, is_here in zip(texts, here, strict=True)]
    asked = _asked(others, hint) if any(others) else [False] * len(texts)
    return [
        bool(search(text)) if text and is_here else found
        for text, is_here, found in zip(texts, here, asked, strict=True)
    ]


def _asked(texts: Sequence[str | None], hint: str) -> list[bool]:
    return pl.Series(texts, dtype=pl.String).str.contains(hint).fill_null(value=False).to_list()


def _is_plain(text: str) -> bool:
    """Tell a short text of printable ASCII, of which both engines of patterns say the same."""
    return len(text) <= SHORT and text.isascii() and text.isprintable()


def any_of(patterns: tuple[Pattern, ...]) -> str:
    """Return what stands in every text that may hold something of `patterns`."""
    return "|".join([*(pattern.hint for pattern in patterns), HIDING, WIDE_HINT]) if patterns else "$^"
