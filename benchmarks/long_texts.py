"""What one text of ten megabytes costs in redaction, made of what patterns look for and never find.

`python -m benchmarks.long_texts`: processor seconds for one text in a column, as the collector redacts it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import polars as pl

from collectors.redaction.redact import Redactor
from monitor.privacy.patterns import KINDS

SEEDS = ("a@", "a@a.", " .@a.aa", "1-", "(1) ", "lorem ipsum dolor sit ")


def measured(characters: int) -> Iterator[tuple[str, float]]:
    """Yield what a text repeats, and the seconds it took."""
    for seed in SEEDS:
        redactor = Redactor(b"k" * 32, KINDS)
        text = seed * (characters // len(seed))
        rows = pl.DataFrame({"trace_id": ["t"], "span_id": ["s"], "input_messages": [text]})
        before = time.process_time()
        redactor.frame("content", rows)
        yield seed, time.process_time() - before


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--characters", type=int, default=10_000_000)
    for seed, seconds in measured(parser.parse_args().characters):
        print(f"{seed!r:<28}{seconds:>8.2f} s", flush=True)


if __name__ == "__main__":
    main()
