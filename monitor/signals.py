"""What the alert rules look at, read from the store: violation rates and budgets, drift findings, A/B decisions, silence, operation.

A signal is a measured fact with its interval, its size and example traces. Rules decide; signals only say.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import polars as pl

from monitor.affected import Onset, Whom, last_violations, measure, onsets, reached, title_of, watched_only, whom
from monitor.clock import aware_utc, naive_utc
from monitor.config.durations import parse_duration
from monitor.config.schema import EstimateSettings
from monitor.drift.cause import NOTHING
from monitor.drift.finding_sentences import sentence_of
from monitor.estimates import EPOCH, estimate_window
from monitor.model.values import About, Estimate, Signal, Unit
from monitor.policy.schema import Policy
from monitor.policy.watching import Level, Watched, levels, watched, zero_tolerance
from monitor.pulse import pulse
from monitor.recent import Recent
from monitor.sight import Row, Sight, StoreSight
from monitor.store import reads
from monitor.store.standing import Stream
from monitor.verdict_columns import Told
from monitor.wording import CLOSED, OPEN, percent
from monitor.workload import budgets

CHANGE_REACH: Final = timedelta(hours=6)
"""Starts are estimates: findings of one cause whose intervals miss each other by less are one change."""

FINDING_FRESH: Final = timedelta(days=7)
"""For so long a change that was closed is told as closed; one that is open is told until it is not."""

HISTORY: Final = timedelta(days=28)
"""How far back evidence about a rate reaches, in whole published windows: small rises show only over weeks."""

EXAMPLES: Final = 3

Cases = dict[tuple[str, str], list[str]]
"""Units that break a rule, by app and rule, the newest first."""

UNITS: Final[Mapping[Unit, str]] = {"turn": "answers", "trace": "traces", "session": "sessions"}
"""What a rate is of, in words."""


def read_signals(
    reader: reads.Reader, settings: EstimateSettings, policies: Sequence[Policy], now: datetime, recent: Recent
) -> list[Signal]:
    """Return all signals as of `now`; `recent` is what is kept of the store between two looks."""
    return signals_seen(StoreSight(reader, settings, recent), settings, policies, now)


def signals_seen(sight: Sight, settings: EstimateSettings, policies: Sequence[Policy], now: datetime) -> list[Signal]:
    """Return all signals as of `now` of what is in `sight`."""
    at = naive_utc(now)
    findings, pulses = sight.findings(at - HISTORY), sight.pulses(at)
    rules = watched(policies, at.date())
    said = sight.told(at - parse_duration(settings.window), at)
    found = [
        *_rates(sight, settings, rules, findings, said, at),
        *(_change(together, rules, said, now) for together in changes(findings) if _told(together, at)),
        *(_comparison(row, at) for row in sight.comparisons()),
        *(pulse(row, now, sight.came) for row in pulses),
        *sight.operation(now),
    ]
    return watched_only(found, {row["app"]: aware_utc(row["first"]) for row in pulses})


def _rates(
    sight: Sight,
    settings: EstimateSettings,
    rules: Mapping[str, Watched],
    findings: Sequence[Row],
    said: Told,
    now: datetime,
) -> list[Signal]:
    """The rates of the window that ends now, and how each stands against its policy: a new day does not begin with no evidence."""
    span = parse_duration(settings.window)
    start = now - span
    cases = _by_stream(sight.cases(zero_tolerance(rules), start))
    day = start - (start - EPOCH) % span
    counts = sight.counted(day - HISTORY, day, now)
    known = levels(counts, cases, rules, HISTORY + span)
    about = {rule_id: one.rule.unit for rule_id, one in rules.items()}
    estimates = estimate_window(said, sight.turns(start, now), settings, now, about=about)
    estimates += _late(estimates, cases, start, now)
    used = [*budgets(counts, rules, aware_utc(now), HISTORY)]
    people, rises = whom(said), onsets(counts)
    lately, bad = last_violations(said, EXAMPLES), [(e.app, e.rule_id) for e in estimates if e.value]
    seen = sight.violating({stream: lately.get(stream, start) for stream in bad}, start, now, EXAMPLES)
    return used + [
        _rate(
            e,
            known.get((e.app, e.rule_id), "unsure"),
            rules.get(e.rule_id),
            _violators(e, cases, seen),
            _about(e, rules, people.get((e.app, e.rule_id)), rises.get((e.app, e.rule_id)), findings),
        )
        for e in estimates
    ]


def _about(
    estimate: Estimate,
    rules: Mapping[str, Watched],
    people: Whom | None,
    onset: Onset | None,
    findings: Sequence[dict[str, Any]],
) -> About:
    """What the rate of a rule means to people."""
    return About(
        subject=title_of(estimate.rule_id, rules),
        before=onset.before if onset else None,
        began=onset.began if onset else None,
        **(vars(people) if people else {}),
        cause=_coincidence(estimate.app, onset, findings),
    )


def _coincidence(app: str, onset: Onset | None, findings: Sequence[dict[str, Any]]) -> str:
    """Return what changed in `app` when the rate rose, as a change that was found says; "" where none does."""
    if onset is None:
        return ""
    at, reach = naive_utc(onset.began), CHANGE_REACH
    near = (f for f in findings if f["app"] == app and f["since_low"] - reach <= at <= f["since_high"] + reach)
    return next((finding["cause"] for finding in near if finding["cause"] != NOTHING), "")


def _by_stream(cases: pl.DataFrame) -> Cases:
    found: Cases = {}
    for app, rule_id, unit_id in cases[["app", "rule_id", "unit_id"]].iter_rows():
        found.setdefault((app, rule_id), []).append(unit_id)
    return found


def _late(estimates: Sequence[Estimate], cases: Cases, start: datetime, end: datetime) -> Iterator[Estimate]:
    """Cases of turns that are too old for the window, and graded within it all the same: a rate nobody knows."""
    rated = {(e.app, e.rule_id) for e in estimates}
    for app, rule_id in cases:
        if (app, rule_id) not in rated:
            bounds = (aware_utc(start), aware_utc(end))
            yield Estimate(rule_id, app, "all", *bounds, "late turns only", None, None, None, 0.95, 0, 0, 0)


def _violators(estimate: Estimate, cases: Cases, seen: Mapping[Stream, list[str]]) -> list[str]:
    """Units to look at: cases that stand first, of which there may be some when the rate of the window is not known."""
    stream = (estimate.app, estimate.rule_id)
    return cases[stream][:EXAMPLES] if stream in cases else seen.get(stream, []) if estimate.value else []


def changes(findings: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Group findings that tell one change: same app, same cause, overlapping intervals of the start.

    A model swap moves ten metrics; the person on call is woken once. The first finding of a group gives it its identity,
    so that later ones join without a new alert.
    """
    groups: list[list[dict[str, Any]]] = []
    for row in sorted(findings, key=lambda row: (row["detected_at"], row["id"])):
        home = next((group for group in groups if any(_together(row, other) for other in group)), None)
        if home is None:
            groups.append([row])
        else:
            home.append(row)
    return groups


