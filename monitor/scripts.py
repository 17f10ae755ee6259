"""Facts about scripts, as classes of letters for patterns: which put no space between words, and which marks belong to the letter before."""

from __future__ import annotations

import unicodedata
from typing import Final

SPACELESS: Final = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""Scripts that put no space between words (Thai, Lao, Burmese, Khmer, Japanese, Chinese): there, no letter ends a word."""

MARKS: Final = "".join(chr(code) for code in range(0x300, 0x10000) if unicodedata.category(chr(code)) in {"Mn", "Mc"})
"""Vowel signs, accents and the like (Unicode categories Mn and Mc of the basic plane), which `\\w` of `re` leaves out."""
