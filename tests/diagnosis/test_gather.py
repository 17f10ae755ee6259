"""Facts of sources from a real store, through spool, loader and finishing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.diagnosis.gather import sources
from monitor.errors import UsageError
from tests.store.rows import Home, Row, a_call, frame, texts, us

DAY_S = 86400.0


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    found = Home(tmp_path / "data")
    yield found
    found.store.close()


def trace(number: int) -> str:
    return f"{number:032x}"


def call(number: int, **fields: Any) -> Row:
    """A model call that is its own trace."""
    return a_call(f"{number:016x}", number, trace_id=trace(number), source=fields.get("app") or "shop", **fields)


def told(home: Home, **params: str) -> dict[str | None, Row]:
    home.finish()
    home.clock.advance(timedelta(hours=1))  # nothing is under way any more
    found = sources(home.store, params, home.clock.now())["sources"]
    return {source["app"]: source for source in found}


def codes(source: Row) -> set[str]:
    return {problem["code"] for problem in source["problems"]}


def test_nothing_arrived_nothing_told(home: Home) -> None:
    assert told(home) == {}


def test_each_voice_of_an_app_is_counted_apart(home: Home) -> None:
    rich = {"dialect": "openinference", "scope": "openinference.x", "scope_version": "0.1", "sdk": "python 1.45.2"}
    full = {"user_id": "u", "session_id": "s", "input_tokens": 5, "output_tokens": 7, "cost_usd": 0.1, "variant": "B"}
    calls = [call(n, response_id=f"r{n}", **rich, **full) for n in range(6)]
    poor = [call(n, dialect="otel-genai", scope="otel.y", scope_version=v) for n, v in ((10, "1"), (11, "2"))]
    said = [texts(f"{n:016x}", at=n, trace_id=trace(n)) for n in range(6)]
    home.take(frame(spans=calls + poor, content=said, features=[feature(n) for n in range(6)]))
    first, second = told(home)["shop"]["voices"]
    assert (first["dialect"], first["versions"], first["sdks"]) == ("openinference", ("0.1",), ("python 1.45.2",))
    counted = {name: first[f"n_{name}"] for name in ("calls", "inputs", "outputs", "tokens", "users", "arms", "costs")}
    assert set(counted.values()) == {6}
    assert (second["scope"], second["versions"], second["n_calls"], second["n_inputs"]) == ("otel.y", ("1", "2"), 2, 0)
    assert codes(told(home)["shop"]) == {"no-texts"}


def feature(number: int) -> Row:
    return {
        "trace_id": trace(number),
        "span_id": f"{number:016x}",
        "time": us(number),
        "input_chars": 2,
        "output_chars": 5,
    }


def test_texts_that_came_as_logs_count(home: Home) -> None:
    event = {"app": "shop", "source": "shop", "received_at": us(5), "time": us(0), "trace_id": trace(0)}
    event |= {"span_id": f"{0:016x}", "name": "gen_ai.choice", "part": "output", "key": "k"}
    body = '{"role":"assistant","parts":[{"type":"text","content":"hello"}]}'
    home.take(frame(spans=[call(0)], events=[event | {"body": body}]))
    shop = told(home)["shop"]
    assert shop["voices"][0]["n_outputs"] == 1
    assert (shop["n_events"], shop["n_loose"]) == (1, 0)


def test_a_log_without_its_trace_is_loose(home: Home) -> None:
    event = {"app": "shop", "source": "shop", "received_at": us(5), "time": us(0), "trace_id": trace(77), "name": "x"}
    home.take(frame(spans=[call(0)], events=[event | {"key": "k", "part": "details", "body": "{}"}]))
    assert "loose-logs" in codes(told(home)["shop"])


def test_a_trace_whose_root_never_came(home: Home) -> None:
    home.take(frame(spans=[call(0, parent_id="f" * 16), call(1)]))
    shop = told(home)["shop"]
    assert (shop["n_traces"], shop["n_orphans"], shop["orphan"]) == (2, 1, trace(0))


def test_what_has_just_come_is_under_way(home: Home) -> None:
    home.take(frame(spans=[call(0, parent_id="f" * 16)]))
    found = sources(home.store, {}, home.clock.now())["sources"]
    assert found[0]["n_orphans"] == 0


def test_a_call_told_twice_counts_once(home: Home) -> None:
    home.take(frame(spans=[call(0, response_id="r"), call(1, response_id="r", scope="other", output_tokens=5)]))
    shop = told(home)["shop"]
    assert (shop["n_calls"], shop["n_repeats"]) == (1, 1)


def test_clocks(home: Home) -> None:
    ahead = a_call("1" * 16, 0, app="ahead", received_at=us(-60), trace_id=trace(1))
    future = a_call("2" * 16, 0, app="ahead", flags="time_future", trace_id=trace(2))
    home.take(frame(spans=[ahead, future, call(3)]))
    found = told(home)
    assert found["ahead"]["n_future"] == 2
    assert found["ahead"]["lag_low_s"] == pytest.approx(-60.1)
    assert found["ahead"]["state"] == "bad"
    assert found["shop"]["lag_median_s"] == pytest.approx(4.9)
    assert list(found) == ["ahead", "shop"]


def test_a_score_that_found_nothing(home: Home) -> None:
    score = {"key": "k", "time": us(0), "received_at": us(1), "name": "thumbs", "value": 1.0, "source": "scores"}
    kept = score | {"key": "l", "trace_id": trace(0)}
    home.take(frame(spans=[call(0)], scores=[score | {"response_id": "gone"}, kept]))
    found = told(home)
    assert (found["scores"]["n_scores"], found["scores"]["n_lost"]) == (1, 1)
    assert (found["shop"]["n_scores"], found["shop"]["n_lost"]) == (1, 0)


def test_the_ledger_and_its_reasons_belong_to_the_source(home: Home) -> None:
    refused = {"time": us(0), "source": "shop", "received": 3, "reason": "span id is zero"}
    home.take(
        frame(spans=[call(0), call(0)], refusals=[refused, refused | {"source": "http", "reason": "413: too big"}])
    )
    found = told(home)
    assert found["shop"]["ledger"] == {"received": 5, "stored": 1, "duplicate": 1, "refused": 3}
    assert found["shop"]["refusals"] == {"span id is zero": 3}
    assert found["http"]["refusals"] == {"413: too big": 3}
    assert "refused" in codes(found["http"])


def test_spans_without_a_name_are_one_source(home: Home) -> None:
    home.take(frame(spans=[call(0) | {"app": None, "source": "unknown"}]))
    found = told(home)
    assert list(found) == [None]
    assert found[None]["ledger"]["received"] == 1
    assert "unnamed" in codes(found[None])


def test_unknown_keys_are_listed(home: Home) -> None:
    home.take(frame(spans=[call(n, unknown_keys="gen_ai.new\ngen_ai.other", dialect="otel-genai") for n in range(6)]))
    shop = told(home)["shop"]
    assert shop["n_puzzling"] == 6
    assert shop["keys"] == {"gen_ai.new": 6, "gen_ai.other": 6}


def point(at: float, count: int, **fields: Any) -> Row:
    base = {"time": us(at), "received_at": us(at), "app": "shop", "metric": "gen_ai.client.operation.duration"}
    base |= {"series": "a", "start_time": us(0), "temporality": "cumulative", "source": "shop", "count": count}
    return base | fields


FALLING = ((60, 40), (120, 60), (180, 20))
METERS: list[tuple[str, list[Row], int]] = [
    ("cumulative", [point(60, 40), point(120, 100)], 100),
    ("cumulative points that come twice", [point(60, 40), point(60, 40), point(120, 100)], 100),
    ("a client that starts again", [point(60, 40), point(120, 60, start_time=us(61))], 100),
    ("a count that falls, of a client that says no start", [point(at, n, start_time=None) for at, n in FALLING], 40),
    ("deltas", [point(60, 40, temporality="delta"), point(120, 60, temporality="delta")], 100),
    ("two series", [point(60, 40), point(60, 60, series="b")], 100),
    ("one call under two names", [point(60, 100), point(60, 99, metric="gen_ai.client.inference.duration")], 100),
    (
        "counting began before",
        [point(60, 5000, start_time=us(-90 * DAY_S)), point(120, 5100, start_time=us(-90 * DAY_S))],
        100,
    ),
]


@pytest.mark.parametrize(("points", "n"), [case[1:] for case in METERS], ids=[case[0] for case in METERS])
def test_calls_the_client_counted_itself(points: list[Row], n: int, home: Home) -> None:
    home.take(frame(spans=[call(i) for i in range(10, 20)], meters=points))
    home.clock.advance(timedelta(minutes=5))
    assert told(home)["shop"]["metered"]["n_metered"] == n


def test_a_sampler_is_noticed(home: Home) -> None:
    home.take(frame(spans=[call(i) for i in range(10, 20)], meters=[point(60, 40), point(120, 100)]))
    home.clock.advance(timedelta(minutes=5))
    shop = told(home)["shop"]
    assert shop["metered"] == {"metric": "gen_ai.client.operation.duration", "n_metered": 100, "n_sent": 10}
    assert "sampled" in codes(shop)


def test_a_source_that_fell_silent_is_still_a_source(home: Home) -> None:
    """It is not in the window any more, but it was there every hour for a day."""
    hours = [a_call(f"{n:016x}", n * 3600, trace_id=trace(n), received_at=us(n * 3600)) for n in range(24)]
    home.take(frame(spans=hours))
    home.finish()
    home.clock.advance(timedelta(days=10))
    shop = told(home)["shop"]
    assert (shop["n_spans"], shop["habit"]["n_hours"], shop["habit"]["usual_gap_s"]) == (0, 24, 3600.0)
    assert codes(shop) == {"silent"}


def test_a_window_and_a_source_can_be_chosen(home: Home) -> None:
    home.take(
        frame(spans=[call(0), call(1, app="till"), a_call("9" * 16, 0, trace_id=trace(9), received_at=us(-9 * DAY_S))])
    )
    assert set(told(home)) == {"shop", "till"}
    assert set(told(home, app="till")) == {"till"}
    assert told(home, start="2026-11-01T00:00:00Z")["shop"]["n_spans"] == 2
    assert told(home, start="2026-11-01T00:00:00Z", end="2026-11-15T00:00:00Z")["shop"]["n_spans"] == 1
    with pytest.raises(UsageError, match="parameter start"):
        told(home, start="yesterday")
    with pytest.raises(UsageError, match="unknown parameter"):
        told(home, limit="1")


def test_texts_that_a_rule_dropped_are_no_fault_of_the_sender(home: Home) -> None:
    flags = "by_rule:input_messages,by_rule:output_messages,by_rule:user_id"
    event = {"app": "shop", "source": "shop", "received_at": us(5), "time": us(1), "name": "x", "part": "dropped"}
    event |= {"trace_id": trace(9), "span_id": f"{9:016x}", "key": "k"}
    calls = [call(n, flags=flags, session_id="s") for n in range(6)] + [call(9, session_id="s")]
    home.take(frame(spans=calls, events=[event]))
    shop = told(home)["shop"]
    assert {"no-texts", "no-inputs", "no-answers", "nobody", "no-user"} & codes(shop) == set()
    (problem,) = [one for one in shop["problems"] if one["code"] == "by-rule"]
    assert problem["what"] == "a rule of yours drops inputs of 7, answers of 7, users of 6 of 7 calls"
    assert "collector.fields" in problem["fix"]["do"]
