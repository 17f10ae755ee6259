"""Several judges that are one grader: all are asked the same, and what most of them say is what the panel says.

A panel is calibrated as a whole. Where no verdict has most of its members behind it a person must look.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from monitor.graders.grader import Judgement
from monitor.graders.rubric import Judge
from monitor.judges.judge import Told
from monitor.judges.reply import Word
from monitor.model.values import Verdict, stable_id


def together(name: str, members: Sequence[Told]) -> Told:
    """Return the word of the panel `name`; None while a member has yet to speak. Its belief is the mean of theirs."""
    calls = tuple(call for told in members for call in told.calls)
    version = stable_id(name, *(told.version for told in members))
    words = [told.word for told in members]
    if any(word is None for word in words):
        return Told(None, calls, version, name)
    spoken = [word.judgement for word in words if word is not None]
    counts = Counter(judgement.verdict for judgement in spoken)
    verdict, most = counts.most_common(1)[0]
    said = ", ".join(f"{n} {one.value.replace('_', ' ')}" for one, n in counts.most_common())
    if 2 * most <= len(spoken):
        split = Judgement(Verdict.CANNOT_JUDGE, None, f"a person must look: the panel {name} is split ({said})")
        return Told(Word(split, ""), calls, version, name)
    scores = [one.score for one in spoken if one.score is not None]
    belief = sum(scores) / len(scores) if scores else None
    span = next((one.span for one in spoken if one.verdict is verdict and one.span), None)
    return Told(Word(Judgement(verdict, belief, f"the panel {name} says so: {said}", span), ""), calls, version, name)


_BADNESS: Final = (
    Verdict.VIOLATES,
    Verdict.BORDERLINE,
    Verdict.NOT_GRADED,
    Verdict.CANNOT_JUDGE,
    Verdict.COMPLIES,
)


def worst(said: Sequence[Told]) -> Told:
    """Return the word that stands of several judges': a rule is kept only where each of them says so."""
    spoken = [told for told in said if told.word is not None]
    return min(spoken, key=lambda told: _BADNESS.index(told.word.judgement.verdict) if told.word else len(_BADNESS))


def unsure(grader: Judge, word: Word) -> bool:
    """Whether the belief of a judge lies in the band in which another one is asked."""
    band, score = grader.escalate_band, word.judgement.score
    return band is not None and (score is None or band[0] <= score <= band[1])
