"""What a replay costs, through the commands of an installed checkout: `python -m benchmarks.replaying [--before CHECKOUT]`.

Ninety days of three applications are imported, then replayed by the hour: all of them here, some from their middle on by both checkouts. CPU
seconds of the commands with everything they start; what importing the same turns costs is the measure that machines share.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).resolve().parents[1]
DAYS: Final = 90
START: Final = datetime(2026, 8, 1, tzinfo=UTC)
GOOD: Final = "Your parcel left the depot this morning and will be with you tomorrow before noon. "
REFUSAL: Final = "I'm sorry, but I cannot help with that request."


@dataclass(frozen=True)
class Cost:
    """Of one command."""

    cpu_s: float
    wall_s: float


def records(turns: int, days: int) -> Iterator[dict[str, Any]]:
    """Yield turns in the order of time; in the last month half as many again are refused."""
    rng = random.Random(11)
    for number in range(turns):
        refuses = rng.random() < (0.12 if number > 2 * turns // 3 else 0.04)
        yield {
            "id": f"r{number}",
            "time": (START + timedelta(days=days) * number / turns).isoformat(),
            "app": rng.choice(("shop", "bank", "desk")),
            "model": rng.choice(("lumen-1", "lumen-2")),
            "user": f"u{rng.randrange(400)}",
            "input": f"Where is my order {number:05d}?",
            "output": REFUSAL if refuses else GOOD * rng.randrange(1, 4) + f"Order {number:05d}.",
        }


def imported(checkout: Path, data_dir: Path, turns: int, days: int) -> Cost:
    """Import the turns into an empty data directory."""
    rows = data_dir.with_suffix(".jsonl")
    rows.write_text("".join(json.dumps(row) + "\n" for row in records(turns, days)))
    return _cost(checkout, "import", str(rows), "--data-dir", str(data_dir))


def replayed(checkout: Path, data_dir: Path, start: datetime, steps: int) -> Cost:
    """Replay so many hours from `start` on."""
    span = [f"{time:%Y-%m-%dT%H:%M}" for time in (start, start + steps * timedelta(hours=1))]
    return _cost(checkout, "replay", "--from", span[0], "--to", span[1], "--step", "1h", "--data-dir", str(data_dir))


def _cost(checkout: Path, *command: str) -> Cost:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    run = subprocess.run(
        [checkout / ".venv/bin/plumbline", *command], cwd=checkout, capture_output=True, text=True, check=False
    )
    if run.returncode:
        raise SystemExit(f"{checkout}: plumbline {' '.join(command)}: {run.stderr[-500:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(used, time.perf_counter() - began)


def measure(before: Path | None, turns: int, steps: int, *, days: int = DAYS, whole: bool = True) -> dict[str, float]:
    """Return the costs, by what they are of; `steps` are those that both are asked."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, checkout in _sides(before).items():
            data_dir = Path(folder) / name
            found[f"import, {name}"] = imported(checkout, data_dir, turns, days).cpu_s
            found[f"{steps} steps, {name}"] = replayed(
                checkout, data_dir, START + timedelta(days=days // 2), steps
            ).cpu_s
        if whole:
            all_of_it = replayed(HERE, Path(folder) / "now", START, days * 24)
            found[f"{days * 24} steps, now"], found["wall of these"] = all_of_it.cpu_s, all_of_it.wall_s
            found["times the import"] = all_of_it.cpu_s / found["import, now"]
    if before is not None:
        found["now / before"] = found[f"{steps} steps, now"] / found[f"{steps} steps, before"]
    return found


def _sides(before: Path | None) -> Mapping[str, Path]:
    return {"now": HERE} | ({"before": before} if before else {})


def main() -> None:
    """Print a line a figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path, help="an installed checkout to compare with")
    parser.add_argument("--turns", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--part", action="store_true", help="the steps that both are asked, and no more")
    asked = parser.parse_args()
    for name, figure in measure(asked.before, asked.turns, asked.steps, days=asked.days, whole=not asked.part).items():
        print(f"{name:<24} {figure:10.2f}", flush=True)


if __name__ == "__main__":
    main()
