"""Whatever stands in a record of a vendor: it is understood, or refused and counted; nothing crashes and nothing gets lost."""

import io
import json
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.batch import Batch
from collectors.frames import to_tables
from collectors.importers.azure_apim import _plain
from collectors.importers.files import ImportSource
from collectors.importers.formats import BY_NAME
from collectors.importers.load import Import
from collectors.importers.record import said
from collectors.importers.taking import Report, Taking, Terms
from collectors.importers.trial import Unwritten
from collectors.redaction.redact import Redactor
from tests.importers.importing import NOW_US
from tests.importers.test_langfuse import GENERATION, ROOT, SCORE
from tests.importers.test_litellm import CALL
from tests.importers.test_vendors import ANSWERED, ASKED, CONVERSE, QUESTION, STORED, chunk, invocation, run

VENDORS: Final = ("litellm", "langfuse", "langsmith", "openai", "bedrock", "azure-apim")

GOOD: Final[dict[str, list[dict[str, Any]]]] = {
    "litellm": [CALL],
    "langfuse": [ROOT, GENERATION, SCORE],
    "langsmith": [run(), run(run_type="tool", inputs={"a": 1}, outputs=None)],
    "openai": [
        STORED | ASKED,
        {"object": "response", "id": "r", "created_at": 1790000000, "model": "g", "output": [], "input": "hi"},
        {"custom_id": "a", "response": {"status_code": 200, "body": STORED | ANSWERED}, "error": None},
    ],
    "bedrock": [invocation(CONVERSE, {"output": {"message": {"role": "assistant", "content": [{"text": "a"}]}}})],
    "azure-apim": [chunk(0, QUESTION, ResponseMessages="[]", PromptTokens=3)],
}
"""Records as the vendor writes them, to be bent."""

ODD: Final = (
    0,
    -1,
    2**63,
    -(2**63) - 1,
    10**30,
    1e308,
    -0.0,
    "",
    " ",
    "0",
    "NaN",
    "inf",
    "1e999",
    "\x00",
    "\ud800",
    "[",
    '{"a":',
    "true",
)
ODD_TIMES: Final = (
    "2026-13-01",
    "0001-01-01",
    "9999-12-31T23:59:59.999999+14:00",
    "1e30",
    -(10**18),
    10**25,
    "2026-11-20T10:00:00",
)

LEAF = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(ODD)
    | st.sampled_from(ODD_TIMES)
)
INNER: Final = (
    *(
        "role",
        "content",
        "type",
        "text",
        "id",
        "name",
        "model",
        "parts",
        "messages",
        "message",
        "choices",
        "usage",
        "kwargs",
        "input",
    ),
    *(
        "delta",
        "toolUse",
        "toolResult",
        "reasoningContent",
        "tool_calls",
        "function",
        "arguments",
        "status_code",
        "body",
        "error",
    ),
    *(
        "inputBodyJson",
        "outputBodyJson",
        "inputTokenCount",
        "cacheReadInputTokenCount",
        "metrics",
        "latencyMs",
        "metadata",
    ),
    *(
        "avg",
        "n",
        "data",
        "generations",
        "llm_output",
        "prompt_tokens_details",
        "cached_tokens",
        "contentBlockDelta",
        "index",
    ),
)
JSON = st.recursive(
    LEAF,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(INNER) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


def imported(name: str, records: Sequence[Any]) -> tuple[Report, list[str], dict[str, int]]:
    """Import `records` as `name`, redacted, up to the bytes that the spool would keep; return the rows by table, too."""
    data = b"".join(json.dumps(record).encode() + b"\n" for record in records)
    source = ImportSource("memory", len(data), 10**18, None, partial(io.BytesIO, data))
    rows: dict[str, int] = {}
    redactor = Redactor(b"k" * 32, ("email", "card", "secret"))

    def kept(batch: Batch) -> dict[str, bytes]:
        tables = to_tables(batch, redactor)
        for table, packed in tables.items():
            frame = pl.read_ipc_stream(packed)
            rows[table] = rows.get(table, 0) + frame.height
            if "time" in frame.columns:
                assert frame["time"].null_count() == 0
                assert frame["time"].dt.year().is_between(1970, 2100).all()
        return tables

    complaints: list[str] = []
    taking = Taking(Unwritten(), kept, lambda: NOW_US, complaints.append)
    terms = Terms({}, None, 1_000_000, lambda: NOW_US, BY_NAME[name])
    return Import(taking, Unwritten(), terms, lambda _share, _note: None).run([source]), complaints, rows


def conserved(name: str, records: Sequence[Any]) -> None:
    """Every record is understood, or refused with a reason and counted; what is understood is what is kept."""
    report, complaints, rows = imported(name, records)
    assert rows.get("spans", 0) + rows.get("scores", 0) == report.accepted
    assert len(complaints) == report.refused == rows.get("refusals", 0)
    assert all(len(line.partition(": ")[2]) > 3 for line in complaints)
    assert report.accepted + report.refused >= _calls(name, records)
    assert set(report.formats) == {name}


def _calls(name: str, records: Sequence[Any]) -> int:
    """Pieces of one Azure call come together; every other record is one."""
    if name != "azure-apim":
        return len(records)
    calls = [said(_plain(record).get("correlationid")) for record in records]
    return len({call or number for number, call in enumerate(calls)})


@st.composite
def bent(draw: Any, name: str) -> dict[str, Any]:
    """A record as it should be, with some of it replaced, added or gone, at any depth."""
    record = json.loads(json.dumps(draw(st.sampled_from(GOOD[name]))))
    for _ in range(draw(st.integers(1, 4))):
        place = record
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and place[key] and draw(st.booleans()):
                place = place[key]
                continue
            _change(draw, place, key)
            break
    return dict(record)


def _change(draw: Any, place: Any, key: Any) -> None:
    if isinstance(place, dict) and draw(st.integers(0, 4)) == 0:
        del place[key]
    elif draw(st.integers(0, 3)) == 0:
        place[key] = json.dumps(draw(JSON))
    else:
        place[key] = draw(JSON)


def whole(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Any JSON under the keys that the format knows, and under others."""
    return st.dictionaries(st.sampled_from(sorted(BY_NAME[name].keys)) | st.text(max_size=5), JSON, max_size=8)


SHORT = settings(max_examples=40, suppress_health_check=list(HealthCheck))
LONG = settings(SHORT, max_examples=400)


def any_records(name: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(bent(name) | whole(name), min_size=1, max_size=4)


@pytest.mark.parametrize("name", VENDORS)
@SHORT
@given(st.data())
def test_whatever_a_record_holds_it_is_understood_or_refused(name: str, data: st.DataObject) -> None:
    conserved(name, data.draw(any_records(name)))


@pytest.mark.fuzz
@pytest.mark.parametrize("name", VENDORS)
@LONG
@given(st.data())
def test_and_again_with_many_more(name: str, data: st.DataObject) -> None:
    conserved(name, data.draw(any_records(name)))


@pytest.mark.parametrize("name", VENDORS)
def test_good_records_are_all_understood(name: str) -> None:
    _, complaints, rows = imported(name, GOOD[name])
    scores = name == "langfuse"  # one of its records is a score
    assert (complaints, rows["spans"]) == ([], len(GOOD[name]) - scores)


@pytest.mark.parametrize("name", VENDORS)
def test_records_nested_without_end_are_refused_or_cut(name: str) -> None:
    deep: Any = "x"
    for _ in range(400):
        deep = {"content": [deep]}
    for key in BY_NAME[name].keys:
        conserved(name, [{**GOOD[name][0], key: deep}])
