"""This checkout beside an earlier one, in turns, in one run: ratios that a busy machine cannot bend.

`python -m benchmarks.against ../before` needs an installed checkout there (`make install`). Each question is asked of both by their own
interpreters and their own benchmarks; what counts is the median of the ratios of the pairs. Work of one core alone is asked of two processes
that stay, a fraction of a second each in turn: a machine whose speed wanders over minutes wanders under both.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parents[1]
PAIRS_A_ROUND = 5


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: a program that prints one JSON object of figures, and which of them are better when they grow."""

    name: str
    program: str
    more_is_better: bool


QUESTIONS = (
    Question("start", "from benchmarks import startup as s; show(s.measure({idle}))", more_is_better=False),
    Question(
        "ingest",
        "from benchmarks import ingest as i\n"
        "for b, n in ((16, {few}), (512, {many})):\n"
        "    r = i.measure(b, n, 1); show({{f'batch {{b}}, ' + k: r[k] for k in ('acked/s', 'visible/s')}})",
        more_is_better=True,
    ),
    Question("freshness", "from benchmarks import freshness as f; show(f.measure({idle}))", more_is_better=False),
    Question(
        "drift",
        "import contextlib, io, time\n"
        "from benchmarks import detectors as d\n"
        "for batch in (5000, 50):\n"
        "    n, run = d.traffic(batch, {drift})\n"
        "    begun = time.process_time()\n"
        "    with contextlib.redirect_stdout(io.StringIO()): run()\n"
        "    show({{f'batches of {{batch}}, updates/s': n / (time.process_time() - begun)}})",
        more_is_better=True,
    ),
)
TURNS = (
    Question(
        "redaction",
        "from benchmarks import redaction as r\n"
        "prose = list(r.bodies({bodies}, 128, seed=1, start_ns=1_763_000_000_000_000_000))\n"
        "all_on = r.Redactor(b'k' * 32, r.KINDS)\n"
        "for name, found in (('prose', prose), ('personal', [r.with_personal(body) for body in prose])):\n"
        "    for how, redactor in (('off', None), ('on', all_on)):\n"
        "        WORK[f'{{name}}, {{how}}'] = lambda f=found, r_=redactor: r.to_frames(f, r_)",
        more_is_better=False,
    ),
    Question(
        "decode",
        "from benchmarks import decode as d\n"
        "every = []\n"
        "for source, found in d.bodies_by_source().items():\n"
        "    repeated = found * max(1, {spans} // d.decode(found))\n"
        "    every += repeated\n"
        "    WORK[source] = lambda b=repeated: d.decode(b)\n"
        "WORK['all, equal numbers of spans'] = lambda: d.decode(every)",
        more_is_better=False,
    ),
)
SIZES = {
    False: {"idle": 10, "few": 3_000, "many": 40_000, "drift": 10_000, "bodies": 8, "spans": 150},
    True: {"idle": 1, "few": 160, "many": 1_024, "drift": 500, "bodies": 1, "spans": 20},
}
IN_TURN = """
import sys, time
WORK = {{}}
{program}
for work in WORK.values(): work()
print(*WORK, sep="\\t", flush=True)
for line in sys.stdin:
    begun = time.process_time()
    WORK[line.strip()]()
    print(time.process_time() - begun, flush=True)
"""
SHOW = "import json\ndef show(row): print('FIGURES', json.dumps(row), flush=True)\n"


def asked(checkout: Path, question: Question, *, quick: bool) -> dict[str, float]:
    """Return the figures that `checkout` answers; raise CalledProcessError where its program fails."""
    program = SHOW + question.program.format(**SIZES[quick])
    ran = subprocess.run(
        [checkout / ".venv/bin/python", "-c", program], cwd=checkout, capture_output=True, text=True, check=True
    )
    rows = [json.loads(line.removeprefix("FIGURES ")) for line in ran.stdout.splitlines() if line.startswith("FIGURES")]
    return {name: float(value) for row in rows for name, value in row.items()}


def compared(before: Path, question: Question, rounds: int, *, quick: bool) -> Iterator[Sequence[str]]:
    """Yield a line a figure: what it is, before, now, the median of the ratios, and which way is better."""
    pairs = [(asked(before, question, quick=quick), asked(HERE, question, quick=quick)) for _ in range(rounds)]
    for name in pairs[0][0]:
        was, now = ([pair[side][name] for pair in pairs] for side in (0, 1))
        ratio = statistics.median(n / max(w, 1e-9) for w, n in zip(was, now, strict=True))
        better = "more" if question.more_is_better else "less"
        yield question.name, name, _figure(was), _figure(now), f"{ratio:.2f}", better


def in_turn(before: Path, question: Question, rounds: int, *, quick: bool) -> Iterator[Sequence[str]]:
    """Yield a line a figure, as `compared`: CPU milliseconds of the same work, done by the two in turn."""
    with _worker(before, question, quick=quick) as was, _worker(HERE, question, quick=quick) as now:
        names, _ = (_answer(worker).split("\t") for worker in (was, now))
        for name in names:
            pairs = [(_took(was, name), _took(now, name)) for _ in range(rounds * PAIRS_A_ROUND)]
            ratio = statistics.median(n / max(w, 1e-9) for w, n in pairs)
            middle = (f"{1000 * statistics.median(side):,.0f} ms" for side in zip(*pairs, strict=True))
            yield question.name, name, *middle, f"{ratio:.2f}", "less"


def _worker(checkout: Path, question: Question, *, quick: bool) -> subprocess.Popen[str]:
    program = IN_TURN.format(program=question.program.format(**SIZES[quick]))
    command = [str(checkout / ".venv/bin/python"), "-c", program]
    return subprocess.Popen(command, cwd=checkout, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _took(worker: subprocess.Popen[str], name: str) -> float:
    assert worker.stdin is not None
    print(name, file=worker.stdin, flush=True)
    return float(_answer(worker))


def _answer(worker: subprocess.Popen[str]) -> str:
    assert worker.stdout is not None
    return worker.stdout.readline().rstrip("\n")


def _figure(values: Sequence[float]) -> str:
    middle = statistics.median(values)
    return f"{middle:,.0f}" if middle >= 100 else f"{middle:.1f}"


def main() -> None:
    """Ask and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("before", type=Path, help="an installed checkout of the commit to compare with")
    parser.add_argument("--rounds", type=int, default=3, help="pairs a question")
    parser.add_argument("--only", default=",".join(q.name for q in (*QUESTIONS, *TURNS)), help="questions, by comma")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: shows that it runs, measures nothing")
    given = parser.parse_args()
    table = Table(
        "question", "figure", "before", "now", "now / before", "better is", title="Beside an earlier checkout"
    )
    for question in QUESTIONS:
        if question.name in given.only.split(","):
            for line in compared(given.before.resolve(), question, given.rounds, quick=given.quick):
                table.add_row(*line)
    for question in TURNS:
        if question.name in given.only.split(","):
            for line in in_turn(given.before.resolve(), question, given.rounds, quick=given.quick):
                table.add_row(*line)
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
