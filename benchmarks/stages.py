"""Where the time of a span goes: CPU microseconds a span, stage by stage, in one process, on the bodies of `traffic`.

Run: `python -m benchmarks.stages [--spans N] [--batches 1 16 512] [--profile STAGE]`. CPU time of all threads, because wall
time on a shared machine tells of the neighbours; a stage is warmed up on a few bodies first.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from rich.console import Console
from rich.table import Table

from benchmarks.traffic import bodies, spans_of
from collectors.batch import Batch
from collectors.decode import decode_traces, propagate
from collectors.frames import to_tables
from collectors.intake import GROUP_BODIES, GROUP_BYTES
from collectors.redaction.redact import Redactor
from monitor.clock import SystemClock
from monitor.privacy.patterns import KINDS
from monitor.spool_writer import SpoolWriter
from monitor.store.finishing.finish import finish
from monitor.store.load import pump
from monitor.store.opening import Store
from plumbline.cli.deferred import keep_out

SETTLE: Final = timedelta(seconds=2)
WARM_UP: Final = 64


@dataclass
class Watch:
    """CPU seconds by stage; the stage named `profiled` is looked into by cProfile."""

    profiled: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    profile: cProfile.Profile = field(default_factory=cProfile.Profile)

    def time(self, stage: str, work: Callable[[], Any]) -> Any:
        """Do the work and add what it took."""
        with self.profile if stage == self.profiled else nullcontext():
            before = time.process_time()
            result = work()
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.process_time() - before
        return result


def groups_of(work: Sequence[bytes]) -> list[list[bytes]]:
    """Cut `work` as the intake does when bodies wait for it: into what shares one frame and one sync."""
    groups: list[list[bytes]] = [[]]
    for body in work:
        if groups[-1] and (len(groups[-1]) == GROUP_BODIES or sum(map(len, groups[-1])) >= GROUP_BYTES):
            groups.append([])
        groups[-1].append(body)
    return groups


def go(work: Sequence[bytes], watch: Watch) -> None:
    """Take `work` through every stage, one stage after the other."""
    now = datetime.now(UTC)
    received = int(now.timestamp() * 1_000_000)
    redactor = Redactor(b"k" * 32, KINDS)
    watch.time("parse (upb)", lambda: [ExportTraceServiceRequest.FromString(body) for body in work])
    batches = watch.time("parse and map", lambda: [_decoded(group, received) for group in groups_of(work)])
    watch.time("propagate", lambda: _propagated(batches))
    watch.time("frames, redaction off", lambda: [to_tables(batch, None) for batch in batches])
    tables = watch.time("frames", lambda: [to_tables(batch, redactor) for batch in batches])
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder)
        watch.time("spool", lambda: _spooled(data_dir / "spool", tables))
        store = Store.open(data_dir, clock=SystemClock())
        watch.time("load", lambda: pump(store, data_dir / "spool"))
        watch.time("finish", lambda: finish(store, now + timedelta(hours=1), SETTLE, SETTLE))
        watch.time("checkpoint", store.checkpoint)
        store.close()


def _propagated(batches: Sequence[Batch]) -> None:
    for batch in batches:
        propagate(batch)


def _decoded(group: Sequence[bytes], received: int) -> Batch:
    batch = Batch()
    for body in group:
        decode_traces(body, "protobuf", batch, received)
    return batch


def _spooled(spool: Path, tables: Sequence[dict[str, bytes]]) -> None:
    writer = SpoolWriter(spool)
    for one in tables:
        writer.append(one)
        writer.sync()
    writer.close()


def profile(batch: int, n_spans: int, profiled: str | None = None) -> Watch:
    """Return the CPU seconds of every stage for `n_spans` spans in bodies of `batch`."""
    start = time.time_ns() - 3_600_000_000_000
    go(list(bodies(WARM_UP // batch + 1, batch, seed=0, start_ns=start)), Watch())
    watch = Watch(profiled)
    go(list(bodies(max(1, n_spans // batch), batch, seed=batch, start_ns=start)), watch)
    return watch


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=16_384)
    parser.add_argument("--batches", type=int, nargs="*", default=[1, 16, 128, 512])
    parser.add_argument("--profile", help="a stage to look into")
    arguments = parser.parse_args()
    keep_out("pandas")  # as the agent does
    watches = {batch: profile(batch, arguments.spans, arguments.profile) for batch in arguments.batches}
    table = Table("stage", *(f"batch {batch}" for batch in watches), title="CPU microseconds a span")
    for stage in next(iter(watches.values())).seconds:
        table.add_row(stage, *(_us(watch.seconds[stage], batch, arguments.spans) for batch, watch in watches.items()))
    Console().print(table)
    if arguments.profile:
        pstats.Stats(watches[arguments.batches[-1]].profile).sort_stats("tottime").print_stats(30)


def _us(seconds: float, batch: int, n_spans: int) -> str:
    return f"{1e6 * seconds / (max(1, n_spans // batch) * spans_of(batch)):.1f}"


if __name__ == "__main__":
    main()
