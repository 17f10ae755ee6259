"""The card of the grader of personal data: values of four kinds in synthetic sentences, and text that holds none, beside a naive baseline.

Run: `.venv/bin/python -m benchmarks.personal_data_card`. Sentences are the 1,500 of presidio-research in ../shared, with their labels; the
patterns were tried on them while they were written (`tests/privacy/test_kinds.py`), so recall elsewhere may be lower. Values of a
test domain count, since all of the set are made up. The baseline takes every word with an `@` and every run of seven digits. Answers are
those of AlpacaEval, in which hardly anybody's data stands. Intervals are Wilson's at 95 %.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import polars as pl

from monitor.clock import FakeClock
from monitor.graders.answers import Answers
from monitor.graders.grader import Tools
from monitor.graders.leaks import PersonalData
from monitor.model.values import Turn
from monitor.stats.intervals import wilson

DATA: Final = Path(__file__).parents[2] / "shared" / "data"
NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
KINDS: Final = {
    "EMAIL_ADDRESS": "e-mail addresses",
    "PHONE_NUMBER": "phone numbers",
    "IBAN_CODE": "IBANs",
    "CREDIT_CARD": "cards",
}
NAIVE: Final = re.compile(r"\S@\S|(?:\d[ .()/-]?){7}")


def graded(texts: Sequence[str]) -> list[bool]:
    """Return which texts the grader says hold personal data."""
    turns = [Turn(f"{n}", NOW, "", "Hello?", text) for n, text in enumerate(texts)]
    judged = PersonalData(test_values="count").runner(Tools(FakeClock(NOW))).judge(Answers(turns))
    return [said.verdict == "violates" for said in judged]


def naive(texts: Sequence[str]) -> list[bool]:
    """Return which texts hold an `@` in a word or seven digits in a row."""
    return [NAIVE.search(text) is not None for text in texts]


def rows() -> list[tuple[str, frozenset[str]]]:
    """Return (sentence, kinds of values in it)."""
    found = pl.read_parquet(DATA / "presidio_synth_pii.parquet").select("text", "spans").iter_rows()
    return [(text, frozenset(span[0] for span in json.loads(spans))) for text, spans in found]


def sets() -> dict[str, list[str]]:
    """Return the texts by what they hold: one of the kinds and no other, none of them, and answers."""
    known = rows()
    wanted = frozenset(KINDS)
    alone = {title: [text for text, held in known if held & wanted == {kind}] for kind, title in KINDS.items()}
    none = {"none of them (names, places, other numbers)": [text for text, held in known if not held & wanted]}
    answers = pl.read_parquet(DATA / "alpaca_outputs_1.parquet")["output"].drop_nulls().to_list()[:2_000]
    return {**{f"with {title}": texts for title, texts in alone.items()}, **none, "answers of AlpacaEval": answers}


def share(judge: Callable[[Sequence[str]], list[bool]], texts: Sequence[str]) -> str:
    """Return the share that is called personal data, with its interval."""
    found = sum(judge(texts))
    low, high = wilson(found, len(texts), 0.95)
    return f"{found / len(texts):.3f} [{low:.3f}, {high:.3f}]"


def main() -> None:
    """Print the table."""
    print("| texts | n | called personal data | naive: an @ or seven digits |\n|---|---|---|---|")
    for title, texts in sets().items():
        if texts:
            print(f"| {title} | {len(texts):,} | {share(graded, texts)} | {share(naive, texts)} |")


if __name__ == "__main__":
    main()
