"""Sentences of pages: what changed and what is wrong, by title, without an id, a formula or statistics."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from dashboards.client import Row
from dashboards.numbers import measure, metric_name, when
from dashboards.rules import Rule
from dashboards.text import as_sentence

NOTHING: Final = "no recorded change coincides"
"""What a change says whose cause is not known."""

RANK: Final = ("critical", "error", "warning", "info")
COLOURS: Final = {"critical": "red", "error": "red", "warning": "orange", "info": "blue"}


OTHERS: Final = "(others)"
"""What the agent calls the values of a dimension that are more than an app may have."""


def value_words(value: object) -> str:
    """Return what a value of a dimension is called: values beyond those that are kept go by one name, and some turns say none."""
    if value is None:
        return "not said"
    return "all others, beyond the first 200" if value == OTHERS else str(value)


_MADE: Final = (
    (r"hajek-[\w-]+, clustered by user", "each answer weighs by how likely it was picked, and each user counts as one"),
    (
        r"stratified-[\w-]+, by what local graders say, clustered by user",
        "the judge is asked more often where it tells more, which is weighed out, and each user counts as one",
    ),
    (r"difference, clustered by user", "corrected by what people found, each user counts as one"),
    (r"rule-based grader", "judged by a rule-based grader"),
    (r"not_graded", "not graded"),
    (r"cannot_judge", "that no grader can tell"),
)


def method_words(method: object) -> str:
    """Return how a rate was made, as a sentence that needs no statistics."""
    said = str(method)
    for pattern, words in _MADE:
        said = re.sub(pattern, words, said)
    return as_sentence(said)


def rank(severity: object) -> int:
    """Return where a severity stands, the gravest first."""
    return RANK.index(str(severity)) if severity in RANK else len(RANK)


def measure_name(metric: str, rules: Mapping[str, Rule]) -> str:
    """Return what people call a metric: the title of its rule, or the name of the measure."""
    kind, _, name = metric.partition(":")
    if kind not in {"rule", "undecided"} or not name:
        return metric_name(metric)
    title = f"“{rules[name].title if name in rules else name}”"
    return title if kind == "rule" else metric_name(f"{kind}:{title}")


def change_sentence(row: Row, rules: Mapping[str, Rule]) -> str:
    """Return one change: what, from what to what, and where."""
    before, after = (measure(row["metric"], row[key]) for key in ("reference_value", "current_value"))
    name = measure_name(row["metric"], rules)
    if row["metric"].startswith("rule:"):
        more = (row["current_value"] or 0) > (row["reference_value"] or 0)
        return f"{name} is broken {'more' if more else 'less'} often: {after} instead of {before}, {place(row)}"
    return f"{name[:1].upper()}{name[1:]} went from {before.removesuffix(' per 1,000 turns')} to {after}, {place(row)}"


def place(row: Row) -> str:
    """Return where a change is: the application, and the part of its traffic."""
    column, _, value = str(row["segment"] or "all").partition("=")
    part = f", {column.removesuffix('_name').replace('_', ' ')} {value_words(value)}" if value else ""
    return f"{row['app']}{part}"


HOW: Final = ". How we know: "
"""What stands between the sentence of a change and its evidence."""


def circumstances(row: Row) -> str:
    """Return since when a change is there, after what, and whether it goes on: what follows on the sentence that tells it."""
    known = row["cause"] and row["cause"] != NOTHING
    after = f"after this: {row['cause']}" if known else "and nothing on record explains it"
    return " ".join(as_sentence(part) for part in (f"since {when(row['since'])}, {after}", *went_on(row)))


def went_on(row: Row) -> list[str]:
    """Return what the sentence of a change says of how it went on after it was noticed; nothing where it stepped once."""
    sentence = str(row["reason"] or "").partition(HOW)[0]
    return [part for part in sentence.split("; ")[1:] if part.startswith(("it goes ", "it went "))]


def causes(findings: Sequence[Row]) -> list[list[Row]]:
    """Group changes that have one cause in one application; those without a known cause stand alone. The order is kept."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in findings:
        known = row["cause"] and row["cause"] != NOTHING
        groups.setdefault((str(row["app"]), str(row["cause"]) if known else str(row["id"])), []).append(row)
    return list(groups.values())


def cause_sentence(group: Sequence[Row], rules: Mapping[str, Rule]) -> str:
    """Return one cause as a sentence: what happened and what it moved."""
    first = group[0]
    if len(group) == 1:
        known = first["cause"] and first["cause"] != NOTHING
        return change_sentence(first, rules) + (f", after this: {first['cause']}" if known else "")
    cause = str(first["cause"])
    return f"{cause[:1].upper()}{cause[1:]}: {len(group)} measures moved in {first['app']}"
