"""Tags on real spans: inside blocks and functions, and nowhere else."""

from __future__ import annotations

import asyncio
import contextvars
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import plumbline_sdk
from plumbline_sdk._setup import _Outlet
from plumbline_sdk._tags import current_tags

Traced = tuple[TracerProvider, InMemorySpanExporter]


@pytest.fixture
def spans() -> Iterator[Traced]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(_Outlet(None))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield provider, exporter
    provider.shutdown()


def attributes(exporter: InMemorySpanExporter) -> list[dict[str, Any]]:
    return [dict(span.attributes or {}) for span in exporter.get_finished_spans()]


def test_the_public_names_and_the_size() -> None:
    assert plumbline_sdk.__all__ == [
        "change",
        "context",
        "end_session",
        "experiment",
        "feedback",
        "flush",
        "identity",
        "init",
        "prompt",
        "stats",
    ]
    folder = Path(plumbline_sdk.__file__).parent
    lines = [line for file in folder.rglob("*.py") for line in file.read_text().splitlines() if line.strip()]
    assert 100 < len(lines) <= 435, "the SDK is held to 435 lines, blank ones not counted"


def test_the_sdk_imports_opentelemetry_and_the_standard_library_only() -> None:
    folder = Path(plumbline_sdk.__file__).parent
    said = [line.split()[1] for f in folder.rglob("*.py") for line in f.read_text().splitlines() if is_import(line)]
    roots = {name.partition(".")[0] for name in said}
    assert roots - {"opentelemetry", "plumbline_sdk"} <= STANDARD
    assert "opentelemetry" in roots


STANDARD = set(sys.stdlib_module_names)


def is_import(line: str) -> bool:
    return line.startswith(("import ", "from "))


def test_tags_hold_inside_the_block_and_nowhere_else(spans: Traced) -> None:
    provider, exporter = spans
    tracer = provider.get_tracer("app")
    with (
        plumbline_sdk.prompt("refunds", "7"),
        plumbline_sdk.experiment("tone", "B", unit="u9"),
        plumbline_sdk.identity(user="u9"),
        tracer.start_as_current_span("inside"),
    ):
        pass
    with tracer.start_as_current_span("outside"):
        pass
    inside, outside = attributes(exporter)
    assert inside == {
        "gen_ai.prompt.name": "refunds",
        "gen_ai.prompt.version": "7",
        "feature_flag.key": "tone",
        "feature_flag.result.variant": "B",
        "feature_flag.context.id": "u9",
        "user.id": "u9",
    }
    assert outside == {}


def test_a_spans_own_attribute_wins(spans: Traced) -> None:
    provider, exporter = spans
    with (
        plumbline_sdk.identity(user="tagged"),
        provider.get_tracer("app").start_as_current_span("s", attributes={"user.id": "own"}),
    ):
        pass
    assert attributes(exporter) == [{"user.id": "own"}]


def test_nested_tags_come_back(spans: Traced) -> None:
    provider, exporter = spans
    tracer = provider.get_tracer("app")
    with plumbline_sdk.identity(user="outer", session="s"):
        with plumbline_sdk.identity(user="inner"), tracer.start_as_current_span("1"):
            pass
        with tracer.start_as_current_span("2"):
            pass
    assert attributes(exporter) == [{"user.id": "inner", "session.id": "s"}, {"user.id": "outer", "session.id": "s"}]


def test_concurrent_tasks_do_not_mix(spans: Traced) -> None:
    provider, exporter = spans
    tracer = provider.get_tracer("app")

    async def request(user: str) -> None:
        with plumbline_sdk.identity(user=user):
            await asyncio.sleep(0)
            with tracer.start_as_current_span(user):
                await asyncio.sleep(0)

    async def both() -> None:
        await asyncio.gather(*(request(f"u{i}") for i in range(20)))

    asyncio.run(both())
    assert {span.name: dict(span.attributes or {})["user.id"] for span in exporter.get_finished_spans()} == {
        f"u{i}": f"u{i}" for i in range(20)
    }


def test_functions_and_coroutine_functions_are_tagged_call_by_call() -> None:
    @plumbline_sdk.prompt("refunds", "7")
    def plain(depth: int) -> dict[str, Any]:
        return plain(depth - 1) if depth else current_tags()

    @plumbline_sdk.experiment("tone", "B")
    async def later() -> dict[str, Any]:
        await asyncio.sleep(0)
        return current_tags()

    async def several() -> list[dict[str, Any]]:
        return list(await asyncio.gather(later(), later()))

    assert plain(2) == {"gen_ai.prompt.name": "refunds", "gen_ai.prompt.version": "7"}
    assert asyncio.run(several()) == [{"feature_flag.key": "tone", "feature_flag.result.variant": "B"}] * 2
    assert current_tags() == {}
    assert plain.__name__ == "plain"


def test_an_exception_passes_through_and_the_tags_end() -> None:
    with pytest.raises(ZeroDivisionError), plumbline_sdk.identity(user="u"):
        _ = 1 / 0
    assert current_tags() == {}


def test_a_stream_closed_in_another_context_fails_nobody() -> None:
    """A server may close an abandoned generator in a context that never saw the block begin."""

    async def stream() -> AsyncIterator[int]:
        with plumbline_sdk.identity(user="u"):
            yield 1
            yield 2

    async def serve() -> dict[str, Any]:
        chunks = stream()
        loop = asyncio.get_running_loop()
        first: asyncio.Task[int] = contextvars.copy_context().run(loop.create_task, anext(chunks))  # type: ignore[arg-type]
        await first
        with plumbline_sdk.identity(user="other"):
            await chunks.aclose()  # type: ignore[attr-defined]
            return current_tags()

    assert asyncio.run(serve()) == {"user.id": "other"}


def test_one_block_may_be_entered_again_and_again() -> None:
    tags = plumbline_sdk.prompt("refunds", "7")
    for _ in range(2):
        with tags:
            with tags:
                assert current_tags()["gen_ai.prompt.version"] == "7"
            assert current_tags()["gen_ai.prompt.version"] == "7"
        assert current_tags() == {}


def test_a_value_without_text_costs_its_tag_only(spans: Traced) -> None:
    class Mute:
        def __str__(self) -> str:
            raise ValueError

    provider, exporter = spans
    with (
        plumbline_sdk.identity(user=Mute()),  # type: ignore[arg-type]
        provider.get_tracer("app").start_as_current_span("s"),
    ):
        pass
    assert attributes(exporter) == [{}]


def test_values_that_are_not_texts_become_texts(spans: Traced) -> None:
    provider, exporter = spans
    with plumbline_sdk.prompt("p", 7), provider.get_tracer("app").start_as_current_span("s"):  # type: ignore[arg-type]
        pass
    assert attributes(exporter) == [{"gen_ai.prompt.name": "p", "gen_ai.prompt.version": "7"}]
