"""How a file is laid out and what it holds is told by its bytes, whatever its name says."""

import gzip
import io
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from collectors.importers.files import local
from collectors.importers.layout import layout_of, opened
from collectors.importers.readers import ImportItem, read, read_csv, read_document, read_framed
from collectors.importers.sniff import look
from tests.importers.importing import lines

ONE = {"input": "a", "output": "b"}
PRETTY = json.dumps([ONE, ONE], indent=2).encode()


@pytest.mark.parametrize(
    ("head", "layout"),
    [
        (b'{"a": 1}\n{"a": 2}\n', "lines"),
        (b'\n\n{"a": 1}\n{"a": 2}\n', "lines"),
        (b'{"a": 1}\nnot json\n', "lines"),
        (b'not json\n{"a": 1}\n', "lines"),
        (b'{"a": 1}', "document"),
        (b'{\n "a": 1}', "document"),
        (b'{"data": [\n{"a": 1},\n', "document"),
        (b'{"object": "list", "data": [' + b'{"a": 1},' * 40_000, "document"),
        (b'{"a": "' + b"x" * 300_000, "lines"),
        (b"[1, 2]", "document"),
        (PRETTY, "document"),
        (b"a,b\n1,2\n", "csv"),
        (b"a\tb\n1\t2\n", "csv"),
        (b"input,output\nhi,\x1b[31mred\x1b[0m\n", "csv"),
        (b"input,output\nhi,a\x00b\n", "csv"),
        (b"PAR1\x15\x04", "parquet"),
        (b"\x0a\x10\x0a\x00\x12", "protobuf"),
        (b"\x00\x00\x00\x05\x0a\x03abc", "framed"),
        (b"\x00\x00\x00\x02{}", "framed"),
        (b"", "protobuf"),
    ],
)
def test_layouts(head: bytes, layout: str) -> None:
    assert layout_of(head) == layout


def content(path: Path) -> bytes:
    with opened(local(path)) as (file, share):
        found = file.read()
        assert 0.0 <= share() <= 1.0
    return found


def test_compression_and_encoding_are_told_by_the_bytes(tmp_path: Path) -> None:
    text = '{"input": "grüß dich", "output": "ja"}\n'
    plain = text.encode()
    path = tmp_path / "a.jsonl"
    for packed in (
        plain,
        gzip.compress(plain),
        gzip.compress(plain[:9]) + gzip.compress(plain[9:]),
        zstandard.compress(plain),
        b"\xef\xbb\xbf" + plain,
        b"\xff\xfe" + text.encode("utf-16-le"),
        b"\xfe\xff" + text.encode("utf-16-be"),
        gzip.compress(b"\xff\xfe" + text.encode("utf-16-le")),
    ):
        path.write_bytes(packed)
        assert content(path) == plain


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_utf_16_becomes_the_same_text(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("utf") / "a.csv"
    path.write_bytes(b"\xff\xfe" + text.encode("utf-16-le"))
    assert content(path).decode() == text


def test_what_a_file_holds_is_told_by_its_records(tmp_path: Path) -> None:
    litellm = {"call_type": "completion", "custom_llm_provider": "openai", "startTime": 1.0}
    cases: list[tuple[str, Any, str | None]] = [
        ("a.jsonl", [litellm], "litellm"),
        ("b.csv", [litellm], "litellm"),  # a name is only a name
        ("c.json", [{"resourceSpans": []}], "otlp"),
        ("d.json", [{}], "otlp"),
        ("e.jsonl", [ONE, litellm, litellm], "litellm"),
        ("f.jsonl", [b"broken {", litellm], "litellm"),
        ("g.jsonl", [{"question": 1}, {"question": 2}], "interactions"),
        ("h.json", [{"name": "a config file"}], None),
        ("i.jsonl", [{"schemaType": "ModelInvocationLog"}], "bedrock"),
        ("j.jsonl", [{"CorrelationId": "c", "SequenceNumber": 0}], "azure-apim"),
        ("k.jsonl", [{"custom_id": "a", "url": "/v1/chat/completions", "body": {}}], "openai-batch-input"),
        ("l.jsonl", [{"custom_id": "a", "response": None, "error": {}}], "openai"),
        ("m.jsonl", [{"id": "r", "run_type": "llm", "trace_id": "t", "start_time": ""}], "langsmith"),
        ("n.jsonl", [{"id": "o", "traceId": "t", "type": "SPAN", "startTime": ""}], "langfuse"),
    ]
    for name, records, expected in cases:
        found = look(local(lines(tmp_path / name, *records))).format
        assert (found.name if found else None) == expected, name


def test_a_first_line_longer_than_the_head_still_tells(tmp_path: Path) -> None:
    long = {"call_type": "completion", "custom_llm_provider": "openai", "startTime": 1.0, "messages": "x" * 900_000}
    found = look(local(lines(tmp_path / "a.jsonl", long, long)))
    assert (found.layout, found.format and found.format.name) == ("lines", "litellm")


def test_unreadable_files_are_a_problem_and_no_error(tmp_path: Path) -> None:
    path = tmp_path / "a.json.gz"
    path.write_bytes(gzip.compress(b"x" * 100_000)[:50])
    assert "end-of-stream" in look(local(path)).problem
    path.write_bytes(b"PAR1 and nothing else")
    assert "Parquet" in look(local(path)).problem


def records(items: Any) -> list[Any]:
    return [item.record if not item.problem else item.problem.split(":")[0] for item in items]


def test_documents() -> None:
    assert records(read_document(PRETTY)) == [ONE, ONE]
    assert records(read_document(b'{"object": "list", "data": [{"id": 1}], "has_more": false}')) == [{"id": 1}]
    assert records(read_document(b'{"id": "own", "data": [1]}')) == [{"id": "own", "data": [1]}]
    assert records(read_document(b'{"data": [], "meta": {"page": 1}}')) == []
    for own in ({"input": "a", "output": "b", "items": [{"sku": 1}]}, {"trace_id": "t", "value": []}, {"data": [1]}):
        assert records(read_document(json.dumps(own).encode())) == [own]  # a list that is part of a record
    table = {"tables": [{"columns": [{"name": "a"}, {"name": "b"}], "rows": [[1, 2], [3, 4]]}]}
    assert records(read_document(json.dumps(table).encode())) == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]
    assert records(read_document(b"[1]")) == ['not a JSON object such as {"input"']
    assert records(read_document(b"nonsense")) == ["not JSON"]


