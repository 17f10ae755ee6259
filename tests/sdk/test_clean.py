"""What leaves the process: texts redacted and cut at every depth, originals untouched, nothing raised."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, Status, StatusCode

from plumbline_sdk._clean import Cleaner

CLEAN = Cleaner(100_000)
SECRETS = {
    "sk-proj-abcdefghijklmnopqrstuvwxyz012345": "SECRET",
    "AKIAIOSFODNN7EXAMPLE": "SECRET",
    "ghp_" + "a1B2" * 9: "SECRET",
    "xoxb-123456789012-abcdefghij": "SECRET",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P": "SECRET",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq\nabc=": "SECRET",
    "kim.lee+a@mail.example.org": "EMAIL",
    "jörg@exämple.org": "EMAIL",
    "4111 1111 1111 1111": "CARD",
    "4111111111111111": "CARD",
    "3782-822463-10005": "CARD",
}


def text(value: str, key: str = "q", scope: str = "t", clean: Cleaner = CLEAN) -> Any:
    return clean.value(key, value, scope)


@pytest.mark.parametrize(("secret", "kind"), SECRETS.items())
@pytest.mark.parametrize("around", ["{}", "is {}.", '"{}"', "a\n{}\nb", "({})", "x={},"])
def test_what_must_not_leave_does_not(secret: str, kind: str, around: str) -> None:
    cleaned = text(around.format(secret))
    assert secret not in cleaned
    assert f"<{kind}_" in cleaned


@pytest.mark.parametrize("code_points", [False, True])
@pytest.mark.parametrize(("secret", "kind"), SECRETS.items())
def test_json_in_a_text_stays_json(secret: str, kind: str, code_points: bool) -> None:
    told = json.dumps([{"role": "user", "content": f"first\n{secret}\nthen\t{secret}"}])
    if code_points:
        told = told.replace("\\n", "\\u000a").replace("\\t", "\\u0009")
    cleaned = json.loads(text(told))[0]["content"]
    assert secret not in cleaned
    assert cleaned.count(f"<{kind}_") == 2
    if not (
        code_points and kind == "EMAIL"
    ):  # an escape may be a letter of an address, so what stands before it goes too
        assert cleaned.startswith("first\n")


@pytest.mark.parametrize(
    "harmless",
    [
        "4111 1111 1111 1112",  # the check digit is wrong
        "1700000000000",  # a time in milliseconds
        "0123456789abcdef0123456789abcdef",
        "see @kim, or a@b",
        "task-skeleton-of-the-building-in-autumn",
        "3.14159265358979",
        "",
    ],
)
def test_what_may_leave_stays_as_it_is(harmless: str) -> None:
    assert text(harmless) == harmless


def test_the_same_value_looks_the_same_within_a_trace_only() -> None:
    one, two = text("kim@example.org and lee@example.org", scope="1").split(" and ")
    assert text("again kim@example.org", scope="1") == f"again {one}"
    assert one != two
    assert text("kim@example.org", scope="2") != one


def test_who_is_served_is_left_to_the_collector() -> None:
    assert text("kim@example.org", key="user.id") == "kim@example.org"
    assert text("kim@example.org", key="user.name").startswith("<EMAIL_")


def test_a_long_text_is_cut_and_says_so() -> None:
    cleaned = text("é" * 500, clean=Cleaner(100))
    assert cleaned == "é" * 94 + " [cut]"


@given(st.integers(0, 60))
def test_where_a_text_is_cut_no_half_of_a_secret_shows(before: int) -> None:
    secret = "kim.lee.of.the.north@example.org"
    cleaned = text("." * before + " " + secret + " " + "x" * 500, clean=Cleaner(60))
    assert "kim" not in cleaned
    assert len(cleaned) <= 60


def test_half_a_surrogate_does_not_cost_the_batch() -> None:
    assert text("a\ud800b").encode() == b"a?b"
    assert text("a😀b") == "a😀b"


def hook(key: str, value: str) -> Any:
    return {"drop": None, "number": 7}.get(key, value.replace("Acme", "[company]")) if key != "boom" else 1 / 0


def test_the_applications_own_redaction_comes_first_and_fails_closed() -> None:
    clean = Cleaner(1000, hook)
    told = {"drop": "x", "boom": "secret", "number": "x", "q": "Acme, kim@example.org", "n": 3, "list": ["Acme", "b"]}
    cleaned = clean.value("", told, "t")
    assert set(cleaned) == {"q", "n", "list"}
    assert cleaned["q"].startswith("[company], <EMAIL_")
    assert (cleaned["n"], cleaned["list"]) == (3, ["[company]", "b"])


def a_span() -> ReadableSpan:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    link = Link(SpanContext(1, 2, is_remote=True), {"why": "asked by kim@example.org"})
    with provider.get_tracer("app", "1.2").start_as_current_span("mail to kim@example.org", links=[link]) as span:
        span.set_attribute("q", "kim@example.org")
        span.set_attribute("many", ["kim@example.org", "b"])
        span.set_attribute("n", 3)
        span.add_event("exception", {"exception.message": "no such user kim@example.org"})
        span.set_status(Status(StatusCode.ERROR, "no such user kim@example.org"))
    (finished,) = kept.get_finished_spans()
    provider.shutdown()
    return finished


def test_a_span_is_copied_with_everything_cleaned_and_the_original_untouched() -> None:
    span = a_span()
    before = span.to_json()
    copy = CLEAN.span(span)
    assert "kim@" not in copy.to_json()
    assert copy.to_json().count("<EMAIL_") == 6
    assert span.to_json() == before
    assert (copy.context, copy.parent, copy.kind, copy.start_time, copy.end_time, copy.resource) == (
        span.context,
        span.parent,
        span.kind,
        span.start_time,
        span.end_time,
        span.resource,
    )
    assert copy.instrumentation_scope == span.instrumentation_scope
    assert copy.status.status_code is StatusCode.ERROR


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=4))
def test_any_attributes_can_be_cleaned(told: dict[str, Any]) -> None:
    cleaned = CLEAN.value("", told, "t")
    assert set(cleaned) == {key for key, value in told.items() if value is not None}
    json.dumps(cleaned).encode()


HOSTILE = {
    "at signs": "@" * 100_000,
    "almost an address": "a.b-c" * 20_000,
    "addresses without end": "a@" * 50_000,
    "dots": "a@" + "b." * 50_000,
    "digits": "4" * 100_000,
    "digit groups": "4111 " * 20_000,
    "keys": "sk-" * 33_000,
    "tokens": "eyJ" + "a" * 100_000,
    "token parts": "eyJaaaaaaaaaa." * 7_000,
    "private": "-----BEGIN PRIVATE KEY-----" * 4_000,
    "slashes": "\\" * 99_999 + "kim@example.org",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_take_no_longer_than_their_length(name: str) -> None:
    """Ten times the text may take about ten times as long; quadratic time would take a hundred times."""
    long = HOSTILE[name]
    clean = Cleaner(1_000_000)
    small, large = (best_of(clean, long[:size]) for size in (10_000, 100_000))
    assert large < 40 * small + 0.05


def best_of(clean: Cleaner, told: str) -> float:
    def once() -> float:
        started = time.process_time()
        clean.value("q", told, "t")
        return time.process_time() - started

    return min(once() for _ in range(3))
