"""What is looked at once a source: the way here, what belongs together, the spans themselves.

Each check is one small function over the facts, and says nothing about what it cannot see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from monitor.diagnosis.facts import Facts
from monitor.diagnosis.fixes import LIMITS, NAME, ROOTS, SAMPLER, SPANS_TOO, Fix
from monitor.diagnosis.problem import ENOUGH, Problem, percent, stretch
from monitor.store.ledger import ERASED, TOO_OLD

AHEAD_S: Final = -5.0
"""Lags below this cannot be: the span would end after it arrived."""
AHEAD: Final = 0.01
LATE_S: Final = 600.0
STEADY_S: Final = 60.0
"""A lag that hardly varies is a clock; one that does is a backfill or a slow exporter."""
SAMPLED: Final = 0.9
METERED: Final = 20
ORPHANS: Final = 0.05
REFUSED: Final = 0.05
PUZZLED: Final = 0.05
SILENT_S: Final = 7200.0
SILENT_TIMES: Final = 1.5
HABITUAL_H: Final = 12
DEMO: Final = "demo"
NOT_KEPT: Final = "not kept"
"""How reasons begin that are no fault of the sender: log records that are not about model calls."""


# -- the way here


def _unbalanced(facts: Facts) -> Iterator[Problem]:
    ledger = facts.ledger
    if ledger and not ledger.adds_up:
        yield Problem(
            "ledger",
            "bad",
            f"{ledger.received:,} received is not {ledger.stored:,} stored + {ledger.duplicate:,} duplicate "
            f"+ {ledger.refused:,} refused",
            "Something that was acknowledged is not accounted for. This is a defect of Plumbline.",
            Fix("Keep the data directory, and report it with the output of `plumbline doctor --format json`"),
        )


def _refused(facts: Facts) -> Iterator[Problem]:
    reasons = {reason: n for reason, n in facts.refusals.items() if not reason.startswith((NOT_KEPT, TOO_OLD, ERASED))}
    total, received = sum(reasons.values()), facts.ledger.received if facts.ledger else 0
    if not total:
        return
    named = "; ".join(f"{reason} ({n:,})" for reason, n in sorted(reasons.items(), key=lambda item: -item[1])[:3])
    yield Problem(
        "refused",
        "bad" if total > REFUSED * received else "warn",
        f"{total:,} of {received:,} were refused: {named}",
        "What is refused is not stored, and clients do not send it again.",
        Fix("Mend what the reason names in the exporter of this source; the ledger below shows whether it stopped"),
    )


def _aged(facts: Facts) -> Iterator[Problem]:
    if n := facts.refusals.get(TOO_OLD):
        yield Problem(
            "too-old",
            "note",
            f"{n:,} rows were older than rows are kept",
            "They were sent again, imported, or come from a clock that is behind; agent.retention says how long rows are kept.",
            Fix(
                "Nothing, if that is meant; else keep spans longer in plumbline.yaml",
                ("agent: {retention: {spans: ...}}",),
            ),
        )


def _future(facts: Facts) -> Iterator[Problem]:
    if facts.n_future:
        lag = facts.lag_low_s if facts.lag_low_s is not None and facts.lag_low_s < AHEAD_S else None
        yield Problem(
            "clock-ahead",
            "bad" if facts.n_future >= AHEAD * facts.n_spans else "warn",
            f"{facts.n_future:,} spans end after they arrived" + (f", {stretch(lag)} ahead or more" if lag else ""),
            "A clock that is ahead puts traffic into hours that have not come: rates, drift and silence are wrong there.",
            Fix("Set the clock of the machine that sends", ("timedatectl set-ntp true",)),
        )


def _behind(facts: Facts) -> Iterator[Problem]:
    median, low, high = facts.lag_median_s, facts.lag_low_s, facts.lag_high_s
    if median is None or low is None or high is None or median < LATE_S or set(facts.environments) == {DEMO}:
        return
    if high - low <= STEADY_S and _watched_s(facts) > LATE_S:
        yield Problem(
            "clock-behind",
            "warn",
            f"all spans seem to end {stretch(median)} before they arrive",
            "A delay that never varies is a clock that is behind: traffic is put into the wrong hours.",
            Fix("Set the clock of the machine that sends", ("timedatectl set-ntp true",)),
        )
    else:
        yield Problem(
            "late",
            "note",
            f"spans arrive {stretch(median)} after they end (median; worst {stretch(facts.lag_worst_s or median)})",
            "An import or a backfill looks like this. From a live application it means that alerts come this much later.",
            Fix("If this is live traffic, export sooner", ("export OTEL_BSP_SCHEDULE_DELAY=5000  # milliseconds",)),
        )


def _watched_s(facts: Facts) -> float:
    """Seconds from the first to the last receipt: what came at one stroke has a steady lag by itself."""
    return (facts.last_seen - facts.first_seen).total_seconds() if facts.last_seen and facts.first_seen else 0.0


def _timeless(facts: Facts) -> Iterator[Problem]:
    if facts.n_timeless:
        yield Problem(
            "no-time",
            "warn",
            f"{facts.n_timeless:,} spans came without a start time",
            "They are stored under the time of their receipt, and their duration is not known.",
            Fix("Set startTimeUnixNano in the exporter, in nanoseconds"),
        )


def _sampled(facts: Facts) -> Iterator[Problem]:
    metered = facts.metered
    if metered and metered.n_metered >= METERED and metered.n_sent < SAMPLED * metered.n_metered:
        yield Problem(
            "sampled",
            "warn",
            f"about {percent(metered.n_sent, metered.n_metered)} of calls are sent: the client counted "
            f"{metered.n_metered:,} calls, {metered.n_sent:,} arrived; its sampler is on",
            "Counts, costs and rare violations are too small by that factor, and nobody knows which calls are missing.",
            SAMPLER,
        )


def silent(facts: Facts, now: datetime) -> Iterator[Problem]:
    habit, seen = facts.habit, facts.last_seen
    if habit is None or habit.usual_gap_s is None or habit.n_hours < HABITUAL_H or set(facts.environments) == {DEMO}:
        return
    last = seen or habit.last_hour
    quiet = (now - last).total_seconds()
    if quiet > max(SILENT_S, SILENT_TIMES * habit.usual_gap_s):
        yield Problem(
            "silent",
            "warn",
            f"silent for {stretch(quiet)}, since {last:%-d %b %Y, %H:%M} UTC; it usually pauses for at most "
            f"{stretch(habit.usual_gap_s)}",
            "No data is not no traffic: the application may be serving users unwatched.",
            Fix(
                "Look whether it runs, and whether it can reach the collector",
                (
                    "curl -sS -X POST -H 'content-type: application/json' -d '{}' $OTEL_EXPORTER_OTLP_ENDPOINT/v1/traces",
                ),
            ),
        )


# -- what belongs together


def _orphans(facts: Facts) -> Iterator[Problem]:
    if facts.n_orphans and facts.n_orphans >= ORPHANS * facts.n_traces:
        yield Problem(
            "orphans",
            "warn",
            f"the root of {facts.n_orphans:,} of {facts.n_traces:,} traces never came (one is {facts.orphan})",
            "What the user said and saw is often on the root: such turns are finished late and may miss their texts.",
            ROOTS,
        )


def _loose(facts: Facts) -> Iterator[Problem]:
    if facts.n_loose:
        yield Problem(
            "loose-logs",
            "warn",
            f"{facts.n_loose:,} of {facts.n_events:,} log events belong to no trace that arrived",
            "Their texts cannot be joined to a call, so they are not graded.",
            SPANS_TOO,
        )


def _lost(facts: Facts) -> Iterator[Problem]:
    if facts.n_lost:
        yield Problem(
            "lost-scores",
            "warn",
            f"{facts.n_lost:,} of {facts.n_scores:,} scores found nothing to be about",
            "Feedback without its turn counts nowhere. It is kept, and joined when what it names arrives.",
            Fix("Send the trace id, the span id or the provider's response id with the score"),
        )


# -- the spans themselves


def _unnamed(facts: Facts) -> Iterator[Problem]:
    if facts.n_spans and (facts.app is None or facts.app.startswith("unknown_service")):
        yield Problem(
            "unnamed",
            "warn",
            f"{facts.n_spans:,} spans do not say which application they are from",
            "Applications without a name are one application here, with one set of rates and alerts.",
            NAME,
        )


def _no_calls(facts: Facts) -> Iterator[Problem]:
    if facts.n_spans >= ENOUGH and not facts.n_calls:
        yield Problem(
            "no-calls",
            "note",
            f"{facts.n_spans:,} spans arrived, none of them a model call",
            "Without model calls there is nothing to grade: the model library may not be instrumented.",
            Fix(
                "If this application calls models, instrument their library",
                ("pip install opentelemetry-instrumentation-genai-openai  # or -anthropic, -langchain, ...",),
            ),
        )


def _cut(facts: Facts) -> Iterator[Problem]:
    if facts.n_cut:
        yield Problem(
            "cut",
            "note",
            f"{facts.n_cut:,} of {facts.n_spans:,} spans hold a field that was cut",
            "Graders judge what is left of a text.",
            LIMITS,
        )


def _unredacted(facts: Facts) -> Iterator[Problem]:
    if facts.n_unredacted:
        yield Problem(
            "redaction",
            "warn",
            f"a field of {facts.n_unredacted:,} spans could not be redacted and was dropped",
            "Redaction fails closed: what cannot be looked through is not stored.",
            Fix("Look into the collector's log for the reason"),
        )


def _puzzling(facts: Facts) -> Iterator[Problem]:
    if facts.n_spans >= ENOUGH and facts.n_puzzling > PUZZLED * facts.n_spans:
        top = ", ".join(list(facts.keys)[:3])
        yield Problem(
            "unknown-keys",
            "note",
            f"{percent(facts.n_puzzling, facts.n_spans)} of spans carry keys that look like GenAI and that no rule "
            f"understood{f': {top}' if top else ''}",
            "They are kept among the attributes, but count nowhere.",
            Fix("If they say something that is missing above, add a rule for them; the list is below"),
        )


CHECKS: Final[tuple[Callable[[Facts], Iterator[Problem]], ...]] = (
    _unbalanced,
    _refused,
    _aged,
    _future,
    _behind,
    _timeless,
    _sampled,
    _orphans,
    _loose,
    _lost,
    _unnamed,
    _no_calls,
    _cut,
    _unredacted,
    _puzzling,
)
