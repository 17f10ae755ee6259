"""Tags that hold while a block runs, put on every span started inside it.

Context variables follow asyncio and threads started with a copied context, so that concurrent requests never mix.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

_TAGS: ContextVar[dict[str, str] | None] = ContextVar("plumbline_tags", default=None)


@contextmanager
def prompt(name: str, version: str) -> Iterator[None]:
    """Tag spans with the prompt that was used (`gen_ai.prompt.name`, `gen_ai.prompt.version`)."""
    with _tagged({"gen_ai.prompt.name": name, "gen_ai.prompt.version": version}):
        yield


@contextmanager
def experiment(name: str, variant: str, *, unit: str | None = None) -> Iterator[None]:
    """Tag spans with an experiment arm, as an OpenTelemetry feature flag evaluation.

    `unit` is what was randomised (a user id); leave it out when spans carry `user.id`.
    """
    tags = {"feature_flag.key": name, "feature_flag.result.variant": variant}
    with _tagged(tags | ({"feature_flag.context.id": unit} if unit else {})):
        yield


@contextmanager
def identity(*, user: str | None = None, session: str | None = None) -> Iterator[None]:
    """Tag spans with who is served (`user.id`, `session.id`)."""
    tags = {"user.id": user, "session.id": session}
    with _tagged({key: value for key, value in tags.items() if value}):
        yield


@contextmanager
def _tagged(tags: dict[str, str]) -> Iterator[None]:
    token = _TAGS.set({**(_TAGS.get() or {}), **{key: str(value) for key, value in tags.items()}})
    try:
        yield
    finally:
        _TAGS.reset(token)


class TagProcessor(SpanProcessor):
    """Copies the tags that hold when a span starts onto it; a span's own attributes win."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - the processor's signature
        """Add the tags; never raises, since an application must not fail for its tags."""
        present = span.attributes or {}
        for key, value in (_TAGS.get() or {}).items():
            if key not in present:
                span.set_attribute(key, value)

    def on_end(self, span: ReadableSpan) -> None:
        """Nothing to do."""

    def shutdown(self) -> None:
        """Nothing to close."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - the processor's signature
        """Nothing is buffered here."""
        return True
