"""What is looked at once a source, as a table: the way here, what belongs together, the spans themselves.

The signs stand above the table; a sign says nothing about what it cannot see.
"""

from __future__ import annotations

from typing import Final

from monitor.diagnosis.check import Check
from monitor.diagnosis.facts import Facts
from monitor.diagnosis.fixes import CLOCK, LIMITS, NAME, ROOTS, SAMPLER, SPANS_TOO, Fix
from monitor.diagnosis.problem import ENOUGH
from monitor.store.ledger import ERASED, TOO_OLD
from monitor.wording import portion, stretch

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
NOT_KEPT: Final = "not kept"
"""How reasons begin that are no fault of the sender: log records that are not about model calls."""


# -- the way here


def _unbalanced(source: Facts) -> str | None:
    ledger = source.ledger
    if ledger is None or ledger.adds_up:
        return None
    return (
        f"{ledger.received:,} received is not {ledger.stored:,} stored + {ledger.duplicate:,} duplicate "
        f"+ {ledger.refused:,} refused"
    )


def _faults(source: Facts) -> dict[str, int]:
    """Refusals that are a fault of the sender, by their reason."""
    return {reason: n for reason, n in source.refusals.items() if not reason.startswith((NOT_KEPT, TOO_OLD, ERASED))}


def _refused(source: Facts) -> str | None:
    faults = _faults(source)
    worst = sorted(faults.items(), key=lambda fault: -fault[1])[:3]
    named = "; ".join(f"{reason} ({n:,})" for reason, n in worst)
    total = sum(faults.values())
    return f"{total:,} of {source.n_received:,} were refused: {named}" if total else None


def _refused_often(source: Facts) -> bool:
    return sum(_faults(source).values()) > REFUSED * source.n_received


def _too_old(source: Facts) -> str | None:
    n = source.refusals.get(TOO_OLD)
    return f"{n:,} rows were older than rows are kept" if n else None


def _ahead(source: Facts) -> str | None:
    lag = source.lag_low_s
    by = f", {stretch(lag)} ahead or more" if lag is not None and lag < AHEAD_S else ""
    return f"{source.n_future:,} spans end after they arrived{by}" if source.n_future else None


def _often_ahead(source: Facts) -> bool:
    return source.n_future >= AHEAD * source.n_spans


def _lag_s(source: Facts, *, steady: bool) -> float | None:
    """The median lag of a late source whose lags are steady, or are not; what came at one stroke is steady by itself."""
    median, low, high = source.lag_median_s, source.lag_low_s, source.lag_high_s
    if median is None or low is None or high is None or median < LATE_S or source.is_demo:
        return None
    is_steady = high - low <= STEADY_S and source.watched_s > LATE_S
    return median if is_steady == steady else None


def _behind(source: Facts) -> str | None:
    lag = _lag_s(source, steady=True)
    return None if lag is None else f"all spans seem to end {stretch(lag)} before they arrive"


def _late(source: Facts) -> str | None:
    lag = _lag_s(source, steady=False)
    if lag is None:
        return None
    return f"spans arrive {stretch(lag)} after they end (median; worst {stretch(source.lag_worst_s or lag)})"


def _timeless(source: Facts) -> str | None:
    return f"{source.n_timeless:,} spans came without a start time" if source.n_timeless else None


def _sampled(source: Facts) -> str | None:
    metered = source.metered
    if metered is None or metered.n_metered < METERED or metered.n_sent >= SAMPLED * metered.n_metered:
        return None
    return (
        f"about {portion(metered.n_sent, metered.n_metered)} of calls are sent: the client counted "
        f"{metered.n_metered:,} calls, {metered.n_sent:,} arrived; its sampler is on"
    )


# -- what belongs together


def _orphans(source: Facts) -> str | None:
    if not source.n_orphans or source.n_orphans < ORPHANS * source.n_traces:
        return None
    return f"the root of {source.n_orphans:,} of {source.n_traces:,} traces never came (one is {source.orphan})"


def _loose(source: Facts) -> str | None:
    n = source.n_loose
    return f"{n:,} of {source.n_events:,} log events belong to no trace that arrived" if n else None


def _lost(source: Facts) -> str | None:
    return f"{source.n_lost:,} of {source.n_scores:,} scores found nothing to be about" if source.n_lost else None


# -- the spans themselves


def _unnamed(source: Facts) -> str | None:
    unnamed = source.app is None or source.app.startswith("unknown_service")
    return (
        f"{source.n_spans:,} spans do not say which application they are from" if source.n_spans and unnamed else None
    )


