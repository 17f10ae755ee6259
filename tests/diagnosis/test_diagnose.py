"""Each problem appears when its facts are there, and only then."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from monitor.diagnosis import silence, source_checks, voice_checks
from monitor.diagnosis.check import Check
from monitor.diagnosis.diagnose import diagnose, state_of
from monitor.diagnosis.facts import Facts, Habit, Ledger, Metered, Voice
from monitor.diagnosis.problem import SEVERITIES
from monitor.wording import portion, stretch

NOW = datetime(2026, 11, 24, 12)  # noqa: DTZ001 the store keeps naive UTC
HOUR = timedelta(hours=1)
SPEAKS = Voice(
    dialect="otel-genai",
    scope="opentelemetry.instrumentation.genai.openai",
    versions=("1.3b0",),
    sdks=("python 1.45.2",),
    models=("lumen-1",),
    last_seen=NOW,
    n_calls=100,
    n_failed=10,
    n_chats=100,
    n_answered=90,
    n_inputs=100,
    n_outputs=90,
    n_tokens=90,
    n_response_ids=90,
    n_costs=90,
    n_sessions=100,
    n_users=100,
    n_arms=100,
    n_streams=50,
)
HEALTHY = Facts(
    app="shop",
    environments=("production",),
    first_seen=NOW - 100 * HOUR,
    last_seen=NOW - timedelta(minutes=1),
    n_spans=400,
    n_genai=300,
    n_traces=100,
    lag_low_s=1.0,
    lag_median_s=3.0,
    lag_high_s=6.0,
    lag_worst_s=30.0,
    n_events=20,
    n_scores=20,
    voices=(SPEAKS,),
    ledger=Ledger(1000, 980, 15, 5),
    refusals={"not kept: log record is not about a model call": 5},
    metered=Metered("gen_ai.client.operation.duration", 100, 97),
    habit=Habit(200, NOW - HOUR, 14 * 3600.0),
)


def facts(**changes: Any) -> Facts:
    return replace(HEALTHY, **changes)


def voice(**changes: Any) -> Facts:
    return replace(HEALTHY, voices=(replace(SPEAKS, **changes),))


CASES: list[tuple[Facts, str, str]] = [
    (facts(ledger=Ledger(1000, 979, 15, 5)), "ledger", "bad"),
    (facts(refusals={"trace id is zero": 5}), "refused", "warn"),
    (facts(refusals={"too old": 5, "erased": 7}), "too-old", "note"),
    (facts(refusals={"trace id is zero": 51}, ledger=Ledger(1000, 949, 0, 51)), "refused", "bad"),
    (facts(n_future=4, lag_low_s=-90.0), "clock-ahead", "bad"),
    (facts(n_future=3), "clock-ahead", "warn"),
    (facts(lag_low_s=3600.0, lag_median_s=3602.0, lag_high_s=3605.0), "clock-behind", "warn"),
    (facts(lag_low_s=3600.0, lag_median_s=9000.0, lag_high_s=90000.0), "late", "note"),
    (
        facts(lag_low_s=3600.0, lag_median_s=3602.0, lag_high_s=3605.0, first_seen=HEALTHY.last_seen),
        "late",
        "note",
    ),
    (facts(n_timeless=1), "no-time", "warn"),
    (facts(metered=Metered("m", 1000, 100)), "sampled", "warn"),
    (facts(n_orphans=5), "orphans", "warn"),
    (facts(n_loose=1), "loose-logs", "warn"),
    (facts(n_lost=1), "lost-scores", "warn"),
    (facts(app=None), "unnamed", "warn"),
    (facts(app="unknown_service:python"), "unnamed", "warn"),
    (facts(voices=()), "no-calls", "note"),
    (facts(n_cut=1), "cut", "note"),
    (facts(n_unredacted=1), "redaction", "warn"),
    (facts(n_puzzling=21, keys={"gen_ai.new.thing": 21}), "unknown-keys", "note"),
    (facts(last_seen=NOW - 22 * HOUR), "silent", "warn"),
    (facts(last_seen=None, n_spans=0, voices=(), habit=Habit(200, NOW - 300 * HOUR, 3600.0)), "silent", "warn"),
    (voice(n_inputs=0, n_outputs=0), "no-texts", "warn"),
    (voice(n_inputs=40, n_outputs=30), "no-texts", "warn"),
    (voice(n_inputs=0), "no-inputs", "warn"),
    (voice(n_outputs=0), "no-answers", "warn"),
    (voice(n_tokens=10), "no-tokens", "warn"),
    (voice(n_tokens=85, n_blind_streams=5), "blind-streams", "warn"),
    (voice(n_inputs=0, n_ruled_inputs=100), "by-rule", "note"),
    (voice(n_users=0, n_ruled_users=100), "by-rule", "note"),
    (voice(n_estimated=1), "estimated", "note"),
    (voice(n_users=0, n_sessions=0), "nobody", "warn"),
    (voice(n_users=0), "no-user", "note"),
    (voice(n_sessions=0), "no-session", "note"),
    (voice(n_arms=0), "no-arm", "note"),
    (voice(n_response_ids=0), "no-response-id", "note"),
    (voice(n_costs=0), "no-cost", "note"),
    (voice(n_list_costs=3), "list-price", "note"),
    (voice(n_standing=400), "weighed", "note"),
    (voice(dialect=None), "no-dialect", "note"),
]


@pytest.mark.parametrize(
    ("given", "code", "severity"), CASES, ids=[f"{code}-{n}" for n, (_, code, _) in enumerate(CASES)]
)
def test_a_problem_appears_alone(given: Facts, code: str, severity: str) -> None:
    found = diagnose(given, NOW)
    assert [(problem.code, problem.severity) for problem in found] == [(code, severity)]
    assert found[0].what
    assert found[0].why.endswith(".")
    assert found[0].fix.do
    assert not found[0].fix.do.endswith(".")


QUIET: list[Facts] = [
    HEALTHY,
    facts(refusals={}, ledger=None),
    facts(metered=None, habit=None),
    facts(metered=Metered("m", 19, 1)),  # too few to tell
    facts(metered=Metered("m", 100, 90)),
    facts(metered=Metered("m", 90, 100)),  # more spans than the client counted: two instrumentations
    facts(n_orphans=4),  # under five in a hundred: under way, or one crash
    facts(n_puzzling=20),
    facts(last_seen=NOW - 20 * HOUR),  # its nights are that long
    facts(last_seen=NOW - 22 * HOUR, environments=("demo",)),
    facts(last_seen=NOW - 90 * HOUR, habit=Habit(11, NOW - 90 * HOUR, 3600.0)),  # no habit yet
    facts(last_seen=NOW - 90 * HOUR, habit=Habit(200, NOW - 90 * HOUR)),
    facts(lag_low_s=3600.0, lag_median_s=9000.0, lag_high_s=90000.0, environments=("demo",)),
    facts(lag_low_s=None, lag_median_s=None, lag_high_s=None, lag_worst_s=None),
    facts(n_spans=4, voices=()),
    voice(n_inputs=50, n_outputs=50),
    voice(n_chats=0, n_answered=0, n_inputs=0, n_outputs=0),  # embeddings only
    voice(n_calls=4, n_failed=0, n_users=0, n_sessions=0, n_arms=0, n_tokens=0, n_costs=0, n_response_ids=0),
    voice(n_answered=0, n_outputs=0, n_failed=100, n_tokens=0, n_costs=0, n_response_ids=0),  # every call failed
]


@pytest.mark.parametrize("given", QUIET, ids=range(len(QUIET)))
def test_what_is_no_problem_is_not_told(given: Facts) -> None:
    assert diagnose(given, NOW) == []


def test_no_case_is_missing() -> None:
    """Every code that stands in the checks has a case above."""
    told = {code for _, code, _ in CASES}
    tables: tuple[tuple[Check[Any], ...], ...] = (source_checks.CHECKS, voice_checks.CHECKS, silence.CHECKS)
    written = {check.code for table in tables for check in table}
    assert len(written) > 20
    assert written <= told


def test_the_worst_comes_first_and_names_the_state() -> None:
    found = diagnose(facts(n_future=100, n_cut=1, n_timeless=1), NOW)
    ranks = [SEVERITIES.index(problem.severity) for problem in found]
    assert ranks == sorted(ranks)
    assert state_of(found) == "bad"
    assert state_of(found[1:]) == "warn"
    assert state_of(found[2:]) == "ok"
    assert state_of([]) == "ok"


FIXES = [
    ({"scope": "openinference.instrumentation.openai", "dialect": "openinference"}, "OPENINFERENCE_HIDE_INPUTS=false"),
    ({"scope": "opentelemetry.instrumentation.openai.v1", "dialect": "openllmetry"}, "TRACELOOP_TRACE_CONTENT=true"),
    ({"scope": "openlit.instrumentation.openai", "dialect": "openlit"}, "openlit.init(capture_message_content=True)"),
    ({"dialect": "openlit", "sdks": ("nodejs 2.1.0",)}, "captureMessageContent: true"),
    ({"scope": "langfuse-sdk", "dialect": "langfuse"}, "LANGFUSE_OBSERVE_DECORATOR_IO_CAPTURE_ENABLED=true"),
    ({"scope": "pydantic-ai", "dialect": "logfire"}, "include_content=True"),
    ({"scope": "ai", "dialect": "vercel", "sdks": ("nodejs 2.1.0",)}, "recordInputs: true"),
    ({"scope": "gcp.vertex.agent", "dialect": "google-adk"}, "ADK_CAPTURE_MESSAGE_CONTENT_IN_SPANS=true"),
    (
        {"scope": "com.anthropic.sdk.python", "dialect": "anthropic-sdk"},
        "opentelemetry-instrumentation-genai-anthropic",
    ),
    ({}, "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=span_only"),
    ({"scope": "io.opentelemetry.openai", "sdks": ("java 1.60.0",)}, "CAPTURE_MESSAGE_CONTENT=true"),
    ({"scope": "@opentelemetry/instrumentation-openai", "sdks": ("nodejs 2.1.0",)}, "OTEL_LOGS_EXPORTER=otlp"),
]


@pytest.mark.parametrize(("spoken", "line"), FIXES, ids=[line for _, line in FIXES])
def test_the_fix_for_texts_is_that_of_the_instrumentation(spoken: dict[str, Any], line: str) -> None:
    problem = next(p for p in diagnose(voice(n_inputs=0, n_outputs=0, **spoken), NOW) if p.code == "no-texts")
    assert line in "\n".join(problem.fix.lines)


@pytest.mark.parametrize("spoken", [{"dialect": None, "scope": None}, {"scope": "acme.llm"}])
def test_the_switch_of_an_unknown_instrumentation_is_not_guessed_at(spoken: dict[str, Any]) -> None:
    problem = next(p for p in diagnose(voice(n_inputs=0, n_outputs=0, **spoken), NOW) if p.code == "no-texts")
    assert problem.fix.do.startswith("We do not know the switch of")
    assert problem.fix.lines == ()


WHO = [
    ({"dialect": "openinference"}, "using_attributes"),
    ({"dialect": "openllmetry"}, "set_association_properties"),
    ({"dialect": "langfuse"}, "propagate_attributes"),
    ({"dialect": "vercel", "sdks": ("nodejs 2",)}, "sessionId"),
    ({"sdks": ("nodejs 2.1.0",)}, "getActiveSpan"),
    ({"sdks": ("java 1.60.0",)}, "Span.current()"),
    ({"sdks": ("go 1.38.0",)}, "attribute.String"),
    ({}, "get_current_span"),
]


@pytest.mark.parametrize(("spoken", "line"), WHO, ids=[line for _, line in WHO])
def test_the_fix_for_people_is_in_the_language_of_the_application(spoken: dict[str, Any], line: str) -> None:
    problem = next(p for p in diagnose(voice(n_users=0, n_sessions=0, **spoken), NOW) if p.code == "nobody")
    assert line in "\n".join(problem.fix.lines)


def test_prices_are_asked_for_by_the_name_of_the_model() -> None:
    (problem,) = diagnose(voice(n_costs=0), NOW)
    assert problem.fix.lines == ("prices:", "  lumen-1: {input: 0.0, output: 0.0}")


def test_sampling_says_how_much_is_sent_and_what_to_set() -> None:
    (problem,) = diagnose(facts(metered=Metered("m", 1000, 100)), NOW)
    assert problem.what.startswith("about 10 % of calls are sent")
    assert problem.fix.lines == ("export OTEL_TRACES_SAMPLER=parentbased_always_on",)


def test_a_problem_of_an_instrumentation_names_it() -> None:
    second = replace(
        SPEAKS, scope="openinference.instrumentation.openai", dialect="openinference", n_inputs=0, n_outputs=0
    )
    found = diagnose(facts(voices=(SPEAKS, second)), NOW)
    assert [(p.code, p.voice) for p in found] == [("no-texts", "openinference.instrumentation.openai")]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "0 seconds"), (119, "119 seconds"), (120, "2 minutes"), (-7200, "2 hours"), (200_000, "2 days")],
)
def test_lengths_of_time(seconds: float, told: str) -> None:
    assert stretch(seconds) == told


def test_a_small_share_is_not_said_to_be_nothing() -> None:
    assert [portion(part, 1000) for part in (0, 1, 10, 1000)] == ["0 %", "under 1 %", "1 %", "100 %"]
