"""The one sentence about an alert, and what stands below it: console, page, chat and mail all say it in these words.

First what breaks and how much, then for whom, before and now, since when, why, and what to do. Intervals and thresholds come last,
as "How we know". Nothing here is an id, an inequality or a word of statistics, but for that last part.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from alerts.rules import AlertRule
from alerts.states import AlertState
from monitor.model.values import About, Signal
from monitor.wording import counted, minute, stretch

SHOWN: Final = 3
"""Measures that a sentence names; the rest is counted."""

_VERBS: Final = {"better": "does better", "worse": "does worse", "differs": "differs", "blocked": "cannot be read"}


def headline(alert: AlertState, rule: AlertRule | None) -> str:
    """Return what is wrong in one clause: the share, the change, the silence."""
    signal = alert.memory.signal
    made = _HEADLINES.get(signal.name) if signal else None
    if signal is None or signal.about is None or made is None:
        return title_of(alert, rule)
    return made(signal, signal.about)


def ended(alert: AlertState, rule: AlertRule | None) -> str:
    """Return the same once it is over."""
    signal = alert.memory.signal
    if signal is None or signal.about is None or signal.name not in {"ab", "violation_rate"}:
        return headline(alert, rule)
    if signal.name == "ab":
        return f"{_variant(signal)}: what was told of it no longer stands"
    share = f": {share_of(signal.value)} of answers break it" if signal.value is not None else ""
    return f"{quoted(signal.about.subject)} holds again{_in(signal)}{share}"


def title_of(alert: AlertState, rule: AlertRule | None) -> str:
    """Return what an alert is about, as people call it: a rule of a policy says so; an alert rule speaks for all of them."""
    concern = alert.memory.signal.concern if alert.memory.signal else None
    return concern.title if concern else rule.title if rule else alert.rule_id


def _rate(signal: Signal, about: About) -> str:
    if signal.labels.get("level") == "case":
        cases = "A case was found" if about.turns in {None, 0, 1} else f"{about.turns} cases were found"
        return f"{cases} where one is too many: {quoted(about.subject)}{_in(signal)}"
    share = "An unknown share" if signal.value is None else share_of(signal.value)
    return f"{share} of answers{_of(signal)} break {quoted(about.subject)}"


def _drift(signal: Signal, about: About) -> str:
    if about.cause and about.moved:
        return f"{_capital(about.cause)}: {len(about.moved) + 1} measures moved{_in(signal)}"
    where = _in(signal) + _segment(signal.labels.get("segment", ""))
    moved = _moved(signal, about)
    return f"{moved}{where}" + (f", after this: {about.cause}" if about.cause else "")


def _moved(signal: Signal, about: About) -> str:
    up = (signal.value or 0.0) > 0
    now = None if about.before is None or signal.value is None else about.before + signal.value
    sizes = f" from {amount(about.before, about.unit)} to {amount(now, about.unit)}" if now is not None else ""
    if signal.labels.get("metric", "").startswith("rule:"):
        return f"{quoted(about.subject)} is broken {'more' if up else 'less'} often{sizes}"
    return f"{_capital(about.subject)} {'rose' if up else 'fell'}{sizes}"


def _compared(signal: Signal, about: About) -> str:
    labels = signal.labels
    verb = _VERBS.get(labels.get("decision", ""), "is compared")
    if verb == "cannot be read":
        return f"Experiment {labels.get('experiment', '')} cannot be read"
    return f"{_variant(signal)} {verb} on {about.subject}"


def _variant(signal: Signal) -> str:
    return f"Variant {signal.labels.get('arm', '')} of {signal.labels.get('experiment', '')}"


def _silence(signal: Signal, about: About) -> str:
    silent = stretch((signal.at - about.began).total_seconds()) if about.began else "a while"
    return f"{signal.labels.get('app', 'An application')} has been silent for {silent}"


def _errors(signal: Signal, about: About) -> str:
    share = "An unknown share" if signal.value is None else share_of(signal.value)
    return f"{share} of turns{_of(signal)} end in an error{_usually(about)}"


def _usually(about: About) -> str:
    return "" if about.before is None else f", usually {amount(about.before, about.unit)}"


def _slow(signal: Signal, about: About) -> str:
    within = amount(now_of(signal), about.unit)
    return f"{_app(signal)} answers slowly: 95 of 100 turns within {within}{_usually(about)}"


def _traffic(signal: Signal, about: About) -> str:
    now = now_of(signal)
    turns = "an unknown number of turns" if now is None else counted(round(now), "turn")
    return f"{_app(signal)} had {turns} in an hour{_usually(about)}"


def _spending(signal: Signal, about: About) -> str:
    return f"{_app(signal)} spent {amount(now_of(signal), about.unit)} in a day{_usually(about)}"


def _unhappy(signal: Signal, about: About) -> str:
    return f"Users are unhappy with {amount(now_of(signal), about.unit)} of answers{_of(signal)}{_usually(about)}"


def _budget(signal: Signal, about: About) -> str:
    used = "" if signal.value is None else f": {signal.value:.2g} times what four weeks allow"
    return f"The error budget of {quoted(about.subject)} is used up{_in(signal)}{used}"


def now_of(signal: Signal) -> float | None:
    """Return the measure as it is now, in the unit of what was before."""
    before = signal.about.before if signal.about else None
    if signal.value is None or signal.name in {"violation_rate", "error_rate"}:
        return signal.value
    if before is None:
        return None
    return before * signal.value if signal.name in TIMES else before + signal.value


TIMES: Final = frozenset({"latency", "volume", "cost"})
"""Signals that are times of what is usual; of the others the value is a difference, or of the rates the rate itself."""


def _app(signal: Signal) -> str:
    return signal.labels.get("app", "An application")


_HEADLINES: Final[dict[str, Callable[[Signal, About], str]]] = {
    "violation_rate": _rate,
    "drift": _drift,
    "ab": _compared,
    "no_data": _silence,
    "error_rate": _errors,
    "latency": _slow,
    "volume": _traffic,
    "cost": _spending,
    "feedback": _unhappy,
    "budget": _budget,
}


def where_of(alert: AlertState) -> str:
    """Return where it is, in words: the application and the part of its traffic, or, where nobody has words for them, the labels."""
    signal = alert.memory.signal
    if signal is not None and signal.about is not None:
        return signal.labels.get("app", "") + _segment(signal.labels.get("segment", ""))
    return ", ".join(f"{key}={value}" for key, value in alert.labels.items() if key != "finding")


def affected(signal: Signal | None) -> str:
    """Return for whom: users and turns; "" where that is not known."""
    about = signal.about if signal else None
    if signal is None or about is None or not about.turns:
        return ""
    if signal.name == "drift" and about.turns == about.seen:
        whom = f"everybody: {counted(about.users, 'user')}, " if about.users else ""
        return _capital(f"{whom}all of {about.turns:,} answers that were looked at")
    users = f"{counted(about.users, 'user')} got such an answer, in " if about.users else ""
    of = f"{about.turns:,} of {about.seen:,} answers that were looked at" if about.seen else f"{about.turns:,} answers"
    low, high = _between(signal, about)
    between = f" ({span_of(low, high)})" if low is not None and high is not None else ""
    return f"{users}{of}{between}"


def _between(signal: Signal, about: About) -> tuple[float | None, float | None]:
    """Between which the share lies; a change has an interval of its own, which is that of something else."""
    return about.share or ((None, None) if signal.name == "drift" else (signal.low, signal.high))


def before_and_now(signal: Signal | None) -> str:
    """Return how it was and how it is; "" where that is not known."""
    about = signal.about if signal else None
    if signal is None or about is None or about.before is None or signal.value is None:
        return ""
    now = now_of(signal)
    since = f", since {minute(about.began)}" if about.began else ""
    return f"{amount(about.before, about.unit)} before, {amount(now, about.unit)} now{since}"


def cause(signal: Signal | None) -> str:
    """Return the likely cause, and what else moved; "" where nothing on record coincides."""
    about = signal.about if signal else None
    if about is None:
        return ""
    more = len(about.moved) - SHOWN
    names = ", ".join(about.moved[:SHOWN]) + (f" and {more} more" if more > 0 else "")
    parts = [_capital(about.cause), f"moved as well: {names}" if names else ""]
    return "; ".join(part for part in parts if part)


def quoted(title: str) -> str:
    """Return a title as one thing of the sentence."""
    return f"“{title}”"


def share_of(value: float) -> str:
    """Return a share as people say it: per thousand where it is tiny.

    >>> share_of(0.3), share_of(0.024), share_of(0.0007), share_of(0.0)
    ('30 %', '2.4 %', '0.7 in 1,000', '0 %')
    """
    if 0 < value < 0.001:
        return f"{1000 * value:.1g} in 1,000"
    return f"{100 * value:.1f} %" if 0 < value < 0.1 else f"{100 * value:.0f} %"


def span_of(low: float, high: float) -> str:
    """Return the range of a share.

    >>> span_of(0.24, 0.36)
    '24 to 36 %'
    """
    digits = 1 if high < 0.1 else 0
    return f"{100 * low:.{digits}f} to {100 * high:.{digits}f} %"


def amount(value: float | None, unit: str) -> str:
    """Return a measure with its unit.

    >>> amount(0.3, "share"), amount(1234.5, "ms"), amount(0.0003, "USD"), amount(None, "ms")
    ('30 %', '1.2 s', '$0.30 per 1,000', 'unknown')
    """
    if value is None:
        return "unknown"
    if unit == "share":
        return share_of(value)
    if unit == "ms":
        return f"{value / 1000:.1f} s"
    if unit == "dollars":
        return f"${value:,.2f}"
    if unit == "USD":
        return f"${1000 * value:,.2f} per 1,000"
    return f"{value:,.0f} {unit}".strip() if abs(value) >= 10 else f"{value:.2g} {unit}".strip()


def _of(signal: Signal) -> str:
    app = signal.labels.get("app")
    return f" of {app}" if app else ""


def _in(signal: Signal) -> str:
    app = signal.labels.get("app")
    return f" in {app}" if app else ""


def _segment(segment: str) -> str:
    column, _, value = segment.partition("=")
    return f", {column.removesuffix('_name').replace('_', ' ')} {value}" if value else ""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