def _no_calls(source: Facts) -> str | None:
    none = source.n_spans >= ENOUGH and not source.n_calls
    return f"{source.n_spans:,} spans arrived, none of them a model call" if none else None


def _cut(source: Facts) -> str | None:
    return f"{source.n_cut:,} of {source.n_spans:,} spans hold a field that was cut" if source.n_cut else None


def _unredacted(source: Facts) -> str | None:
    n = source.n_unredacted
    return f"a field of {n:,} spans could not be redacted and was dropped" if n else None


def _puzzling(source: Facts) -> str | None:
    if source.n_spans < ENOUGH or source.n_puzzling <= PUZZLED * source.n_spans:
        return None
    top = ", ".join(list(source.keys)[:3])
    return (
        f"{portion(source.n_puzzling, source.n_spans)} of spans carry keys that look like GenAI and that no rule "
        f"understood{f': {top}' if top else ''}"
    )


CHECKS: Final[tuple[Check[Facts], ...]] = (
    Check(
        "ledger",
        "bad",
        _unbalanced,
        "Something that was acknowledged is not accounted for. This is a defect of Plumbline.",
        Fix("Keep the data directory, and report it with the output of `plumbline doctor --format json`"),
    ),
    Check(
        "refused",
        "warn",
        _refused,
        "What is refused is not stored, and clients do not send it again.",
        Fix("Mend what the reason names in the exporter of this source; the ledger below shows whether it stopped"),
        bad_if=_refused_often,
    ),
    Check(
        "too-old",
        "note",
        _too_old,
        "They were sent again, imported, or come from a clock that is behind; agent.retention says how long rows are kept.",
        Fix(
            "Nothing, if that is meant; else keep spans longer in plumbline.yaml", ("agent: {retention: {spans: ...}}",)
        ),
    ),
    Check(
        "clock-ahead",
        "warn",
        _ahead,
        "A clock that is ahead puts traffic into hours that have not come: rates, drift and silence are wrong there.",
        CLOCK,
        bad_if=_often_ahead,
    ),
    Check(
        "clock-behind",
        "warn",
        _behind,
        "A delay that never varies is a clock that is behind: traffic is put into the wrong hours.",
        CLOCK,
    ),
    Check(
        "late",
        "note",
        _late,
        "An import or a backfill looks like this. From a live application it means that alerts come this much later.",
        Fix("If this is live traffic, export sooner", ("export OTEL_BSP_SCHEDULE_DELAY=5000  # milliseconds",)),
    ),
    Check(
        "no-time",
        "warn",
        _timeless,
        "They are stored under the time of their receipt, and their duration is not known.",
        Fix("Set startTimeUnixNano in the exporter, in nanoseconds"),
    ),
    Check(
        "sampled",
        "warn",
        _sampled,
        "Counts, costs and rare violations are too small by that factor, and nobody knows which calls are missing.",
        SAMPLER,
    ),
    Check(
        "orphans",
        "warn",
        _orphans,
        "What the user said and saw is often on the root: such turns are finished late and may miss their texts.",
        ROOTS,
    ),
    Check(
        "loose-logs",
        "warn",
        _loose,
        "Their texts cannot be joined to a call, so they are not graded.",
        SPANS_TOO,
    ),
    Check(
        "lost-scores",
        "warn",
        _lost,
        "Feedback without its turn counts nowhere. It is kept, and joined when what it names arrives.",
        Fix("Send the trace id, the span id or the provider's response id with the score"),
    ),
    Check(
        "unnamed",
        "warn",
        _unnamed,
        "Applications without a name are one application here, with one set of rates and alerts.",
        NAME,
    ),
    Check(
        "no-calls",
        "note",
        _no_calls,
        "Without model calls there is nothing to grade: the model library may not be instrumented.",
        Fix(
            "If this application calls models, instrument their library",
            ("pip install opentelemetry-instrumentation-genai-openai  # or -anthropic, -langchain, ...",),
        ),
    ),
    Check("cut", "note", _cut, "Graders judge what is left of a text.", LIMITS),
    Check(
        "redaction",
        "warn",
        _unredacted,
        "Redaction fails closed: what cannot be looked through is not stored.",
        Fix("Look into the collector's log for the reason"),
    ),
    Check(
        "unknown-keys",
        "note",
        _puzzling,
        "They are kept among the attributes, but count nowhere.",
        Fix("If they say something that is missing above, add a rule for them; the list is below"),
    ),
)
