"""What a text is made of, for comparing how things are worded: words, signs and pairs of neighbours, hashed into a fixed number of places.

Digits count as one sign, so that no number of anybody becomes a word. Where a script puts no space between words, each letter is one.
Not for meaning: two wordings of one thought differ here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice, pairwise, starmap
from typing import Final
from zlib import crc32

import numpy as np

from monitor.scripts import MARKS, SPACELESS
from monitor.stats.ranks import Floats

PLACES: Final = 1024
"""Hashed n-grams share these; two that share one are told apart by their neighbours."""

GRAIN: Final = 64
"""Weights are whole multiples of 1 / 64, so that sums of them are exact in few bytes."""

LONGEST: Final = 24
"""Letters of a word."""

WORDS: Final = 200
"""Words and signs of a text that count: its beginning."""

_TOKEN: Final = re.compile(rf"[{SPACELESS}][{MARKS}]*|(?:(?![{SPACELESS}])[^\W\d_][{MARKS}]*)+|\d+|[^\w\s]|_+")


def ngrams(text: str) -> Iterator[str]:
    """Yield the words, signs and pairs of neighbours of a text, in lower case.

    >>> sorted(set(ngrams("Sure, 12!")))
    ['!', ',', ', 0', '0', '0 !', 'sure', 'sure ,']
    >>> [*ngrams("हिन्दी में")], [*ngrams("您好")]
    (['हिन्दी', 'में', 'हिन्दी में'], ['您', '好', '您 好'])
    """
    words = _words(text)
    yield from words
    yield from map(" ".join, pairwise(words))


def _words(text: str) -> list[str]:
    return [_word(found[0][:LONGEST]) for found in islice(_TOKEN.finditer(text), WORDS)]


@lru_cache(maxsize=10_000)
def _word(token: str) -> str:
    return "0" if token[0].isdigit() else token.lower()


@lru_cache(maxsize=50_000)
def _place(*ngram: str) -> int:
    """Where a word, or a pair of them, is counted: most were met before."""
    return crc32(" ".join(ngram).encode()) % PLACES


def hashed(texts: Sequence[str]) -> Floats:
    """Return one row a text: which n-grams it has, each weighed so that long and short texts say equally much (in multiples of 1 / 64).

    A row has a sum of squares of about 1; that of a text without words is nothing.
    """
    rows = np.zeros((len(texts), PLACES))
    for row, text in zip(rows, texts, strict=True):
        words = _words(text)
        places = [*{*map(_place, words), *starmap(_place, pairwise(words))}]
        row[places] = round(GRAIN / np.sqrt(max(1, len(places)))) / GRAIN
    return rows
