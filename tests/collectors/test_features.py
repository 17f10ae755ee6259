"""Features of a few rows are counted one by one, those of many by a plan: the same comes of both."""

from __future__ import annotations

import json

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from collectors.features import counted, features
from collectors.frames import POLARS, conform
from monitor.model.rows import CONTENT, FEATURES

SAID = st.one_of(
    st.none(),
    st.text(max_size=30),
    # all that is counted, and the white space that engines do not agree on
    st.lists(
        st.sampled_from(
            ["a", "Z", "7", "é", "٣", " ", "\n", "\r", "\x0b", "\x1c", "\x1f", "\x85", "\xa0", "\u2003", "\u2028", "\u3000", "?", "`",
             "```", "**", "***", "# ", "###### ", "- ", "* ", "    - ", "https://", "http:/", "<EMAIL_3fa2>", "<_1>", "🙂"]
        ),
        max_size=12,
    ).map("".join),
)  # fmt: skip


def message(role: str, text: str | None) -> str | None:
    return text and json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])


@given(st.lists(st.tuples(SAID, SAID, SAID, SAID), max_size=6))
def test_rows_that_are_counted_one_by_one_are_those_of_the_plan(
    rows: list[tuple[str | None, str | None, str | None, str | None]],
) -> None:
    told = [
        {
            "trace_id": f"{place}",
            "input_messages": message("user", asked),
            "input_value": plain,
            "output_messages": message("assistant", answer),
            "output_value": shown,
        }
        for place, (asked, plain, answer, shown) in enumerate(rows)
    ]
    content = pl.DataFrame(told, schema={name: POLARS[kind] for name, kind in CONTENT.items()})
    few = pl.DataFrame(counted(content), schema={name: POLARS[kind] for name, kind in FEATURES.items()})
    assert few.equals(conform(features(content), FEATURES).collect())
