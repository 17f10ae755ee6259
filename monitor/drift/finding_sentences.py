"""What a finding says: first the change in a sentence, then how we know, which is for whoever asks.

Names out of traces are put on one line of plain text; what a metric is called by people, pages and messages know.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from monitor.drift.batch import ALL
from monitor.drift.change import Change
from monitor.drift.points import instant
from monitor.measures import NO_TITLES, SHARE, Titles, called, measure
from monitor.wording import bare_minute, counted, minute, percent, plain_line

HOW: Final = ". How we know: "
"""What stands between the sentence of a finding and its statistics."""

WHO: Final = ". Who changed: "
"""What stands between the sentence of a finding and who changed, a judge or the application, before how we know."""

SHOWN: Final = 3
"""Other segments that are named."""


def reason_of(metric: str, app: str, change: Change, titles: Titles = NO_TITLES, also: Sequence[str] = ()) -> str:
    """Return what changed, since when and in how many outputs as a sentence; behind it (`HOW`) interval and evidence.

    `titles` are those of rules, `also` are other segments that show it.
    """
    said = (_sentence(metric, app, change, titles), _slope(change), _also(also))
    return "; ".join(part for part in said if part) + HOW + _evidence(change)


def risen_sentence(metric: str, app: str, change: Change, went_on: str, titles: Titles = NO_TITLES) -> str:
    """Return the sentence of a change as of its newest outputs, and how it went on."""
    return f"{_sentence(metric, app, change, titles, 'the newest ')}; {went_on}"


def per_day(change: Change, slope: float) -> str:
    """Return how much a metric moves a day."""
    scale, points = _moved(change)
    return f"{scale * slope:+.3g}{points} a day"


def _sentence(metric: str, app: str, change: Change, titles: Titles, which: str = "") -> str:
    scale, unit = _scale(metric, change)
    name = plain_line(app)
    where = name if change.segment == ALL else f"{name}, {segment_words(change.segment)},"
    return (
        f"{_subject(metric, change, titles)} in {where} went from {scale * change.reference_value:.4g}{unit} to {scale * change.current_value:.4g}{unit} "
        f"since {minute(instant(change.since))}, in {which}{counted(int(change.weights.sum()), 'output')}"
    )


def worded_reason(app: str, change: Change) -> str:
    """Return that answers are worded otherwise, since when and how many of them; behind it (`HOW`) what a classifier found."""
    sentence = (
        f"Answers in {plain_line(app)} are worded otherwise since {minute(instant(change.since))}: {percent(change.current_value)} of "
        f"{int(change.weights.sum())} read like the new ones, {percent(change.reference_value)} before"
    )
    return f"{sentence}{HOW}a classifier of words and pairs of words scores each answer before it learns from it; {_evidence(change)}"


def sentence_of(reason: str) -> str:
    """Return what a reason says before its statistics.

    >>> sentence_of("Share of turns with an error in shop went from 1 % to 9 %. How we know: e-value 2e+06")
    'Share of turns with an error in shop went from 1 % to 9 %'
    """
    return reason.partition(HOW)[0]


def segment_words(segment: str) -> str:
    """Return a part of the traffic as it is said; a user stays `user_id=NAME`, which is how erasure finds a person again.

    >>> segment_words("prompt_name=account"), segment_words("user_id=u1")
    ('prompt account', 'user_id=u1')
    """
    column, _, value = segment.partition("=")
    if not value or column == "user_id":
        return plain_line(segment)
    return f"{column.removesuffix('_name').replace('_', ' ')} {plain_line(value)}"


def _subject(metric: str, change: Change, titles: Titles) -> str:
    """What of the metric is told."""
    name = called(metric, titles)
    if change.is_rate:
        return f"{name[:1].upper()}{name[1:]}"
    return f"{'Mean' if change.is_count else 'Median'} {name}"


def _scale(metric: str, change: Change) -> tuple[int, str]:
    """By what a value is multiplied to be told, and the unit behind it."""
    if change.is_rate:
        return 100, " %"
    unit = measure(metric).unit
    return 1, f" {unit}" if unit and unit != SHARE else ""


def _method(change: Change) -> str:
    """How the interval of the size is made."""
    if change.is_rate:
        return "Newcombe"
    return "Welch" if change.is_count else "MOVER"


def _evidence(change: Change) -> str:
    """Size, start and strength."""
    return f"{_size(change)}, {_begun(change)}e-value {change.e_value:.2g}{_shape(change)}"


def _size(change: Change) -> str:
    low, high = change.interval
    scale, points = _moved(change)
    size = f"{scale * (change.current_value - change.reference_value):+.3g}{points}"
    return f"{size} ({scale * low:+.3g} to {scale * high:+.3g}, 95 % {_method(change)} interval)"


def _begun(change: Change) -> str:
    """When it may have begun; of a start without a range the sentence has said all."""
    if change.since_low >= change.since_high:
        return ""
    return f"begun between {bare_minute(instant(change.since_low))} and {bare_minute(instant(change.since_high))}, "


def _moved(change: Change) -> tuple[int, str]:
    """By what a difference is multiplied to be told, and what is said behind it."""
    return (100, " points") if change.is_rate else (1, "")


def _slope(change: Change) -> str:
    """Of a change that takes days: how fast it goes."""
    scale, points = _moved(change)
    return f"it goes slowly, {scale * change.per_day:+.3g}{points} a day" if change.slow else ""


def _shape(change: Change) -> str:
    """For numbers: what about their distribution moved most, since the median may be the last to know."""
    if change.is_rate:
        return ""
    name, past, current = change.shape
    return f", {name} of the reference went from {past:.2f} to {current:.2f}"


def _also(segments: Sequence[str]) -> str:
    return f"also seen in {', '.join(map(segment_words, sorted(segments)[:SHOWN]))}" if segments else ""
