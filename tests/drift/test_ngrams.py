"""Where n-grams are counted is where their words say."""

from __future__ import annotations

from zlib import crc32

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.drift.ngrams import PLACES, hashed, ngrams


@given(st.lists(st.text("abÄß 1,_您好हि\n", max_size=60) | st.text(max_size=40), max_size=4))
def test_a_row_has_the_places_of_its_n_grams(texts: list[str]) -> None:
    rows = hashed(texts)
    for row, text in zip(rows, texts, strict=True):
        assert {*np.flatnonzero(row).tolist()} == {crc32(one.encode()) % PLACES for one in ngrams(text)}
