"""What a judge said, held against what it was asked: a code of this call, quotes that stand there, and how sure it is.

Whatever does not hold is no verdict: it is asked for once more, and then a person must look.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from monitor.graders.grader import Judgement
from monitor.graders.normal import folded_text, place_in
from monitor.judges.question import Item, Prompt
from monitor.model.values import Verdict

LONGEST: Final = 600
"""Characters of a judge's reason that are kept."""

SURE: Final[Mapping[str, float]] = {"low": 0.6, "med": 0.8, "high": 0.95}
"""What a word of confidence stands for where the transport gives no probabilities."""


class Unusable(Exception):
    """A reply that is no verdict; the text says why, and quotes nothing of it."""


@dataclass(frozen=True)
class Heard:
    """What came back: the fields of the reply, the tokens it took, and how probable each code was, where that was given.

    `declined` is said where the judge refused to answer at all, `mute` where it gives probabilities and no text.
    """

    fields: Mapping[str, Any]
    input_tokens: int | None = None
    output_tokens: int | None = None
    chances: Mapping[str, float] | None = None
    declined: bool = False
    mute: bool = False


@dataclass(frozen=True)
class Word:
    """A judge's verdict on one answer. `judgement.score` is its belief that the rule is violated; `words` are its own, about hostile text."""

    judgement: Judgement
    words: str


def read(heard: Heard, prompt: Prompt, item: Item, judge: str) -> Word:
    """Return the verdict of `judge`. Raises `Unusable`."""
    if heard.declined:
        raise Unusable("it refuses to answer")
    verdict, quotes = _verdict(heard.fields, prompt), _quotes(heard.fields)
    places = [_place(quote, item) for quote in quotes]
    if verdict is Verdict.VIOLATES and item.rests_on_quotes and not heard.mute and not any(places):
        raise Unusable("it names a violation and quotes nothing of the answer")
    if verdict is Verdict.COMPLIES and item.cut:
        return Word(Judgement(Verdict.CANNOT_JUDGE, None, f"{judge} was shown a part of a long text alone"), "")
    score = _belief(verdict, heard, prompt)
    span = next((place for place in places if place), None) if verdict is not Verdict.COMPLIES else None
    said = f"{judge} says {verdict.value.replace('_', ' ')}"
    sure = "" if score is None else f", {score:.0%} sure of a violation"
    return Word(Judgement(verdict, score, f"{said}{sure}", span), _words(heard.fields))


def _verdict(fields: Mapping[str, Any], prompt: Prompt) -> Verdict:
    code = fields.get("verdict")
    if not isinstance(code, str):
        raise Unusable("its reply has no verdict")
    verdict = prompt.codes.get(code.strip())
    if verdict is None:
        raise Unusable("its verdict is none of those it was given")
    return verdict


def _quotes(fields: Mapping[str, Any]) -> list[str]:
    quotes = fields.get("quotes", [])
    if not isinstance(quotes, list) or not all(isinstance(quote, str) for quote in quotes) or len(quotes) > 20:
        raise Unusable("its quotes are no list of texts")
    return [quote for quote in quotes if quote.strip()]


def _words(fields: Mapping[str, Any]) -> str:
    reason = fields.get("reason", "")
    return " ".join(reason.split())[:LONGEST] if isinstance(reason, str) else ""


def _place(quote: str, item: Item) -> tuple[int, int] | None:
    """Return where a quote stands in the answer, None where it stands in the question. Raises `Unusable` where it stands in neither."""
    found = place_of(quote, item.quotable)
    if found is None and place_of(quote, item.turn.input_text or "") is None:
        raise Unusable("it quotes what is not there")
    return found


def place_of(quote: str, text: str) -> tuple[int, int] | None:
    """Return where `quote` begins and ends in `text`, spelling of spaces, case and Unicode aside; None where it does not stand there."""
    wanted = [re.escape(part) for part in folded_text(quote).split()]
    found = re.search(r"\s+".join(wanted), folded_text(text)) if wanted else None
    if found is None:
        return None
    return place_in(text, found.start()), place_in(text, found.end() - 1) + 1


def _belief(verdict: Verdict, heard: Heard, prompt: Prompt) -> float | None:
    if verdict is Verdict.CANNOT_JUDGE:
        return None
    if heard.chances:
        return _from_chances(heard.chances, prompt)
    if verdict is Verdict.BORDERLINE:
        return 0.5
    sure = SURE.get(str(heard.fields.get("confidence")), SURE["low"])
    return sure if verdict is Verdict.VIOLATES else round(1 - sure, 6)


def _from_chances(chances: Mapping[str, float], prompt: Prompt) -> float | None:
    """Return the share of a violation among the verdicts that decide; half of what is borderline counts to it."""
    by_verdict = {verdict: max(0.0, chances.get(code, 0.0)) for code, verdict in prompt.codes.items()}
    bad, good, between = (by_verdict[v] for v in (Verdict.VIOLATES, Verdict.COMPLIES, Verdict.BORDERLINE))
    whole = bad + good + between
    return (bad + between / 2) / whole if whole > 0 else None


def code_chances(tokens: Sequence[Mapping[str, Any]], codes: Sequence[str], said: str) -> dict[str, float] | None:
    """Return how probable each of `codes` was where `said` begins in a reply made of `tokens` ({token, top_logprobs}); None where unknown."""
    begins, at = "".join(str(one.get("token", "")) for one in tokens).rfind(said), 0
    for one in tokens if begins >= 0 else ():
        token = str(one.get("token", ""))
        if at <= begins < at + len(token):
            return _matched(one.get("top_logprobs") or [], codes, token[: begins - at])
        at += len(token)
    return None


def _matched(alternatives: Any, codes: Sequence[str], before: str) -> dict[str, float] | None:
    found: dict[str, float] = {}
    for other in alternatives if isinstance(alternatives, list) else ():
        token = str(other.get("token", "")).removeprefix(before).strip(' "')
        code = next((code for code in codes if token and code.startswith(token)), None)
        logprob = other.get("logprob")
        if code is not None and isinstance(logprob, int | float) and logprob <= 0:
            found[code] = found.get(code, 0.0) + 2.718281828459045**logprob
    return found or None
