"""Milliseconds per named read of the dashboard over 100,000 generated spans, against the bar of 300 ms.

Run: python -m benchmarks.pages [n_turns]
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC
from pathlib import Path

from monitor.diagnosis.gather import sources
from monitor.store.pages import PAGES
from tests.support.generated_store import GeneratedStore, generated_store

BAR_MS = 300
TRACE = f"{20_000:032x}"
SUPPORT = {"app": "support-assistant"}
WEEK = {"start": "2026-11-17T00:00:00Z", "end": "2026-11-24T00:00:00Z"}
ASKED: dict[str, list[dict[str, str]]] = {
    "traces": [
        {},
        {"offset": "20000"},
        {"sort": "duration_ms"},
        {"rule": "refusal", "verdict": "violates"},
        {"text": "order 4711"},
        {"text": "no such words anywhere"},
        {"user": "user-77", "errors": "true"},
    ],
    "neighbours": [{"trace_id": TRACE}, {"trace_id": TRACE, "rule": "refusal"}],
    "turns_by_id": [{"ids": ",".join(f"{i:032x}" for i in range(20_000, 20_005))}],
    "turns_before": [SUPPORT | {"before": "2026-11-20", "limit": "5"}],
    "traffic": [{}, {"bucket_s": "60"}],
    "rule_metric": [{"rule": "refusal"} | SUPPORT],
    "turn_metric": [{"metric": "output_chars"} | SUPPORT],
    "score_metric": [{"name": "thumbs"}],
    "source_voices": [{}, WEEK],
    "source_spans": [{}, WEEK],
    "source_orphans": [{}, WEEK],
    "source_meters": [{}, WEEK],
    "finding": [{"id": "f1refusal0000001"}],
} | {name: [{"trace_id": TRACE}] for name in PAGES if name.startswith("trace") and name not in {"traces", "traffic"}}


def best_ms(store: GeneratedStore, name: str, params: dict[str, str], rounds: int = 5) -> float:
    """Return the median of `rounds` runs in milliseconds."""
    return median_ms(lambda: store.page(name, params), rounds)


def median_ms(work: Callable[[], object], rounds: int = 5) -> float:
    """Return the median of `rounds` runs of `work` in milliseconds."""
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        taken.append(1000 * (time.perf_counter() - began))
    return sorted(taken)[rounds // 2]


def main(n_turns: int = 25_000) -> int:
    """Print a table; return 1 if a read is slower than the bar."""
    slow = 0
    with tempfile.TemporaryDirectory() as folder:
        store = generated_store(n_turns, folder=Path(folder), sentences=30)
        store.store.checkpoint()
        spans = store.store.read("SELECT count(*) AS n FROM base.spans")["n"][0].as_py()
        chars = store.store.read("SELECT avg(length(output_messages)) AS n FROM base.content")["n"][0].as_py()
        print(f"{spans} spans, {chars:.0f} characters per answer; bar {BAR_MS} ms")
        for name in PAGES:
            for params in ASKED.get(name, [{}]):
                took = best_ms(store, name, params)
                slow += took > BAR_MS
                print(f"{took:8.1f} ms  {name} {params or ''}{'  SLOW' if took > BAR_MS else ''}")
        now = store.now.replace(tzinfo=UTC)
        print(
            f"{median_ms(lambda: sources(store.store, {}, now)):8.1f} ms  /v1/sources, the last seven days, all its reads"
        )
    return int(slow > 0)


if __name__ == "__main__":
    sys.exit(main(*(int(text) for text in sys.argv[1:2])))
