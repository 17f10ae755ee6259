"""What an empty store shows: the variables to set, and a line that turns green on the first span."""

from __future__ import annotations

from typing import Any, Final

import streamlit as st

from dashboards.client import Row, Source, Trouble
from dashboards.text import code, label

DEFAULT_COLLECTOR: Final = "127.0.0.1:4318"
WAIT_S: Final = 2.0

VARIABLES: Final = """export OTEL_EXPORTER_OTLP_ENDPOINT={url}
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
export OTEL_SERVICE_NAME=my-app
export OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental
export OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=SPAN_ONLY"""


def has_spans(source: Source) -> bool:
    """Whether anything has arrived yet."""
    return any(row["n_spans"] > 0 for row in source.read("arrivals"))


def collector_url(status: Row) -> str:
    """Return where the collector listens, as far as the agent says it."""
    collector: Any = status.get("collector") or {}
    address = (collector.get("otlp_http") or collector.get("address")) if isinstance(collector, dict) else collector
    address = str(address or status.get("otlp_http") or DEFAULT_COLLECTOR)
    return address if address.startswith("http") else f"http://{address}"


def show(source: Source) -> None:
    """Draw the page."""
    st.header("Send the first trace")
    st.write("Plumbline listens, and nothing has arrived yet. Set these variables where your application starts:")
    code(VARIABLES.format(url=collector_url(source.status())), "bash", height=150)
    st.write(
        "Then start the application with the OpenTelemetry instrumentation of its model library. "
        "Any OTLP exporter that speaks HTTP works; no code of Plumbline goes into your application."
    )
    _waiting(source)
    st.caption("No application at hand? Stop Plumbline and run `plumbline demo` to see two weeks of made-up traffic.")
    st.caption("Logs at hand? `plumbline import FILE` reads JSON lines, Parquet, CSV and OTLP files.")


@st.fragment(run_every=WAIT_S)
def _waiting(source: Source) -> None:
    try:
        arrived = has_spans(source)
    except Trouble as trouble:
        st.warning(label(trouble, 400), icon=":material/power_off:")
        return
    if not arrived:
        st.info("Waiting for the first span. This page looks every two seconds.", icon=":material/hourglass_empty:")
        return
    st.success("The first span has arrived.", icon=":material/check_circle:")
    if st.session_state.get("greeted"):
        st.rerun()  # one look in green, then the real page
    st.session_state["greeted"] = True
