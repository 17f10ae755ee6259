"""What to set so that an application sends here: per language and library, with the address filled in."""

from __future__ import annotations

from typing import Final

from dashboards.client import Row

DEFAULT_COLLECTOR: Final = "127.0.0.1:4318"

_BASE: Final = """export OTEL_EXPORTER_OTLP_ENDPOINT={url}
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
export OTEL_SERVICE_NAME=my-app"""

_TEXTS: Final = """
export OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental
export OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=span_only"""

VARIABLES: Final = _BASE + _TEXTS
"""What fits any OpenTelemetry SDK."""

WAYS: Final = {
    "Python, OpenTelemetry": VARIABLES
    + """
pip install opentelemetry-distro opentelemetry-exporter-otlp-proto-http opentelemetry-instrumentation-genai-openai
opentelemetry-instrument python app.py""",
    "Python, OpenInference": _BASE
    + """
export OPENINFERENCE_HIDE_INPUTS=false
export OPENINFERENCE_HIDE_OUTPUTS=false
pip install opentelemetry-distro opentelemetry-exporter-otlp-proto-http openinference-instrumentation-openai
opentelemetry-instrument python app.py""",
    "Python or Node, OpenLLMetry": """export TRACELOOP_BASE_URL={url}
export TRACELOOP_TRACE_CONTENT=true
export OTEL_SERVICE_NAME=my-app""",
    "Python or Node, Langfuse SDK": """export LANGFUSE_BASE_URL={url}
export LANGFUSE_PUBLIC_KEY=plumbline   # an api key of Plumbline, where it asks for one
export LANGFUSE_SECRET_KEY=plumbline""",
    "Python, OpenLIT": """export OTEL_EXPORTER_OTLP_ENDPOINT={url}
export OTEL_SERVICE_NAME=my-app
openlit-instrument --capture_message_content true python app.py""",
    "Node, OpenTelemetry": _BASE
    + """
export OTEL_LOGS_EXPORTER=otlp
export OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true
npm install @opentelemetry/api @opentelemetry/auto-instrumentations-node
node --require @opentelemetry/auto-instrumentations-node/register app.js""",
    "Node, Vercel AI SDK": _BASE
    + """
# in each call:
#   experimental_telemetry: {{ isEnabled: true, metadata: {{ sessionId, userId }} }}""",
    "Java": _BASE
    + """
export OTEL_LOGS_EXPORTER=otlp
export OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true
java -javaagent:opentelemetry-javaagent.jar -jar app.jar""",
    "Go": _BASE
    + """
# otlptracehttp.New(ctx) reads these; put gen_ai.* attributes on the spans of your model calls""",
    "LiteLLM proxy": """export OTEL_EXPORTER=otlp_http
export OTEL_ENDPOINT={url}
# config.yaml of the proxy:
#   litellm_settings: {{ callbacks: ["otel"] }}""",
    "OpenTelemetry Collector": """# in its configuration:
exporters:
  otlphttp/plumbline: {{ endpoint: "{url}" }}
service:
  pipelines:
    traces: {{ exporters: [otlphttp/plumbline] }}
    logs: {{ exporters: [otlphttp/plumbline] }}""",
}
"""Language or library, and the lines that connect it."""


def collector_url(status: Row) -> str:
    """Return where the collector listens, as the agent says it."""
    return f"http://{status.get('collector') or DEFAULT_COLLECTOR}"


def lines(way: str, url: str) -> str:
    """Return the lines of one way with the address in them."""
    return WAYS[way].format(url=url)
