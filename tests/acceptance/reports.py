"""What a person expects of each body under `../shared/fixtures/reports/otlp`, as data: calls, embeddings, tools and turns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from collectors.batch import Batch
from collectors.decode import decode_logs, decode_traces, propagate
from collectors.frames import to_tables
from monitor.spool_writer import SpoolWriter
from monitor.store.opening import Store
from tests.support.settled import settled_store
from tests.support.shared import SHARED

REPORTS: Final = SHARED / "fixtures" / "reports"
NOW: Final = datetime(2026, 11, 28, 12, tzinfo=UTC)
RECEIVED_US: Final = int(NOW.timestamp() * 1_000_000)

Row = dict[str, Any]


@dataclass(frozen=True)
class Expected:
    """Chats in the order in which they began, and what else comes of a body; None says nothing about it."""

    calls: tuple[Row, ...] = ()
    embeddings: int = 0
    tools: tuple[Row, ...] | None = None
    turns: tuple[Row, ...] | None = None


def call(**told: Any) -> Row:
    return told


def used(tokens_in: int, tokens_out: int, **told: Any) -> Row:
    return {"input_tokens": tokens_in, "output_tokens": tokens_out, **told}


FAILED: Final = call(request_model="gpt-4o-mini", error_message="429 Too Many Requests")
CODER: Final = {"session_id": "7d0f-cc-session", "user_id": "f00dcafe"}
NO_TEXT: Final = Expected((used(8, 1, input_text=None),))

EXPECTED: Final[dict[str, Expected]] = {
    "claude-code": Expected(
        (
            used(
                18854,
                210,
                cached_input_tokens=18200,
                cache_write_tokens=640,
                cost_usd=0.0421,
                duration_ms=3120,
                **CODER,
            )
            | {"request_model": "claude-sonnet-4-5-20250929", "error_type": None},
            used(310, 24, cost_usd=0.0011, request_model="claude-haiku-4-5", **CODER),
            call(request_model="claude-sonnet-4-5-20250929", error_type="529", error_message="Overloaded", **CODER),
        ),
        tools=(call(name="Edit", arguments='{"file":"harbour.py"}'),),
        turns=(call(input_text="Rename the harbour module please", n_calls=3, n_tools=1, error_type=None),),
    ),
    "codex-cli": Expected(
        (
            used(5120, 330, cached_input_tokens=4096, reasoning_tokens=192, request_model="gpt-5.5", error_type=None),
            call(request_model="gpt-5.5", error_type="429", error_message="rate limited", session_id="conv-codex-1"),
        ),
        tools=(call(name="shell", call_id="call_cx1", result="a.key b.key"),),
        turns=(call(input_text="List the lighthouse keys", n_calls=2, session_id="conv-codex-1"),),
    ),
    "gemini-cli": Expected(
        (
            used(900, 120, cached_input_tokens=300, reasoning_tokens=64, session_id="gem-sess-1")
            | {"input_text": "Draw the tide graph", "output_text": "Here is the tide graph.", "error_type": None},
        ),
        tools=(call(name="write_file", arguments='{"path":"tide.svg"}'),),
        turns=(call(input_text="Draw the tide graph", output_text="Here is the tide graph."),),
    ),
    "gemini-cli-details": Expected(
        (used(900, 120, input_text="Draw the tide graph", output_text="Here it is.", session_id="gem-2"),) * 2
    ),
    "claude-code-spans": Expected(
        (
            used(22521, 144, cached_input_tokens=22000, ttft_ms=880, finish_reason="tool_use", session_id="cc-sess-2"),
            used(22601, 60, cached_input_tokens=22500, finish_reason="end_turn", user_id="f00d"),
        ),
        tools=(call(name="Bash"),),
        turns=(call(input_text="Explain the tide table", n_calls=2, n_tools=1),),
    ),
    "err-quarkus": Expected((FAILED | {"error_type": "openai.RateLimitError", "input_text": "Where do I moor?"},)),
    "err-logfire-agents": Expected((FAILED | {"error_type": "openai.RateLimitError", "provider": "openai"},)),
    "err-cloudflare": Expected((FAILED | {"provider": "openai"},)),
    "err-semconv": Expected((FAILED | {"error_type": "429"},)),
    "livekit-agents": Expected(
        (
            used(410, 17, cached_input_tokens=128, ttft_ms=410, request_model="gpt-4.1-mini")
            | {"input_text": "Is the channel deep enough?", "output_text": "Yes, nine metres at low water."}
            | {"system_text": "You are a pilot.", "usage_source": "provider"},
        ),
        turns=(
            call(input_text="Is the channel deep enough?", output_text="Yes, nine metres at low water.", n_calls=1),
        ),
    ),
    "livekit-choice": Expected(
        (used(410, 17, input_text="Is the channel deep enough?", output_text="Yes, nine metres."),)
    ),
    "agentcore-strands": Expected(
        (
            used(
                70, 22, input_text="Is the lock open?", output_text="The lock opens at four.", finish_reason="end_turn"
            )
            | {"system_text": "You are a pilot.", "session_id": "agentcore-sess-0001"},
        )
    ),
    "azure-ai-agents": Expected(
        (
            used(120, 18, session_id="thread_A1", output_text="Crane two is free until nine."),
            used(33, 9, input_text="And crane three?", output_text="Crane three is in repair.", session_id="conv_az1"),
        )
    ),
    "ms-agent-framework": Expected(
        (
            used(2239, 192, reasoning_tokens=128, response_id="chatcmpl-maf1"),
            used(2569, 99, response_id="chatcmpl-maf2", output_text="Cabin six is booked."),
            used(61, 13, request_model="gpt-4o", input_text="More tea?", output_text="At once."),
        ),
        tools=(call(name="book", result="ok"),),
    ),
    "cloudflare-ai-gateway": Expected(
        (
            used(21, 9, cost_usd=1e-05, provider="openai", user_id="u-cf", dialect="cloudflare")
            | {"input_text": "Where is the fuel dock?", "output_text": "Behind pier one."},
        )
    ),
    "bedrock-embed-as-chat": Expected((used(50, 20, provider="aws.bedrock"),), embeddings=1),
    "spring-ai": Expected(
        (used(88, 11, session_id="conv-spring-5", output_text="Yes, berth two is free tonight."),),
        embeddings=1,
        tools=(call(name="berths", arguments='{"n":2}', result="free"),),
        turns=(call(input_text="Is berth two free?", session_id="conv-spring-5", n_calls=1),),
    ),
    "mastra-otel": Expected(
        (used(150, 30, cached_input_tokens=64, user_id="u-mastra", session_id="mastra-thread-1"),),
        tools=(call(name="wind", arguments='{"day":0}'),),
        turns=(call(input_text="Wind today?", output_text="Wind is nine knots.", n_calls=1),),
    ),
    "loongsuite-arms": Expected(
        (used(66, 8, user_id="arms-user", session_id="arms-sess", request_model="qwen-max"),),
        embeddings=1,
        tools=(call(name="tide", result="17:00"),),
        turns=(call(input_text="Tide tomorrow?", output_text="High at five.", n_calls=1, n_tools=1),),
    ),
    "semconv-structured": Expected(
        (
            used(300, 90, cached_input_tokens=40, cache_write_tokens=25, reasoning_tokens=60, ttft_ms=350, stream=True)
            | {"user_id": "u-31", "session_id": "sv-conv", "output_text": "Depth lines of the bay."},
        )
    ),
    "logfire-openai-agents": Expected(
        (
            used(40, 8, cached_input_tokens=16, response_id="resp_lf1", cost_usd=0.0002, input_text="How deep is it?"),
            used(55, 5, response_id="resp_lf2", output_text="Nine metres.", system_text="Be a pilot."),
        ),
        tools=(call(name="depth", arguments="{}", result="9 m"),),
        turns=(
            call(input_text="How deep is it?", output_text="Nine metres.", session_id="conv-lf-1", user_id="u-lf")
            | {"variant": "B"},
        ),
    ),
    **dict.fromkeys(
        ("notext-sk", "notext-meai", "notext-quarkus", "notext-spring", "notext-strands", "notext-logfire"), NO_TEXT
    ),
    "json-base64-ids": Expected(),
    "sk-dotnet-148": Expected(
        (
            used(31, 77, input_text="Which harbour does ferry nine use?", finish_reason="Stop")
            | {"output_text": "Ferry nine sails from the north harbour."},
        )
    ),
    "sk-dotnet-149": Expected(
        (used(45, 12, input_text="How thick is the fog today?", output_text="Visibility is two miles, captain."),)
    ),
    "litellm-v2-baggage": Expected((used(19, 8, output_text="A bowline."),)),
    "ai-sdk-embed-twice": Expected(embeddings=1),
    "client-and-vllm": Expected((used(64, 21, response_id="chatcmpl-v1", ttft_ms=120),)),
    "crewai-openllmetry": Expected((used(100, 40, output_text="Sail at noon."),)),
    "pydantic-subagent": Expected((used(56, 5), used(20, 2), used(57, 6)), turns=(call(output_text="Go east."),)),
    "cache-exclusive": Expected(
        (
            used(15210, 40, cached_input_tokens=15000),
            used(22118, 1970, cached_input_tokens=20000, reasoning_tokens=956),
        )
    ),
    "quarkus-langchain4j": Expected(
        (used(23, 9, output_text="At pier four, on the lee side.", system_text="You run a harbour."),)
    ),
    "collector-normalized": Expected(
        (used(70, 10, output_text="We stock hemp and nylon."), used(17, 6, output_text="Starboard.", stream=True))
    ),
    "strands-botocore": Expected(
        (used(70, 22, input_text="Is the lock open?", output_text="It opens at four.", ttft_ms=410),)
    ),
}


@contextmanager
def told(folder: Path, *bodies: tuple[str, bytes]) -> Iterator[Store]:
    """A store into which `bodies` (signal, JSON) went one by one."""
    writer = SpoolWriter(folder / "spool")
    for signal, body in bodies:
        batch = Batch()
        (decode_logs if signal == "logs" else decode_traces)(body, "json", batch, RECEIVED_US)
        propagate(batch)
        writer.append(to_tables(batch, None))
    writer.close()
    with settled_store(folder, NOW) as store:
        yield store


@contextmanager
def reported(name: str, folder: Path) -> Iterator[Store]:
    """A store that has the bodies of one row of the table, logs first."""
    files = [(signal, REPORTS / "otlp" / f"{name}.{signal}.json") for signal in ("logs", "traces")]
    with told(folder, *((signal, path.read_bytes()) for signal, path in files if path.exists())) as store:
        yield store


def differences(rows: list[Row], expected: tuple[Row, ...]) -> list[str]:
    """What is not as expected, row by row, in words."""
    if len(rows) != len(expected):
        return [f"{len(rows)} where {len(expected)} are expected: {json.dumps(rows, default=str)[:600]}"]
    return [
        f"row {number}: {name} is {row.get(name)!r}, not {value!r}"
        for number, (row, wanted) in enumerate(zip(rows, expected, strict=True))
        for name, value in wanted.items()
        if not _same(row.get(name), value)
    ]


def _same(found: Any, wanted: Any) -> bool:
    near = isinstance(wanted, float) and isinstance(found, int | float)
    return abs(found - wanted) < 1e-9 if near else bool(found == wanted)
