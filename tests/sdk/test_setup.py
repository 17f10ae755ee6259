"""`init()` in applications of every kind: each is a process of its own, read from the bodies its exporters post."""

from __future__ import annotations

import pytest

from tests.sdk.door import Door, run_app, values

SPAN = """
    assert plumbline.init(service="shop") and plumbline.init()
    with plumbline.prompt("refunds", "7"), tracer.start_as_current_span("chat"):
        pass
"""


def test_a_process_that_ends_at_once_delivers_spans_and_feedback(door: Door) -> None:
    said = run_app(
        door,
        """
        assert plumbline.init(service="shop") and plumbline.init()
        with plumbline.prompt("refunds", "7"), tracer.start_as_current_span("chat"):
            assert plumbline.feedback("helpful", 1, label="thumbs up", comment="thanks")
        assert plumbline.feedback("tone", label="polite", response_id="resp-1")
        assert plumbline.change("prompt", "refunds 7 is live")
        assert plumbline.end_session("s1") and not plumbline.end_session()
        with plumbline.identity(session="s2"):
            assert plumbline.end_session()
        """,
    )
    assert "session.end is not recorded: no session is known" in said
    (span,) = door.spans()
    assert (span.name, door.services()) == ("chat", {"shop"})
    assert values(span) == {"gen_ai.prompt.name": "refunds", "gen_ai.prompt.version": "7"}
    helpful, tone, changed, *ended = door.records()
    assert [(one.event_name, values(one)) for one in ended] == [
        ("session.end", {"session.id": "s1"}),
        ("session.end", {"session.id": "s2"}),
    ]
    assert changed.event_name == "plumbline.change"
    assert values(changed) == {"plumbline.change.kind": "prompt", "plumbline.change.what": "refunds 7 is live"}
    assert (helpful.event_name, helpful.trace_id, helpful.span_id) == (
        "gen_ai.evaluation.result",
        span.trace_id,
        span.span_id,
    )
    assert values(helpful) == {
        "gen_ai.evaluation.name": "helpful",
        "gen_ai.evaluation.score.value": 1.0,
        "gen_ai.evaluation.score.label": "thumbs up",
        "gen_ai.evaluation.explanation": "thanks",
    }
    assert values(tone) == {
        "gen_ai.evaluation.name": "tone",
        "gen_ai.evaluation.score.label": "polite",
        "gen_ai.response.id": "resp-1",
    }
    assert tone.trace_id == b""


def test_feedback_names_a_trace_a_session_or_a_message(door: Door) -> None:
    run_app(
        door,
        """
        plumbline.init()
        with tracer.start_as_current_span("later") as span:
            here = span.get_span_context()
            plumbline.feedback("a", 1, trace_id="0123456789abcdef0123456789ABCDEF")
            plumbline.feedback("b", 0.5, trace_id="01234567-89ab-cdef-0123-456789abcdef", span_id="00000000000000ff")
            plumbline.feedback("c", True, session="s-1")
            plumbline.feedback("d", 0, message_id="m-1")
        plumbline.feedback("e", 1, trace_id=here.trace_id, span_id=here.span_id)
        """,
    )
    records = {values(one)["gen_ai.evaluation.name"]: one for one in door.records()}
    ids = {name: (one.trace_id.hex(), one.span_id.hex()) for name, one in records.items()}
    (span,) = door.spans()
    assert ids["a"] == ("0123456789abcdef0123456789abcdef", "")
    assert ids["b"] == ("0123456789abcdef0123456789abcdef", "00000000000000ff")
    assert ids["c"] == ids["d"] == ("", "")
    assert ids["e"] == (span.trace_id.hex(), span.span_id.hex())
    assert values(records["c"])["session.id"] == "s-1"
    assert values(records["c"])["gen_ai.evaluation.score.value"] == 1.0
    assert values(records["d"])["message.id"] == "m-1"


def test_feedback_that_cannot_be_recorded_says_so_and_does_not_raise(door: Door) -> None:
    said = run_app(
        door,
        """
        print(plumbline.feedback("early", 1, session="s") or plumbline.change("model", "early"))
        plumbline.init()
        print(plumbline.feedback("nowhere", 1), plumbline.feedback("bad", 1, trace_id="not hex"),
              plumbline.feedback("bad", "good", session="s"))
        """,
    )
    assert said.startswith("False\nFalse False False")
    assert "no init() yet" in said
    assert "no span is active" in said
    assert door.records() == []


MINE = """
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    kept = InMemorySpanExporter()
    mine = TracerProvider(resource=Resource.create({"service.name": "mine"}))
    mine.add_span_processor(SimpleSpanProcessor(kept))
"""


