"""Real agent frameworks with their real instrumentation, against a stub of a model's API: what they call is seen, failed calls too.

They bring a hundred packages that the product does not need, so they live in a folder of their own: `make sdks` fills `.sdks`. Where it
is not there, these tests are skipped.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.support.house import House, a_house

PYTHON = Path(__file__).parents[2] / ".sdks" / "bin" / "python"
NODE = PYTHON.parents[1] / "node"

pytestmark = pytest.mark.skipif(not NODE.exists(), reason="no real SDKs here (make sdks)")

QUESTION, ANSWER, FAILING = "How long does a refund take?", "Five working days.", "Please fail now"

AGENTS = f"""
import asyncio, sys
import logfire
from agents import Agent, OpenAIChatCompletionsModel, Runner
from openai import AsyncOpenAI, BadRequestError
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
sent = SimpleSpanProcessor(OTLPSpanExporter(endpoint=sys.argv[2] + "/v1/traces"))
logfire.configure(send_to_logfire=False, console=False, service_name="app", additional_span_processors=[sent])
logfire.instrument_openai_agents()
client = AsyncOpenAI(base_url=sys.argv[1] + "/v1", api_key="none", max_retries=0)
model = OpenAIChatCompletionsModel(model="gpt-5-mini", openai_client=client)
agent = Agent(name="helper", instructions="Be brief.", model=model)
async def main():
    assert (await Runner.run(agent, {QUESTION!r})).final_output == {ANSWER!r}
    try:
        await Runner.run(agent, {FAILING!r})
    except BadRequestError:
        return
    sys.exit("the failing call did not fail")
asyncio.run(main())
logfire.force_flush()
"""

PYDANTIC = f"""
import sys
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
provider = TracerProvider(resource=Resource.create({{"service.name": "app"}}))
provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=sys.argv[2] + "/v1/traces")))
trace.set_tracer_provider(provider)
from pydantic_ai import Agent
from pydantic_ai.exceptions import ModelAPIError
from pydantic_ai.models.instrumented import InstrumentationSettings
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
model = OpenAIChatModel("gpt-5-mini", provider=OpenAIProvider(base_url=sys.argv[1] + "/v1", api_key="none"))
agent = Agent(model, system_prompt="Be brief.", name="helper")
Agent.instrument_all(InstrumentationSettings(include_content=TEXTS))
assert agent.run_sync({QUESTION!r}).output == {ANSWER!r}
try:
    agent.run_sync({FAILING!r})
except ModelAPIError:
    provider.shutdown()
else:
    sys.exit("the failing call did not fail")
"""

STRANDS = f"""
import sys
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
provider = TracerProvider(resource=Resource.create({{"service.name": "app"}}))
provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=sys.argv[2] + "/v1/traces")))
trace.set_tracer_provider(provider)
from openai import BadRequestError
from strands import Agent
from strands.models.openai import OpenAIModel
def asked(question):
    model = OpenAIModel(client_args={{"base_url": sys.argv[1] + "/v1", "api_key": "none"}}, model_id="gpt-5-mini")
    return str(Agent(model=model, system_prompt="Be brief.", name="helper", callback_handler=None)(question)).strip()
assert asked({QUESTION!r}) == {ANSWER!r}
try:
    asked({FAILING!r})
except BadRequestError:
    provider.shutdown()
else:
    sys.exit("the failing call did not fail")
