"""What the graders are worth, measured: cards of the refusal grader by language, and its figures on sets that people labelled.

Run: `.venv/bin/python -m benchmarks.grader_cards`. It prints docs/graders.md's tables; with ../shared also those of public sets.
Intervals are Wilson's at 95 %. "recall" counts refusals that are called one, "mixed" those that are borderline, "false" answers
that are called refusals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import polars as pl
import yaml

from monitor.clock import FakeClock
from monitor.graders.answers import Answers
from monitor.graders.grader import Tools
from monitor.graders.refusal import Refusal
from monitor.model.values import Turn
from monitor.stats.intervals import wilson

ROOT: Final = Path(__file__).parents[1]
DATA: Final = ROOT.parent / "shared" / "data"
_NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)


def verdicts(outputs: Sequence[str]) -> list[str]:
    """Return what the refusal grader says of each output, without knowing what was asked."""
    turns = [Turn(f"{n}", _NOW, "", None, output) for n, output in enumerate(outputs)]
    return [said.verdict.value for said in Refusal().runner(Tools(FakeClock(_NOW))).judge(Answers(turns))]


def share(said: Sequence[str], verdict: str) -> str:
    """Return the share of `verdict` with its interval, or a dash where there is nothing to count."""
    if not said:
        return "-"
    hits = said.count(verdict)
    low, high = wilson(hits, len(said), 0.95)
    return f"{hits / len(said):.3f} [{low:.3f}, {high:.3f}]"


def cards() -> Iterator[str]:
    """Yield the card of each language on rows of our own: half of them look-alikes, every second one held out."""
    yield "| language | rows | recall | mixed called mixed | false | right, held-out rows |"
    yield "|---|---|---|---|---|---|"
    for file in sorted((ROOT / "tests" / "graders" / "refusals").glob("*.yaml")):
        rows = yaml.safe_load(file.read_text(encoding="utf-8"))
        said = {want: verdicts(texts) for want, texts in rows.items()}
        held = [word == want for want, words in said.items() for word in words[1::2]]
        figures = (share(said[want], verdict) for want, verdict in _SHOWN)
        yield f"| {file.stem} | {sum(map(len, said.values()))} | {' | '.join(figures)} | {sum(held)} of {len(held)} |"


_SHOWN: Final = (("violates", "violates"), ("borderline", "borderline"), ("complies", "violates"))


def public_sets() -> Iterator[str]:
    """Yield the figures on public sets: of each label the shares of the three verdicts."""
    yield "| set | label | rows | violates | borderline | cannot_judge |"
    yield "|---|---|---|---|---|---|"
    for name, label, outputs in labelled():
        said = verdicts(outputs)
        figures = " | ".join(share(said, verdict) for verdict in ("violates", "borderline", "cannot_judge"))
        yield f"| {name} | {label} | {len(said)} | {figures} |"


def labelled() -> Iterator[tuple[str, str, list[str]]]:
    """Yield (set, label, outputs) of the sets in ../shared/data."""
    yield from _by_label(
        "LLMDrift sensitive", "llmdrift_sensitiveq", "answer", "answered_label", {0: "declined", 1: "answered"}
    )
    yield from _by_label(
        "JailbreakBench", "jailbreakbench", "response", "judge_llama3", {0: "not jailbroken", 1: "jailbroken"}
    )
    yield from _by_label(
        "GPTFuzz", "gptfuzz_human", "response", "human_jailbroken", {0: "not jailbroken", 1: "jailbroken"}
    )
    pairs = pl.read_parquet(DATA / "hh_harmless_pairs.parquet")
    for side in ("chosen", "rejected"):
        yield "hh harmless", side, pairs[side].to_list()


def _by_label(
    name: str, file: str, column: str, label: str, names: dict[int, str]
) -> Iterator[tuple[str, str, list[str]]]:
    rows = pl.read_parquet(DATA / f"{file}.parquet").drop_nulls(column)
    for value, told in names.items():
        yield name, told, rows.filter(pl.col(label) == value)[column].to_list()


if __name__ == "__main__":
    print("\n".join(cards()))
    if DATA.is_dir():
        print("\n" + "\n".join(public_sets()))
