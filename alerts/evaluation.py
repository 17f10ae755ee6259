"""One look of one rule at one signal: bad, good, in between, or "cannot tell", with the numbers that say so."""

from __future__ import annotations

import hashlib
import json
import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

from alerts.rules import SHORT, AlertRule, Clear, When, fits, identity_labels
from monitor.model.values import Severity, Signal

OPS: Final = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
OPPOSITE: Final = {">": "<=", ">=": "<", "<": ">=", "<=": ">"}
WORDS: Final = {"value": "value", "low": "lower bound", "high": "upper bound"}
RANK: Final = {severity: rank for rank, severity in enumerate(reversed(Severity))}
"""Severities from least to most."""


class Look(StrEnum):
    """What one evaluation saw. BETWEEN is neither bad nor good enough to clear; UNCLEAR changes nothing."""

    BAD = "bad"
    GOOD = "good"
    BETWEEN = "between"
    UNCLEAR = "unclear"


LEVELS: Final = {
    **dict.fromkeys(("case", "incident", "warn"), Look.BAD),
    **dict.fromkeys(("within", "retired"), Look.GOOD),
}
"""How a rule stands against its policy, as a look; any other level cannot tell."""


@dataclass(frozen=True)
class Judged:
    """A look, why it came out so, and the numbers it rests on."""

    look: Look
    reason: str
    numbers: Mapping[str, Any]


@dataclass(frozen=True)
class Observation:
    """What a rule sees of one alert now: its identity and the signal that speaks for it."""

    rule: AlertRule
    fingerprint: str
    labels: Mapping[str, str]
    signal: Signal
    judged: Judged


def fingerprint(rule_id: str, labels: Mapping[str, str]) -> str:
    """Return the identity of an alert: 32 hex digits that depend on the rule and its identity labels only."""
    return _fingerprint(rule_id, tuple(sorted(labels.items())))


@lru_cache(maxsize=10_000)
def _fingerprint(rule_id: str, labels: tuple[tuple[str, str], ...]) -> str:
    canonical = json.dumps([rule_id, labels], ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]


def observe(rules: Iterable[AlertRule], signals: Sequence[Signal]) -> dict[str, Observation]:
    """Return what each rule sees, by fingerprint. Of two signals about the same thing the worse, then newer, speaks."""
    seen: dict[str, Observation] = {}
    for rule in rules:
        for signal in (s for s in signals if s.name == rule.signal):
            here = _observation(rule, signal)
            there = seen.get(here.fingerprint)
            if there is None or _weight(here) > _weight(there):
                seen[here.fingerprint] = here
    return seen


def storable(signal: Signal) -> Signal:
    """Return `signal` with text that can be stored: half characters, which UTF-8 has no form for, become "?"."""
    texts = (*signal.labels, *signal.labels.values(), *signal.examples, signal.summary)
    if all(text is not None and text.isascii() for text in texts):
        return signal
    return replace(
        signal,
        labels={_whole(name): _whole(label) for name, label in signal.labels.items() if label is not None},
        examples=tuple(_whole(example) for example in signal.examples),
        summary=_whole(signal.summary),
    )


def _whole(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _observation(rule: AlertRule, signal: Signal) -> Observation:
    labels = {name: signal.labels[name] for name in identity_labels(rule) if name in signal.labels}
    return Observation(rule, fingerprint(rule.id, labels), labels, signal, judge(rule, signal))


def _weight(observation: Observation) -> tuple[bool, bool, float]:
    look = observation.judged.look
    return look is Look.BAD, look is not Look.UNCLEAR, observation.signal.at.timestamp()


def judge(rule: AlertRule, signal: Signal) -> Judged:
    """Return what `rule` makes of `signal`. What is closed is good, whatever the rule asks for."""
    if signal.labels.get("state", "open") != "open":
        return _judged(Look.GOOD, signal.summary, signal, None)
    judged = _judge(rule, signal)
    title = signal.concern.title if signal.concern else ""
    return judged if judged.reason.startswith(title) else replace(judged, reason=f"{title}: {judged.reason}")


def _judge(rule: AlertRule, signal: Signal) -> Judged:
    if not fits(rule.where, signal.labels):
        differs = [f"{k} is {signal.labels.get(k)}" for k in rule.where if not fits({k: rule.where[k]}, signal.labels)]
        return _judged(Look.GOOD, "; ".join(differs), signal, None)
    if rule.limits == "policy" and "level" in signal.labels:
        return _judged(LEVELS.get(signal.labels["level"], Look.UNCLEAR), signal.summary, signal, None)
    if rule.when is None:
        return _judged(Look.BAD, signal.summary or "there is such a signal", signal, None)
    if signal.n < rule.when.min_n:
        return _judged(Look.UNCLEAR, f"{signal.n} samples are fewer than {rule.when.min_n}", signal, rule.when)
    when, clear = rule.when, rule.clear or _opposite(rule.when)
    bad = _holds(when, signal)
    if bad or bad is None:
        return _judged(Look.BAD if bad else Look.UNCLEAR, _says(when, signal), signal, when)
    good = _holds(clear, signal)
    look = Look.UNCLEAR if good is None else Look.GOOD if good else Look.BETWEEN
    return _judged(look, _says(clear, signal), signal, clear)


def _opposite(when: When) -> Clear:
    return Clear(stat=when.stat, op=OPPOSITE[when.op], value=when.value)  # type: ignore[arg-type]  # OPPOSITE maps ops to ops


def _number(limit: When | Clear, signal: Signal) -> float | None:
    number: float | None = getattr(signal, SHORT.get(limit.stat, limit.stat))
    return None if number is None or math.isnan(number) else number


def _holds(limit: When | Clear, signal: Signal) -> bool | None:
    number = _number(limit, signal)
    return None if number is None else bool(OPS[limit.op](number, limit.value))


def _says(limit: When | Clear, signal: Signal) -> str:
    stat, number = WORDS[SHORT.get(limit.stat, limit.stat)], _number(limit, signal)
    if number is None:
        return f"the {stat} is unknown"
    op = limit.op if OPS[limit.op](number, limit.value) else OPPOSITE[limit.op]
    return f"{stat} {number:.4g} {op} {limit.value:.4g}"


def _judged(look: Look, reason: str, signal: Signal, limit: When | Clear | None) -> Judged:
    numbers: dict[str, Any] = {name: getattr(signal, name) for name in ("value", "low", "high", "n")}
    if limit is not None:
        numbers |= {"stat": limit.stat, "op": limit.op, "threshold": limit.value}
    return Judged(look, reason, numbers | {"examples": list(signal.examples[:3])})


def severity_of(rule: AlertRule, signal: Signal) -> Severity:
    """Return the severity `rule` gives to a bad `signal`; one about advice is never louder than info."""
    if signal.concern is not None and (rule.limits == "policy" or signal.concern.advisory):
        return Severity.INFO if signal.concern.advisory else signal.concern.severity
    if rule.worse is None or rule.when is None:
        return rule.severity
    number = _number(rule.when, signal)
    beyond = number is not None and OPS[rule.when.op](number, rule.worse.value)
    return rule.worse.severity if beyond else rule.severity
