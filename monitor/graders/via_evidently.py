"""Evidently's descriptors over texts, asked line by line by `monitor.graders.evidently`. Beside the drift report the only importer of evidently.

Run in a child process, `python -m monitor.graders.via_evidently`, because the import costs seconds and a few hundred megabytes. A line
is `{"descriptor": name, "settings": {...}, "texts": [...]}`; the answer is one line, `{"values": [...]}` with null where a text has no
value, or `{"refused": why}`. It ends when nobody can ask any more.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Sequence
from typing import IO, Any

import pandas as pd
from evidently import DataDefinition, Dataset, descriptors


def values(descriptor: str, settings: dict[str, Any], texts: Sequence[str]) -> list[float | bool | None]:
    """Return what a descriptor says of each of `texts`; None where it cannot say anything, which is no reason to say nothing of others."""
    made = getattr(descriptors, descriptor)("text", alias="value", **settings)
    try:
        return _values(made, texts)
    except Exception:  # noqa: BLE001 a descriptor may break on one text; which one, nobody says
        return (
            [None] if len(texts) == 1 else [value for text in texts for value in values(descriptor, settings, [text])]
        )


def _values(made: Any, texts: Sequence[str]) -> list[float | bool | None]:
    table = pd.DataFrame({"text": list(texts)}, dtype="object")
    found = Dataset.from_pandas(table, DataDefinition(text_columns=["text"]), descriptors=[made]).as_dataframe()[
        "value"
    ]
    return [None if pd.isna(value) else value for value in found.tolist()]


def serve(asked: IO[str], answers: IO[str]) -> None:
    """Answer line after line."""
    for line in asked:
        question = json.loads(line)
        try:
            told: dict[str, Any] = {"values": values(**question)}
        except Exception as error:  # noqa: BLE001 whatever its settings do, the next question is another one
            told = {"refused": f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"}
        answers.write(json.dumps(told) + "\n")
        answers.flush()


if __name__ == "__main__":
    os.environ["DO_NOT_TRACK"] = "1"  # evidently asks for it before every usage event it would send
    warnings.simplefilter("ignore")
    spoken, sys.stdout = sys.stdout, sys.stderr  # what libraries print is no answer
    serve(sys.stdin, spoken)
