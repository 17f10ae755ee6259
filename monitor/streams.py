"""What the streams of new turns are fed with: what was measured, what rules said, and what breaks in silence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from monitor.drift.kinds import TEXT
from monitor.graders.languages import detect_language
from monitor.store import reads
from monitor.store.reads import Reader, Window
from monitor.store.turn_measures import TurnMeasures
from monitor.store.turns import beginnings

LASTING: Final = ("output_chars", "output_tokens", "duration_ms", "cost_usd")
"""Measures whose absence is a stream: an app that has one has it in nearly all turns."""

LETTERS: Final = 400
"""Of a text, to tell its language."""

ANSWERS: Final = f"{TEXT}answers"
"""The stream of how answers are worded."""

WORDED: Final = 1_000
"""Letters of an answer, to tell how it is worded."""


def stream_metrics(
    reader: Reader, within: Window, policies: Sequence[str] | None, measured: TurnMeasures
) -> pl.DataFrame:
    """Return one row a new turn: dimensions, measures, verdicts of `policies` (hashes), and the silent streams' values."""
    known = measured.metrics(policies).join(measured.endings, on="unit_id", how="left", maintain_order="left")
    heard = known.join(spoken(beginnings(reader, within, WORDED)), on="unit_id", how="left", maintain_order="left")
    return reads.widen(heard, measured.undecided(policies))


def spoken(texts: pl.DataFrame) -> pl.DataFrame:
    """Return unit_id, the languages of what was said and answered (NULL for what is short or close to call), and the answer."""
    languages = {
        f"kind:{side}_language": [None if t is None else detect_language(t[:LETTERS]) for t in texts[f"{side}_text"]]
        for side in ("input", "output")
    }
    answers = texts.select("unit_id", pl.col("output_text").alias(ANSWERS))
    return answers.with_columns(pl.Series(name, told, pl.String) for name, told in languages.items())
