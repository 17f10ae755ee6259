"""What a question costs on a store that takes something between questions: with another snapshot, and with a process started anew.

`python -m benchmarks.asking_again`. The same questions are asked both ways in turn, of a store of twelve thousand turns; told are
medians: the processor seconds of the processes that read, and how long the answer took.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.stores import kept_store
from monitor.store.opening import Store
from monitor.store.user_sql.readers import Readers

ROUNDS: Final = 15
QUESTION: Final = "SELECT app, count(*) AS n FROM spans GROUP BY ALL"
TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")


@dataclass
class Costs:
    """What the questions of one way cost, each."""

    processor_s: list[float] = field(default_factory=list)
    waited_s: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        """Medians."""
        return f"{statistics.median(self.processor_s):7.3f} s of processor, answered after {statistics.median(self.waited_s):6.3f} s"


def used_s(pid: int) -> float:
    """Processor seconds of a process since it began."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:13])) * TICK_S


def asked(store: Store, readers: Readers, *, anew: bool, costs: Costs) -> None:
    """Change the store and ask; `anew` lets the process that read before end, as if it had grown too large."""
    (reader,) = readers._idle  # noqa: SLF001 - what it costs is not told to those who ask
    reader.grown, before = anew, 0.0 if anew else used_s(reader.process.pid)
    reader.copying_s = 0.0  # a young snapshot is none for a store that has changed
    with store.transaction() as txn:
        txn.execute("CREATE OR REPLACE TABLE base.changed AS SELECT now() AS at")
    began = time.perf_counter()
    readers.ask(QUESTION, max_rows=1000, timeout_s=60, extra={})
    costs.waited_s.append(time.perf_counter() - began)
    (reader,) = readers._idle  # noqa: SLF001
    costs.processor_s.append(used_s(reader.process.pid) - before)


def measure(n_turns: int, rounds: int) -> dict[str, Costs]:
    """Ask in turn both ways."""
    costs = {"another snapshot": Costs(), "started anew": Costs()}
    with tempfile.TemporaryDirectory(prefix="plumbline-") as folder:
        store = kept_store(Path(folder) / "data", n_turns).store
        readers = Readers(store, Path(folder) / "sql")
        readers.ask(QUESTION, max_rows=1000, timeout_s=60, extra={})
        for _ in range(rounds):
            for way, found in costs.items():
                asked(store, readers, anew=way == "started anew", costs=found)
        readers.forget()
        store.close()
    return costs


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=12_500)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    for way, costs in measure(given.turns, given.rounds).items():
        print(f"{way:18} {costs}")


if __name__ == "__main__":
    main()
