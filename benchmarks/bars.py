"""`python -m benchmarks.bars CHECKOUT`: the bars of cost in one go, each row with its ratio to an earlier installed checkout.

What is asked of both is asked in turn, in one run, of CPU seconds wherever that tells enough: ratios decide, on a shared machine alone.
Rows without a figure before are held against their own bar: there was no such benchmark then.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks import browsing, local_tier, replaying, sustained
from benchmarks.against import HERE, QUESTIONS, Question, asked

Line = tuple[str, float | None, float]
"""What it is of, before and now."""


def program_of(module: str) -> str:
    """What a benchmark is, without what starts it: an earlier checkout has no such file."""
    text = (HERE / f"benchmarks/{module}.py").read_text()
    return text.partition("import annotations\n")[2].partition("\ndef main(")[0]


def _braced(program: str) -> str:
    """A program as a question has it: sizes are filled in between braces."""
    return program.replace("{", "{{").replace("}", "}}")


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of the table: what is wanted, and how it is measured beside `before`, or by itself."""

    name: str
    want: str
    measure: Callable[[Path, bool], Iterator[Line]]


def _quiet(rate: int) -> Callable[[Path, bool], Iterator[Line]]:
    def measured(before: Path, quick: bool) -> Iterator[Line]:
        program = _braced(program_of("quiet")) + f"\nshow(measure({rate}, {{idle}} * 3))\n"
        yield from _both(before, Question(f"{rate} spans/s", program, more_is_better=False), quick)

    return measured


def _sustained(before: Path, quick: bool) -> Iterator[Line]:
    for batch in sustained.BATCHES:
        program = _braced(program_of("sustained")) + f"\nshow(measure({batch}, {{idle}} * 18))\n"
        yield from _both(before, Question(f"batch {batch}", program, more_is_better=True), quick)


def _both(before: Path, question: Question, quick: bool) -> Iterator[Line]:
    was, now = asked(before, question, quick=quick), asked(HERE, question, quick=quick)
    yield from ((name, was[name], now[name]) for name in now)


def _drift(before: Path, quick: bool) -> Iterator[Line]:
    [question] = (question for question in QUESTIONS if question.name == "drift")
    yield from _both(before, question, quick)


def _grading(before: Path, _quick: bool) -> Iterator[Line]:
    yield "answers/s of the starter policy", local_tier.cascade(before), local_tier.cascade(HERE)


def _replay(before: Path, quick: bool) -> Iterator[Line]:
    turns, steps = (300, 4) if quick else (10_000, 200)
    found: Mapping[str, float] = replaying.measure(before, turns, steps, whole=not quick)
    for name in (f"{steps} steps", "import"):
        yield f"{name}, CPU s", found[f"{name}, before"], found[f"{name}, now"]
    for name in ("wall of these", "times the import"):
        if name in found:
            yield name, None, found[name]


def _cycle(_before: Path, quick: bool) -> Iterator[Line]:
    for line in _ours("benchmarks.cycle", *(["1000"] if quick else ["12500", "50000", "250000"])):
        if told := re.match(r" *([\d,]+) turns: .* new ([\d.]+) s \(([\d.]+) CPU s\);.* ([+-]\d+) MB", line):
            size, wall, cpu, memory = told.groups()
            yield f"{size} turns, wall s", None, float(wall)
            yield f"{size} turns, CPU s", None, float(cpu)
            yield f"{size} turns, MB more after five passes", None, float(memory)


def _pages(_before: Path, quick: bool) -> Iterator[Line]:
    lines = list(_ours("benchmarks.pages", "1000" if quick else "250000"))
    times = [
        (float(told[1]), told[2].strip())
        for line in lines
        if (told := re.match(r" *([\d.]+) ms wall .* cpu (.*)", line))
    ]
    yield "reads", None, float(len(times))
    yield "slower than their bar", None, float(sum(title.endswith("SLOW") for _, title in times))
    for ms, title in sorted(times, reverse=True)[:3]:
        yield f"{title.removesuffix('SLOW').strip()[:60]}, ms", None, ms


def _ours(module: str, *arguments: str) -> Iterator[str]:
    ran = subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=HERE, capture_output=True, text=True, check=False
    )
    if ran.returncode and not ran.stdout:
        raise SystemExit(f"{module}: {ran.stderr[-500:]}")
    yield from ran.stdout.splitlines()


def _browsed(_before: Path, quick: bool) -> Iterator[Line]:
    yield from ((name, None, figure) for name, figure in browsing.measure(4_000 if quick else 1_000_000).items())


BARS: Final = (
    Bar("idle", "2 traces/s: at most .2 core together", _quiet(8)),
    Bar("singles", "100 spans/s at batch 1: all of them, at most .6 core", _quiet(100)),
    Bar("sustained", "8 connections while it grades, three minutes: 3 times the visible spans", _sustained),
    Bar("grading", "at most .4 of the time: 2.5 times the answers", _grading),
    Bar("cycle", "100 new turns: .4, .5 and 1 s; memory within 100 MB", _cycle),
    Bar("pages", "every read 300 ms, words in texts 500 ms", _pages),
    Bar("replay", "90 days by the hour: 60 s, 8 times the import", _replay),
    Bar("drift", "batches of 50: 8 times the updates", _drift),
    Bar("browsing", "after all pages at most 450 MB", _browsed),
)


def main() -> None:
    """Ask and print, row by row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("before", type=Path, help="an installed checkout of the commit to compare with")
    parser.add_argument("--only", default=",".join(bar.name for bar in BARS), help="rows, by comma")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: shows that it runs, measures nothing")
    given = parser.parse_args()
    for bar in (bar for bar in BARS if bar.name in given.only.split(",")):
        table = Table("figure", "before", "now", "now / before", title=f"{bar.name}: {bar.want}", min_width=90)
        for name, was, now in bar.measure(given.before.resolve(), given.quick):
            ratio = "" if was is None else f"{now / max(was, 1e-9):.2f}"
            table.add_row(name, "" if was is None else f"{was:,.2f}", f"{now:,.2f}", ratio)
        Console(width=120).print(table)


if __name__ == "__main__":
    main()
