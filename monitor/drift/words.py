"""Which words answers use more and less often since a change: only such as many users were told, and none with a number in it.

The texts are hostile and of persons: what is shown is a word or a pair with a sign, of printable letters, on one line, in quotation marks.
It stands behind the sentence, with how we know: messages, which leave the house, tell the sentence alone.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from monitor.drift.finding_sentences import HOW
from monitor.drift.ngrams import ngrams
from monitor.model.values import Finding

MANY: Final = 10
"""Users that must have been told a word, on the side where it is frequent."""

SHOWN: Final = 4
"""Words that are named, of those that came and of those that went."""

CLEAR: Final = 4.0
"""Standard errors by which the share of users who were told a word must have moved."""

Said = Iterable[tuple[str, str]]
"""Who was told what."""


@dataclass(frozen=True)
class _Move:
    """How clearly the use of an n-gram moved, and of its share."""

    ngram: str
    errors: float


def with_words(finding: Finding, before: Said, since: Said) -> Finding:
    """Return the finding with the words that came and went before its evidence; as it is where none is told to many."""
    moves = _moves(_users(before), _users(since))
    more, less = (_named(sorted(moves, key=lambda move: (sign * move.errors, move.ngram)), sign) for sign in (-1, 1))
    told = [f"{how} often {', '.join(words)}" for how, words in (("more", more), ("less", less)) if words]
    sentence, how, evidence = finding.reason.partition(HOW)
    return replace(finding, reason=sentence + how + "; ".join([*told, evidence]))


def _users(said: Said) -> tuple[dict[str, int], int]:
    """How many users were told each n-gram, and how many there are."""
    texts: dict[str, set[str]] = defaultdict(set)
    for who, text in said:
        texts[who].update(ngrams(text))
    counts: dict[str, int] = defaultdict(int)
    for own in texts.values():
        for ngram in own:
            counts[ngram] += 1
    return counts, len(texts)


def _moves(before: tuple[dict[str, int], int], since: tuple[dict[str, int], int]) -> list[_Move]:
    (old, n0), (new, n1) = before, since
    if not n0 or not n1:
        return []
    told = {ngram for side in (old, new) for ngram, users in side.items() if users >= MANY}
    found = (
        _Move(ngram, _errors((old.get(ngram, 0), n0), (new.get(ngram, 0), n1))) for ngram in told if _is_word(ngram)
    )
    return [move for move in found if abs(move.errors) >= CLEAR]


def _is_word(ngram: str) -> bool:
    """Signs alone tell a reader little, numbers nothing, and what does not print turns a line around."""
    return any(letter.isalpha() for letter in ngram) and "0" not in ngram.split() and ngram.isprintable()


def _errors(before: tuple[int, int], since: tuple[int, int]) -> float:
    (k0, n0), (k1, n1) = before, since
    both = (k0 + k1 + 1) / (n0 + n1 + 2)
    return (k1 / n1 - k0 / n0) / math.sqrt(both * (1 - both) * (1 / n0 + 1 / n1))


def _named(moves: Sequence[_Move], sign: int) -> list[str]:
    """The clearest that moved this way; of a pair and its words, the first of them only."""
    named: list[str] = []
    for move in moves:
        if sign * move.errors < 0 and not any(set(move.ngram.split()) & set(other.split()) for other in named):
            named.append(move.ngram)
    return [f"“{ngram}”" for ngram in named[:SHOWN]]
