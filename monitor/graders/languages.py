"""Which language a text is in: by script where a script decides, by the commonest words where it does not.

Function words make up about half of any running text (Zipf), so some dozens of them tell the larger European languages
apart without a model. Not for text below `ENOUGH` words, lists of names, or code: there the answer is None.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import Final

ENOUGH: Final = 5
"""Words below which nothing is said."""

_CLEAR: Final = 1.3
"""How far the best language must lead the second: close relatives share many function words."""

_SHARE: Final = 0.12
"""Least share of function words in running text; names, numbers and code have fewer."""

_WORDS: Final[dict[str, str]] = {
    "en": "the of and to in is that it for you was with on as are be this have from your not we can will our or by has but at if an i my "
    "me do does what how where when which who all any about so they there their would could should been were get like just more than",
    "de": "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er hat dass sie nach wird "
    "bei einer um am sind noch wie einem über einen so zum haben nur oder aber vor zur bis mehr durch man ihre ihnen wir ich kann können",
    "fr": "de la le et les des en un du une que est pour qui dans par plus pas au sur ne se ce il sont avec vous votre nous vos être cette ou à "
    "nos je mais aux si leur été ont sera peut",
    "es": "de la que el en y a los se del las un por con no una su para es al lo como más pero sus le ya o este sí porque esta entre cuando muy "
    "sin sobre también me hasta hay donde puede usted está han",
    "it": "di e il la che in un a per è una sono non con del da le si i al dei come nel più alla ha della gli lo anche ma delle ci questo suo "
    "nella se può essere o ed degli dal siamo abbiamo",
    "pt": "de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele das tem à seu sua ou ser quando muito há "
    "nos já está eu também só pelo pela até isso você pode são",
    "nl": "de het een en van ik te dat die in is niet zijn op aan met als voor er maar om dan zou of wat mijn zo ook bij nog uit kan je u uw we "
    "wordt naar heeft hebben worden deze door over dit kunnen",
    "sv": "och i att det som en på är av för med den till inte har de ett om vi så jag från eller var men kan när nu din du ditt dig också vill "
    "ska vår måste efter finns",
    "da": "og i at det er en til på som med for af de ikke den har et vi om fra kan du der jeg men var eller din så når dit dig også vil skal "
    "efter være bliver hvis",
    "no": "og i det er en til på som med for av de ikke den har et vi om fra kan du jeg men var eller din så når ditt deg også vil skal etter "
    "være blir hvis dere mer",
    "pl": "i w na z się nie do to że jest o jak po co za od ale przez dla są był być czy tak może można oraz jego ich już lub przy tego ten tym "
    "które który pana pani",
    "cs": "a se v na je že s z do o k i to jako za by pro ve po si od jsou ale nebo být které který jeho také podle při není už můžete jen tak "
    "aby má vám vás",
    "ro": "de și în a la cu pe nu o să un este din care mai pentru că ce se au sunt fi sau dar prin după dacă către acest această poate ați "
    "dumneavoastră vă",
    "fi": "ja on ei se että en hän oli ovat mutta ole kun tai myös jos kuin niin voi voit sen olla sekä mitä tämä joka ovat voidaan teidän "
    "sinun meidän",
}
_SPEAKERS: Final[dict[str, list[str]]] = {
    word: [language for language, words in _WORDS.items() if word in words.split()]
    for word in " ".join(_WORDS.values()).split()
}
"""Languages that use a function word."""

_TOKEN: Final = re.compile(r"[^\W\d_]+")
_SCRIPTS: Final = re.compile(
    r"(?P<ja>[\u3040-\u30ff])|(?P<ko>[\uac00-\ud7af])|(?P<zh>[\u4e00-\u9fff])|(?P<el>[\u0370-\u03ff])|(?P<he>[\u0590-\u05ff])"
    r"|(?P<ar>[\u0600-\u06ff])|(?P<hi>[\u0900-\u097f])|(?P<th>[\u0e00-\u0e7f])|(?P<uk>[ґєіїҐЄІЇ])|(?P<ru>[\u0400-\u04ff])"
)
_SPOKEN: Final = 600
"""Characters that are looked at; a hundred words settle it."""

LANGUAGES: Final = frozenset(_WORDS) | frozenset(_SCRIPTS.groupindex)
"""Everything that `detect_language` can answer."""


def detect_language(text: str) -> str | None:
    """Return the ISO 639-1 code of the language of `text`, or None when it is too short or too close to call."""
    return _detect(text[:_SPOKEN])


@lru_cache(maxsize=16)
def _detect(text: str) -> str | None:
    """Several rules ask about the same answer one after the other, so the last few are remembered."""
    script = None if text.isascii() else _by_script(text, len(text) - text.count(" "))
    return script or _by_words(_TOKEN.findall(text.lower()))


def _by_script(text: str, letters: int) -> str | None:
    counts = Counter(match.lastgroup for match in _SCRIPTS.finditer(text))
    if sum(counts.values()) < max(4, letters / 3):
        return None
    if counts["ja"]:
        return "ja"  # Japanese is the one language here that mixes its own script with Chinese characters
    if counts["uk"] > 0.02 * (counts["ru"] + counts["uk"]):
        return "uk"
    return counts.most_common(1)[0][0]


def _by_words(words: list[str]) -> str | None:
    if len(words) < ENOUGH:
        return None
    scores = Counter(language for word in words for language in _SPEAKERS.get(word, ()))
    ranked = [*scores.most_common(2), ("", 0), ("", 0)]
    (language, best), (_, second) = ranked[:2]
    clear = best >= max(2, _SHARE * len(words)) and best >= _CLEAR * second and best >= second + 2
    return language if clear else None