"""

VERCEL = f"""
import {{generateText}} from "ai"
import {{createOpenAI}} from "@ai-sdk/openai"
import {{OTLPTraceExporter}} from "@opentelemetry/exporter-trace-otlp-http"
import {{resourceFromAttributes}} from "@opentelemetry/resources"
import {{NodeTracerProvider, SimpleSpanProcessor}} from "@opentelemetry/sdk-trace-node"
const [model, house] = process.argv.slice(1)
const sent = new SimpleSpanProcessor(new OTLPTraceExporter({{url: house + "/v1/traces"}}))
const provider = new NodeTracerProvider({{resource: resourceFromAttributes({{"service.name": "app"}}), spanProcessors: [sent]}})
provider.register()
const openai = createOpenAI({{baseURL: model + "/v1", apiKey: "none"}})
const asked = prompt => generateText({{
  model: openai.chat("gpt-5-mini"), system: "Be brief.", prompt, maxRetries: 0, experimental_telemetry: {{isEnabled: true}}
}})
if ((await asked({QUESTION!r})).text !== {ANSWER!r}) throw new Error("another answer")
let failed = false
try {{ await asked({FAILING!r}) }} catch {{ failed = true }}
if (!failed) throw new Error("the failing call did not fail")
await provider.shutdown()
"""

PROGRAMS = {
    "openai-agents with Logfire": (AGENTS, FAILING),
    "Pydantic AI": (PYDANTIC.replace("TEXTS", "True"), None),  # tells that question on the agent only
    "Strands": (STRANDS, FAILING),
    "Vercel AI SDK": (VERCEL, FAILING),
}
"""Each program, and what it tells of the question with the call that failed."""


class Model(BaseHTTPRequestHandler):
    """`/v1/chat/completions`, as strict as the real one about what these clients send."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path != "/v1/chat/completions" or not asked.get("messages") or not asked.get("model"):
            self._answer(404, {"error": {"message": "no such thing", "type": "invalid_request_error"}})
        elif FAILING in json.dumps(asked["messages"][-1]["content"]):  # a string, or parts of one
            self._answer(400, {"error": {"message": "no such model", "type": "invalid_request_error"}})
        elif asked.get("stream"):
            self._write(200, "text/event-stream", streamed(asked["model"]))
        else:
            self._answer(200, completion(asked["model"]))

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        self._write(status, "application/json", json.dumps(body).encode())

    def _write(self, status: int, media: str, raw: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", media)
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        pass


USAGE = {"prompt_tokens": 21, "completion_tokens": 5, "total_tokens": 26}


def completion(model: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": ANSWER}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    told = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": f"{model}-2026"}
    return told | {"choices": [choice], "usage": USAGE}


def streamed(model: str) -> bytes:
    """The same answer in pieces, the usage in one of its own as `stream_options.include_usage` asks for it."""
    told = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": f"{model}-2026"}
    choices: tuple[Any, ...] = (
        {"delta": {"role": "assistant", "content": ANSWER}},
        {"delta": {}, "finish_reason": "stop"},
    )
    pieces = [told | {"choices": [{"index": 0, "finish_reason": None} | one]} for one in choices]
    pieces.append(told | {"choices": [], "usage": USAGE})
    return b"".join(b"data: %b\n\n" % json.dumps(piece).encode() for piece in pieces) + b"data: [DONE]\n\n"


@contextmanager
def a_model() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def run(program: str, house: House) -> None:
    command = ["node", "--input-type=module", "-e"] if "import {" in program else [PYTHON, "-c"]
    with a_model() as model:
        done = subprocess.run(
            [*command, program, model, house.url], cwd=NODE, capture_output=True, text=True, timeout=300, check=False
        )
    assert done.returncode == 0, done.stderr[-2000:]


CALLS = (
    "SELECT request_model, input_tokens, output_tokens, error_type IS NOT NULL, text_of(input_messages), output_text "
    "FROM calls ORDER BY time"
)


@pytest.mark.parametrize("name", PROGRAMS)
def test_both_calls_are_seen_the_failed_one_as_failed(name: str, tmp_path: Path) -> None:
    with a_house(tmp_path / "data") as house:
        program, question = PROGRAMS[name]
        run(program, house)
        house.settled("SELECT count(*) FROM calls", {2})
        answered, failed = house.sql(CALLS)
    assert answered == ["gpt-5-mini", 21, 5, False, QUESTION, ANSWER]
    assert [failed[0], *failed[3:]] == ["gpt-5-mini", True, question, None]


def test_texts_that_are_switched_off_are_not_there(tmp_path: Path) -> None:
    with a_house(tmp_path / "data") as house:
        run(PYDANTIC.replace("TEXTS", "False"), house)
        house.settled("SELECT count(*) FROM calls", {2})
        assert {row[5] for row in house.sql(CALLS)} == {None}
