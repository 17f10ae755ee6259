"""Real SDKs against a real collector that is killed, overloaded, or whose answers get lost.

Whatever happens: what was acknowledged is in the store, nothing is in it twice, and the ledger adds up. `make faults` runs the
long versions.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter

import plumbline_sdk
from tests.support.house import PATIENCE_S, House, a_house
from tests.support.waiting import becomes, eventually
from tests.wire.clients import App, grpc_exporter, http_exporter, working
from tests.wire.proxy import losing_answers

SEED = 20261125
PROTOCOLS = ["http", "grpc"]


def short_and_long(short: int, long: int) -> list[Any]:
    """How often the violence is done: in every run of the tests, and in `make faults`."""
    return [pytest.param(short, id="short"), pytest.param(long, id="long", marks=pytest.mark.faults)]


KILLS = [
    pytest.param(PROTOCOLS, 1, id="short"),
    pytest.param(["http"], 20, id="http-long", marks=pytest.mark.faults),
    pytest.param(["grpc"], 20, id="grpc-long", marks=pytest.mark.faults),
]
STORMS = [
    pytest.param("http", 1, id="http-short"),
    pytest.param("http", 10, id="http-long", marks=pytest.mark.faults),
    pytest.param("grpc", 10, id="grpc-long", marks=pytest.mark.faults),
]
"""What a gRPC client does with one 503 is held by `tests/collectors/test_grpc.py`, without the backoff of a real storm."""


def exporter(protocol: str, address: str) -> Callable[[], SpanExporter]:
    return partial(http_exporter if protocol == "http" else grpc_exporter, address)


def door(house: House, protocol: str) -> str:
    return house.http if protocol == "http" else house.grpc


def hold_to_it(house: House, apps: list[App], said: str) -> None:
    """Everything acknowledged is there, nothing twice, nothing unaccounted for; print the count."""
    acknowledged = set[str]().union(*(app.exporter.acknowledged for app in apps))
    house.span_ids(acknowledged)
    becomes(lambda: house.ledger()["stored"] == len(house.span_ids(set())), PATIENCE_S, look_every_s=0.2)
    found, ledger = house.span_ids(acknowledged), house.ledger()  # those whose answer was lost come when they come
    made, failed = sum(app.made for app in apps), sum(len(app.exporter.failed) for app in apps)
    lost, doubled = len(acknowledged - found), house.doubled()
    print(f"\n{said}: {made} spans made, {len(acknowledged)} acknowledged, {failed} given up by their exporter,")
    print(f"  {len(found)} stored, {lost} lost, {doubled} doubled; ledger {ledger}")
    assert len(acknowledged) > 50
    assert acknowledged <= found
    assert doubled == 0
    assert ledger["stored"] == len(found)
    assert ledger["received"] == ledger["stored"] + ledger["duplicate"] + ledger["refused"]
    assert ledger["refused"] == 0


@pytest.mark.slow
@pytest.mark.parametrize(("protocols", "kills"), KILLS)
def test_a_collector_killed_in_the_middle(tmp_path: Path, protocols: list[str], kills: int) -> None:
    rng = random.Random(SEED)
    with a_house(tmp_path / "data") as house:
        with working([exporter(protocol, door(house, protocol)) for protocol in protocols * 2]) as apps:
            for _ in range(kills):
                reached(apps, sum(len(app.exporter.acknowledged) for app in apps) + 100)
                time.sleep(rng.uniform(0, 0.5))
                house.kill("collector")
            reached(apps, sum(len(app.exporter.acknowledged) for app in apps) + 1)  # it takes data again
        hold_to_it(house, apps, f"{' and '.join(protocols)}, {kills} kills")


def reached(apps: list[App], acknowledged: int) -> None:
    """Wait until so many spans are acknowledged."""
    eventually(
        lambda: sum(len(app.exporter.acknowledged) for app in apps) >= acknowledged,
        "the collector takes nothing",
        PATIENCE_S,
    )


def more_turned_away(house: House, wanted: int) -> bool:
    return house.counters()["turned_away"] >= wanted


@pytest.mark.slow
@pytest.mark.parametrize(("protocol", "storms"), STORMS)
def test_a_storm_of_503(tmp_path: Path, protocol: str, storms: int) -> None:
    """The queue holds about one batch, and eight applications send at once."""
    with a_house(tmp_path / "data", collector={"max_queue_mb": 0.08}) as house:
        with working([exporter(protocol, door(house, protocol))] * 8) as apps:
            for _ in range(storms):
                wanted = house.counters()["turned_away"] + 5
                eventually(partial(more_turned_away, house, wanted), "nobody was turned away", PATIENCE_S)
        turned_away = house.counters()["turned_away"]
        hold_to_it(house, apps, f"{protocol}, {turned_away} requests turned away")


@pytest.mark.slow
@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("losses", short_and_long(1, 30))
def test_answers_that_get_lost(tmp_path: Path, protocol: str, losses: int) -> None:
    """The collector has stored a batch, and its client never hears of it: it sends the batch again."""
    with a_house(tmp_path / "data") as house:
        with (
            losing_answers(door(house, protocol), 0.5, SEED) as proxy,
            working([exporter(protocol, proxy.address)] * 3) as apps,
        ):
            eventually(  # a cut may also hit a request on its way
                lambda: proxy.lost >= losses and house.ledger()["duplicate"] > 0,
                "answers were lost, and nobody sent again",
                PATIENCE_S,
            )
            proxy.loss = 0.0  # what the clients still hold comes through
            reached(apps, 100)
        hold_to_it(house, apps, f"{protocol}, {proxy.lost} answers lost")


@pytest.mark.slow
def test_feedback_of_our_sdk_meets_its_call(tmp_path: Path) -> None:
    """Spans, scores and metrics of one application, each through the exporter that people use."""
    with a_house(tmp_path / "data", agent={"settle": "1s", "cycle_every": "1s"}) as house:
        provider = TracerProvider(shutdown_on_exit=False)
        assert plumbline_sdk.init(house.url, provider=provider)
        tracer = provider.get_tracer("app")
        attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.response.id": "resp-1"}
        with (
            plumbline_sdk.identity(user="u-1", session="s-1", message="m-1"),
            plumbline_sdk.prompt("refunds", "7"),
            plumbline_sdk.experiment("tone", "B"),
            tracer.start_as_current_span("chat m", attributes=attributes) as span,
        ):
            span.set_attribute("gen_ai.input.messages", '[{"role":"user","parts":[{"type":"text","content":"hi"}]}]')
            assert plumbline_sdk.feedback("inside", 1)
        here = span.get_span_context()
        assert plumbline_sdk.feedback("by-trace", 2, trace_id=here.trace_id)
        assert plumbline_sdk.feedback("by-response", 3, response_id="resp-1")
        assert plumbline_sdk.feedback("by-session", 4, session="s-1")
        assert plumbline_sdk.feedback("by-message", 5, message_id="m-1")
        assert plumbline_sdk.flush(PATIENCE_S)
        provider.shutdown()
        metrics = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=f"{house.url}/v1/metrics"))])
        metrics.get_meter("app").create_counter("n").add(1)
        metrics.shutdown()
        trace = f"{here.trace_id:032x}"
        wanted = {(name, trace) for name in ("inside", "by-trace", "by-response", "by-message")}
        assert wanted <= house.settled("SELECT name, trace_id FROM scores", wanted)
        assert {"by-session"} <= house.settled("SELECT name FROM scores", {"by-session"})
        told = {("u-1", "s-1", "refunds", "7", "B")}
        calls = house.settled("SELECT user_id, session_id, prompt_name, prompt_version, variant FROM calls", told)
        assert calls == told
        assert house.counters()["refused"] == 0
