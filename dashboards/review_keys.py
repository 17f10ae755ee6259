"""What a key means while somebody judges one answer: a verdict for the rule that is chosen, or for all that are left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

LETTERS: Final = ("A", "B", "D")
"""Of the rules of one answer, in their order; C and R belong to the browser and to Streamlit."""

VERDICTS: Final = {"complies": "1", "violates": "2", "borderline": "3", "cannot_judge": "0"}
WORDS: Final = {
    "complies": "complies",
    "violates": "violates",
    "borderline": "borderline",
    "cannot_judge": "cannot judge",
}
FOR_ALL: Final = ("complies", "cannot_judge")
"""What may be said of all rules in one press: nobody breaks three rules at once by accident."""

NOBODY: Final = "No grader and nobody else has judged it."


@dataclass(frozen=True)
class Marks:
    """What somebody has said so far of one answer: a verdict a rule, and the rule the next verdict is for."""

    said: Mapping[str, str] = field(default_factory=dict)
    chosen: str | None = None
    hint: str = ""


def press(marks: Marks, rules: Sequence[str], verdict: str) -> Marks:
    """Return the marks after a verdict. It goes to the chosen rule, else to the only one left, else to all that are left.

    Where all have one, as after an undo, it is said anew.
    """
    left = [rule for rule in rules if rule not in marks.said] or list(rules)
    if marks.chosen is not None:
        return Marks({**marks.said, marks.chosen: verdict})
    if len(left) == 1 or verdict in FOR_ALL:
        return Marks({**marks.said, **dict.fromkeys(left, verdict)})
    letters = " or ".join(LETTERS[rules.index(rule)] for rule in left)
    return Marks(marks.said, None, f"Which rule? Press {letters} first.")


def choose(marks: Marks, rule: str) -> Marks:
    """Return the marks with `rule` chosen for the next verdict, or no more where it was."""
    return Marks(marks.said, None if marks.chosen == rule else rule)


def complete(marks: Marks, rules: Sequence[str]) -> bool:
    """Whether every rule has a verdict."""
    return all(rule in marks.said for rule in rules)


def reveal(told: Mapping[str, object], titles: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return in one line what graders and colleagues say of the answer that was judged last; rules by their `titles`."""
    said: dict[str, list[str]] = {}
    for name, who in (
        ("machine", "The grader says"),
        ("others", "{person} says"),
        ("decided", "It was decided before"),
    ):
        rows = told.get(name)
        for row in rows if isinstance(rows, list) else []:
            said.setdefault(who.replace("{person}", str(row.get("person", ""))), []).append(_said(row, titles))
    return " ".join(f"{who}: {', '.join(words)}." for who, words in said.items()) or NOBODY


def _said(row: Mapping[str, str], titles: Mapping[str, str]) -> str:
    rule = titles.get(row["rule_id"], row["rule_id"])
    return f"{WORDS.get(row['verdict'], row['verdict'].replace('_', ' '))} ({rule})"


def own_words(said: Mapping[str, str], titles: Mapping[str, str]) -> str:
    """Return what somebody said of an answer; where that differs between rules, of which.

    >>> own_words({"A-1": "complies", "B-1": "complies"}, {})
    'complies'
    >>> own_words({"A-1": "violates", "B-1": "complies"}, {"A-1": "Be kind", "B-1": "Be brief"})
    'violates (Be kind), complies (Be brief)'
    """
    words = {WORDS[verdict] for verdict in said.values()}
    if len(words) == 1:
        return words.pop()
    return ", ".join(f"{WORDS[verdict]} ({titles.get(rule, rule)})" for rule, verdict in said.items())


def minutes_left(left: int, done: int, seconds: float) -> int:
    """Return how long the rest takes at this pace, in minutes; half a minute each until there is a pace."""
    each = seconds / done if done >= 3 else 30.0
    return max(1, round(left * each / 60)) if left else 0
