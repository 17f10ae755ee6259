"""Which setting mends what, per instrumentation and language, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from monitor.diagnosis.facts import Voice
from monitor.diagnosis.switches import switches


@dataclass(frozen=True)
class Fix:
    """What to do, in one sentence, and the lines to copy: shell variables or code of the application."""

    do: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class For:
    """A fix for voices whose dialect or scope holds `part`, and whose language begins with `language`."""

    part: str
    language: str
    fix: Fix

    def fits(self, voice: Voice) -> bool:
        """Whether this is the fix for `voice`."""
        named = f"{voice.dialect or ''} {voice.scope or ''}".lower()
        return self.part in named and voice.language.startswith(self.language)


@dataclass(frozen=True)
class FixTable:
    """Fixes for one problem: the first that fits is taken, and the last fits all."""

    entries: tuple[For, ...]

    def pick(self, voice: Voice) -> Fix:
        """Return the fix for `voice`."""
        return next(entry.fix for entry in self.entries if entry.fits(voice))


WHERE: Final = "where the application starts"


def text_switch(voice: Voice) -> Fix:
    """Return the setting that makes the instrumentation of `voice` send texts; of one that is not known, that it is not."""
    found = next((switch for switch in switches() if switch.fits(voice)), None)
    if found is None:
        return Fix(
            f"We do not know the switch of {voice.name}; its documentation may name one for prompts, content or sensitive data"
        )
    return Fix(found.do, found.lines)


IDENTITY: Final = FixTable(
    (
        For(
            "openinference",
            "python",
            Fix(
                "Say who is asking, around the call",
                (
                    "from openinference.instrumentation import using_attributes",
                    'with using_attributes(session_id="...", user_id="..."):',
                ),
            ),
        ),
        For(
            "openllmetry",
            "python",
            Fix(
                "Say who is asking, before the call",
                ('Traceloop.set_association_properties({"session_id": "...", "user_id": "..."})',),
            ),
        ),
        For(
            "langfuse",
            "python",
            Fix(
                "Say who is asking, around the call",
                (
                    'with propagate_attributes(session_id="...", user_id="..."):  # from langfuse import propagate_attributes',
                ),
            ),
        ),
        For(
            "vercel",
            "",
            Fix(
                "Say who is asking, in the call",
                ('experimental_telemetry: { isEnabled: true, metadata: { sessionId: "...", userId: "..." } }',),
            ),
        ),
        For(
            "",
            "node",
            Fix(
                "Put both on any span of the trace",
                ('trace.getActiveSpan()?.setAttributes({ "session.id": "...", "user.id": "..." })',),
            ),
        ),
        For(
            "",
            "java",
            Fix(
                "Put both on any span of the trace",
                ('Span.current().setAttribute("session.id", "...").setAttribute("user.id", "...");',),
            ),
        ),
        For(
            "",
            "go",
            Fix(
                "Put both on any span of the trace",
                ('span.SetAttributes(attribute.String("session.id", "..."), attribute.String("user.id", "..."))',),
            ),
        ),
        For(
            "",
            "",
            Fix(
                "Put both on any span of the trace; the whole trace gets them",
                ('trace.get_current_span().set_attributes({"session.id": "...", "user.id": "..."})',),
            ),
        ),
    )
)

STREAMS: Final = FixTable(
    (
        For(
            "",
            "node",
            Fix("Ask the provider for usage in streams", ("stream_options: { include_usage: true }",)),
        ),
        For("", "", Fix("Ask the provider for usage in streams", ('stream_options={"include_usage": True}',))),
    )
)

SAMPLER: Final = Fix(
    "Send every trace; Plumbline does its own sampling, with known probabilities",
    ("export OTEL_TRACES_SAMPLER=parentbased_always_on",),
)
CLOCK: Final = Fix("Set the clock of the machine that sends", ("timedatectl set-ntp true",))
ROOTS: Final = Fix(
    "Point the service that starts these traces here, too, and let short processes flush before they end",
    ("export OTEL_EXPORTER_OTLP_ENDPOINT=...  # the address this source sends to", "provider.force_flush()"),
)
NAME: Final = Fix(f"Name the application {WHERE}", ("export OTEL_SERVICE_NAME=my-app",))
LIMITS: Final = Fix(
    f"Take the limit off {WHERE}; texts cut by Plumbline itself follow collector.max_field_kb in plumbline.yaml",
    ("unset OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",),
)
SPANS_TOO: Final = Fix(f"Export traces as well as logs {WHERE}", ("export OTEL_TRACES_EXPORTER=otlp",))