def _told(group: Sequence[dict[str, Any]], now: datetime) -> bool:
    """Whether anything of a change is open, or was closed lately."""
    return any(row["state"] == OPEN or (row["state_at"] or row["detected_at"]) > now - FINDING_FRESH for row in group)


def _state(group: Sequence[dict[str, Any]]) -> tuple[str, str]:
    """The state of a change, which is open as long as any finding of it is, and that in words."""
    last = max(group, key=lambda row: (row["state"] == OPEN, row["state_at"] or row["detected_at"]))
    why = f": {last['state_reason']}" if last["state_reason"] and last["state"] == "accepted" else ""
    return last["state"], f"{CLOSED.get(last['state'], '')}{why}"


def _together(one: dict[str, Any], other: dict[str, Any]) -> bool:
    same = one["app"] == other["app"] and one["cause"] == other["cause"]
    reach = CHANGE_REACH
    return bool(
        same and one["since_low"] - reach <= other["since_high"] and other["since_low"] - reach <= one["since_high"]
    )


def _rate(estimate: Estimate, level: Level, rule: Watched | None, examples: list[str], about: About) -> Signal:
    """The rate of one rule in one app; `rule` is None where no active policy holds it any more."""
    level = level if rule else "retired"
    return Signal(
        name="violation_rate",
        labels={"app": estimate.app, "rule": estimate.rule_id, "level": level},
        at=estimate.window_end,
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        n=estimate.n_graded,
        since=estimate.window_start,
        examples=tuple(examples),
        summary=_says(estimate, level, rule),
        concern=rule.concern(level) if rule else None,
        about=about,
    )


