"""One spelling for texts that look the same to a reader, and the way back to where something stood.

Unicode composes one letter in several ways (NFC, UAX 15), hides characters of no width in words, and ends lines in two ways:
`neat` undoes that. `folded` also sets case aside (Unicode case folding: "STRASSE" and "Straße" are one word). Letters of
other alphabets that only look alike stay apart: to confuse them is an attack, not a spelling.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Final

import polars as pl

_NO_WIDTH: Final = re.compile("[\u00ad\u200b-\u200d\u2060\ufeff]")


def neat(texts: pl.Series) -> pl.Series:
    """Return `texts` in one spelling: composed, without characters of no width, with plain line ends."""
    return _spelt(texts, texts.str.replace_all("\r\n", "\n", literal=True), neat_text)


def folded(neat_texts: pl.Series) -> pl.Series:
    """Return texts that are neat already without their case."""
    return _spelt(neat_texts, neat_texts.str.to_lowercase(), str.casefold)


def neat_text(text: str) -> str:
    r"""Return one text in one spelling.

    >>> neat_text("a\u0308\u200b\r\n")
    'ä\n'
    """
    if text.isascii():
        return text.replace("\r\n", "\n")
    return unicodedata.normalize("NFC", _NO_WIDTH.sub("", text)).replace("\r\n", "\n")


def folded_text(text: str) -> str:
    """Return one text in one spelling and one case.

    >>> folded_text("STRASSE") == folded_text("Straße")
    True
    """
    return neat_text(text).casefold()


def place_in(text: str, at: int) -> int:
    """Return which character of `text` stands at `at` of `folded_text(text)`: found by halving, since it is seldom asked."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high) // 2
        if len(folded_text(text[: middle + 1])) > at:
            high = middle
        else:
            low = middle + 1
    return low


def _spelt(texts: pl.Series, plain: pl.Series, spell: Callable[[str], str]) -> pl.Series:
    """Return `plain`, and where a text of `texts` is not ASCII what `spell` makes of it: Rust for the many, Python for the few."""
    rows = (texts.str.len_bytes() != texts.str.len_chars()).fill_null(value=False).arg_true()
    if rows.is_empty():
        return plain
    return plain.scatter(rows, pl.Series([spell(text) for text in texts.gather(rows)], dtype=pl.String))