def test_half_a_document_gives_its_whole_records() -> None:
    found = list(read_document(PRETTY[:-20]))
    assert records(found) == [ONE, "the file ends in the middle of this record"]
    assert found[-1].position == 2


def frame(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


def test_frames() -> None:
    packed = frame(b"\x0aone") + frame(zstandard.compress(b"two")) + frame(b"{}")
    assert [item.raw for item in read_framed(io.BytesIO(packed), 1000)] == [b"\x0aone", b"two", b"{}"]
    cut = list(read_framed(io.BytesIO(packed[:-1]), 1000))
    assert (cut[-1].position, cut[-1].problem[:13]) == (3, "the file ends")
    huge = list(read_framed(io.BytesIO(frame(zstandard.compress(b"x" * 5000))), 1000))
    assert "larger than" in huge[0].problem
    assert (
        "not valid zstd" in next(read_framed(io.BytesIO(frame(zstandard.compress(b"two")[:-4] + b"abcd")), 99)).problem
    )


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b", "\x7f"])
def test_control_characters_in_a_text_lose_no_row(tmp_path: Path, character: str) -> None:
    file = tmp_path / "answers.csv"
    file.write_text(f"input,output\nhi,he{character}llo\nand,so on\n", newline="")
    seen = look(local(file))
    assert (seen.layout, seen.format and seen.format.name) == ("csv", "interactions")
    with file.open("rb") as raw:
        records = [item.record for item in read_csv(raw)]
    assert [record and record["input"] for record in records] == ["hi", "and"]
    assert records[0] is not None
    assert "llo" in records[0]["output"]


def test_csv_rows_keep_their_line_numbers() -> None:
    found = list(read_csv(io.BytesIO(b'a,b\n1,"x\ny"\n\n1,2,3\n5,6\n')))
    assert [(item.position, item.record) for item in found if not item.problem] == [
        (3, {"a": "1", "b": "x\ny"}),
        (6, {"a": "5", "b": "6"}),
    ]
    assert [(item.position, item.problem) for item in found if item.problem] == [(5, "3 fields where the header has 2")]


def test_parquet_by_batches(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"a": range(2500), "b": [["x"]] * 2500}).write_parquet(path)
    with path.open("rb") as file:
        found = list(read(file, "parquet", raw=False, max_body=1))
    assert [item.position for item in found] == list(range(1, 2501))
    assert found[-1] == ImportItem(2500, {"a": 2499, "b": ["x"]})