def test_an_existing_provider_is_kept_and_its_exporters_see_raw_texts(door: Door) -> None:
    run_app(
        door,
        MINE
        + """
    trace.set_tracer_provider(mine)
    assert plumbline.init(service="ignored")
    assert trace.get_tracer_provider() is mine
    with tracer.start_as_current_span("chat", attributes={"q": "write to kim@example.org"}):
        pass
    (span,) = kept.get_finished_spans()
    assert span.attributes["q"] == "write to kim@example.org"
    """,
    )
    (span,) = door.spans()
    assert values(span)["q"].startswith("write to <EMAIL_")
    assert door.services() == {"mine"}


def test_providers_that_are_not_global_are_added_one_by_one(door: Door) -> None:
    run_app(
        door,
        MINE
        + """
    other = TracerProvider(resource=Resource.create({"service.name": "other"}))
    for provider in (mine, other, mine):
        assert plumbline.init(provider=provider)
    for provider in (mine, other):
        with provider.get_tracer("app").start_as_current_span("chat"):
            pass
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    """,
    )
    assert len(door.spans()) == 2
    assert door.services() == {"mine", "other"}


def test_a_tracer_made_before_init_is_served_too(door: Door) -> None:
    run_app(door, SPAN)  # HEAD makes the tracer before init
    assert [span.name for span in door.spans()] == ["chat"]


@pytest.mark.parametrize(
    "before",
    [
        "trace.set_tracer_provider(trace.NoOpTracerProvider())",
        "os.environ['OTEL_SDK_DISABLED'] = 'true'",
        "trace.get_tracer_provider = lambda: 1 / 0",
    ],
    ids=["a provider without processors", "switched off", "a broken set-up"],
)
def test_where_nothing_can_be_added_nothing_happens(door: Door, before: str) -> None:
    said = run_app(
        door,
        f"""
    {before}
    print(plumbline.init())
    with plumbline.prompt("a", "1"), tracer.start_as_current_span("chat"):
        print(plumbline.feedback("helpful", 1), plumbline.flush(), plumbline.stats())
    """,
    )
    assert said.startswith("False\nFalse True {'sent': 0, 'dropped': 0, 'lost': 0}")
    assert door.posted == []


def test_spans_false_leaves_spans_to_the_application(door: Door) -> None:
    run_app(
        door,
        MINE
        + """
    trace.set_tracer_provider(mine)
    assert plumbline.init(spans=False)
    with plumbline.identity(user="u"), tracer.start_as_current_span("chat"):
        plumbline.feedback("helpful", 1)
    assert dict(kept.get_finished_spans()[0].attributes) == {"user.id": "u"}
    """,
    )
    assert door.spans() == []
    assert len(door.records()) == 1


def test_a_span_that_is_sampled_out_is_not_sent(door: Door) -> None:
    run_app(
        door,
        """
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
        trace.set_tracer_provider(TracerProvider(sampler=ALWAYS_OFF))
        assert plumbline.init()
        with tracer.start_as_current_span("chat"):
            plumbline.feedback("helpful", 1)
        """,
    )
    assert door.spans() == []
    assert len(door.records()) == 1


def test_the_usual_variables_are_enough(door: Door) -> None:
    env = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": door.url,
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20k1,x-team=a",
        "OTEL_SERVICE_NAME": "from-env",
    }
    run_app(None, SPAN.replace('service="shop"', ""), **env)
    (posted,) = door.posted
    assert (posted.path, door.services()) == ("/v1/traces", {"from-env"})
    assert (posted.headers["authorization"], posted.headers["x-team"]) == ("Bearer k1", "a")
    assert posted.headers["content-encoding"] == "gzip"


def test_one_signals_own_endpoint_is_used_as_it_stands(door: Door) -> None:
    run_app(None, SPAN, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{door.url}/v1/traces")
    assert len(door.spans()) == 1


def test_our_key_goes_to_us_and_another_vendors_does_not(door: Door) -> None:
    env = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20theirs,dd-api-key=theirs",
        "PLUMBLINE_API_KEY": "ours",
    }
    run_app(door, SPAN, **env)
    (posted,) = door.posted
    assert posted.headers["authorization"] == "Bearer ours"
    assert "theirs" not in str(posted.headers)


def test_arguments_win_over_the_environment(door: Door) -> None:
    code = f'plumbline.init("{door.url}/", api_key="mine")\nwith tracer.start_as_current_span("chat"): pass'
    run_app(None, code, PLUMBLINE_ENDPOINT="http://127.0.0.1:9", PLUMBLINE_API_KEY="no")
    (posted,) = door.posted
    assert (posted.path, posted.headers["authorization"]) == ("/v1/traces", "Bearer mine")
