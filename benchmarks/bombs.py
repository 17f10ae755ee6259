"""Forty questions made to hurt, asked of a real agent while spans arrive: memory, time, and whether anybody else notices.

`python -m benchmarks.bombs`. Each kind (strings, ranges, lists, joins, recursion, windows, regular expressions, memory of joins and
sorts) comes in five ways. Told of each: how long the answer took and what it was, the highest memory of the child that reads beyond
what it has at rest, and the longest that an exporter waited for its 200 meanwhile.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from benchmarks.house import Running, memory_mb, running
from benchmarks.sending import send
from benchmarks.traffic import bodies
from monitor.store.user_sql import child as reading

BATCH: Final = 16
EVERY_S: Final = 0.2
FILLED: Final = 60
"""Bodies that are stored before the first question."""

BOMBS: Final[Mapping[str, Sequence[str]]] = {
    "strings": (
        "SELECT printf('%1000000000d', 1)",
        "SELECT length(repeat('x', 2000000000))",
        "SELECT length(repeat(repeat('x', 100000), 100000))",
        "SELECT string_agg(repeat('x', 1000000), '') FROM range(5000)",
        "SELECT lpad('', 1900000000, 'x')",
    ),
    "doubling": (
        "WITH RECURSIVE r AS (SELECT 'x' AS s, 0 AS n UNION ALL SELECT s || s, n + 1 FROM r WHERE n < 40) SELECT max(length(s)) FROM r",
        "SELECT length(list_reduce(range(60), lambda a, b: a || a, 'x'))",
        "SELECT length(replace(repeat('x', 100000), 'x', repeat('y', 100000)))",
        "SELECT length(regexp_replace(repeat('x', 100000), 'x', repeat('y', 100000), 'g'))",
        "SELECT length(concat(repeat('x', 400000000), repeat('x', 400000000), repeat('x', 400000000)))",
    ),
    "ranges": (
        "SELECT range(2000000000)",
        "SELECT count(*) FROM range(100000000000)",
        "SELECT sum(length(range(1000000))) FROM range(100000)",
        "SELECT unnest(range(1000000000)) AS n ORDER BY n DESC",
        "SELECT count(DISTINCT range) FROM range(1000000000)",
    ),
    "lists": (
        "SELECT list_transform(range(100000000), lambda x: x * 2)",
        "SELECT length(flatten(list_transform(range(100000), lambda x: range(100000))))",
        "SELECT array_agg(range) FROM range(500000000)",
        "SELECT list_sort(list_transform(range(50000000), lambda x: hash(x)))",
        "SELECT map_from_entries(list_transform(range(30000000), lambda x: row(x, x)))",
    ),
    "joins": (
        "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range * b.range % 7 = 3",
        "SELECT count(*) FROM spans a, spans b, spans c, spans d WHERE a.duration_ms < b.duration_ms",
        "SELECT * FROM range(100000) a, range(100000) b ORDER BY a.range + b.range DESC",
        "SELECT count(*) FROM range(30000000) a JOIN range(30000000) b ON hash(a.range) = hash(b.range)",
        "SELECT a.range, array_agg(b.range) FROM range(100000) a, range(100000) b GROUP BY ALL",
    ),
    "recursion": (
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r, range(2)) SELECT count(*) FROM r",
        "WITH RECURSIVE r AS (SELECT [1] AS l UNION ALL SELECT l || l FROM r) SELECT max(length(l)) FROM r",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION SELECT (n * 48271) % 2147483647 FROM r) SELECT count(*) FROM r",
        "WITH RECURSIVE r AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 100000000) SELECT max(n) FROM r",
    ),
    "windows": (
        "SELECT sum(range) OVER (ORDER BY hash(range)) FROM range(300000000)",
        "SELECT array_agg(range) OVER (ORDER BY range) FROM range(200000)",
        "SELECT median(range) OVER (ORDER BY range ROWS BETWEEN 100000 PRECEDING AND CURRENT ROW) FROM range(3000000)",
        "SELECT string_agg(range::VARCHAR, '') OVER (ORDER BY range) FROM range(300000)",
        "SELECT quantile_cont(range, 0.5) OVER (PARTITION BY range % 2 ORDER BY range) FROM range(5000000)",
    ),
    "regular expressions": (
        "SELECT count(*) FROM range(1000000) WHERE regexp_matches(repeat('a', 100000), '(a|aa)*b')",
        "SELECT regexp_extract_all(repeat('a', 100000000), 'a')",
        "SELECT length(regexp_replace(repeat('ab', 50000000), '(a)(b)', '\\2\\1\\2\\1', 'g'))",
        "SELECT regexp_matches(repeat('x', 10000000), '((((x{1,30}){1,30}){1,2})y)')",
        "SELECT string_split_regex(repeat('a,', 60000000), ',')",
    ),
}


@dataclass
class Exporter:
    """Sends a body every fifth of a second, whatever else happens."""

    endpoint: str
    work: Iterator[bytes]
    accepted: int = 0
    slowest_s: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)

    def __call__(self) -> None:
        while not self.stop.wait(EVERY_S):
            began = time.perf_counter()
            send([self.endpoint], [next(self.work)], 1)
            self.accepted += BATCH
            self.slowest_s = max(self.slowest_s, time.perf_counter() - began)


@dataclass
class Watch:
    """The highest memory of the agent, and of each process below it, in MB."""

    agent: int
    peaks: dict[int, float] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)

    def __call__(self) -> None:
        while not self.stop.wait(0.02):
            for pid in (self.agent, *children(self.agent)):
                with suppress(OSError, StopIteration):  # it has just ended
                    self.peaks[pid] = max(self.peaks.get(pid, 0.0), memory_mb(pid, "VmHWM"))


def children(pid: int) -> list[int]:
    """Return the processes that read for `pid`; one that is about to begin still has the memory of `pid`, and is none of them."""
    told = (path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/children"))
    return [int(child) for line in told for child in line if reads(child)]


def reads(pid: str) -> bool:
    """Return whether a process has become one that reads."""
    with suppress(OSError):  # it has just ended
        return reading.__name__.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


@contextmanager
def alongside(work: Exporter | Watch) -> Iterator[None]:
    """Let `work` run for as long as the block."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        work.stop.set()
        thread.join()