def _says(estimate: Estimate, level: Level, rule: Watched | None) -> str:
    """Return how the rule stands as a sentence that begins with its title."""
    title = rule.rule.text.title if rule else estimate.rule_id
    share, low, high = (percent(x, 1) for x in (estimate.value, estimate.low, estimate.high))
    rate = f"{share} of {UNITS[estimate.unit]} of {estimate.app} break this rule ({low} to {high}, {estimate.n_graded} graded)"
    if level == "case":
        known = f"; {rate}" if estimate.value is not None else f" (in {estimate.app})"
        return f"{title}: a case was found, and one is too many{known}"
    if rule is None or level not in rule.limits:
        return f"{title}: {rate}"
    word = "incident" if level == "incident" else "warning"
    limit = rule.limits[level]
    days = "" if estimate.low is not None and estimate.low > limit else "; the days before count as well"
    return f"{title}: {rate}, beyond the {word} rate of {percent(limit, 1)}{days}"


def _change(group: list[dict[str, Any]], rules: Mapping[str, Watched], said: Told, now: datetime) -> Signal:
    """One change as a signal: the first finding names it, the policy metrics among them speak first."""
    first, lead = group[0], min(group, key=lambda row: (not row["metric"].startswith("rule:"), row["detected_at"]))
    others = sorted({row["metric"] for row in group} - {lead["metric"]})
    moved_too = f". Moved as well: {', '.join(others)}" if others else ""
    subject, unit = measure(lead["metric"], rules)
    state, closed = _state(group)
    people = reached(said, lead["metric"], lead["app"], lead["segment"], lead["since"])
    about = About(
        subject=subject,
        unit=unit,
        before=lead["reference_value"],
        began=aware_utc(lead["since"]),
        **(vars(people) if people else {}),
        cause="" if lead["cause"] == NOTHING else lead["cause"],
        moved=tuple(dict.fromkeys(measure(metric, rules)[0] for metric in others)),
    )
    return Signal(
        name="drift",
        labels={
            "app": first["app"],
            "metric": first["metric"],
            "segment": first["segment"],
            "finding": first["id"],
            "state": state,
        },
        at=now,
        value=lead["change"],
        low=lead["change_low"],
        high=lead["change_high"],
        n=0,
        since=aware_utc(lead["since"]),
        examples=tuple(json.loads(lead["examples"] or "[]"))[:EXAMPLES],
        summary=closed or f"{sentence_of(lead['reason'])}. Likely cause: {lead['cause']}{moved_too}",
        about=about,
    )


def _comparison(row: dict[str, Any], now: datetime) -> Signal:
    """A reading of one arm; one that nothing was added to for long is over, and needs nobody."""
    over = row["computed_at"] < now - FINDING_FRESH
    return Signal(
        name="ab",
        labels={
            **({"app": row["app"]} if row["app"] else {}),
            "experiment": row["experiment"],
            "metric": row["metric"],
            "arm": row["arm"],
            "decision": "over" if over else row["decision"],
            "role": row["role"] or "other",
        },
        at=aware_utc(row["computed_at"]),
        value=row["effect"],
        low=row["low"],
        high=row["high"],
        n=row["n_control"] + row["n_arm"],
        since=None,
        examples=(),
        summary=row["reason"],
        about=About(subject=measure(row["metric"], {})[0], unit=measure(row["metric"], {})[1]),
    )
