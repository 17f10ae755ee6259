"""A DuckDB filled straight through the DDL with two weeks of generated traffic: four spans a turn, one model swap.

Ten days of a calm model, then another one that refuses six times as often; two prompt arms, one of them better. Every
table the dashboard reads has rows, so that a page shows what it would show in production.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow as pa

from alerts.tables import SCHEMAS as STATE_TABLES
from monitor.clock import FakeClock
from monitor.store.ddl import BASE
from monitor.store.opening import Store
from monitor.store.pages import read_page
from tests.support.generated_texts import HOSTILE, SYSTEM, answer, messages, question

Row = dict[str, Any]
NOW: Final = datetime(2026, 11, 24)  # noqa: DTZ001 the store keeps naive UTC
DAYS = 14
SWAP_DAY = 10
POLARS = {"str": pl.String, "text": pl.String, "int": pl.Int64, "float": pl.Float64, "bool": pl.Boolean}
SCHEMAS = {
    name: {column: POLARS.get(kind, pl.Datetime("us")) for column, kind in columns.items()}
    for name, columns in BASE.items()
}
FIRED: Final = "refusal is violated in 12.1 % of answers (11.0 % to 13.9 %, 1204 graded), limit 5 %"
WAITING: Final = "change of rule:refusal, waiting for a second look"


@dataclass
class GeneratedStore:
    """A real store and the tables of the control state; `now` is the end of the traffic (naive UTC)."""

    store: Store
    now: datetime
    extra: dict[str, pa.Table] = field(
        default_factory=lambda: {name: schema.empty_table() for name, schema in STATE_TABLES.items()}
    )

    def page(self, name: str, params: Mapping[str, str]) -> pa.Table:
        return read_page(self.store, name, params, self.extra)

    def insert(self, table: str, rows: Iterable[Row]) -> None:
        frame = pl.DataFrame(list(rows), schema=SCHEMAS[table])
        with self.store.transaction() as txn:
            txn.insert(table, frame)


@dataclass
class Traffic:
    """Rows under way to the store, by table."""

    rng: random.Random
    rows: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in BASE})

    def add(self, table: str, **row: Any) -> None:
        self.rows[table].append(row)


def empty_store(folder: Path | None = None, now: datetime = NOW) -> GeneratedStore:
    """Return a store in `folder`, or in memory."""
    clock = FakeClock(now.replace(tzinfo=UTC))
    return GeneratedStore(Store.scratch(clock) if folder is None else Store.open(folder, clock=clock), now)


def generated_store(
    n_turns: int,
    *,
    folder: Path | None = None,
    now: datetime = NOW,
    seed: int = 7,
    sentences: int = 4,
    hostile: bool = False,
) -> GeneratedStore:
    store = empty_store(folder, now)
    traffic = Traffic(random.Random(seed))
    start = store.now - timedelta(days=DAYS)
    for number in range(n_turns):
        at = start + timedelta(days=DAYS) * ((number + traffic.rng.random()) / n_turns)
        _turn(traffic, number, at, start, sentences)
    if hostile:
        _hostile(traffic, n_turns, store.now)
    for table, rows in traffic.rows.items():
        store.insert(table, rows)
    _estimates(store)
    _decisions(store, start, [row["trace_id"] for row in traffic.rows["turns"][-5:]])
    return store


def _turn(traffic: Traffic, number: int, at: datetime, start: datetime, sentences: int) -> None:
    rng = traffic.rng
    swapped = at - start > timedelta(days=SWAP_DAY)
    arm = rng.choice(("friendly", "plain"))
    refuses = rng.random() < (0.02 + 0.10 * swapped - 0.01 * (arm == "friendly"))
    leaks = rng.random() < 0.004
    error = "timeout" if rng.random() < 0.01 else None
    duration = rng.lognormvariate(7.2 + 0.25 * swapped, 0.45)
    facts = {
        "app": "support-assistant" if number % 5 else "invoice-reader",
        "environment": "demo",
        "release": "2026.11",
        "user_id": f"user-{rng.randint(1, 400)}",
        "session_id": f"session-{number // 3}",
        "experiment": "greeting",
        "variant": arm,
        "prompt_name": rng.choice(("answer", "answer", "escalate")),
        "prompt_version": "v4" if swapped else "v3",
        "model": "lumen-2-mini" if swapped else "lumen-1",
    }
    ask, said = question(rng), answer(rng, refuses=refuses, sentences=sentences * (2 if swapped else 1))
    _spans(traffic, number, at, duration, error, facts, ask, said)
    _grades(traffic, number, at, {"refusal": refuses, "personal-data": leaks, "length": len(said) > 700})


def _spans(
    traffic: Traffic, number: int, at: datetime, duration: float, error: str | None, facts: Row, ask: str, said: str
) -> None:
    trace = f"{number:032x}"
    llm, tool, found = f"{number:014x}02", f"{number:014x}03", f"{number:014x}01"
    tokens = {"input_tokens": 420 + len(ask) // 4, "output_tokens": max(8, len(said) // 4)}
    cost = None if facts["app"] == "invoice-reader" else tokens["output_tokens"] * 6e-6 + tokens["input_tokens"] * 2e-6
    common = {
        "trace_id": trace,
        "received_at": at + timedelta(milliseconds=duration, seconds=3),
        "status": "ok",
        "dialect": "genai",
        "source": "otlp-http",
        "attrs": json.dumps({"deployment.region": "eu-north", "http.route": "/chat"}),
        **{key: value for key, value in facts.items() if key != "model"},
    }
    step = timedelta(milliseconds=duration / 10)
    shapes: tuple[tuple[str, str, timedelta, float, Row], ...] = (
        (f"{number:014x}00", "chain", step * 0, duration, {"name": "answer customer"}),
        (found, "retriever", step, duration * 0.15, {"name": "search handbook"}),
        (llm, "llm", step * 3, duration * 0.55, {"name": "chat", "request_model": facts["model"], **tokens}),
        (tool, "tool", step * 9, duration * 0.08, {"name": "look up order", "tool_name": "lookup_order"}),
    )
    for span_id, kind, after, took, extra in shapes:
        failed = error if kind == "llm" else None
        row = {**common, "span_id": span_id, "kind": kind, "time": at + after, "duration_ms": took, **extra}
        row["parent_id"] = None if kind == "chain" else f"{number:014x}00"
        if failed:
            row |= {"status": "error", "error_type": failed, "error_message": "the model did not answer in time"}
        traffic.add("spans", **row)
    texts = {
        llm: {
            "system_text": SYSTEM,
            "input_messages": messages(("system", SYSTEM), ("user", ask)),
            "output_messages": messages(("assistant", said)),
            "time": at + step * 3,
        },
        found: {"input_value": ask, "output_value": json.dumps([{"title": "Returns"}]), "time": at + step},
        tool: {"input_value": '{"order": 4711}', "output_value": '{"state": "packed"}', "time": at + step * 9},
    }
    for span_id, content in texts.items():
        traffic.add("content", trace_id=trace, span_id=span_id, origin="span", **content)
    traffic.add(
        "features", trace_id=trace, span_id=llm, time=at + step * 3, output_chars=len(said), input_chars=len(ask)
    )
    traffic.add(
        "turns",
        trace_id=trace,
        seq=number + 1,
        time=at,
        duration_ms=duration,
        input_span_id=llm,
        output_span_id=llm,
        n_calls=1,
        n_tools=1,
        cost_usd=cost,
        error_type=error,
        finished_at=at + timedelta(seconds=6),
        **facts,
        **tokens,
    )
    if traffic.rng.random() < 0.1:
        traffic.add(
            "scores",
            key=f"s{number}",
            time=at,
            received_at=at,
            trace_id=trace,
            name="thumbs",
            value=float(traffic.rng.random() < 0.8),
            comment="quick and clear",
            origin="user",
            source="otlp-http",
        )


def _grades(traffic: Traffic, number: int, at: datetime, violations: dict[str, bool]) -> None:
    unit = f"{number:032x}"
    traffic.add(
        "samples",
        unit_id=unit,
        time=at,
        plan="default",
        stratum="all",
        inclusion_probability=1.0,
        drawn_at=at,
        reason="rate 1.0: every turn is graded",
    )
    for rule, violates in violations.items():
        traffic.add(
            "grades",
            unit_id=unit,
            time=at,
            rule_id=rule,
            verdict="violates" if violates else "complies",
            score=None,
            reason=f"matched the {rule} pattern at character 0" if violates else f"no {rule} found",
            grader=rule,
            grader_version="1",
            policy="starter",
            policy_version="1",
            policy_hash="5f1c",
            graded_at=at + timedelta(seconds=8),
        )


def _hostile(traffic: Traffic, first: int, now: datetime) -> None:
    """The newest turns carry hostile text in every field a client can fill."""
    for number, text in enumerate(HOSTILE, first):
        at = now - timedelta(seconds=30 + number - first)
        facts = dict.fromkeys(
            (
                "app",
                "environment",
                "release",
                "user_id",
                "session_id",
                "experiment",
                "variant",
                "prompt_name",
                "prompt_version",
                "model",
            ),
            text,
        )
        _spans(traffic, number, at, 900.0, text, facts, text, text)
        _grades(traffic, number, at, {text: True, "refusal": False})


def _estimates(store: GeneratedStore) -> None:
    """One window a day per rule and app; the interval is close enough to a real one for a picture."""
    counted = store.store.read(
        """SELECT g.rule_id, t.app, time_bucket(INTERVAL 1 DAY, t.time) AS day, count(*) AS n,
                  count(*) FILTER (g.verdict = 'violates') AS k
           FROM base.grades g JOIN base.turns t ON t.trace_id = g.unit_id GROUP BY ALL ORDER BY ALL"""
    ).to_pylist()
    rows = []
    for rule, app, day, n, k in (tuple(row.values()) for row in counted):
        middle, half = (k + 1.92) / (n + 3.84), 1.96 * ((k + 1) * (n - k + 1) / (n + 2)) ** 0.5 / (n + 2)
        rows.append(
            {
                "rule_id": rule,
                "app": app,
                "segment": "all",
                "window_start": day,
                "window_end": day + timedelta(days=1),
                "method": "score interval, uncorrected: no human labels",
                "value": k / n,
                "low": max(0.0, middle - half),
                "high": min(1.0, middle + half),
                "confidence": 0.95,
                "n_units": n,
                "n_graded": n,
                "n_human": 0,
            }
        )
    store.insert("estimates", rows)


def _decisions(store: GeneratedStore, start: datetime, examples: list[str]) -> None:
    swap = start + timedelta(days=SWAP_DAY)
    finding = {
        "kind": "drift",
        "app": "support-assistant",
        "segment": "all",
        "detected_at": swap + timedelta(hours=7),
        "since": swap,
        "since_low": swap - timedelta(hours=3),
        "since_high": swap + timedelta(hours=2),
        "e_value": 5400.0,
        "budget": "at most 1 false alarm per 365 days over 14 streams",
        "cause": "model changed from lumen-1 to lumen-2-mini at the same time",
        "examples": json.dumps(examples),
    }
    store.insert(
        "findings",
        [
            finding
            | {
                "id": "f1refusal0000001",
                "state": "open",
                "metric": "rule:refusal",
                "reference_value": 0.017,
                "current_value": 0.121,
                "change": 0.104,
                "change_low": 0.08,
                "change_high": 0.13,
                "reason": "rule:refusal of support-assistant rose from 1.7 % to 12.1 %",
            },
            finding
            | {
                "id": "f2chars000000002",
                "metric": "output_chars",
                "reference_value": 330.0,
                "current_value": 590.0,
                "change": 260.0,
                "change_low": 250.0,
                "change_high": 270.0,
                "reason": "Median length of answers in support-assistant went from 330 characters to 590 characters",
            },
        ],
    )
    users = {"friendly": 201, "plain": 199}
    store.insert(
        "arm_units",
        [
            {"experiment": "greeting", "arm": arm, "metric": metric, "unit": f"user-{i}", "n": 6, "total": 1.0}
            for arm, n in users.items()
            for metric in ("rule:refusal", "duration_ms")
            for i in range(n)
        ],
    )
    comparison = {
        "experiment": "greeting",
        "control": "friendly",
        "arm": "plain",
        "n_control": 201,
        "n_arm": 199,
        "computed_at": store.now,
    }
    store.insert(
        "comparisons",
        [
            comparison
            | {
                "metric": "rule:refusal",
                "effect": 0.011,
                "low": 0.002,
                "high": 0.020,
                "decision": "worse",
                "reason": "the interval lies above 0: plain refuses more often than friendly",
            },
            comparison
            | {
                "metric": "duration_ms",
                "effect": 12.0,
                "low": -80.0,
                "high": 104.0,
                "decision": "undecided",
                "reason": "the interval holds 0",
            },
            comparison
            | {
                "metric": "score:thumbs",
                "effect": None,
                "low": None,
                "high": None,
                "decision": "undecided",
                "reason": "18 of 30 users per arm",
            },
        ],
    )
    day = start.replace(hour=0, minute=0, second=0, microsecond=0)
    store.insert(
        "ledger",
        [
            {"day": day, "source": "otlp-http", "received": 10_014, "stored": 10_000, "duplicate": 12, "refused": 2}
            | {"reason": "span without a trace id"},
            {"day": day, "source": "import:march.jsonl", "received": 500, "stored": 480, "duplicate": 20, "refused": 0},
        ],
    )
    labels = json.dumps({"app": "support-assistant", "rule": "refusal"})
    alerts = [
        ("a1b2c3d4e5f60001", "violation-rate", "error", "firing", swap + timedelta(hours=8), None, labels, FIRED),
        ("a1b2c3d4e5f60002", "drift", "warning", "pending", store.now - timedelta(hours=1), None, labels, WAITING),
        (
            "a1b2c3d4e5f60003",
            "no-data",
            "warning",
            "resolved",
            start + timedelta(days=1),
            swap,
            labels,
            "traffic is back",
        ),
    ]
    names = ("fingerprint", "rule_id", "severity", "state", "started_at", "ended_at", "labels", "reason")
    titles = {"violation-rate": "Refuses what it should answer", "drift": "A behaviour changed", "no-data": "Silence"}
    rows = [dict(zip(names, row, strict=True)) for row in alerts]
    told = [row | {"title": titles[str(row["rule_id"])], "began_at": swap} for row in rows]
    store.extra["alerts"] = pa.Table.from_pylist(told, STATE_TABLES["alerts"])
    worth = {"rule_id": "violation-rate", "title": "Answers break *rules*", "n_alerts": 9, "n_useful": 3}
    judged = worth | {"n_not_useful": 1, "false_rate": 0.25, "low": 0.05, "high": 0.7}
    store.extra["alert_worth"] = pa.Table.from_pylist([judged], STATE_TABLES["alert_worth"])
    sent = [
        ("a1b2c3d4e5f60001", "console", "firing", "sent", 1, swap + timedelta(hours=8), "k1"),
        ("a1b2c3d4e5f60001", "oncall-webhook", "firing", "sent", 3, swap + timedelta(hours=8, minutes=2), "k2"),
        ("a1b2c3d4e5f60003", "slack-ml", "resolved", "pending", 4, None, "k3"),
    ]
    columns = ("fingerprint", "receiver", "kind", "state", "attempts", "sent_at", "key")
    store.extra["notifications"] = pa.Table.from_pylist(
        [dict(zip(columns, row, strict=True)) for row in sent], STATE_TABLES["notifications"]
    )
    streams = {
        ("rule:refusal", "support-assistant", "all"): {"n": 2000, "reference": {"kind": "rate"}},
        ("output_chars", "support-assistant", "all"): {"n": 2000, "reference": {"kind": "numeric"}},
        ("score:thumbs", "invoice-reader", "prompt_name=escalate"): {"n": 137, "reference": None},
    }
    store.insert(
        "trackers",
        [
            {"stream": json.dumps(name), "state": json.dumps(state), "updated_at": store.now}
            for name, state in streams.items()
        ]
        + [{"stream": "memory", "state": "{}", "updated_at": store.now}],
    )