def measure(kinds: Sequence[str]) -> Iterator[dict[str, object]]:
    """Yield a row for each bomb, and one for the whole."""
    with running() as run:
        agent, work = run.pids[-1], bodies(100_000, BATCH, seed=7, start_ns=time.time_ns())
        fill(run, work, FILLED)
        (child,) = children(agent)
        at_rest, before = memory_mb(child), run.rss_mb()[-1]
        exporter = Exporter(run.endpoints[0], work)
        rows = []
        with alongside(exporter):
            for kind, sql in [(name, sql) for name in kinds for sql in BOMBS[name]]:
                rows.append(_asked(run, exporter, kind, sql, at_rest))
                yield rows[-1]
        began = time.perf_counter()
        while (seen := run.visible()) < FILLED * BATCH + exporter.accepted and time.perf_counter() - began < 60:
            time.sleep(0.2)
        yield {
            "kind": "afterwards",
            "took s": max(float(str(row["took s"])) for row in rows),
            "child + MB": max(float(str(row["child + MB"])) for row in rows),
            "agent MB": run.rss_mb()[-1],
            "200 within s": round(exporter.slowest_s, 2),
            "answer": f"agent {before} MB before; {seen} of {FILLED * BATCH + exporter.accepted} spans visible",
        }
    yield unasked(exporter.accepted // BATCH)


def unasked(sent: int) -> dict[str, object]:
    """Return the row of an agent that takes in as many bodies and is asked nothing: what of the memory is theirs."""
    with running() as run:
        work = bodies(100_000, BATCH, seed=7, start_ns=time.time_ns())
        fill(run, work, FILLED)
        before, began = run.rss_mb()[-1], time.perf_counter()
        for first in range(0, sent, FILLED):
            fill(run, work, min(FILLED, sent - first))
        return {
            "kind": "without questions",
            "took s": round(time.perf_counter() - began, 1),
            "child + MB": 0,
            "agent MB": run.rss_mb()[-1],
            "200 within s": 0.0,
            "answer": f"agent {before} MB before; as many spans",
        }


def fill(run: Running, work: Iterator[bytes], sent: int) -> None:
    """Send so many bodies, and wait until their spans are visible."""
    wanted = run.visible() + sent * BATCH
    send(run.endpoints, [next(work) for _ in range(sent)], 2)
    while run.visible() < wanted:
        time.sleep(0.2)


def _asked(run: Running, exporter: Exporter, kind: str, sql: str, at_rest: float) -> dict[str, object]:
    exporter.slowest_s, watch = 0.0, Watch(run.pids[-1])
    with alongside(watch):
        began = time.perf_counter()
        answer = ask(run, sql)
        took = time.perf_counter() - began
    highest = max((peak for pid, peak in watch.peaks.items() if pid != watch.agent), default=at_rest)
    return {
        "kind": kind,
        "took s": round(took, 1),
        "child + MB": round(max(highest - at_rest, 0.0)),
        "agent MB": run.rss_mb()[-1],
        "200 within s": round(exporter.slowest_s, 2),
        "answer": answer,
    }


def ask(run: Running, sql: str) -> str:
    """Return in a few words what the agent says to `sql`."""
    bearer = {"authorization": f"Bearer {(run.data_dir / 'token').read_text().strip()}"}
    told = httpx.post(f"http://{run.address}/v1/sql", json={"sql": sql}, headers=bearer, timeout=120)
    if told.is_success:
        return f"{len(told.json()['rows'])} rows"
    return str(told.json()["error"])[:70]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", action="append", choices=list(BOMBS), help="only these (default: all)")
    for row in measure(parser.parse_args().kind or list(BOMBS)):
        print(
            "  ".join(f"{value!s:<20}" if name == "kind" else f"{value!s:>7}" for name, value in row.items()),
            flush=True,
        )


if __name__ == "__main__":
    main()
