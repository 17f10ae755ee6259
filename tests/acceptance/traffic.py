"""Two weeks of an assistant, planted with a swap that makes it refuse, and with a better arm: the truth is known."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from collectors.batch import Batch
from collectors.frames import to_tables
from collectors.importers.record import Origin
from collectors.importers.records import add_record
from monitor.spool_writer import SpoolWriter

START = datetime(2026, 9, 1, tzinfo=UTC)
SWAP = START + timedelta(days=10)
GOOD = "Your parcel left the depot this morning and will be with you tomorrow before noon."
REFUSAL = "I'm sorry, but I cannot help with that request."


def records(turns: int, *, swap: datetime | None = SWAP, seed: int = 7) -> Iterator[dict[str, Any]]:
    """Yield `turns` interactions; from `swap` on half of them are refusals. Arm B refuses less and is liked more."""
    rng = random.Random(seed)
    for number in range(turns):
        time = START + timedelta(days=14) * number / turns
        user = f"u{rng.randrange(200)}"
        arm = "AB"[int(user[1:]) % 2]
        swapped = swap is not None and time >= swap
        refuses = rng.random() < (0.5 if swapped else 0.04) + (0.06 if arm == "A" else 0.0)
        yield {
            "id": f"r{number}",
            "time": time.isoformat(),
            "app": "shop",
            "model": "new" if swapped else "old",
            "experiment": "tone",
            "variant": arm,
            "user": user,
            "input": f"Where is my order {number:05d}?",
            "output": REFUSAL if refuses else f"{GOOD} Order {number:05d}.",
            "scores": {"helpful": float(rng.random() < (0.8 if arm == "B" else 0.55))},
        }


def spooled(folder: Path, rows: Iterator[dict[str, Any]], received: datetime = START + timedelta(days=14)) -> None:
    """Write the records to the spool as an import does."""
    batch = Batch()
    at = int(received.timestamp() * 1_000_000)
    for number, record in enumerate(rows, 1):
        add_record(batch, record, number, Origin(at, at, None))
    writer = SpoolWriter(folder)
    writer.append(to_tables(batch, None))
    writer.close()
