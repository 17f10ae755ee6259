"""Texts as numbers: which words and pairs of words they hold, hashed into a fixed number of places.

Not for anything that is kept: where a word lands may change with the next version of the library that hashes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

PLACES: Final = 2048
"""Numbers of one text; a power of two."""

READ: Final = 4_000
"""Characters of a text that are read: the first say enough, and one long text must not cost as much as a thousand."""

_WORD: Final = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]|\w+"
"""A word; where words are not set apart by spaces, a character."""

_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
_SHIFT: Final = np.uint64(64 - PLACES.bit_length() + 1)

Matrix = NDArray[np.float32]


def hashed(texts: Sequence[str]) -> Matrix:
    """Return a row a text and `PLACES` columns: the logarithm of how often its words and pairs of words come, at length one.

    A text without words is a row of zeros.

    >>> one, same, other = hashed(["I cannot help.", "I CANNOT help", "Of course!"])
    >>> round(float(one @ same), 3), round(float(one @ other), 3), round(float(one @ one), 3)
    (1.0, 0.0, 1.0)
    """
    words = pl.Series(texts, dtype=pl.String).str.slice(0, READ).str.to_lowercase().str.extract_all(_WORD)
    found = pl.DataFrame({"row": np.arange(len(texts)), "word": words}).explode("word").drop_nulls()
    rows, words_at = found["row"].to_numpy(), found["word"].hash().to_numpy()
    pairs = rows[1:] == rows[:-1]
    both = (words_at[:-1] * _MIX + words_at[1:]) * _MIX
    at = np.concatenate([rows, rows[1:][pairs]]) * PLACES
    at += np.concatenate([words_at * _MIX, both[pairs]]).__rshift__(_SHIFT).astype(np.int64)
    counts = np.bincount(at, minlength=len(texts) * PLACES).reshape(len(texts), PLACES)
    told = np.log1p(counts, dtype=np.float32)
    told /= np.maximum(np.linalg.norm(told, axis=1, keepdims=True), 1e-9)
    return told
